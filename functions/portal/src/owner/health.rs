//! Pause, resume, and what follows from another URL or a test that arrived.
//!
//! A change is stored on the condition that nothing else changed meanwhile, and what has to follow it stands in it as its
//! outbox. Should this process end in between, the business's next event does what is left.

use std::time::Duration;

use shared::Timestamp;
use shared::clock;
use shared::command::Command;
use shared::event::BusinessId;
use shared::health::{Health, State};
use shared::tables::Written;

use super::{Fault, Owners, Why};

/// How often a change is tried anew on what others have stored in between.
const TRIES: usize = 5;

impl Owners {
    /// Nothing is sent from now on.
    pub(crate) async fn pause(&self, business_id: &BusinessId) -> Result<(), Why> {
        self.change(business_id, |health, now| match health.state {
            State::Paused { .. } => None,
            _ => Some(health.pause(now)),
        })
        .await
    }

    /// All is sent again, what waited first.
    pub(crate) async fn resume(&self, business_id: &BusinessId) -> Result<(), Why> {
        if self.tables.owned(business_id, clock::now()).await?.url.is_none() {
            return Err(Why::NoUrl);
        }
        self.release(business_id).await
    }

    /// Sends what waits, if anything does.
    pub(super) async fn release(&self, business_id: &BusinessId) -> Result<(), Why> {
        let held = self.tables.count_held(business_id).await?;
        self.change(business_id, |health, now| {
            let is_due = health.release.is_none() && held > 0;
            let is_active = matches!(health.state, State::Active { .. });
            (!is_active || is_due || health.is_stale(now)).then(|| health.resume(now))
        })
        .await
    }

    /// The URL is another: what waited for the one before is sent.
    pub(super) async fn moved(&self, business_id: &BusinessId) -> Result<(), Why> {
        self.change(business_id, |health, now| match health.state {
            // What was held while there was no URL waits beside an endpoint that is active.
            State::Active { .. } => (!health.outbox.is_empty()).then(|| health.clone()),
            _ => Some(health.resume(now)),
        })
        .await
    }

    /// Stores what `change` makes of the health at the URL that is set, and does what follows from it.
    async fn change(
        &self,
        business_id: &BusinessId,
        change: impl Fn(&Health, Timestamp) -> Option<Health>,
    ) -> Result<(), Why> {
        for _ in 0..TRIES {
            let now = clock::now();
            let owned = self.tables.owned(business_id, now).await?;
            let Some(changed) = change(&owned.here(now), now) else {
                return Ok(());
            };
            let changed = changed.next_version();
            if self.tables.store(business_id, &changed).await? == Written::Done {
                return Ok(self.follow(business_id, changed).await?);
            }
        }
        Err(Why::Fault(Fault::Contended))
    }

    async fn follow(&self, business_id: &BusinessId, health: Health) -> Result<(), Fault> {
        if health.outbox.is_empty() {
            return Ok(());
        }
        if let (true, Some(release)) = (health.outbox.token, &health.release) {
            let command = Command::Release { business_id: business_id.clone(), run: release.run, step: release.step };
            self.commands.send(&command, Duration::ZERO).await?;
        }
        if let Some(notice) = &health.outbox.notice {
            let held = self.tables.count_held(business_id).await.ok();
            self.notices.announce(business_id, notice, held).await?;
        }
        // If somebody else was faster, they have found the outbox and emptied it too.
        self.tables.store(business_id, &health.flushed().next_version()).await?;
        Ok(())
    }
}
