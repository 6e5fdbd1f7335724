//! Handles one message by its content: delivers an event, fetches a stored event and delivers it, or does a replay's
//! step.
//!
//! No code here waits for a retry: a message that is to come back gets its delay and is returned to the queue. A
//! receiver's failure is an ordinary outcome; only a fault of this system or of AWS is an error.

use std::sync::Arc;
use std::time::Duration;

use adapters::attempter::Attempter;
use adapters::body::Compressor;
use adapters::deliveries_table::Retention;
use adapters::dynamodb::TableError;
use adapters::notices::Notices;
use adapters::process::clock;
use adapters::queue::{Queues, Reason};
use adapters::secret::SecretSource;
use adapters::tables::{ReadTogether, Tables};
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::Trigger;
use domain::event::{BusinessId, Event, EventId};
use domain::request::signature::InternalSecret;
use domain::request::traceparent::Traceparent;
use domain::schedule::Schedule;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use crate::message::{Content, Message};
use crate::message_action::UNATTEMPTED;
use crate::report;

/// How long the reads and writes around an attempt may take. The rest of the message's time must suffice for the
/// attempt.
pub(crate) const OUR_OWN_TIME: Duration = Duration::from_secs(5);

/// The attribute `detail` of a reference in the dead-letter queue.
pub(crate) const NOT_KEPT: &str = "the ledger does not have the event that this refers to";

/// The answer to SQS for one message of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The message is deleted.
    Acknowledge,
    /// The message comes back, or goes to the dead-letter queue if it has been received too often.
    Return,
}

/// Why a read for a whole batch gives nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReadTogether {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Late(#[from] Elapsed),
    #[error("the read panicked")]
    Panicked,
}

/// The clients and settings that every delivery needs, made once per process.
pub(crate) struct Deliver {
    pub(crate) tables: Tables,
    pub(crate) internal_secret: SecretSource<InternalSecret>,
    pub(crate) attempter: Attempter,
    pub(crate) attempt_timeout: Duration,
    pub(crate) queues: Queues,
    pub(crate) notices: Notices,
    pub(crate) schedule: Schedule,
    pub(crate) compressor: Compressor,
    /// How long the stack keeps a record. A business may have chosen fewer days.
    pub(crate) retention: Retention,
}

/// One event and the message that brings it.
pub(crate) struct Delivery<'a> {
    pub(crate) message: &'a Message,
    pub(crate) event: &'a Event,
    /// The publisher's place in a trace: the message's or, where a command brings the event, the record's.
    pub(crate) traceparent: Option<&'a Traceparent>,
    /// When the event was first published.
    pub(crate) occurred: Timestamp,
    pub(crate) trigger: Trigger,
    /// When the owner asked to send the event again. None: the owner's request does not bring it.
    pub(crate) resend: Option<Timestamp>,
    /// The number of this attempt on its schedule, from 1.
    pub(crate) number: u32,
    /// The read that was made for the whole batch, if it counts for this event.
    pub(crate) read: Option<&'a ReadTogether>,
    /// When the message must have been answered for.
    pub(crate) deadline: Instant,
}

impl Deliver {
    /// Reads for all events of a batch what each delivery begins with, in one round trip.
    ///
    /// None: there is no event, no time for an attempt, or the read failed, panicked or took too long. Each delivery then
    /// reads for itself.
    pub(crate) async fn read_together(
        self: &Arc<Self>,
        events: Vec<(BusinessId, EventId)>,
        deadline: Instant,
    ) -> Option<ReadTogether> {
        if events.is_empty() || !self.has_time(deadline) {
            return None;
        }
        // At the same time the internal secret is fetched, for the attempts that most likely follow. They wait for the
        // fetch where it takes longer than the read.
        let deliver = Arc::clone(self);
        tokio::spawn(async move { deliver.internal_secret.get().await.map(drop) });
        let deliver = Arc::clone(self);
        // The future is large, and would be copied on its way into the task.
        let read = Box::pin(async move {
            let events = events.iter().map(|(business_id, event_id)| (business_id, event_id));
            deliver.tables.read_together(events).await
        });
        as_a_task(read).await.inspect_err(report::not_read_together).ok()
    }

