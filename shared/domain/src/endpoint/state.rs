//! Whether an endpoint's events go out: active, failing or paused.
//!
//! ```text
//!            5 failures in a row             the probe spent its schedule, or 410
//!   active ───────────────────────> failing ───────────────────────────> paused
//!     ^  ^                             │                                   │
//!     │  └────── any success ──────────┘                                   │
//!     └────────── resumed, a success, or another URL ──────────────────────┘
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::{Health, NoticeKind};
use crate::event::EventId;
use crate::outcome::Cause;

/// So many failed attempts in a row make an endpoint failing.
pub const FAILURES_TO_FAILING: u32 = 5;

/// A new event may try first if the last attempt is this long ago. Longer than any attempt lasts, so that there is
/// never a second one in flight.
pub const IDLE_AFTER: Duration = Duration::from_mins(1);

/// That a probe comes so much before its time does not count: delays are whole seconds, and clocks differ a little.
const EARLY: Duration = Duration::from_secs(5);

/// A failure beside the probe's that follows the last attempt so closely is not written down. Those that began before the
/// fifth failure end together, and their writes would only stand in each other's way.
const WRITTEN_AFTER: Duration = Duration::from_secs(10);

/// Whether events go out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// They do.
    Active {
        /// Failed attempts in a row, by order of completion.
        failures: u32,
    },
    /// The probe's do; the others are held.
    Failing {
        /// Since when.
        since: Timestamp,
        /// Why the last attempt failed.
        cause: Cause,
        /// The event that keeps trying. None: it is lost, and nothing was held that could take its place.
        probe: Option<Probe>,
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

/// The event that keeps trying a failing endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// Which.
    pub event: EventId,
    /// When it tries next.
    pub due: Timestamp,
    /// How often `sweep` has sent the event a message since its last attempt.
    pub restarts: u32,
    /// Whether a replay of a range brings the event. Otherwise the event has a message of its own.
    pub is_of_range: bool,
}

impl Probe {
    /// A probe with a message of its own, which has just been attempted or is to be.
    fn new(event: &EventId, due: Timestamp) -> Self {
        Self { event: event.clone(), due, restarts: 0, is_of_range: false }
    }
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
    /// The probe spent its schedule.
    Spent,
    /// The owner wished it.
    Owner,
    /// There was no URL to send to.
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

/// Whether an event may be attempted now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Admission {
    /// The event may.
    Attempt,
    /// The event may, once this state is stored: of several that would, one wins.
    Claim(Box<Health>),
    /// The event waits in the ledger.
    Hold,
    /// The event is the probe, and its time has not come: another of its messages is at it, or this one comes early.
    Wait(Timestamp),
}

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempted {
    /// The receiver has the event.
    Succeeded,
    /// The receiver does not have it.
    Failed {
        /// Why.
        cause: Cause,
        /// When the event's own schedule has its next attempt; None: the schedule is spent.
        next: Option<Timestamp>,
    },
}

/// What is known after an attempt, and what becomes of the event by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settled {
    /// What is known then.
    pub health: Health,
    /// Whether the event waits in the ledger; otherwise it goes on by its own schedule, or has arrived.
    pub is_held: bool,
}

impl Health {
    /// Whether an event may be attempted at `now`.
    #[must_use]
    pub fn admit(&self, event: &EventId, now: Timestamp) -> Admission {
        let State::Failing { probe, last_attempt, .. } = &self.state else {
            return match self.state {
                State::Active { .. } => Admission::Attempt,
                _ => Admission::Hold,
            };
        };
        let is_idle = now >= *last_attempt + IDLE_AFTER;
        match probe {
            Some(probe) if probe.event == *event && probe.due > now + EARLY => Admission::Wait(probe.due),
            // Until the attempt has ended for certain, no other message of the event makes one.
            Some(probe) if probe.event == *event => {
                Admission::Claim(Box::new(self.with_probe_put_off(now + IDLE_AFTER).with_last_attempt(now)))
            }
            // An early attempt: the probe is not within the next minute.
            Some(probe) if is_idle && probe.due >= now + IDLE_AFTER => {
                Admission::Claim(Box::new(self.with_last_attempt(now)))
            }
            None if is_idle => {
                Admission::Claim(Box::new(self.with_probe(event, now + IDLE_AFTER).with_last_attempt(now)))
            }
            _ => Admission::Hold,
        }
    }

