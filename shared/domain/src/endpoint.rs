//! An endpoint's health: whether its events go out, wait for a pilot, or wait for the owner.
//!
//! A dead endpoint must cost one message in flight, not its backlog, and no event of it may be forgotten. So after five
//! failures in a row one event, the pilot, keeps knocking; the others are held in the ledger. Any success releases them.
//!
//! This is the whole state machine, and nothing but it: pure functions from what is known, an event and a time to what
//! is known next. It is stored in the settings item and written only conditionally on the version that was read, so
//! two environments never both act on the same state. What must follow a change (a notice, a release token) stands in
//! the state itself, as its outbox, until it has been done: a crash in between loses nothing.
//!
//! ```text
//!            5 failures in a row             the pilot spent its schedule, or 410
//!   active ───────────────────────> failing ───────────────────────────> paused
//!     ^  ^                             │                                   │
//!     │  └────── any success ──────────┘                                   │
//!     └────────── resumed, a success, or another URL ──────────────────────┘
//! ```

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::event::EventId;
use crate::outcome::Cause;

/// So many failed attempts in a row make an endpoint failing.
pub const FAILURES_TO_FAILING: u32 = 5;

/// A new event may try first if the last attempt is this long ago. Longer than any attempt lasts, so that there is
/// never a second one in flight.
pub const PROBE_AFTER: Duration = Duration::from_mins(1);

/// A pilot that is this late is taken for lost, and the next event that tries takes its place. Longer than a message
/// stays invisible after a crash.
pub const OVERDUE_AFTER: Duration = Duration::from_mins(15);

/// A release that has made no step for this long has lost its token, and gets another.
pub const STALE_AFTER: Duration = Duration::from_mins(15);

/// A failure beside the pilot's that follows the last attempt so closely is not written down. Those that began before the
/// fifth failure end together, and their writes would only stand in each other's way.
pub const TOGETHER: Duration = Duration::from_secs(10);

/// A failing or a paused endpoint is announced by whoever made it so. Until this has passed, nobody else does: it takes
/// a count and a message, and of many that find the notice in the outbox each would send its own.
pub const ANNOUNCED_WITHIN: Duration = Duration::from_secs(10);

/// The endpoint of a state that waits for the next URL, whichever it is. No URL's.
const NOWHERE: &str = "none";

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
    /// The release of held events that is due or under way.
    pub release: Option<Release>,
    /// What is still to be done about the last change.
    pub outbox: Outbox,
}

/// Whether events go out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// They do.
    Active {
        /// Failed attempts in a row, by order of completion.
        failures: u32,
    },
    /// The pilot's do; the others are held.
    Failing {
        /// Since when.
        since: Timestamp,
        /// Why the last attempt failed.
        cause: Cause,
        /// The event that keeps knocking.
        pilot: EventId,
        /// When it knocks next.
        pilot_due: Timestamp,
        /// When the last attempt began or ended.
        last_attempt: Timestamp,
    },
    /// All are held until the owner resumes.
    Paused {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: PausedReason,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Active { failures: 0 }
    }
}

/// Why an endpoint is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PausedReason {
    /// It answered 410.
    Gone,
    /// The pilot spent its schedule.
    Spent,
    /// The owner wished it.
    Owner,
    /// There was no URL to release to.
    NoUrl,
}

impl PausedReason {
    /// The name in the settings item and in notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Spent => "spent",
            Self::Owner => "owner",
            Self::NoUrl => "no_url",
        }
    }

    /// The reason of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Gone, Self::Spent, Self::Owner, Self::NoUrl].into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A release of held events. It is carried on by one token at a time, numbered by its steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// The version at which it began, which no other release shares.
    pub run: u64,
    /// The step that is next.
    pub step: u64,
    /// Who does it: the message that is its token, so that a second token for the same step does nothing.
    pub holder: Option<String>,
    /// When the last step began or ended; in the future: before when the next must not begin.
    pub at: Timestamp,
}

/// What is still to be done about a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outbox {
    /// To be announced.
    pub notice: Option<Notice>,
    /// Whether the release's token is still to be sent.
    pub token: bool,
}

impl Outbox {
    /// Whether there is nothing to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notice.is_none() && !self.token
    }
}

/// A change that the operator hears of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What changed.
    pub kind: NoticeKind,
    /// Since when the endpoint is, or was, not well.
    pub since: Timestamp,
    /// The cause or the reason, in the words of the ledger.
    pub cause: String,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// Events are held, and a pilot knocks.
    Failing,
    /// Events are held until the owner resumes.
    Paused,
    /// Events go out again.
    Recovered,
    /// What a newer version of this system has stored and this one does not know.
    Other,
}

