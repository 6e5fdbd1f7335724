//! The replay of an endpoint's held events: where it is, and whose its next step is.
//!
//! A replay is carried on by one message at a time, which names the replay and the step. A step is claimed before it is
//! begun: of two messages for one step, one does nothing.

use jiff::Timestamp;

use super::{Health, is_lost};

/// So many attempts an event has in a replay. After the last one it goes on by its own schedule, and is overtaken: one
/// event that a receiver refuses must not hold the others.
pub const ATTEMPTS_IN_A_REPLAY: u32 = 3;

/// A replay of held events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replay {
    /// The version at which it began, which no other replay shares.
    pub id: u64,
    /// The step that is next.
    pub step: u64,
    /// The message that has begun the step. None: nobody has.
    pub claimed_by: Option<String>,
    /// When the step may begin; once it is claimed, when it was.
    pub due: Timestamp,
    /// How many attempts on the event that is first have failed in this replay.
    pub failures: u32,
    /// How often `sweep` has sent the step's message.
    pub restarts: u32,
}

impl Health {
    /// With a replay that begins now; one that is under way is replaced.
    pub(super) fn with_replay(&self, now: Timestamp) -> Self {
        let replay = Replay { id: self.version + 1, step: 0, claimed_by: None, due: now, failures: 0, restarts: 0 };
        Self { replay: Some(replay), ..self.clone() }
    }

    /// The replay's next step is this message's.
    #[must_use]
    pub fn with_step_claimed(&self, message: &str, now: Timestamp) -> Self {
        self.with_step(|replay| Replay { claimed_by: Some(message.to_owned()), due: now, ..replay })
    }

    /// The replay's step is done, and the next may begin at `due`. `failures` are those of the event that is first then.
    #[must_use]
    pub fn with_step_done(&self, due: Timestamp, failures: u32) -> Self {
        self.with_step(|replay| Replay {
            step: replay.step + 1,
            claimed_by: None,
            due,
            failures,
            restarts: 0,
            ..replay
        })
    }

    /// The step's message is lost, and gets another.
    pub(super) fn with_step_restarted(&self, now: Timestamp) -> Self {
        self.with_step(|replay| Replay {
            claimed_by: None,
            due: now,
            restarts: replay.restarts.saturating_add(1),
            ..replay
        })
    }

    /// Nothing is held any more.
    #[must_use]
    pub fn with_replay_done(&self) -> Self {
        Self { replay: None, ..self.clone() }
    }

    fn with_step(&self, change: impl FnOnce(Replay) -> Replay) -> Self {
        Self { replay: self.replay.clone().map(change), ..self.clone() }
    }
}

impl Replay {
    /// Whether the step's message is taken for lost.
    #[must_use]
    pub fn is_lost(&self, now: Timestamp) -> bool {
        is_lost(self.due, now)
    }
}