    /// What is known after an attempt on `event`. One row is one transition.
    #[must_use]
    pub fn settle(&self, event: &EventId, attempted: Attempted, now: Timestamp) -> Settled {
        let goes_on = |health| Settled { health, is_held: false };
        let held = |health| Settled { health, is_held: true };
        match (&self.state, attempted) {
            (State::Active { .. }, Attempted::Succeeded) => goes_on(self.active(0)),
            // A late success of an attempt that was under way does not undo the owner's wish.
            (State::Paused { reason: PausedReason::Owner, .. }, Attempted::Succeeded) => goes_on(self.clone()),
            (_, Attempted::Succeeded) => goes_on(self.recovered(now)),

            (State::Paused { .. }, Attempted::Failed { .. }) => held(self.clone()),
            (_, Attempted::Failed { cause: Cause::Gone, .. }) => held(self.paused(PausedReason::Gone, now)),

            (State::Active { failures }, Attempted::Failed { .. }) if failures + 1 < FAILURES_TO_FAILING => {
                goes_on(self.active(failures + 1))
            }
            (State::Active { .. }, Attempted::Failed { cause, next: Some(next) }) => {
                goes_on(self.failing(event, cause, next, now))
            }
            // Its last attempt: the event cannot be the probe, and nothing else would try.
            (State::Active { .. }, Attempted::Failed { next: None, .. }) => {
                goes_on(self.paused(PausedReason::Spent, now))
            }

            (State::Failing { .. }, Attempted::Failed { cause, next }) if self.is_probe(event) => match next {
                Some(next) => goes_on(self.with_cause(cause).with_probe(event, next).with_last_attempt(now)),
                None => goes_on(self.paused(PausedReason::Spent, now)),
            },
            (State::Failing { last_attempt, .. }, Attempted::Failed { .. }) if now >= *last_attempt + WRITTEN_AFTER => {
                held(self.with_last_attempt(now))
            }
            (State::Failing { .. }, Attempted::Failed { .. }) => held(self.clone()),
        }
    }

    /// The event that keeps trying, if the endpoint is failing.
    #[must_use]
    pub fn probe(&self) -> Option<&Probe> {
        match &self.state {
            State::Failing { probe, .. } => probe.as_ref(),
            _ => None,
        }
    }

    /// Whether this event is the one that keeps trying.
    #[must_use]
    pub fn is_probe(&self, event: &EventId) -> bool {
        self.probe().is_some_and(|probe| probe.event == *event)
    }

    /// With the probe as an event that a replay of a range brings.
    #[must_use]
    pub fn with_probe_of_range(&self) -> Self {
        self.with_failing(|_, probe, _| {
            if let Some(probe) = probe {
                probe.is_of_range = true;
            }
        })
    }

    fn active(&self, failures: u32) -> Self {
        Self { state: State::Active { failures }, ..self.clone() }
    }

    fn paused(&self, reason: PausedReason, now: Timestamp) -> Self {
        let since = match self.state {
            State::Failing { since, .. } => since,
            _ => now,
        };
        let paused = Self { state: State::Paused { since: now, reason }, replay: None, ..self.clone() };
        paused.with_notice(NoticeKind::Paused, since, reason.as_str(), now)
    }

    fn failing(&self, event: &EventId, cause: Cause, due: Timestamp, now: Timestamp) -> Self {
        let probe = Some(Probe::new(event, due));
        let state = State::Failing { since: now, cause, probe, last_attempt: now };
        Self { state, replay: None, ..self.clone() }.with_notice(NoticeKind::Failing, now, cause.as_str(), now)
    }

    /// With another probe, or the same at another time.
    pub(super) fn with_probe(&self, event: &EventId, due: Timestamp) -> Self {
        self.with_failing(|_, probe, _| *probe = Some(Probe::new(event, due)))
    }

    /// With the same probe at another time, before an attempt: only its result begins the count of restarts anew.
    fn with_probe_put_off(&self, until: Timestamp) -> Self {
        self.with_failing(|_, probe, _| {
            if let Some(probe) = probe {
                probe.due = until;
            }
        })
    }

    /// With a probe that gets another message. Another event begins to count anew.
    pub(super) fn with_probe_restarted(&self, event: &EventId, now: Timestamp) -> Self {
        let before = match &self.state {
            State::Failing { probe: Some(probe), .. } if probe.event == *event => probe.restarts,
            _ => 0,
        };
        self.with_failing(|_, probe, _| {
            let is_of_range = probe.as_ref().is_some_and(|probe| probe.event == *event && probe.is_of_range);
            *probe = Some(Probe { restarts: before.saturating_add(1), is_of_range, ..Probe::new(event, now) });
        })
    }

    /// Without a probe: it is lost, and nothing is held that could take its place.
    pub(super) fn without_probe(&self) -> Self {
        self.with_failing(|_, probe, _| *probe = None)
    }

    fn with_cause(&self, new: Cause) -> Self {
        self.with_failing(|cause, _, _| *cause = new)
    }

    fn with_last_attempt(&self, now: Timestamp) -> Self {
        self.with_failing(|_, _, last_attempt| *last_attempt = now)
    }

    fn with_failing(&self, change: impl FnOnce(&mut Cause, &mut Option<Probe>, &mut Timestamp)) -> Self {
        let mut health = self.clone();
        if let State::Failing { cause, probe, last_attempt, .. } = &mut health.state {
            change(cause, probe, last_attempt);
        }
        health
    }
}
