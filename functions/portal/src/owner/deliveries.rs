//! The delivery log, and sending again.

use std::sync::Arc;
use std::time::Duration;

use shared::clock;
use shared::command::Command;
use shared::event::{BusinessId, EventId};
use shared::tables::{Details, Listed, Status, Wanted};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{LONGEST, Owners, Why};

/// How many are sent again at the same time.
const AT_ONCE: usize = 10;

/// What became of sending all again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resent {
    /// How many are on their way.
    pub(crate) count: u64,
    /// Whether there was no time for all.
    pub(crate) more: bool,
}

impl Owners {
    /// A part of the log.
    pub(crate) async fn list(&self, business_id: &BusinessId, wanted: &Wanted) -> Result<Listed, Why> {
        Ok(self.tables.list(business_id, wanted).await?)
    }

    /// All that is known of one delivery.
    pub(crate) async fn delivery(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Details, Why> {
        self.tables.details(business_id, event_id).await?.ok_or(Why::NotFound)
    }

    /// Sends one again, whatever became of it before.
    pub(crate) async fn resend(&self, business_id: &BusinessId, event_id: &EventId) -> Result<(), Why> {
        let details = self.delivery(business_id, event_id).await?;
        if details.body.is_none() {
            return Err(Why::NotKept);
        }
        let command = Command::Deliver { business_id: business_id.clone(), event_id: event_id.clone(), resend: true };
        self.commands.send(&command, Duration::ZERO).await?;
        if details.summary.status == Status::Failed {
            // After it is on its way: a mark without a message would be an event that waits for nothing.
            self.tables.note_resent(business_id, event_id, clock::now()).await?;
        }
        Ok(())
    }

    /// Sends all that waits, in the order in which it happened.
    pub(crate) async fn release_held(&self, business_id: &BusinessId) -> Result<Resent, Why> {
        let held = self.tables.count_held(business_id).await?;
        self.resume(business_id).await?;
        Ok(Resent { count: held, more: false })
    }

    /// Sends all again whose schedule was spent, as far as time allows.
    pub(crate) async fn resend_failed(self: &Arc<Self>, business_id: &BusinessId) -> Result<Resent, Why> {
        let until = Instant::now() + LONGEST;
        let mut resent = Resent::default();
        let mut wanted = Wanted { status: Some(Status::Failed), limit: AT_ONCE, ..Wanted::default() };
        loop {
            let listed = self.tables.list(business_id, &wanted).await?;
            let mut sending = JoinSet::new();
            for delivery in listed.deliveries {
                let (owners, business_id) = (Arc::clone(self), business_id.clone());
                sending.spawn(async move { owners.resend(&business_id, &delivery.event_id).await });
            }
            for sent in sending.join_all().await {
                match sent {
                    Ok(()) => resent.count += 1,
                    // It cannot be sent again, now or later.
                    Err(Why::NotKept | Why::NotFound) => {}
                    Err(why) => return Err(why),
                }
            }
            wanted.after = listed.next;
            if wanted.after.is_none() {
                return Ok(resent);
            }
            if Instant::now() > until {
                return Ok(Resent { more: true, ..resent });
            }
        }
    }
}