    /// Handles one message.
    pub(crate) async fn handle(
        &self,
        message: &Message,
        content: Content,
        read: Option<&ReadTogether>,
        deadline: Instant,
    ) -> Disposition {
        if !self.has_time(deadline) {
            report::no_time(message);
            return match content {
                Content::Command(Command::Replay { .. }) => self.step_later(message, UNATTEMPTED).await,
                content => self.unattempted(message, content.business_id()).await,
            };
        }
        match content {
            Content::Event(event) => {
                let delivery = Delivery {
                    message,
                    event: &event,
                    traceparent: message.trace.traceparent(),
                    occurred: message.sent.unwrap_or_else(clock::now),
                    trigger: Trigger::Message,
                    resend: None,
                    number: message.receive_count,
                    read,
                    deadline,
                };
                let action = self.run_delivery(&delivery).await.action;
                self.apply(message, event.business_id(), action).await
            }
            Content::Command(Command::Deliver { business_id, event_id, resend, at_once }) => {
                self.deliver_stored(message, (&business_id, &event_id), (resend, at_once), deadline).await
            }
            Content::Command(Command::Replay { business_id, replay, step }) => {
                self.run_replay(message, &business_id, (replay, step), deadline).await
            }
            Content::Malformed(detail) => {
                report::malformed(message, &detail);
                self.set_aside(message, Reason::Malformed, &detail).await
            }
        }
    }

    /// Whether an attempt that begins now ends before `deadline`.
    pub(crate) fn has_time(&self, deadline: Instant) -> bool {
        Instant::now() + self.attempt_timeout + OUR_OWN_TIME <= deadline
    }

    /// Gives the last moment at which an attempt may begin.
    pub(crate) fn latest_begin(&self, deadline: Instant) -> Instant {
        deadline.checked_sub(self.attempt_timeout + OUR_OWN_TIME).unwrap_or_else(Instant::now)
    }

    /// Delivers an event that the ledger has stored, for a command that refers to it.
    async fn deliver_stored(
        &self,
        message: &Message,
        (business_id, event_id): (&BusinessId, &EventId),
        (resend, at_once): (Option<Timestamp>, bool),
        deadline: Instant,
    ) -> Disposition {
        match self.tables.deliveries.stored_event(business_id, event_id).await {
            Ok(Some(kept)) => {
                // SQS delays a message for at most 15 minutes when it is sent. The rest of a longer delay is waited for
                // here.
                if let Some(at) = kept.next_attempt.filter(|at| resend.is_none() && !at_once && is_early(*at)) {
                    return self.reference_later(message, business_id, event_id, at).await;
                }
                let delivery = Delivery {
                    message,
                    event: &kept.event,
                    traceparent: kept.traceparent.as_ref(),
                    occurred: kept.occurred,
                    trigger: match resend {
                        Some(_) => Trigger::Resend,
                        // After it has come back, the message carries the probe like any other message.
                        None if at_once && message.receive_count == 1 => Trigger::Restart,
                        None => Trigger::Message,
                    },
                    resend,
                    number: message.receive_count,
                    read: None,
                    deadline,
                };
                let action = self.run_delivery(&delivery).await.action;
                self.apply(message, business_id, action).await
            }
            Ok(None) => {
                report::not_kept(message, business_id, event_id);
                // If the event stayed held, `sweep` would find it again and again.
                if let Err(error) = self.abandon(business_id, event_id).await {
                    report::command_fault(message, business_id, &error.into());
                    return self.after_fault(message, Some(business_id)).await;
                }
                self.set_aside(message, Reason::NotKept, NOT_KEPT).await
            }
            Err(error) => {
                report::command_fault(message, business_id, &error.into());
                self.after_fault(message, Some(business_id)).await
            }
        }
    }

    /// Gives up an event whose body the ledger does not have. The settings are read for it, since the record is to expire
    /// when its business wants; if they cannot be read, the record is kept for as long as the stack keeps records.
    pub(crate) async fn abandon(&self, business_id: &BusinessId, event_id: &EventId) -> Result<(), TableError> {
        let read = self.tables.read_settings(business_id, clock::now()).await;
        let retention = self.retention.of_business(read.ok().and_then(|item| item.settings.retention_days));
        self.tables.deliveries.abandon(business_id, event_id, retention, clock::now()).await
    }
}

/// Whether an attempt is due only later. Five seconds do not count: delays are whole seconds, and clocks differ a
/// little.
fn is_early(next_attempt: Timestamp) -> bool {
    next_attempt > clock::now() + Duration::from_secs(5)
}

/// Runs a read for a whole batch as a task of its own, so that a panic costs the batch this read alone.
async fn as_a_task<R: Send + 'static>(
    read: impl Future<Output = Result<R, TableError>> + Send + 'static,
) -> Result<R, NotReadTogether> {
    match tokio::spawn(timeout(ReadTogether::COUNTS_FOR, read)).await {
        Ok(read) => Ok(read??),
        Err(_panic) => Err(NotReadTogether::Panicked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_read_for_a_whole_batch_is_an_error_of_that_read() {
        assert_eq!(as_a_task(async { Ok(7) }).await.ok(), Some(7));
        let panicked = as_a_task(async { panic!("a bug") as Result<(), TableError> }).await;
        assert!(matches!(panicked, Err(NotReadTogether::Panicked)));
    }
}
