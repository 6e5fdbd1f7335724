//! The state of a replay: its next step, and the message that has claimed the step.
//!
//! One message at a time brings the next step of a replay; the message names the replay and the step. A message claims
//! the step before it begins: of two messages for one step, one does nothing. [`crate::replay`] is the code of a step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Health, StepProgress, is_lost};

/// How many attempts an event has in a replay. After the last one the event goes on by its own schedule, and the replay
/// goes on with the next event: one event that a receiver refuses must not hold the others.
pub const ATTEMPTS_IN_A_REPLAY: u32 = 3;

/// A replay: of held events, or of a range of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replay {
    /// The version of the state at which the replay began. No other replay of the endpoint has the same.
    pub id: u64,
    /// The number of the next step, from 0.
    pub step: u64,
    /// The id of the message that has claimed the step. None: the step is not claimed.
    pub claimed_by: Option<String>,
    /// When the step may begin; once the step is claimed, the time of the claim.
    pub due: Timestamp,
    /// How many attempts on the event that is first have failed in this replay.
    pub failures: u32,
    /// How often `sweep` has sent the step's message.
    pub restarts: u32,
    /// How many events are done, the failed ones included; at most a step behind.
    pub done: u64,
    /// How many of the done events the endpoint did not take.
    pub failed: u64,
}

impl Health {
    /// Gives the state with a replay that begins now, instead of a replay that is under way.
    pub(super) fn with_replay(&self, now: Timestamp) -> Self {
        Self { replay: Some(Replay::new(self.version + 1, now)), ..self.clone() }
    }

    /// Gives the replay of this id that is under way, be it of held events or of a range.
    #[must_use]
    pub fn replay_of(&self, id: u64) -> Option<&Replay> {
        let range = self.pending_range().map(|range| &range.steps);
        self.replay.as_ref().into_iter().chain(range).find(|replay| replay.id == id)
    }

    /// Gives the replay of this id if it may do a step now. A range waits for the held events, and for an endpoint that is
    /// not active.
    #[must_use]
    pub fn running_replay(&self, id: u64) -> Option<&Replay> {
        let range = self.running_range().map(|range| &range.steps);
        self.replay.as_ref().into_iter().chain(range).find(|replay| replay.id == id)
    }

    /// Gives the state in which this message has claimed the replay's next step.
    #[must_use]
    pub fn with_step_claimed(&self, id: u64, message: &str, now: Timestamp) -> Self {
        self.with_step(id, |replay| Replay { claimed_by: Some(message.to_owned()), due: now, ..replay })
    }

    /// Gives the state in which the replay's step is done, and the next step may begin at `due`. `failures` counts the
    /// failed attempts on the event that is first then.
    #[must_use]
    pub fn with_step_done(&self, progress: &StepProgress, due: Timestamp, failures: u32) -> Self {
        Self { replay: self.replay.as_ref().map(|replay| replay.next(progress, due, failures)), ..self.clone() }
    }

    /// Gives the state in which the step is free to be claimed by another message, because its message is lost.
    pub(super) fn with_step_restarted(&self, id: u64, now: Timestamp) -> Self {
        self.with_step(id, |replay| Replay {
            claimed_by: None,
            due: now,
            restarts: replay.restarts.saturating_add(1),
            ..replay
        })
    }

    /// Gives the state after a replay of held events: no event is held any more. A range goes on now, or later if its
    /// receiver or an event's schedule asks for it.
    #[must_use]
    pub fn with_replay_done(&self, now: Timestamp) -> Self {
        let mut health = Self { replay: None, ..self.clone() };
        if let Some(range) = &mut health.range {
            range.steps.due = range.steps.due.max(now);
        }
        health
    }

    fn with_step(&self, id: u64, change: impl FnOnce(Replay) -> Replay) -> Self {
        let mut health = self.clone();
        let range = health.range.as_mut().map(|range| &mut range.steps);
        if let Some(steps) = health.replay.as_mut().into_iter().chain(range).find(|replay| replay.id == id) {
            *steps = change(steps.clone());
        }
        health
    }
}

impl Replay {
    /// A replay that begins now.
    pub(super) fn new(id: u64, now: Timestamp) -> Self {
        Self { id, step: 0, claimed_by: None, due: now, failures: 0, restarts: 0, done: 0, failed: 0 }
    }

    /// The replay after a step.
    pub(super) fn next(&self, progress: &StepProgress, due: Timestamp, failures: u32) -> Self {
        Self {
            id: self.id,
            step: self.step + 1,
            claimed_by: None,
            due,
            failures,
            restarts: 0,
            done: self.done + progress.done,
            failed: self.failed + progress.failed,
        }
    }

    /// Whether the step's message is taken for lost.
    #[must_use]
    pub fn is_lost(&self, now: Timestamp) -> bool {
        is_lost(self.due, now)
    }
}
