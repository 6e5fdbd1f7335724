//! The audit: where each published event is, and whether it may be there.

use std::fmt;

use domain::endpoint::{Notice, RangeReplay};
use domain::event::EventId;

use crate::business::Business;
use crate::run::Run;
use crate::worker::{Status, event};

/// All runs together.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    runs: usize,
    published: usize,
    arrived: usize,
    dead: usize,
    set_aside: usize,
    not_configured: usize,
    arrivals_beyond_the_first: usize,
    attempts: usize,
    crashes: usize,
    out_of_order: usize,
    held: usize,
    replays: usize,
    /// The replays of the runs without faults of this system.
    calm_replays: usize,
    /// The replays among these that `sweep` began.
    calm_replays_by_sweep: usize,
    sweeps: usize,
    pauses: usize,
    wipes: usize,
}

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the receiver.
    Arrived,
    /// Nowhere: when it came there was no URL.
    NotConfigured,
    /// In a message on the queue.
    Queue,
    /// In a message that SQS has moved to the dead-letter queue.
    DeadLetters,
    /// In the dead-letter queue as a reference, since the ledger has no body.
    SetAside,
    /// Among the held events of the ledger, where `sweep` finds it.
    Held,
    /// In none of these places.
    Lost,
}

impl Audit {
    pub(crate) fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.attempts += run.watch.attempts;
        self.crashes += run.watch.crashes;
        self.held += run.watch.held;
        self.replays += run.watch.replays;
        if run.is_calm {
            self.calm_replays += run.watch.replays;
            self.calm_replays_by_sweep += run.watch.replays_by_sweep;
        }
        self.sweeps += run.watch.sweeps;
        self.pauses += run.watch.pauses;
        self.wipes += run.watch.wipes;
        self.out_of_order += run.watch.replayed_out_of_order;
        self.arrivals_beyond_the_first += run.arrived_again();
        for (number, business) in run.businesses.iter().enumerate() {
            self.published += business.published;
            for id in business.events() {
                match run.place(number, &id) {
                    Place::Arrived => self.arrived += 1,
                    Place::NotConfigured => self.not_configured += 1,
                    Place::DeadLetters => self.dead += 1,
                    Place::SetAside => self.set_aside += 1,
                    Place::Queue | Place::Held | Place::Lost => {}
                }
            }
        }
    }

    /// Whether replays begin with the success that ends the failures, and not only with the next run of `sweep`. About a
    /// quarter of them has to wait for `sweep`: an owner has corrected the URL, or an event was held during the recovery.
    pub(crate) fn most_replays_begin_at_once(&self) -> bool {
        self.calm_replays_by_sweep * 2 <= self.calm_replays
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, published, arrived, dead, set_aside, not_configured, .. } = self;
        let Self { attempts, held, replays, pauses, sweeps, crashes, wipes, out_of_order, .. } = self;
        let per_ten_thousand = self.arrivals_beyond_the_first * 10_000 / arrived.max(&1);
        write!(
            formatter,
            "{runs} runs: {published} published = {arrived} arrived + {dead} in the dead-letter queue + {set_aside} set \
             aside + {not_configured} without a URL; {attempts} attempts, {held} times held, {replays} replays, {pauses} \
             pauses, {sweeps} sweeps, {crashes} crashes, {wipes} wipes, {}.{} duplicates per thousand, {out_of_order} \
             replayed out of order",
            per_ten_thousand / 10,
            per_ten_thousand % 10,
        )
    }
}

impl Business {
    fn events(&self) -> impl Iterator<Item = EventId> {
        (1..=self.published).map(event)
    }
}

impl Run {
    /// Arrivals beyond the first that no owner asked for.
    fn arrived_again(&self) -> usize {
        self.arrivals_beyond(|number, event| self.businesses[number].sent_again.get(event).copied().unwrap_or(0))
    }

    /// The same without those that are promised to nobody: an event in flight when its replay is ended by another replay is
    /// sent by both.
    pub(crate) fn arrived_again_needlessly(&self) -> usize {
        self.arrivals_beyond(|number, event| {
            let overlaps = self.watch.overlaps.get(&(number, event.to_owned())).copied().unwrap_or(0);
            self.businesses[number].sent_again.get(event).copied().unwrap_or(0) + overlaps
        })
    }

    /// Arrivals beyond the first and those that are excused of an event.
    fn arrivals_beyond(&self, excused: impl Fn(usize, &str) -> usize) -> usize {
        let arrivals =
            self.businesses.iter().enumerate().flat_map(|(number, business)| {
                business.arrived.iter().map(move |(event, times)| (number, event, times))
            });
        arrivals.map(|(number, event, times)| times.saturating_sub(1 + excused(number, event))).sum()
    }

    /// At the end: the notices that the operator has not been given.
    pub(crate) fn untold(&self) -> Vec<&Notice> {
        self.businesses.iter().flat_map(|business| &business.tables.health.notices).collect()
    }

    /// At the end: the replays of a range that are not over.
    pub(crate) fn ranges_left(&self) -> Vec<&RangeReplay> {
        self.businesses.iter().filter_map(|business| business.tables.health.pending_range()).collect()
    }

    /// How many messages are in the dead-letter queue although their receivers were well all the time.
    pub(crate) fn dead_although_well(&self) -> usize {
        self.queue.dead.iter().filter(|message| self.businesses[message.business].is_always_well).count()
    }

    /// How many events have arrived more than once although their receivers are always well. They are more than in
    /// production: a worker gives a record up at its first failure, where the function tries until its invocation ends.
    pub(crate) fn arrived_again_although_well(&self) -> usize {
        let well = self.businesses.iter().filter(|business| business.is_always_well);
        well.flat_map(|business| business.arrived.values()).filter(|count| **count > 1).count()
    }

    /// When trouble ends: the events that are in no place. An invocation under way excuses nothing: its message is in the
    /// queue until the invocation deletes it.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.events_at(&[Place::Lost])
    }

    /// At the end, when all has been well for long: the events that are not where an event may end.
    pub(crate) fn left(&self) -> Vec<String> {
        self.events_at(&[Place::Lost, Place::Queue, Place::Held])
    }

    fn events_at(&self, places: &[Place]) -> Vec<String> {
        let mut found = Vec::new();
        for (number, business) in self.businesses.iter().enumerate() {
            for id in business.events() {
                let place = self.place(number, &id);
                if places.contains(&place) {
                    let (record, health) = (business.tables.records.get(id.as_str()), &business.tables.health);
                    found.push(format!("{id} of business {number}: {place:?}, {record:?}, {health:?}"));
                }
            }
        }
        found
    }

    fn place(&self, number: usize, event: &EventId) -> Place {
        let business = &self.businesses[number];
        let is_of = |body: &crate::worker::Body| body.event() == Some(event);
        match () {
            () if business.arrived.contains_key(event.as_str()) => Place::Arrived,
            () if business.not_configured.contains(event.as_str()) => Place::NotConfigured,
            () if business.tables.says(event, Status::Held) => Place::Held,
            () if self.queue.has(number, is_of) => Place::Queue,
            () if self.queue.has_died(number, is_of) => Place::DeadLetters,
            () if business.set_aside.contains(event.as_str()) => Place::SetAside,
            () => Place::Lost,
        }
    }
}
