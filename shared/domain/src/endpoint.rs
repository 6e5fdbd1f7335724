//! The health of an endpoint: whether its events go out, which replay is under way, and which notices the operator is
//! to be given.
//!
//! A dead endpoint must cost one message in flight, not its backlog, and none of its events may be forgotten. So after
//! five failures in a row one event, the probe, keeps trying, and the other events are held in the ledger. Any success
//! replays the held events.
//!
//! All code here is pure: it computes the next state from the present state, an event and a time. The result is stored
//! in the settings item, conditional on the version that was read, so two environments never both act on the same
//! state. The state itself names the effects that must follow a change: a replay with the time at which its next step
//! is due, and each notice until it has been given. The code that has stored a change tries each effect at once.
//! `sweep` does the effects that failed ([`Health::due`], [`crate::sweep`]), so a crash in between loses nothing.

mod notice;
mod replay_state;
mod range;
mod state;
mod follow;
mod overdue;

pub use follow::{EndpointIo, follow, tell};
pub use notice::{HELD_COUNTED, MAX_NOTICES, Notice, NoticeKind};
pub use overdue::{Found, Restart, Swept};
pub use range::{Position, Range, RangeEnd, RangeReplay, RangeStatuses, StepProgress};
pub use replay_state::{ATTEMPTS_IN_A_REPLAY, Replay};
pub use state::{Admission, Attempted, FAILURES_TO_FAILING, IDLE_AFTER, PausedReason, Probe, Settled, State};

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A probe, a step of a replay or a notice that is this late is taken for lost. The time is one visibility timeout of
/// the events queue: by then, a message that a crash kept back has returned.
pub const LOST_AFTER: Duration = Duration::from_mins(6);

/// After so many restarts `sweep` waits no longer than before for the next one: 24 minutes. A longer wait would also put
/// off the recovery after an outage in which the messages of `sweep` were lost.
const MAX_DOUBLINGS: u32 = 2;

/// The id of the endpoint of a state without a URL. It equals the id of no URL, so any URL ends that state.
pub(crate) const NO_URL: &str = "none";

/// An endpoint's id, which does not reveal the endpoint's URL: `<hash of URL>.<hash of header and signing secret>`.
/// Without a dot, the id is the URL's hash alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EndpointId(pub String);

impl EndpointId {
    /// Whether both endpoints have the same URL. Their headers and signing secrets may differ.
    fn has_url_of(&self, other: &Self) -> bool {
        let url = |id: &Self| id.0.split('.').next().map(ToOwned::to_owned);
        url(self) == url(other)
    }
}

/// The health of an endpoint. The default is the health of an endpoint that never failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Health {
    /// How often the state has been written. A write is conditional on the version that was read.
    pub version: u64,
    /// The endpoint to which the state belongs.
    pub endpoint: Option<EndpointId>,
    /// Whether events go out.
    pub state: State,
    /// The replay of held events that is due or under way.
    pub replay: Option<Replay>,
    /// The replay of a range of time, kept until the next one begins.
    pub range: Option<RangeReplay>,
    /// The notices that have not been given yet, the oldest first.
    pub notices: Vec<Notice>,
}

impl Health {
    /// Gives the state for this endpoint. A state that belongs to another endpoint ends, and the events that were held
    /// for the other endpoint are replayed here. But if only the header or the signing secret differs, the owner's
    /// pause goes on.
    #[must_use]
    pub fn for_endpoint(&self, endpoint: &EndpointId, now: Timestamp) -> Self {
        let moved = Self { endpoint: Some(endpoint.clone()), ..self.clone() };
        let Some(earned_at) = self.endpoint.as_ref().filter(|earned_at| *earned_at != endpoint) else {
            return moved;
        };
        match self.state {
            State::Active { .. } => Self { state: State::default(), ..moved },
            State::Paused { reason: PausedReason::Owner, .. } if earned_at.has_url_of(endpoint) => moved,
            State::Failing { .. } | State::Paused { .. } => moved.recovered(now),
        }
    }

    /// Gives the paused state of an endpoint that has lost its URL while events wait. The next URL ends this state.
    #[must_use]
    pub fn without_url(&self, now: Timestamp) -> Self {
        Self {
            endpoint: Some(EndpointId(NO_URL.to_owned())),
            state: State::Paused { since: now, reason: PausedReason::NoUrl },
            replay: None,
            ..self.clone()
        }
    }

    /// Gives the state after the owner has paused the endpoint. A replay of a range ends.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Self {
        let state = State::Paused { since: now, reason: PausedReason::Owner };
        Self { state, replay: None, ..self.with_range_ended() }
    }

    /// Gives the state after the owner has resumed the endpoint.
    #[must_use]
    pub fn resume(&self, now: Timestamp) -> Self {
        self.recovered(now)
    }

    /// Gives the state of an endpoint whose events go out again, with a replay of the held events.
    fn recovered(&self, now: Timestamp) -> Self {
        let cause = match &self.state {
            State::Active { .. } => None,
            State::Failing { since, cause, .. } => Some((*since, cause.as_str())),
            State::Paused { since, reason } => Some((*since, reason.as_str())),
        };
        let recovered = Self { state: State::default(), ..self.with_replay(now) };
        match cause {
            Some((since, cause)) => recovered.with_notice(NoticeKind::Recovered, since, cause, now),
            None => recovered,
        }
    }

    /// Gives the earliest time at which something of this state is due, for the index `overdue`. A restarted probe or
    /// step has additional time. None: nothing is due by itself.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let probe = match &self.state {
            State::Failing { probe: Some(probe), .. } => Some(probe.due + restart_backoff(probe.restarts)),
            _ => None,
        };
        let replay = match self.state {
            State::Active { .. } => self.replay.as_ref().or(self.running_range().map(|range| &range.steps)),
            _ => None,
        };
        let replay = replay.map(|replay| replay.due + restart_backoff(replay.restarts));
        let notice = self.notices.first().map(|notice| notice.at);
        [probe, replay, notice].into_iter().flatten().min()
    }

    /// Gives this state with the version that follows.
    #[must_use]
    pub fn next_version(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Whether at most the endpoint and the version differ. A business that never failed has neither.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let is_same_replay = self.replay == other.replay && self.range == other.range;
        self.state == other.state && is_same_replay && self.notices == other.notices
    }
}

/// Gives the additional time of a message that `sweep` has sent this many times without effect: 0, 6, then 18 minutes.
/// A message that waits behind the backlog of an outage is not lost, and an event that a fault of this system keeps
/// from being attempted must not get a new message at each run.
fn restart_backoff(restarts: u32) -> Duration {
    LOST_AFTER * (2_u32.pow(restarts.min(MAX_DOUBLINGS)) - 1)
}

/// Whether a probe, step or notice that was due at `due` is taken for lost.
fn is_lost(due: Timestamp, now: Timestamp) -> bool {
    now >= due + LOST_AFTER
}

#[cfg(test)]
mod tests;
