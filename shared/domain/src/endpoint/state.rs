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
use serde::{Deserialize, Serialize};

use super::{Health, NoticeKind};
use crate::event::EventId;
use crate::outcome::Cause;

/// How many failed attempts in a row make an endpoint failing.
pub const FAILURES_TO_FAILING: u32 = 5;

/// A new event may make an early attempt if the last attempt is at least this long ago. No attempt lasts so long, so
/// two are never in flight.
pub const IDLE_AFTER: Duration = Duration::from_mins(1);

/// A probe that comes less than this before its time is attempted all the same: delays are whole seconds, and clocks
/// differ a little.
const EARLY: Duration = Duration::from_secs(5);

/// Another event's failure is stored only if the last attempt is at least this long ago. Attempts that began before the
/// fifth failure end together, and their writes would only conflict.
const WRITTEN_AFTER: Duration = Duration::from_secs(10);

/// Whether events go out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Events go out.
    Active {
        /// Failed attempts in a row, by order of completion.
        failures: u32,
    },
    /// The probe keeps trying, and the other events are held.
    Failing {
        /// When this state began.
        since: Timestamp,
        /// Why the last attempt failed.
        cause: Cause,
        /// The event that keeps trying. None: the event is lost, and no event was held that could take its place.
        probe: Option<Probe>,
        /// When the last attempt began or ended.
        last_attempt: Timestamp,
    },
    /// All events are held until the owner resumes.
    Paused {
        /// When this state began.
        since: Timestamp,
        /// Why the endpoint is paused.
        reason: PausedReason,
    },
}

/// The event that keeps trying a failing endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// The event's id.
    pub event: EventId,
    /// When the event's next attempt is due.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PausedReason {
    /// The endpoint answered 410.
    Gone,
    /// The probe spent its schedule.
    Spent,
    /// The owner paused the endpoint.
    Owner,
    /// The business has no URL.
    NoUrl,
}

impl PausedReason {
    /// Gives the reason's name in the settings item and in notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Spent => "spent",
            Self::Owner => "owner",
            Self::NoUrl => "no_url",
        }
    }

    /// Gives the reason of a name. None: this version knows no such reason.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Gone, Self::Spent, Self::Owner, Self::NoUrl].into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Whether an event may be attempted now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Admission {
    /// The event may be attempted.
    Attempt,
    /// The event may be attempted once this state is stored. Of several messages that try to store it, one succeeds.
    Claim(Box<Health>),
    /// The event is held in the ledger.
    Hold,
    /// The event is the probe, and its next attempt is not due: another message of the event is making an attempt, or
    /// this message came early.
    Wait(Timestamp),
}

/// The result of an attempt, for the endpoint's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Attempted {
    /// The receiver has the event.
    Succeeded,
    /// The receiver does not have the event.
    Failed {
        /// Why the attempt failed.
        cause: Cause,
        /// When the event's own schedule has the next attempt. None: the schedule is spent.
        next: Option<Timestamp>,
    },
}

/// The state after an attempt, and whether the event is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settled {
    /// The state after the attempt.
    pub health: Health,
    /// Whether the event is held in the ledger. Otherwise the event goes on by its own schedule, or has arrived.
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
            // An early attempt: the probe's next one is at least a minute away.
            Some(probe) if is_idle && probe.due >= now + IDLE_AFTER => {
                Admission::Claim(Box::new(self.with_last_attempt(now)))
            }
            None if is_idle => {
                Admission::Claim(Box::new(self.with_probe(event, now + IDLE_AFTER).with_last_attempt(now)))
            }
            _ => Admission::Hold,
        }
    }

    /// Gives the state after an attempt on `event`. One row is one transition.
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
            // This was the event's last attempt, so the event cannot be the probe, and no other event would try.
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

    /// Gives the probe. None: the endpoint is not failing, or has no probe.
    #[must_use]
    pub fn probe(&self) -> Option<&Probe> {
        match &self.state {
            State::Failing { probe, .. } => probe.as_ref(),
            _ => None,
        }
    }

    /// Whether this event is the probe.
    #[must_use]
    pub fn is_probe(&self, event: &EventId) -> bool {
        self.probe().is_some_and(|probe| probe.event == *event)
    }

    /// Gives the state in which a replay of a range brings the probe.
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

    /// Gives the state with another probe, or with the same probe at another time.
    pub(super) fn with_probe(&self, event: &EventId, due: Timestamp) -> Self {
        self.with_failing(|_, probe, _| *probe = Some(Probe::new(event, due)))
    }

    /// Gives the state with the same probe at a later time, before an attempt. The count of restarts stays: only the
    /// attempt's result sets it to 0.
    fn with_probe_put_off(&self, until: Timestamp) -> Self {
        self.with_failing(|_, probe, _| {
            if let Some(probe) = probe {
                probe.due = until;
            }
        })
    }

    /// Gives the state with a probe that gets another message. If another event becomes the probe, the count of
    /// restarts begins anew.
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

    /// Gives the state without a probe: the probe is lost, and no event is held that could take its place.
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
