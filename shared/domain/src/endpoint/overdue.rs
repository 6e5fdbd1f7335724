//! What `sweep` does about an endpoint of which something is overdue, or has events that wait for nothing.

use jiff::Timestamp;

use super::{EndpointId, Health, Replay, State, is_lost, patience};
use crate::event::EventId;

/// What the ledger says, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Found {
    /// The held event that happened first. None: nothing is held.
    pub first_held: Option<EventId>,
    /// Whether the probe's event can be had from the ledger.
    pub probe_is_kept: bool,
}

/// A message that is to be sent once the state is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// The event that keeps trying.
    Probe(EventId),
    /// The next step of the replay of held events.
    Replay,
    /// The next step of the replay of a range.
    Range,
}

/// What becomes of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The state. It is the same as before, or the one to be stored.
    pub health: Health,
    /// The message that is to be sent then.
    pub restart: Option<Restart>,
    /// Whether its notices are to be given.
    pub tells: bool,
}

impl Health {
    /// What is to be done at `now`. `endpoint` is where events go. None: there is no URL.
    #[must_use]
    pub fn swept(&self, endpoint: Option<&EndpointId>, found: &Found, now: Timestamp) -> Swept {
        let health = match endpoint {
            Some(endpoint) => self.at(endpoint, now),
            None if self.waits_for_a_url(found) => self.without_url(now),
            None => self.clone(),
        };
        let tells = self.notices.first().is_some_and(|notice| is_lost(notice.at, now));
        if !health.says_the_same_as(self) {
            // Another URL, or none any more, which no event has come to notice.
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
                Some(probe) if !is_lost(probe.due + patience(probe.restarts), now) => (health, None),
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

    /// Whether the state must not stay as it is without a URL. A state that was never stored may be that of a business which
    /// has left: it is not to come back as an item of nothing else.
    fn waits_for_a_url(&self, found: &Found) -> bool {
        let is_replaying = self.replay.is_some() || self.pending_range().is_some();
        let waits = found.first_held.is_some() || matches!(self.state, State::Failing { .. }) || is_replaying;
        waits && self.version > 0 && !matches!(self.state, State::Paused { .. })
    }

    fn restarting_probe(&self, event: &EventId, now: Timestamp) -> (Self, Option<Restart>) {
        (self.with_probe_restarted(event, now), Some(Restart::Probe(event.clone())))
    }

    /// The probe is an event of a range, so the range's step is restarted.
    fn with_probe_of_range_restarted(&self, now: Timestamp) -> Self {
        let (State::Failing { probe: Some(probe), .. }, Some(range)) = (&self.state, self.pending_range()) else {
            return self.clone();
        };
        self.with_probe_restarted(&probe.event, now).with_step_restarted(range.steps.id, now)
    }

    /// A replay whose message is lost goes on; what is held beside an active endpoint gets one.
    fn with_replay_going(self, found: &Found, now: Timestamp) -> (Self, Option<Restart>) {
        let is_late = |replay: &Replay| is_lost(replay.due + patience(replay.restarts), now);
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
