//! Pause and resume, and the changes of health that follow a new URL, a rotation or a delivered test.
//!
//! A change is stored on the condition that nothing else has changed the state meanwhile. The stored state also says
//! which messages and notices have to follow. They are sent at once; those that the queue or the topic does not accept
//! now, `sweep` sends within minutes.

use std::time::Duration;

use adapters::process::clock;
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::{Snapshot, Stored, Unavailable};
use domain::endpoint::{EndpointIo, Health, Notice, State, follow};
use domain::event::BusinessId;

use super::{Fault, UseCaseError, UseCases};
use crate::report;

/// How often a change is tried, when other changes are stored in between.
pub(super) const TRIES: usize = 5;

/// The change that an owner asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// Nothing is sent from now on. A replay of a range ends.
    Pause,
    /// Events are sent again, the held ones first.
    Resume,
    /// Held events of an active endpoint are sent; a failing or paused endpoint stays as it is.
    Keep,
}

impl Intent {
    /// Gives the health after the change. `here` is the health at the URL that is set now.
    fn applied(self, here: Health, something_is_held: bool, now: Timestamp) -> Health {
        let is_active = matches!(here.state, State::Active { .. });
        let goes_on = here.replay.as_ref().is_some_and(|replay| !replay.is_lost(now));
        let is_due = is_active && !goes_on && something_is_held;
        match self {
            Self::Pause if matches!(here.state, State::Paused { .. }) => here.with_range_ended(),
            Self::Pause => here.pause(now),
            Self::Resume if is_due || !is_active => here.resume(now),
            Self::Keep if is_due => here.resume(now),
            Self::Resume | Self::Keep => here,
        }
    }
}

impl UseCases {
    /// Pauses the endpoint: nothing is sent from now on. A replay of a range ends.
    pub(crate) async fn pause(&self, business_id: &BusinessId) -> Result<(), UseCaseError> {
        self.change(business_id, Intent::Pause).await
    }

    /// Resumes the endpoint: events are sent again, the held ones first.
    pub(crate) async fn resume(&self, business_id: &BusinessId) -> Result<(), UseCaseError> {
        if self.tables.settings.read_for_owner(business_id, clock::now()).await?.url.is_none() {
            return Err(UseCaseError::NoUrl);
        }
        self.change(business_id, Intent::Resume).await
    }

    /// Changes the health as the owner asks, and sends the messages and notices that follow. The stored health may be
    /// of another URL, which the dashboard has replaced; the change settles that too.
    pub(super) async fn change(&self, business_id: &BusinessId, intent: Intent) -> Result<(), UseCaseError> {
        for _ in 0..TRIES {
            let now = clock::now();
            let settings = self.tables.settings.read_for_owner(business_id, now);
            let (owned, held) = tokio::join!(settings, self.tables.deliveries.first_held(business_id));
            let (owned, held) = (owned?, held?);
            let changed = intent.applied(owned.here(now), !held.events.is_empty(), now);
            if changed.says_the_same_as(&owned.health) {
                return Ok(());
            }
            let changed = changed.next_version();
            if Stored::from(self.tables.settings.store_health(business_id, &changed).await?) == Stored::Done {
                follow(&Changing { use_cases: self, business_id }, &owned.health, &changed).await;
                return Ok(());
            }
        }
        Err(UseCaseError::Fault(Fault::Contended))
    }
}

/// A change of a business's endpoint: the implementation of the I/O that [`follow`] needs.
pub(super) struct Changing<'a> {
    pub(super) use_cases: &'a UseCases,
    pub(super) business_id: &'a BusinessId,
}

impl Changing<'_> {
    fn known<T>(&self, result: Result<T, Fault>) -> Result<T, Unavailable> {
        result.map_err(|fault| {
            report::fault_of(self.business_id, &fault);
            Unavailable
        })
    }
}

impl EndpointIo for Changing<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        let owned = self.use_cases.tables.settings.read_for_owner(self.business_id, clock::now()).await;
        let owned = self.known(owned.map_err(Fault::from))?;
        Ok(Snapshot { health: owned.health, endpoint: owned.endpoint, ..Snapshot::default() })
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        let written = self.use_cases.tables.settings.store_health(self.business_id, health).await;
        self.known(written.map_err(Fault::from)).map(Stored::from)
    }

    async fn send_step(&self, replay: u64, step: u64, _at: Option<Timestamp>) -> Result<(), Unavailable> {
        let command = Command::Replay { business_id: self.business_id.clone(), replay, step };
        self.known(self.use_cases.commands.send(&command, Duration::ZERO).await.map_err(Fault::from))
    }

    async fn announce(&self, notice: &Notice) -> Result<(), Unavailable> {
        let held = self.use_cases.tables.deliveries.count_held(self.business_id).await.ok();
        self.known(self.use_cases.notices.announce(self.business_id, notice, held).await.map_err(Fault::from))
    }
}

#[cfg(test)]
mod tests {
    use domain::endpoint::{EndpointId, PausedReason, Range, RangeStatuses};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).expect("a time")
    }

    fn at(endpoint: &str, state: State) -> Health {
        Health { version: 3, endpoint: Some(EndpointId(endpoint.to_owned())), state, ..Health::default() }
    }

    fn paused(endpoint: &str) -> Health {
        at(endpoint, State::Paused { since: now(), reason: PausedReason::Owner })
    }

    fn active() -> Health {
        at("a", State::default())
    }

    #[test]
    fn a_resume_ends_a_pause_and_held_events_of_an_active_endpoint_are_replayed() {
        let resumes = |intent: Intent, health: Health, held| {
            let after = intent.applied(health.clone(), held, now());
            after.replay.is_some_and(|replay| replay.id == health.version + 1) && after.state == State::default()
        };
        assert!(resumes(Intent::Resume, paused("a"), false), "the pause ends even if no event is held");
        assert!(resumes(Intent::Resume, active(), true));
        assert!(resumes(Intent::Keep, active(), true));
        assert!(!resumes(Intent::Resume, active(), false));
        assert!(!resumes(Intent::Keep, paused("a"), true));
    }

    #[test]
    fn a_replay_under_way_is_left_alone_and_one_that_is_lost_or_that_another_url_began_is_stored() {
        let replaying = paused("a").resume(now());
        let applied = |seconds| Intent::Resume.applied(replaying.clone(), true, now() + Duration::from_secs(seconds));
        assert!(applied(359).says_the_same_as(&replaying));
        assert!(!applied(360).says_the_same_as(&replaying));
        let stored = paused("a");
        let moved = stored.for_endpoint(&EndpointId("b".to_owned()), now());
        assert!(!Intent::Keep.applied(moved.clone(), true, now()).says_the_same_as(&stored));
        assert!(Intent::Keep.applied(moved, true, now()).replay.is_some());
    }

    #[test]
    fn pausing_twice_keeps_the_first_time() {
        let later = Timestamp::from_second(2_000).expect("a time");
        assert_eq!(Intent::Pause.applied(paused("a"), true, later), paused("a"));
        let range = Range { from: None, to: now(), statuses: RangeStatuses::Failed };
        let waiting = paused("a").with_range(range, Some(1), now()).expect("there is no other");
        let ended = Intent::Pause.applied(waiting.clone(), true, later);
        assert!(
            ended.pending_range().is_none() && ended.state == waiting.state,
            "a range that waits ends all the same"
        );
        assert!(matches!(Intent::Pause.applied(active(), true, now()).state, State::Paused { .. }));
    }
}
