//! What is known of an endpoint: whether its events go out, which replay is under way, what its operator is to be told.
//!
//! A dead endpoint must cost one message in flight, not its backlog, and no event of it may be forgotten. So after five
//! failures in a row one event, the probe, keeps trying; the others are held in the ledger. Any success replays them.
//!
//! Everything here is pure: from what is known, an event and a time to what is known next. The result is stored in the
//! settings item, conditional on the version that was read, so two environments never both act on the same state. What
//! must follow a change stands in the state itself: a replay with the time at which its next step is due, a notice until
//! it has been given. Whoever stores a change tries to do what follows at once. What stays undone is found by `sweep`
//! ([`Health::due`], [`crate::sweep`]), so that a crash in between loses nothing.

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

/// A probe, a step of a replay or a notice that is this late is taken for lost: one visibility timeout of the events
/// queue, after which a message that a crash has kept back has come again.
pub const LOST_AFTER: Duration = Duration::from_mins(6);

/// After so many restarts `sweep` waits no longer than before for the next one: 12.8 hours.
const MAX_DOUBLINGS: u32 = 7;

/// The endpoint of a state that waits for the next URL, whichever it is. It matches no URL.
const NO_URL: &str = "none";

/// What tells one endpoint from another, without being its URL: where deliveries go, and what they carry.
///
/// A text of two parts, joined by a dot: the URL's, and that of all else which decides whether a receiver takes a
/// delivery. Without a dot it is the URL's alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub String);

impl EndpointId {
    /// Whether this is the same URL, whatever is sent there with a delivery.
    fn has_url_of(&self, other: &Self) -> bool {
        let url = |id: &Self| id.0.split('.').next().map(ToOwned::to_owned);
        url(self) == url(other)
    }
}

/// What is known of an endpoint. The default is what is known of one that never failed: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Health {
    /// How often it has been written; a write is conditional on the version that was read.
    pub version: u64,
    /// The endpoint at which the state was earned.
    pub endpoint: Option<EndpointId>,
    /// Whether events go out.
    pub state: State,
    /// The replay of held events that is due or under way.
    pub replay: Option<Replay>,
    /// The replay of a range of time, kept until the next one begins.
    pub range: Option<RangeReplay>,
    /// What the operator is still to be told, the oldest first.
    pub notices: Vec<Notice>,
}

impl Health {
    /// What is known at this endpoint: a state earned at another one ends, and what was held there is replayed here.
    /// What the owner has paused goes on being paused if only the header or the secret is another.
    #[must_use]
    pub fn at(&self, endpoint: &EndpointId, now: Timestamp) -> Self {
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

    /// There is no URL while events wait: they wait for the next URL, whichever it is.
    #[must_use]
    pub fn without_url(&self, now: Timestamp) -> Self {
        Self {
            endpoint: Some(EndpointId(NO_URL.to_owned())),
            state: State::Paused { since: now, reason: PausedReason::NoUrl },
            replay: None,
            ..self.clone()
        }
    }

    /// The owner wishes that nothing is sent. A replay of a range ends.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Self {
        let state = State::Paused { since: now, reason: PausedReason::Owner };
        Self { state, replay: None, ..self.with_range_ended() }
    }

    /// The owner wishes that all is sent.
    #[must_use]
    pub fn resume(&self, now: Timestamp) -> Self {
        self.recovered(now)
    }

    /// Events go out again, those that were held in a replay.
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

    /// The earliest time at which something of this state is to happen, as the index of what is overdue has it: a probe
    /// and a step that have been restarted have more time. None: nothing is to happen by itself.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let probe = match &self.state {
            State::Failing { probe: Some(probe), .. } => Some(probe.due + patience(probe.restarts)),
            _ => None,
        };
        let replay = match self.state {
            State::Active { .. } => self.replay.as_ref().or(self.running_range().map(|range| &range.steps)),
            _ => None,
        };
        let replay = replay.map(|replay| replay.due + patience(replay.restarts));
        let notice = self.notices.first().map(|notice| notice.at);
        [probe, replay, notice].into_iter().flatten().min()
    }

    /// This state as the one that follows a stored version.
    #[must_use]
    pub fn next_version(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Whether nothing but the endpoint's name and the version differs: a business that never failed has neither.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let of = |health: &'_ Self| (health.state.clone(), health.replay.clone(), health.range.clone());
        of(self) == of(other) && self.notices == other.notices
    }
}

/// How much more time than others a message has that `sweep` has sent so often without effect: none, 6, 18, 42 minutes,
/// and so on. A message that waits behind the backlog of an outage is not lost, and an event that a fault of ours keeps
/// from being attempted must not get a new message at each run.
fn patience(restarts: u32) -> Duration {
    LOST_AFTER * (2_u32.pow(restarts.min(MAX_DOUBLINGS)) - 1)
}

/// Whether something that was due is taken for lost.
fn is_lost(due: Timestamp, now: Timestamp) -> bool {
    now >= due + LOST_AFTER
}

#[cfg(test)]
mod tests;
