//! What a message says, done: an event delivered, a kept one fetched and delivered, a release carried on.
//!
//! Nothing here waits for a retry: a message that is to come back is given its delay and handed back. A receiver's
//! failure is an ordinary outcome; only a fault of ours is an error, and then the message comes back by itself.

use std::time::Duration;

use adapters::attempter::Attempter;
use adapters::body::Compressor;
use adapters::notices::{NoticeError, Notices};
use adapters::process::clock;
use adapters::queue::{QueueError, Queues, Reason};
use adapters::secret::{SecretError, SecretSource};
use adapters::tables::{Retention, TableError, Tables};
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::{End, Vehicle};
use domain::event::{BusinessId, Event, EventId};
use domain::request::signature::InternalSecret;
use domain::schedule::Schedule;
use tokio::time::Instant;

use crate::message::{Content, Message};
use crate::report;

/// How long our own reads and writes around an attempt may take; what is left must suffice for the attempt.
pub(crate) const OUR_OWN_TIME: Duration = Duration::from_secs(5);

/// When a message comes back for which there was no time or no place, the first time; it grows by as much each time, and
/// up to as much is added by chance, so that those that came together do not come back together.
pub(crate) const CROWDED: Duration = Duration::from_secs(5);

/// So many receives a message may use up, attempts included, before it is sent anew rather than returned.
const RETURNS: u32 = 3;

/// When a message comes back whose endpoint's state has just changed.
const NOW: Duration = Duration::from_secs(1);

/// When a message comes back that has something left to store or to tell.
const SOON: Duration = Duration::from_secs(30);

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

