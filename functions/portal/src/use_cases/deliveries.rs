//! The delivery log, and sending again.

use std::sync::Arc;
use std::time::Duration;

use adapters::deliveries_table::{Details, Listed, Status, Summary, Wanted};
use adapters::dynamodb::Written;
use adapters::process::clock;
use adapters::settings_table::OwnerSettings;
use domain::Timestamp;
use domain::command::Command;
use domain::endpoint::State;
use domain::event::{BusinessId, EventId};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{USE_CASE_LASTS, UseCaseError, UseCases};
use crate::report;

/// How many are sent again at the same time.
const AT_ONCE: usize = 10;

/// How many are looked up at a time. A part of the ledger is a megabyte, however many of it are wanted.
const LISTED: usize = 100;

/// An event that is tried again so soon is not sent again beside that.
const NEAR: Duration = Duration::from_mins(1);

/// How long the ledger is given to take a note.
const NOTED_WITHIN: Duration = Duration::from_secs(1);

/// An attempt that is this late is taken for lost: two visibility timeouts of the events queue, of six minutes each. A
/// message that a crash has kept back has come again by then.
const OVERDUE_AFTER: Duration = Duration::from_mins(12);

/// What becomes of an event that is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// It is on its way.
    Now,
    /// It waits for its endpoint, which is failing or paused.
    Waits,
}

/// What became of sending all again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resent {
    /// How many are on their way.
    pub(crate) count: u64,
    /// Whether there was no time for all.
    pub(crate) more: bool,
    /// How many cannot be, since their bodies are not kept.
    pub(crate) not_kept: u64,
}

impl UseCases {
    /// A part of the log.
    pub(crate) async fn list(&self, business_id: &BusinessId, wanted: &Wanted) -> Result<Listed, UseCaseError> {
        Ok(self.tables.deliveries.list(business_id, wanted).await?)
    }

    /// All that is known of one delivery.
    pub(crate) async fn delivery(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Details, UseCaseError> {
        self.tables.deliveries.details(business_id, event_id).await?.ok_or(UseCaseError::NotFound)
    }

    /// Sends one again, whatever became of it before.
    pub(crate) async fn resend(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Sending, UseCaseError> {
        Ok(self.send_again(business_id, event_id, None).await?.unwrap_or(Sending::Now))
    }

    /// Sends one again, if it is what it is taken for; None: it is not any more.
    async fn send_again(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        taken_for: Option<Status>,
    ) -> Result<Option<Sending>, UseCaseError> {
        let now = clock::now();
        let settings = self.tables.settings.read_for_owner(business_id, now);
        let (details, owned) = tokio::join!(self.delivery(business_id, event_id), settings);
        let (Details { summary, body, .. }, owned) = (details?, owned?);
        if owned.url.is_none() {
            return Err(UseCaseError::NoUrl);
        }
        if body.is_none() {
            return Err(UseCaseError::NotKept);
        }
        if taken_for.is_some_and(|status| status != summary.status) {
            return Ok(None);
        }
        if has_to_be_sent(&summary, now) {
            // Only what has arrived is sent although it has arrived: should another message of the others deliver first,
            // this one finds that.
            let resend = (summary.status == Status::Delivered).then_some(now);
            if resend.is_some()
                && self.tables.deliveries.mark_resend(business_id, event_id, now).await? == Written::ConditionFailed
            {
                // It has just been asked for, and two presses of the button are one.
                return Ok(Some(outlook(&owned, now)));
            }
            let command = Command::Deliver {
                business_id: business_id.clone(),
                event_id: event_id.clone(),
                resend,
                at_once: false,
            };
            // A message that comes before its time goes back until then, so the note has to come before the message.
            let delay = if summary.status == Status::Retrying { NOTED_WITHIN } else { Duration::ZERO };
            if let Err(error) = self.commands.send(&command, delay).await {
                // Or the next press would find it asked for, and nothing would come of it.
                if let Some(asked_at) = resend {
                    self.tables.deliveries.unmark_resend(business_id, event_id, asked_at).await?;
                }
                return Err(error.into());
            }
            report::resent(business_id, event_id);
            if matches!(summary.status, Status::Failed | Status::Retrying) {
                // After it is on its way: a mark without a message would be an event that waits for nothing.
                self.tables.deliveries.mark_retrying(business_id, &summary, now).await?;
            }
        }
        Ok(Some(outlook(&owned, now)))
    }

    /// Sends all that waits, in the order in which it happened.
    pub(crate) async fn release_held(&self, business_id: &BusinessId) -> Result<Resent, UseCaseError> {
        let held = self.tables.deliveries.count_held(business_id).await?;
        self.resume(business_id).await?;
        Ok(Resent { count: held, ..Resent::default() })
    }

    /// Sends all again whose schedule was spent, as far as time allows.
    pub(crate) async fn resend_failed(self: &Arc<Self>, business_id: &BusinessId) -> Result<Resent, UseCaseError> {
        if self.tables.settings.read_for_owner(business_id, clock::now()).await?.url.is_none() {
            return Err(UseCaseError::NoUrl);
        }
        let until = Instant::now() + USE_CASE_LASTS;
        let mut resent = Resent::default();
        let mut wanted = Wanted { status: Some(Status::Failed), limit: LISTED, ..Wanted::default() };
        loop {
            let listed = self.tables.deliveries.list(business_id, &wanted).await?;
            for some in listed.deliveries.chunks(AT_ONCE) {
                if Instant::now() > until {
                    return Ok(Resent { more: true, ..resent });
                }
                self.resend_some(business_id, some, &mut resent).await?;
            }
            wanted.after = listed.next;
            if wanted.after.is_none() {
                return Ok(resent);
            }
        }
    }

    async fn resend_some(
        self: &Arc<Self>,
        business_id: &BusinessId,
        some: &[Summary],
        resent: &mut Resent,
    ) -> Result<(), UseCaseError> {
        let mut sending = JoinSet::new();
        for event_id in some.iter().map(|summary| summary.event_id.clone()) {
            let (owners, business_id) = (Arc::clone(self), business_id.clone());
            sending.spawn(async move { owners.send_again(&business_id, &event_id, Some(Status::Failed)).await });
        }
        for sent in sending.join_all().await {
            match sent {
                Ok(Some(_)) => resent.count += 1,
                // Somebody else was faster.
                Ok(None) => {}
                Err(UseCaseError::NotKept | UseCaseError::NotFound) => resent.not_kept += 1,
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}

fn outlook(owned: &OwnerSettings, now: Timestamp) -> Sending {
    match owned.here(now).state {
        State::Active { .. } => Sending::Now,
        State::Failing { .. } | State::Paused { .. } => Sending::Waits,
    }
}

/// Whether an event's next attempt is long overdue. Most likely the event's message is gone: faults of this system can use up
/// a message's receives, and then nothing is left that could say so in the ledger. An event whose endpoint is at capacity may
/// look the same; sending that event again only brings it forward.
pub(crate) fn is_overdue(summary: &Summary, now: Timestamp) -> bool {
    summary.status == Status::Retrying && summary.next_attempt_at.is_some_and(|next| now > next + OVERDUE_AFTER)
}

/// Whether an event needs a message. One that is tried again has one with its own schedule, and would get another at each
/// press of the button: so it gets one if its next attempt is far, which is noted then, so that the next press finds it
/// near.
fn has_to_be_sent(summary: &Summary, now: Timestamp) -> bool {
    let is_near = summary.next_attempt_at.is_some_and(|next| next <= now + NEAR);
    summary.status != Status::Retrying || !is_near || is_overdue(summary, now)
}
