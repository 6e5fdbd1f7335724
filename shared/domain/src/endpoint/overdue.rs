//! The decisions of `sweep`: what to do about an overdue probe, step or notice, and about held events that nothing will
//! send.

use jiff::Timestamp;

use super::{EndpointId, Health, Replay, State, is_lost, restart_backoff};
use crate::event::EventId;

/// The facts that a sweep reads from the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Found {
    /// The held event that happened first. None: no event is held.
    pub first_held: Option<EventId>,
    /// Whether the ledger has the body of the probe's event.
    pub probe_is_kept: bool,
}

/// A message that is to be sent once the state is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// A message for the probe's event.
    Probe(EventId),
    /// A message for the next step of the replay of held events.
    Replay,
    /// A message for the next step of the replay of a range.
    Range,
}

/// The result of a sweep of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The state: the same as before, or a new state that is to be stored.
    pub health: Health,
    /// The message that is to be sent after the state is stored.
    pub restart: Option<Restart>,
    /// Whether the state's notices are to be given.
    pub tells: bool,
}

impl Health {
    /// Decides what is to be done at `now`. `endpoint` is the endpoint to which events go. None: there is no URL.
    #[must_use]
    pub fn swept(&self, endpoint: Option<&EndpointId>, found: &Found, now: Timestamp) -> Swept {
        let health = match endpoint {
            Some(endpoint) => self.for_endpoint(endpoint, now),
            None if self.waits_for_a_url(found) => self.without_url(now),
            None => self.clone(),
        };
        let tells = self.notices.first().is_some_and(|notice| is_lost(notice.at, now));
        if !health.says_the_same_as(self) {
            // The URL was changed or removed, and no event has come since that would have stored the change.
            let known = self.replay.as_ref().map(|replay| replay.id);
            let begins = health.replay.as_ref().is_some_and(|replay| known != Some(replay.id));
            let restart = begins.then_some(Restart::Replay);
            return Swept { tells: tells || health.notices != self.notices, health, restart };
        }
        if endpoint.is_none() {
            return Swept { health, restart: None, tells };
        }
        let (health, restart) = match &health.state {
            State::Active { .. } => health.with_replay_going(found, now),
            State::Failing { probe, .. } => match probe {
                Some(probe) if !is_lost(probe.due + restart_backoff(probe.restarts), now) => (health, None),
                Some(probe) if probe.is_of_range && health.pending_range().is_some() => {
                    (health.with_probe_of_range_restarted(now), Some(Restart::Range))
                }
                Some(probe) if found.probe_is_kept => health.restarting_probe(&probe.event.clone(), now),
                _ => match &found.first_held {
                    Some(event) => health.restarting_probe(event, now),
                    None => (health.without_probe(), None),
                },
            },
            State::Paused { .. } => (health, None),
        };
        Swept { health, restart, tells }
    }

    /// Whether an endpoint without a URL must be paused. A state that was never stored may belong to a business that
    /// has left. Storing it would create a settings item with nothing but this state.
    fn waits_for_a_url(&self, found: &Found) -> bool {
        let is_replaying = self.replay.is_some() || self.pending_range().is_some();
        let waits = found.first_held.is_some() || matches!(self.state, State::Failing { .. }) || is_replaying;
        waits && self.version > 0 && !matches!(self.state, State::Paused { .. })
    }

    fn restarting_probe(&self, event: &EventId, now: Timestamp) -> (Self, Option<Restart>) {
        (self.with_probe_restarted(event, now), Some(Restart::Probe(event.clone())))
    }

    /// Restarts the step of a range, since the probe is one of the range's events.
    fn with_probe_of_range_restarted(&self, now: Timestamp) -> Self {
        let (State::Failing { probe: Some(probe), .. }, Some(range)) = (&self.state, self.pending_range()) else {
            return self.clone();
        };
        self.with_probe_restarted(&probe.event, now).with_step_restarted(range.steps.id, now)
    }

    /// Restarts a replay whose message is lost. An active endpoint that has held events and no replay gets a replay.
    fn with_replay_going(self, found: &Found, now: Timestamp) -> (Self, Option<Restart>) {
        let is_late = |replay: &Replay| is_lost(replay.due + restart_backoff(replay.restarts), now);
        match (&self.replay, self.running_range()) {
            (Some(replay), _) if is_late(replay) => (self.with_step_restarted(replay.id, now), Some(Restart::Replay)),
            (None, _) if found.first_held.is_some() => (self.with_replay(now), Some(Restart::Replay)),
            (None, Some(range)) if is_late(&range.steps) => {
                (self.with_step_restarted(range.steps.id, now), Some(Restart::Range))
            }
            _ => (self, None),
        }
    }

    /// Whether something of this state is so late that `sweep` has to do it.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due().is_some_and(|due| is_lost(due, now))
    }
}
