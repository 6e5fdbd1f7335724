//! The normal form of a state: states from which the same can follow are made equal, so that they are visited once.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::endpoint::{IDLE_AFTER, LOST_AFTER, Notice, State};
use jiff::Timestamp;

use crate::worker::Body;
use crate::world::{NOW, World, message_name};

impl World {
    /// This state in its normal form: things that can be exchanged stand in one order. While nobody is at work, and so
    /// nobody remembers a time or a version, times and versions count from the same start.
    pub(crate) fn normal(mut self) -> Self {
        self.workers.sort_by_cached_key(hash);
        if self.is_quiet() {
            self.shift_times();
            // After a wipe the versions begin anew, and a new replay can have the number of an old message.
            if !self.is_wiped {
                self.renumber_versions();
            }
            self.renumber_messages();
        }
        self
    }

    fn shift_times(&mut self) {
        let now = self.now;
        let shifted = |time: Timestamp| NOW + time.duration_since(now);
        for message in self.queue.values_mut() {
            message.visible_at = shifted(message.visible_at.max(now));
        }
        for Notice { since: start, at, .. } in &mut self.tables.health.notices {
            *start = NOW;
            *at = shifted((*at).max(now - LOST_AFTER));
        }
        let health = &mut self.tables.health;
        let range = health.range.as_mut().map(|range| &mut range.steps);
        for replay in health.replay.iter_mut().chain(range) {
            replay.due = shifted(replay.due.max(now - LOST_AFTER));
            // What is counted for the owner decides nothing.
            (replay.restarts, replay.done, replay.failed) = (0, 0, 0);
        }
        if let Some(range) = &mut health.range {
            (range.asked_at, range.range.to) = (NOW, NOW);
        }
        match &mut self.tables.health.state {
            State::Active { .. } => {}
            State::Failing { since: start, probe, last_attempt, .. } => {
                *start = NOW;
                if let Some(probe) = probe {
                    probe.due = shifted(probe.due.max(now - LOST_AFTER));
                    // A `sweep` that restarts as soon as ever is the worse case of one that lets a message more time.
                    probe.restarts = 0;
                }
                *last_attempt = shifted((*last_attempt).max(now - IDLE_AFTER));
            }
            State::Paused { since, .. } => *since = NOW,
        }
        self.now = NOW;
    }

    /// The replay under way becomes number 1, that of a range number 2, and every replay that is over number 0.
    fn renumber_versions(&mut self) {
        let held = self.tables.health.replay.as_ref().map(|replay| replay.id);
        let range = self.tables.health.range.as_ref().map(|range| range.steps.id);
        let renumber = |id: &mut u64| {
            *id = match Some(*id) {
                id if id == held => 1,
                id if id == range => 2,
                _ => 0,
            }
        };
        let queued = self.queue.values_mut().map(|message| &mut message.body);
        for body in queued.chain(&mut self.dead) {
            if let Body::Step { replay, .. } = body {
                renumber(replay);
            }
        }
        if let Some(replay) = &mut self.tables.health.replay {
            replay.id = 1;
        }
        if let Some(range) = &mut self.tables.health.range {
            range.steps.id = 2;
        }
        self.tables.health.version = 3;
    }

    fn renumber_messages(&mut self) {
        let mut messages: Vec<_> = std::mem::take(&mut self.queue).into_iter().collect();
        messages.sort_by_cached_key(|(_, message)| hash(message));
        let health = &mut self.tables.health;
        let range = health.range.as_mut().map(|range| &mut range.steps);
        for claim in health.replay.iter_mut().chain(range).filter_map(|replay| replay.claimed_by.as_mut()) {
            // The message that has claimed the step gets another number, or is gone.
            let place = messages.iter().position(|(id, _)| *claim == message_name(*id));
            *claim = place.map_or_else(|| "gone".to_owned(), |place| format!("m{place}"));
        }
        self.queue = (0..).zip(messages.into_iter().map(|(_, message)| message)).collect();
        self.dead.sort_by_cached_key(hash);
    }
}

/// The key of an order that is the same in every run and has no meaning.
fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
