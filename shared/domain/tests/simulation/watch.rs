//! Watches a run while it goes on: counts, and breaches of promises that could not be seen afterwards.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::NextStatus;
use domain::endpoint::State;
use domain::event::EventId;

use crate::invocation::Invocation;
use crate::queue::{Message, SECOND};
use crate::run::Run;
use crate::worker::{Body, Status, Task};

/// So much before its time a replay may go on.
const EARLY: i64 = 5 * SECOND;

#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Of each business's replays: the last event that was attempted.
    pub(crate) replayed: BTreeMap<(usize, u64), String>,
    /// The events that each replay of a range has attempted.
    pub(crate) of_ranges: BTreeSet<(usize, u64, String)>,
    /// How often an invocation was killed while it was delivering an event of a business.
    pub(crate) killed_at: BTreeMap<(usize, String), usize>,
    /// Of each business: a replay, and until when its receiver wished for nothing.
    pub(crate) rests: BTreeMap<usize, (u64, i64)>,
    /// How often an event of a business was attempted by a replay while an earlier replay was still at it.
    pub(crate) overlaps: BTreeMap<(usize, String), usize>,
    /// Breaches: events that a replay attempted after a later one.
    pub(crate) replayed_out_of_order: usize,
    /// Breaches: attempts while a receiver wished for nothing.
    pub(crate) rests_disturbed: usize,
    /// Breaches: attempts on an event that had arrived since its owner asked for it.
    pub(crate) resent_in_vain: usize,
    /// Breaches: attempts on two events at once at a failing endpoint.
    pub(crate) tried_together: usize,
    /// Breaches: messages in the dead-letter queue whose schedule was not spent.
    pub(crate) died_unspent: usize,
    pub(crate) attempts: usize,
    pub(crate) crashes: usize,
    pub(crate) held: usize,
    pub(crate) replays: usize,
    pub(crate) replays_by_sweep: usize,
    pub(crate) sweeps: usize,
    pub(crate) pauses: usize,
    pub(crate) wipes: usize,
}

impl Watch {
    pub(crate) fn count(&mut self, invocation: &Invocation) {
        match &invocation.worker.task {
            Task::Record(_, NextStatus::Held, _) => self.held += 1,
            Task::Send(Body::Step { step: 0, .. }, _) => {
                self.replays += 1;
                self.replays_by_sweep += usize::from(invocation.is_sweep);
            }
            Task::Store(health) if matches!(health.state, State::Paused { .. }) && !health.notices.is_empty() => {
                self.pauses += 1;
            }
            _ => {}
        }
    }
}

impl Run {
    /// An attempt begins.
    pub(crate) fn watch_attempt(&mut self, invocation: &Invocation, event: &EventId) {
        self.watch.attempts += 1;
        self.watch.tried_together += usize::from(self.is_tried_together(invocation, event));
        self.watch.resent_in_vain += usize::from(self.is_resent_in_vain(invocation, event));
        if let Some(replay) = invocation.worker.replay() {
            self.watch_overlap(invocation.business, replay, event);
            self.watch_order(invocation.business, replay, event);
            self.watch_rest(invocation.business, replay);
            self.watch_range(invocation.business, replay, event);
        }
    }

    /// Two events must not be attempted at one failing endpoint at once. This is not counted if a clock is wrong, if one of
    /// the events has two messages (they do not know of each other), or if the probe comes early, as after a crash between
    /// storing when the probe is due and returning its message.
    fn is_tried_together(&self, invocation: &Invocation, event: &EventId) -> bool {
        let business = invocation.business;
        let is_expected = match &self.businesses[business].tables.health.state {
            State::Failing { probe: Some(probe), .. } => probe.event != *event || self.clock(0) >= probe.due,
            _ => false,
        };
        if !invocation.has_claimed
            || !is_expected
            || !self.trouble.has_true_clocks()
            || self.copies(business, event) > 1
        {
            return false;
        }
        let mut others = self.invocations.values().filter(|other| other.business == business && other.has_claimed);
        others.any(|other| match &other.worker.task {
            Task::Post(other) => other != event && self.copies(business, other) == 1,
            _ => false,
        })
    }

    fn copies(&self, business: usize, event: &EventId) -> usize {
        self.queue.of(business).filter(|message| message.body.event() == Some(event)).count()
    }

    /// An event that has arrived since the owner asked for it is not sent once more, unless two invocations have it at
    /// once.
    fn is_resent_in_vain(&self, invocation: &Invocation, event: &EventId) -> bool {
        let mut others = self.invocations.values().filter(|other| other.business == invocation.business);
        let is_alone = !others.any(|other| other.worker.event() == Some(event));
        let (asked, tables) = (invocation.worker.asked(), &self.businesses[invocation.business].tables);
        is_alone && asked > 0 && tables.says(event, Status::Delivered) && tables.has_arrived_since(event, asked)
    }

    /// A replay that has been ended by another one still ends the attempt that it has begun.
    fn watch_overlap(&mut self, business: usize, replay: u64, event: &EventId) {
        let mut others = self.invocations.values().filter(|other| other.business == business);
        let is_of_another_replay = |other: &Invocation| other.worker.replay().is_some_and(|other| other != replay);
        if others.any(|other| is_of_another_replay(other) && other.worker.event() == Some(event)) {
            *self.watch.overlaps.entry((business, event.as_str().to_owned())).or_default() += 1;
        }
    }

    /// A replay sends events in the order in which they happened.
    fn watch_order(&mut self, business: usize, replay: u64, event: &EventId) {
        let event = event.as_str().to_owned();
        let last = self.watch.replayed.insert((business, replay), event.clone());
        self.watch.replayed_out_of_order += usize::from(last.is_some_and(|last| last > event));
    }

    /// The owner has asked for each event of a range once more, as often as for a range.
    fn watch_range(&mut self, business: usize, replay: u64, event: &EventId) {
        let range = self.businesses[business].tables.health.pending_range();
        let event = event.as_str().to_owned();
        if range.is_some_and(|range| range.steps.id == replay)
            && self.watch.of_ranges.insert((business, replay, event.clone()))
        {
            *self.businesses[business].sent_again.entry(event).or_default() += 1;
        }
    }

    /// A replay sends nothing while its receiver rests.
    fn watch_rest(&mut self, business: usize, replay: u64) {
        let rest = self.watch.rests.get(&business);
        let is_disturbed = rest.is_some_and(|(of, until)| *of == replay && self.now < until - EARLY);
        self.watch.rests_disturbed += usize::from(is_disturbed);
    }

    /// The last message in the dead-letter queue has spent its schedule, and its record says so.
    pub(crate) fn watch_death(&mut self) {
        let Some(Message { business, body, .. }) = self.queue.dead.last() else { return };
        let Some(event) = body.event() else { return };
        if !self.businesses[*business].tables.says(event, Status::Failed) {
            self.watch.died_unspent += 1;
        }
    }
}
