//! What a message says, done: an event delivered, a kept one fetched and delivered, a replay carried on.
//!
//! Nothing here waits for a retry: a message that is to come back is given its delay and handed back. A receiver's
//! failure is an ordinary outcome; only a fault of ours is an error.

use std::time::Duration;

use adapters::attempter::Attempter;
use adapters::body::Compressor;
use adapters::deliveries_table::Retention;
use adapters::notices::Notices;
use adapters::process::clock;
use adapters::queue::{Queues, Reason};
use adapters::secret::SecretSource;
use adapters::tables::Tables;
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::Trigger;
use domain::event::{BusinessId, Event, EventId};
use domain::request::signature::InternalSecret;
use domain::schedule::Schedule;
use tokio::time::Instant;

use crate::fate::UNATTEMPTED;
use crate::message::{Content, Message};
use crate::report;

/// How long our own reads and writes around an attempt may take; what is left must suffice for the attempt.
pub(crate) const OUR_OWN_TIME: Duration = Duration::from_secs(5);

/// What is said of a reference that is set aside.
pub(crate) const NOT_KEPT: &str = "the ledger does not have the event that this refers to";

/// What becomes of a message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It is deleted.
    Acknowledge,
    /// It comes back, or goes to the dead-letter queue if it has been received too often.
    Return,
}

/// What every delivery needs; made once per process.
pub(crate) struct Deliver {
    pub(crate) tables: Tables,
    pub(crate) internal_secret: SecretSource<InternalSecret>,
    pub(crate) attempter: Attempter,
    pub(crate) attempt_timeout: Duration,
    pub(crate) queues: Queues,
    pub(crate) notices: Notices,
    pub(crate) schedule: Schedule,
    pub(crate) compressor: Compressor,
    pub(crate) retention: Retention,
}

/// One event and the message that brings it.
pub(crate) struct Delivery<'a> {
    pub(crate) message: &'a Message,
    pub(crate) event: &'a Event,
    /// When it was first published.
    pub(crate) occurred: Timestamp,
    pub(crate) trigger: Trigger,
    /// When the owner asked that it be sent again, if that is what brings it.
    pub(crate) resend: Option<Timestamp>,
    /// The number of this attempt on its schedule, from 1.
    pub(crate) number: u32,
    /// When the message must have been answered for.
    pub(crate) deadline: Instant,
}

impl Deliver {
    /// Does what one message says, or says that it must come back.
    pub(crate) async fn message(&self, message: &Message, content: Content, deadline: Instant) -> Disposition {
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
                    occurred: message.sent.unwrap_or_else(clock::now),
                    trigger: Trigger::Message,
                    resend: None,
                    number: message.receive_count,
                    deadline,
                };
                let action = self.run_delivery(&delivery).await.action;
                self.follow(message, event.business_id(), action).await
            }
            Content::Command(Command::Deliver { business_id, event_id, resend, at_once }) => {
                self.kept(message, (&business_id, &event_id), (resend, at_once), deadline).await
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

    /// Whether an attempt that begins now ends before the invocation does.
    pub(crate) fn has_time(&self, deadline: Instant) -> bool {
        Instant::now() + self.attempt_timeout + OUR_OWN_TIME <= deadline
    }

    /// The last moment at which an attempt may begin.
    pub(crate) fn latest_begin(&self, deadline: Instant) -> Instant {
        deadline.checked_sub(self.attempt_timeout + OUR_OWN_TIME).unwrap_or_else(Instant::now)
    }

    async fn kept(
        &self,
        message: &Message,
        (business_id, event_id): (&BusinessId, &EventId),
        (resend, at_once): (Option<Timestamp>, bool),
        deadline: Instant,
    ) -> Disposition {
        match self.tables.deliveries.stored_event(business_id, event_id).await {
            Ok(Some(kept)) => {
                // A message can be delayed for 15 minutes at most when it is sent; the rest is waited for here.
                if let Some(at) = kept.next_attempt.filter(|at| resend.is_none() && !at_once && is_early(*at)) {
                    return self.reference_later(message, business_id, event_id, at).await;
                }
                let delivery = Delivery {
                    message,
                    event: &kept.event,
                    occurred: kept.occurred,
                    trigger: match resend {
                        Some(_) => Trigger::Resend,
                        // Once it has come back it carries the probe like any other message.
                        None if at_once && message.receive_count == 1 => Trigger::Restart,
                        None => Trigger::Message,
                    },
                    resend,
                    number: message.receive_count,
                    deadline,
                };
                let action = self.run_delivery(&delivery).await.action;
                self.follow(message, business_id, action).await
            }
            Ok(None) => {
                report::not_kept(message, business_id, event_id);
                // One that is held would be found again and again.
                let abandoned =
                    self.tables.deliveries.abandon(business_id, event_id, self.retention, clock::now()).await;
                if let Err(error) = abandoned {
                    report::command_fault(message, business_id, &error.into());
                    return self.after_fault(message).await;
                }
                self.set_aside(message, Reason::NotKept, NOT_KEPT).await
            }
            Err(error) => {
                report::command_fault(message, business_id, &error.into());
                self.after_fault(message).await
            }
        }
    }
}

/// Whether an attempt is due only later; that a delay is whole seconds, and clocks differ a little, does not count.
fn is_early(next_attempt: Timestamp) -> bool {
    next_attempt > clock::now() + Duration::from_secs(5)
}