impl NoticeKind {
    /// The name in the settings item and in notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Recovered => "recovered",
            Self::Other => "other",
        }
    }

    /// The kind of a stored name, whoever stored it.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let known = [Self::Failing, Self::Paused, Self::Recovered];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Other)
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether an event may be attempted now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "there is one of it at a time, for a moment")]
pub enum Admission {
    /// It may.
    Attempt,
    /// It may, once this state is stored: of several that would, one wins.
    Claim(Health),
    /// It waits in the ledger.
    Hold,
}

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempted {
    /// The receiver has the event.
    Succeeded,
    /// It does not.
    Failed {
        /// Why.
        cause: Cause,
        /// When the event's own schedule has its next attempt; None: the schedule is spent.
        next: Option<Timestamp>,
    },
}

/// What becomes of the event that was attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It has arrived.
    Delivered,
    /// It is tried again at this time.
    Retry(Timestamp),
    /// It waits in the ledger.
    Hold,
    /// Its schedule is spent.
    Fail,
}

impl Health {
    /// What is known at this endpoint: a state earned at another one ends, and what was held there is released here. What
    /// the owner has paused goes on being paused if only the header or the secret is another.
    #[must_use]
    pub fn at(&self, endpoint: &EndpointId, now: Timestamp) -> Self {
        let moved = Self { endpoint: Some(endpoint.clone()), ..self.clone() };
        let Some(earned_at) = self.endpoint.as_ref().filter(|earned_at| *earned_at != endpoint) else {
            return moved;
        };
        match self.state {
            State::Active { .. } => Self { state: State::default(), ..moved },
            State::Paused { reason: PausedReason::Owner, .. } if earned_at.has_url_of(endpoint) => moved,
            State::Failing { .. } | State::Paused { .. } => moved.released(now),
        }
    }

    /// A release that lost its token on the way (to the dead-letter queue, say) is due again.
    #[must_use]
    pub fn revived(&self, now: Timestamp) -> Self {
        match &self.release {
            Some(release) if !self.outbox.token && self.is_stale(now) => Self {
                release: Some(Release { holder: None, at: now, ..release.clone() }),
                outbox: Outbox { token: true, ..self.outbox.clone() },
                ..self.clone()
            },
            _ => self.clone(),
        }
    }

