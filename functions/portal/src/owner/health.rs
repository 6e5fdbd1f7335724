//! Pause, resume, and what follows from another URL or a test that arrived.
//!
//! A change is stored on the condition that nothing else changed meanwhile, and what has to follow it stands in it as its
//! outbox. What an earlier change left there, because its process died or the queue did not answer, is done by whichever
//! change comes next, and by the business's next event.

use std::time::Duration;

use adapters::process::clock;
use adapters::tables::Written;
use domain::Timestamp;
use domain::command::Command;
use domain::endpoint::{Health, State};
use domain::event::BusinessId;

use super::{Fault, Owners, Why};
use crate::report;

/// How often a change is tried anew on what others have stored in between.
const TRIES: usize = 5;

/// What an owner wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing is to be sent.
    Pause,
    /// All is to be sent, what waits first.
    Release,
    /// What waits beside an endpoint that is well is to be sent; one that is not well stays so.
    Keep,
}

impl Wish {
    /// What becomes of the health at the URL that is set.
    fn applied(self, here: Health, something_is_held: bool, now: Timestamp) -> Health {
        let is_active = matches!(here.state, State::Active { .. });
        let is_due = is_active && here.release.is_none() && something_is_held;
        match self {
            Self::Pause if matches!(here.state, State::Paused { .. }) => here,
            Self::Pause => here.pause(now),
            Self::Release if is_due || !is_active => here.resume(now),
            Self::Keep if is_due => here.resume(now),
            Self::Release | Self::Keep => here,
        }
    }
}

impl Owners {
    /// Nothing is sent from now on.
    pub(crate) async fn pause(&self, business_id: &BusinessId) -> Result<(), Why> {
        self.change(business_id, Wish::Pause).await
    }

    /// All is sent again, what waited first.
    pub(crate) async fn resume(&self, business_id: &BusinessId) -> Result<(), Why> {
        if self.tables.owned(business_id, clock::now()).await?.url.is_none() {
            return Err(Why::NoUrl);
        }
        self.change(business_id, Wish::Release).await
    }

    /// Stores what the wish makes of the health, and does what follows from it. What is stored may be of another URL,
    /// which the dashboard has replaced: that is settled by the way.
    pub(super) async fn change(&self, business_id: &BusinessId, wish: Wish) -> Result<(), Why> {
        for _ in 0..TRIES {
            let now = clock::now();
            let (owned, held) = tokio::join!(self.tables.owned(business_id, now), self.tables.held(business_id));
            let (owned, held) = (owned?, held?);
            let changed = wish.applied(owned.here(now).revived(now), !held.is_empty(), now);
            if says_the_same(&changed, &owned.health) {
                return Ok(self.follow(business_id, owned.health).await?);
            }
            let changed = changed.next_version();
            if self.tables.store(business_id, &changed).await? == Written::Done {
                return Ok(self.follow(business_id, changed).await?);
            }
        }
        Err(Why::Fault(Fault::Contended))
    }

    /// Empties the outbox.
    async fn follow(&self, business_id: &BusinessId, health: Health) -> Result<(), Fault> {
        if health.outbox.is_empty() {
            return Ok(());
        }
        if let (true, Some(release)) = (health.outbox.token, &health.release) {
            let (run, step) = (release.run, release.step);
            let command = Command::Release { business_id: business_id.clone(), run, step, holder: None };
            self.commands.send(&command, Duration::ZERO).await?;
        }
        if let Some(notice) = &health.outbox.notice {
            let held = self.tables.count_held(business_id).await.ok();
            if let Err(error) = self.notices.announce(business_id, notice, held).await {
                // What the owner wished has been done; the notice stays in the outbox.
                report::not_told(business_id, &error);
                return Ok(());
            }
        }
        // If somebody else was faster, they have found the outbox and emptied it too.
        self.tables.store(business_id, &health.flushed().next_version()).await?;
        Ok(())
    }
}

/// Whether nothing but the endpoint's name or its version would change: a business that never failed has neither.
fn says_the_same(one: &Health, other: &Health) -> bool {
    one.state == other.state && one.release == other.release && one.outbox == other.outbox
}

#[cfg(test)]
mod tests {
    use domain::endpoint::{EndpointId, PausedReason};

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
    fn what_waits_is_released_if_it_is_wished_or_waits_for_nothing() {
        let releases = |wish: Wish, health: Health, held| {
            let after = wish.applied(health, held, now());
            after.outbox.token && after.release.is_some() && matches!(after.state, State::Active { .. })
        };
        assert!(releases(Wish::Release, paused("a"), false), "the state ends, whatever waits");
        assert!(releases(Wish::Release, active(), true));
        assert!(releases(Wish::Keep, active(), true));
        assert!(!releases(Wish::Release, active(), false));
        assert!(!releases(Wish::Keep, paused("a"), true));
    }

    #[test]
    fn a_release_under_way_is_left_alone_and_one_that_another_url_began_is_stored() {
        let releasing = paused("a").resume(now()).flushed();
        assert!(says_the_same(&Wish::Release.applied(releasing.clone(), true, now()), &releasing));
        let stored = paused("a");
        let moved = stored.at(&EndpointId("b".to_owned()), now());
        assert!(!says_the_same(&Wish::Keep.applied(moved.clone(), true, now()), &stored));
        assert!(Wish::Keep.applied(moved, true, now()).outbox.token);
    }

    #[test]
    fn pausing_twice_keeps_the_first_time() {
        let later = Timestamp::from_second(2_000).expect("a time");
        assert_eq!(Wish::Pause.applied(paused("a"), true, later), paused("a"));
        assert!(matches!(Wish::Pause.applied(active(), true, now()).state, State::Paused { .. }));
    }
}
