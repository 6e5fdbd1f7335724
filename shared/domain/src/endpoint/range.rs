//! The replay of a range of time: events that have arrived before, or have failed, are sent once more.
//!
//! The owner asks for it. Its steps are those of [`super::Replay`], and its events are listed by the time of their
//! publishing. A range waits while held events are replayed, and while the endpoint is not active. There is one
//! exception: if the event that makes the endpoint failing is one of the range, the steps of the range go on with this
//! event as the probe, since the event has no message of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Health, Replay, State};

/// A replay of a range of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RangeReplay {
    /// The steps of the replay.
    pub steps: Replay,
    /// The events that the replay sends.
    pub range: Range,
    /// When the owner asked for the replay. An event that has arrived since then is not sent again.
    pub asked_at: Timestamp,
    /// The place of the last event that is done. None: no event is done.
    pub position: Option<Position>,
    /// How many events there were when the owner asked. None: too many to be counted.
    pub total: Option<u64>,
    /// How the replay has ended. None: the replay has not ended.
    pub end: Option<RangeEnd>,
}

/// The events that a replay of a range sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    /// The earliest time of publishing. None: the range has no beginning.
    pub from: Option<Timestamp>,
    /// The latest time of publishing.
    pub to: Timestamp,
    /// The statuses of the events.
    pub statuses: RangeStatuses,
}

/// The statuses of the events that a replay of a range sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RangeStatuses {
    /// Events that are `delivered`.
    Delivered,
    /// Events that have `failed`.
    Failed,
    /// Events of both statuses.
    Both,
}

impl RangeStatuses {
    /// Whether events that have arrived are sent.
    #[must_use]
    pub fn has_delivered(self) -> bool {
        self != Self::Failed
    }

    /// Whether events that have failed are sent.
    #[must_use]
    pub fn has_failed(self) -> bool {
        self != Self::Delivered
    }
}

/// The place of an event among its business's events, which are sorted by the time of their publishing. Of two places,
/// the greater one is the later event's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub String);

/// How a replay of a range has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RangeEnd {
    /// All events of the range are done.
    Done,
    /// The owner has paused the endpoint.
    Ended,
}

/// The progress that a step of a replay has made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StepProgress {
    /// The place of the last event that is done. None: no further event is done.
    pub position: Option<Position>,
    /// How many events are done.
    pub done: u64,
    /// How many of the done events failed.
    pub failed: u64,
    /// Whether no event is left.
    pub is_over: bool,
}

impl Health {
    /// The replay of a range that has not ended.
    #[must_use]
    pub fn pending_range(&self) -> Option<&RangeReplay> {
        self.range.as_ref().filter(|range| range.end.is_none())
    }

    /// Gives the state with a replay of a range that begins now. None: there is one that has not ended.
    #[must_use]
    pub fn with_range(&self, range: Range, total: Option<u64>, now: Timestamp) -> Option<Self> {
        if self.pending_range().is_some() {
            return None;
        }
        let end = (total == Some(0)).then_some(RangeEnd::Done);
        let steps = Replay::new(self.version + 1, now);
        let replay = RangeReplay { steps, range, asked_at: now, position: None, total, end };
        Some(Self { range: Some(replay), ..self.clone() })
    }

    /// The replay of a range that may do a step now.
    #[must_use]
    pub fn running_range(&self) -> Option<&RangeReplay> {
        let may_send = match &self.state {
            State::Active { .. } => self.replay.is_none(),
            State::Failing { probe, .. } => probe.as_ref().is_some_and(|probe| probe.is_of_range),
            State::Paused { .. } => false,
        };
        self.pending_range().filter(|_| may_send)
    }

    /// Gives the state after a step of a range.
    #[must_use]
    pub fn with_range_step_done(&self, progress: &StepProgress, due: Timestamp, failures: u32) -> Self {
        let Some(range) = &self.range else { return self.clone() };
        let range = RangeReplay {
            steps: range.steps.next(progress, due, failures),
            position: progress.position.clone().or_else(|| range.position.clone()),
            end: progress.is_over.then_some(RangeEnd::Done),
            ..range.clone()
        };
        Self { range: Some(range), ..self.clone() }
    }

    /// Gives the state without a replay of a range under way, since the owner has paused.
    #[must_use]
    pub fn with_range_ended(&self) -> Self {
        let end = |range: &RangeReplay| RangeReplay { end: range.end.or(Some(RangeEnd::Ended)), ..range.clone() };
        Self { range: self.range.as_ref().map(end), ..self.clone() }
    }
}