    /// Whether a release has made no step for so long that its token is taken for lost.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.release.as_ref().is_some_and(|release| now >= release.at + STALE_AFTER)
    }

    /// Whether an event may be attempted at `now`.
    #[must_use]
    pub fn admit(&self, event: &EventId, now: Timestamp) -> Admission {
        match &self.state {
            State::Active { .. } => Admission::Attempt,
            State::Paused { .. } => Admission::Hold,
            State::Failing { since, cause, pilot, pilot_due, last_attempt } => {
                let idle = now >= *last_attempt + PROBE_AFTER;
                let pilot_is_far = now + PROBE_AFTER <= *pilot_due;
                if event == pilot || (idle && pilot_is_far) {
                    Admission::Claim(self.with_last_attempt(now))
                } else if idle && now >= *pilot_due + OVERDUE_AFTER {
                    // From here on: should the lost one come after all, it is one of the others.
                    Admission::Claim(self.knocking(event, *cause, now, *since, now))
                } else {
                    Admission::Hold
                }
            }
        }
    }

    /// What is known after an attempt on `event`, and what becomes of it.
    #[must_use]
    pub fn settle(&self, event: &EventId, attempted: Attempted, now: Timestamp) -> (Self, Fate) {
        let (cause, next) = match attempted {
            Attempted::Succeeded => return (self.succeeded(now), Fate::Delivered),
            Attempted::Failed { cause: Cause::Gone, .. } => return (self.gone(now), Fate::Hold),
            Attempted::Failed { cause, next } => (cause, next),
        };
        let own = next.map_or(Fate::Fail, Fate::Retry);
        match &self.state {
            State::Active { failures } if failures + 1 < FAILURES_TO_FAILING => {
                (Self { state: State::Active { failures: failures + 1 }, ..self.clone() }, own)
            }
            State::Active { .. } => match next {
                Some(pilot_due) => (self.failing(event, cause, pilot_due, now, now), own),
                // Its last attempt: it cannot be the pilot, and nobody else would knock.
                None => (self.paused(PausedReason::Spent, now), own),
            },
            State::Failing { pilot, since, .. } if pilot == event => match next {
                Some(pilot_due) => (self.knocking(event, cause, pilot_due, *since, now), own),
                None => (self.paused(PausedReason::Spent, now), own),
            },
            State::Failing { last_attempt, .. } if now >= *last_attempt + TOGETHER => {
                (self.with_last_attempt(now), Fate::Hold)
            }
            State::Failing { .. } | State::Paused { .. } => (self.clone(), Fate::Hold),
        }
    }

    /// The owner wishes that nothing is sent.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Self {
        Self {
            state: State::Paused { since: now, reason: PausedReason::Owner },
            release: None,
            outbox: Outbox::default(),
            ..self.clone()
        }
    }

    /// There is no URL while events wait for their release: they wait for the next URL, whichever it is.
    #[must_use]
    pub fn nowhere(&self, now: Timestamp) -> Self {
        Self {
            endpoint: Some(EndpointId(NOWHERE.to_owned())),
            state: State::Paused { since: now, reason: PausedReason::NoUrl },
            release: None,
            outbox: Outbox::default(),
            ..self.clone()
        }
    }

    /// The owner wishes that all is sent.
    #[must_use]
    pub fn resume(&self, now: Timestamp) -> Self {
        self.released(now)
    }

    /// The next step of the release is this token's, which therefore need not be sent.
    #[must_use]
    pub fn claimed(&self, holder: &str, now: Timestamp) -> Self {
        let holder = Some(holder.to_owned());
        Self {
            release: self.release.as_ref().map(|release| Release { holder, at: now, ..release.clone() }),
            outbox: Outbox { token: false, ..self.outbox.clone() },
            ..self.clone()
        }
    }

    /// The step of the release is done, and the next is whose token claims it, not before `at`.
    #[must_use]
    pub fn stepped(&self, at: Timestamp) -> Self {
        let next = |release: &Release| Release { step: release.step + 1, holder: None, at, ..release.clone() };
        Self { release: self.release.as_ref().map(next), ..self.clone() }
    }

    /// Nothing is held any more.
    #[must_use]
    pub fn release_done(&self) -> Self {
        Self { release: None, ..self.clone() }
    }

    /// Whether the outbox holds a notice alone, which another is about to announce.
    #[must_use]
    pub fn is_being_announced(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Active { .. } => false,
            State::Failing { since, .. } | State::Paused { since, .. } => {
                self.outbox.notice.is_some() && !self.outbox.token && now < *since + ANNOUNCED_WITHIN
            }
        }
    }

    /// What was to be done about the last change has been done.
    #[must_use]
    pub fn flushed(&self) -> Self {
        Self { outbox: Outbox::default(), ..self.clone() }
    }

    /// This state as the one that follows a stored version.
    #[must_use]
    pub fn next_version(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Whether this event is the one that keeps knocking.
    #[must_use]
    pub fn is_pilot(&self, event: &EventId) -> bool {
        matches!(&self.state, State::Failing { pilot, .. } if pilot == event)
    }

    /// A late success of an attempt that was under way does not undo the owner's wish.
    fn succeeded(&self, now: Timestamp) -> Self {
        match &self.state {
            State::Active { failures: 0 } | State::Paused { reason: PausedReason::Owner, .. } => self.clone(),
            State::Active { .. } => Self { state: State::default(), ..self.clone() },
            State::Failing { .. } | State::Paused { .. } => self.released(now),
        }
    }

    fn released(&self, now: Timestamp) -> Self {
        let notice = |since, cause: &str| Notice { kind: NoticeKind::Recovered, since, cause: cause.to_owned() };
        let notice = match &self.state {
            State::Active { .. } => None,
            State::Failing { since, cause, .. } => Some(notice(*since, cause.as_str())),
            State::Paused { since, reason } => Some(notice(*since, reason.as_str())),
        };
        Self {
            state: State::default(),
            release: Some(Release { run: self.version + 1, step: 0, holder: None, at: now }),
            outbox: Outbox { notice, token: true },
            ..self.clone()
        }
    }

    fn gone(&self, now: Timestamp) -> Self {
        match self.state {
            State::Paused { .. } => self.clone(),
            _ => self.paused(PausedReason::Gone, now),
        }
    }

    fn paused(&self, reason: PausedReason, now: Timestamp) -> Self {
        let since = match self.state {
            State::Failing { since, .. } => since,
            _ => now,
        };
        let notice = Notice { kind: NoticeKind::Paused, since, cause: reason.as_str().to_owned() };
        Self {
            state: State::Paused { since: now, reason },
            release: None,
            outbox: Outbox { notice: Some(notice), token: false },
            ..self.clone()
        }
    }

    fn failing(&self, pilot: &EventId, cause: Cause, pilot_due: Timestamp, since: Timestamp, now: Timestamp) -> Self {
        let notice = Notice { kind: NoticeKind::Failing, since, cause: cause.as_str().to_owned() };
        Self {
            release: None,
            outbox: Outbox { notice: Some(notice), token: false },
            ..self.knocking(pilot, cause, pilot_due, since, now)
        }
    }

    fn knocking(&self, pilot: &EventId, cause: Cause, pilot_due: Timestamp, since: Timestamp, now: Timestamp) -> Self {
        let state = State::Failing { since, cause, pilot: pilot.clone(), pilot_due, last_attempt: now };
        Self { state, ..self.clone() }
    }

    fn with_last_attempt(&self, now: Timestamp) -> Self {
        let mut health = self.clone();
        if let State::Failing { last_attempt, .. } = &mut health.state {
            *last_attempt = now;
        }
        health
    }
}

#[cfg(test)]
mod tests;
