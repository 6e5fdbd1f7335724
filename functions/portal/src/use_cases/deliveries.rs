//! Reads the delivery log, and sends events again.

use std::time::Duration;

use adapters::deliveries_table::{Details, HELD_COUNTED, Listed, Status, Summary, Wanted};
use adapters::dynamodb::Written;
use adapters::process::clock;
use adapters::settings_table::OwnerSettings;
use domain::Timestamp;
use domain::command::Command;
use domain::endpoint::State;
use domain::event::{BusinessId, EventId};
use domain::summary::Summary as SummaryOfDays;

use super::{ReplayView, UseCaseError, UseCases};
use crate::report;

/// How many days a summary has if the request names no number.
pub(crate) const SUMMARY_DAYS: u8 = 14;

/// An event whose next attempt is this near is not sent again beside that attempt.
const NEAR: Duration = Duration::from_mins(1);

/// How long the ledger may take for a mark before the message arrives.
const NOTED_WITHIN: Duration = Duration::from_secs(1);

/// An attempt that is this late counts as lost: two visibility timeouts of the events queue, of six minutes each. A
/// message that a crash kept back has returned by then.
const OVERDUE_AFTER: Duration = Duration::from_mins(12);

/// Whether an event that is sent again goes out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// The event is on its way.
    Now,
    /// The event is held with the others, since its endpoint is failing or paused.
    Waits,
}

/// The result of sending many events again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resent {
    /// How many events are sent, as far as they were counted.
    pub(crate) count: u64,
    /// Whether there are more than were counted.
    pub(crate) more: bool,
    /// The replay that sends the events. None: no event waits.
    pub(crate) replay: Option<ReplayView>,
}

impl UseCases {
    /// Reads a part of the log.
    pub(crate) async fn list(&self, business_id: &BusinessId, wanted: &Wanted) -> Result<Listed, UseCaseError> {
        Ok(self.tables.deliveries.list(business_id, wanted).await?)
    }

    /// Counts the deliveries of the last days.
    pub(crate) async fn summary(&self, business_id: &BusinessId, days: u8) -> Result<SummaryOfDays, UseCaseError> {
        Ok(self.tables.deliveries.summary(business_id, days, clock::now()).await?)
    }

    /// Reads one delivery.
    pub(crate) async fn delivery(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Details, UseCaseError> {
        self.tables.deliveries.details(business_id, event_id).await?.ok_or(UseCaseError::NotFound)
    }

    /// Sends one event again, whatever its status.
    pub(crate) async fn resend(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Sending, UseCaseError> {
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
        if has_to_be_sent(&summary, now) {
            // Only a delivered event is sent although it is delivered. For any other event, a message that delivers
            // first makes this one a duplicate.
            let resend = (summary.status == Status::Delivered).then_some(now);
            if resend.is_some()
                && self.tables.deliveries.mark_resend(business_id, event_id, now).await? == Written::ConditionFailed
            {
                // The resend was asked for a moment ago; two presses of the button are one.
                return Ok(outlook(&owned, now));
            }
            let command = Command::Deliver {
                business_id: business_id.clone(),
                event_id: event_id.clone(),
                resend,
                at_once: false,
            };
            // A message that comes before the event's next attempt goes back until then. So the mark has to be stored
            // before the message comes.
            let delay = if summary.status == Status::Retrying { NOTED_WITHIN } else { Duration::ZERO };
            if let Err(error) = self.commands.send(&command, delay).await {
                // The next press of the button would otherwise find the mark, and send nothing.
                if let Some(asked_at) = resend {
                    self.tables.deliveries.unmark_resend(business_id, event_id, asked_at).await?;
                }
                return Err(error.into());
            }
            report::resent(business_id, event_id);
            if matches!(summary.status, Status::Failed | Status::Retrying) {
                // After the message is sent: a mark without a message would leave the event waiting for nothing.
                self.tables.deliveries.mark_retrying(business_id, &summary, now).await?;
            }
        }
        Ok(outlook(&owned, now))
    }

    /// Sends all held events, in the order in which they happened.
    pub(crate) async fn replay_held(&self, business_id: &BusinessId) -> Result<Resent, UseCaseError> {
        let held = self.tables.deliveries.count_held(business_id).await?;
        self.resume(business_id).await?;
        let owned = self.tables.settings.read_for_owner(business_id, clock::now()).await?;
        let replay = self.held_replay(business_id, &owned.here(clock::now()), held).await?;
        Ok(Resent { count: held, more: held == HELD_COUNTED, replay })
    }
}

fn outlook(owned: &OwnerSettings, now: Timestamp) -> Sending {
    match owned.here(now).state {
        State::Active { .. } => Sending::Now,
        State::Failing { .. } | State::Paused { .. } => Sending::Waits,
    }
}

/// Whether an event's next attempt is long overdue. Most likely the event's message is gone: faults of this system can
/// use up a message's receives, and then nothing is left that could say so in the ledger. An event whose endpoint is at
/// capacity may look the same; sending that event again only brings it forward.
pub(crate) fn is_overdue(summary: &Summary, now: Timestamp) -> bool {
    summary.status == Status::Retrying && summary.next_attempt_at.is_some_and(|next| now > next + OVERDUE_AFTER)
}

/// Whether an event needs a message. A retrying event has a message with its own schedule, and would get another at
/// each press of the button. So it gets one only if its next attempt is far; the record is then marked, and the next
/// press finds the attempt near.
fn has_to_be_sent(summary: &Summary, now: Timestamp) -> bool {
    let is_near = summary.next_attempt_at.is_some_and(|next| next <= now + NEAR);
    summary.status != Status::Retrying || !is_near || is_overdue(summary, now)
}