/// A fault of ours, which says nothing about the receiver.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
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
    pub(crate) vehicle: Vehicle,
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
            report::crowded(message);
            return match content {
                // The release knows its token by the message's id: it stays the same message as long as it can.
                Content::Command(Command::Release { business_id, run, step, holder }) => {
                    self.release_later(message, &business_id, (run, step, holder.as_deref()), CROWDED).await
                }
                content => self.crowded(message, content.business_id()).await,
            };
        }
        match content {
            Content::Event(event) => {
                let occurred = message.sent.unwrap_or_else(clock::now);
                let delivery = Delivery {
                    message,
                    event: &event,
                    occurred,
                    vehicle: Vehicle::Message,
                    resend: None,
                    number: message.receive_count,
                    deadline,
                };
                let end = self.carry(&delivery).await.end;
                self.follow(&delivery, end).await
            }
            Content::Command(Command::Deliver { business_id, event_id, resend }) => {
                self.kept(message, &business_id, &event_id, resend, deadline).await
            }
            Content::Command(Command::Release { business_id, run, step, holder }) => {
                self.release(message, &business_id, (run, step, holder.as_deref()), deadline).await
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
        business_id: &BusinessId,
        event_id: &EventId,
        resend: Option<Timestamp>,
        deadline: Instant,
    ) -> Disposition {
        match self.tables.kept(business_id, event_id).await {
            Ok(Some(kept)) => {
                let delivery = Delivery {
                    message,
                    event: &kept.event,
                    occurred: kept.occurred,
                    vehicle: if resend.is_some() { Vehicle::Resend } else { Vehicle::Message },
                    resend,
                    number: message.receive_count,
                    deadline,
                };
                // A message can be delayed for 15 minutes at most when it is sent; the rest is waited for here.
                if let Some(at) = kept.next_attempt.filter(|at| resend.is_none() && is_early(*at)) {
                    return self.come_back(&delivery, from_now(at)).await;
                }
                let end = self.carry(&delivery).await.end;
                self.follow(&delivery, end).await
            }
            Ok(None) => {
                report::not_kept(message, business_id, event_id);
                self.set_aside(message, Reason::NotKept, NOT_KEPT).await
            }
            Err(error) => {
                report::command_fault(message, business_id, &error.into());
                self.after_fault(message).await
            }
        }
    }

    async fn follow(&self, delivery: &Delivery<'_>, end: End) -> Disposition {
        let message = delivery.message;
        match end {
            End::Acknowledge(_) => Disposition::Acknowledge,
            End::ReturnAt(at) => self.return_at(message, at).await,
            End::ReturnNow => self.come_back(delivery, NOW).await,
            // It comes back only for the queue to move it to the dead-letter queue.
            End::ReturnSpent => self.return_after(message, Duration::ZERO).await,
            End::Crowded => self.crowded(message, Some(delivery.event.business_id())).await,
            End::Fault => self.after_fault(message).await,
            End::Unfinished => self.come_back(delivery, SOON).await,
        }
    }

    /// An event whose way is not over comes back, without an attempt of its own having failed. At its last receive the
    /// message would go to the dead-letter queue instead, so another one takes its place, which refers to the event if the
    /// ledger can keep that.
    async fn come_back(&self, delivery: &Delivery<'_>, delay: Duration) -> Disposition {
        if !self.is_last_receive(delivery.message) {
            return self.return_after(delivery.message, delay).await;
        }
        let (business_id, event_id) = (delivery.event.business_id().clone(), delivery.event.id().clone());
        let sent = if self.compressor.can_keep(delivery.event.body()) {
            let command = Command::Deliver { business_id, event_id, resend: delivery.resend };
            self.queues.send(&command, delay).await
        } else {
            let Message { body, sent, crowded_since, .. } = delivery.message;
            self.queues.send_again(body, Some(&business_id), *sent, *crowded_since, delay).await
        };
        match sent {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                report::fault(delivery, &error.into());
                Disposition::Return
            }
        }
    }

    /// What there was no time or no place for was not attempted, and must not end in the dead-letter queue for it, nor lose
    /// more than a few attempts: once so many receives are used up, it is sent anew, and has all of them again.
    async fn crowded(&self, message: &Message, business_id: Option<&BusinessId>) -> Disposition {
        let times = message.receive_count.min(RETURNS + 1);
        let delay = CROWDED * times + CROWDED.mul_f64(fastrand::f64());
        if times > RETURNS || self.is_last_receive(message) {
            let since = Some(message.crowded_since.unwrap_or_else(clock::now));
            match self.queues.send_again(&message.body, business_id, message.sent, since, delay).await {
                Ok(()) => return Disposition::Acknowledge,
                Err(error) => report::not_rescheduled(message, &error),
            }
        }
        self.return_after(message, delay).await
    }

    pub(crate) fn is_last_receive(&self, message: &Message) -> bool {
        message.receive_count >= self.schedule.max_attempts()
    }

    /// A message that a fault of ours keeps from being done comes back by the schedule too, since an outage of ours may
    /// outlast what the queue's own visibility timeout has in store. After the last attempt, or if the queue is what is
    /// down, it comes back by itself.
    pub(crate) async fn after_fault(&self, message: &Message) -> Disposition {
        match self.schedule.delay_after(message.receive_count, None, fastrand::f64()) {
            Some(delay) => self.return_after(message, delay).await,
            None => Disposition::Return,
        }
    }

    pub(crate) async fn return_at(&self, message: &Message, at: Timestamp) -> Disposition {
        self.return_after(message, from_now(at)).await
    }

    pub(crate) async fn return_after(&self, message: &Message, delay: Duration) -> Disposition {
        if let Err(error) = self.queues.return_after(&message.receipt_handle, delay).await {
            report::not_rescheduled(message, &error);
        }
        Disposition::Return
    }

    /// What no attempt can help would fail in the same way every time, so it goes to the dead-letter queue at once.
    async fn set_aside(&self, message: &Message, reason: Reason, detail: &str) -> Disposition {
        match self.queues.copy_to_dead_letters(&message.body, reason, detail).await {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                report::not_copied(message, reason, &error);
                self.after_fault(message).await
            }
        }
    }
}

/// Whether an attempt is due only later; that a delay is whole seconds, and clocks differ a little, does not count.
fn is_early(next_attempt: Timestamp) -> bool {
    next_attempt > clock::now() + Duration::from_secs(5)
}

/// How long until then, in whole seconds, since that is what the queue can wait; none if it has passed.
pub(crate) fn from_now(at: Timestamp) -> Duration {
    let wait = Duration::try_from(at.duration_since(clock::now())).unwrap_or_default();
    Duration::from_secs_f64(wait.as_secs_f64().ceil())
}
