//! What becomes of a message in the queue: it is deleted, it comes back at a time, or another takes its place.

use std::time::Duration;

use adapters::process::clock;
use adapters::queue::Reason;
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::MessageAction;
use domain::event::{BusinessId, EventId};

use crate::delivery::{Deliver, Disposition};
use crate::message::Message;
use crate::report;

/// When a message comes back for which there was no time or no place, the first time; it grows by as much each time, and
/// up to as much is added by chance, so that those that came together do not come back together.
pub(crate) const UNATTEMPTED: Duration = Duration::from_secs(5);

/// So many receives a message may use up, attempts included, before it is sent anew rather than returned.
const RECEIVES_BEFORE_SENT_ANEW: u32 = 3;

impl Deliver {
    pub(crate) async fn follow(
        &self,
        message: &Message,
        business_id: &BusinessId,
        action: MessageAction,
    ) -> Disposition {
        match action {
            MessageAction::Acknowledge(_) => Disposition::Acknowledge,
            MessageAction::ReturnAt(at) => self.return_after(message, from_now(at)).await,
            // It comes back only for the queue to move it to the dead-letter queue.
            MessageAction::ReturnSpent => self.return_after(message, Duration::ZERO).await,
            MessageAction::ReturnUnattempted => self.unattempted(message, Some(business_id)).await,
            MessageAction::ReturnAfterFault => self.after_fault(message).await,
        }
    }

    /// What there was no time or no place for was not attempted, and must not end in the dead-letter queue for it, nor lose
    /// more than a few attempts: once so many receives are used up, it is sent anew, and has all of them again.
    pub(crate) async fn unattempted(&self, message: &Message, business_id: Option<&BusinessId>) -> Disposition {
        let times = message.receive_count.min(RECEIVES_BEFORE_SENT_ANEW + 1);
        let delay = UNATTEMPTED * times + UNATTEMPTED.mul_f64(fastrand::f64());
        if times > RECEIVES_BEFORE_SENT_ANEW || self.is_last_receive(message) {
            let since = message.at_capacity_since.unwrap_or_else(clock::now);
            match self.queues.send_again(&message.body, business_id, message.sent, since, delay).await {
                Ok(()) => return Disposition::Acknowledge,
                Err(error) => report::not_rescheduled(message, &error),
            }
        }
        self.return_after(message, delay).await
    }

    /// A reference to an event whose time has not come. At its last receive the message would go to the dead-letter queue
    /// instead, so another one takes its place.
    pub(crate) async fn reference_later(
        &self,
        message: &Message,
        business_id: &BusinessId,
        event_id: &EventId,
        at: Timestamp,
    ) -> Disposition {
        if !self.is_last_receive(message) {
            return self.return_after(message, from_now(at)).await;
        }
        let command = Command::Deliver {
            business_id: business_id.clone(),
            event_id: event_id.clone(),
            resend: None,
            at_once: false,
        };
        match self.queues.send(&command, from_now(at)).await {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                report::command_fault(message, business_id, &error.into());
                Disposition::Return
            }
        }
    }

    /// A replay's message that cannot be used now. At its last receive it is deleted: in the dead-letter queue it would
    /// carry nothing on, and `sweep` sends another.
    pub(crate) async fn step_later(&self, message: &Message, delay: Duration) -> Disposition {
        if self.is_last_receive(message) {
            return Disposition::Acknowledge;
        }
        self.return_after(message, delay).await
    }

    fn is_last_receive(&self, message: &Message) -> bool {
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

    async fn return_after(&self, message: &Message, delay: Duration) -> Disposition {
        if let Err(error) = self.queues.return_after(&message.receipt_handle, delay).await {
            report::not_rescheduled(message, &error);
        }
        Disposition::Return
    }

    /// What no attempt can help would fail in the same way every time, so it goes to the dead-letter queue at once.
    pub(crate) async fn set_aside(&self, message: &Message, reason: Reason, detail: &str) -> Disposition {
        match self.queues.copy_to_dead_letters(&message.body, reason, detail).await {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                report::not_copied(message, reason, &error);
                self.after_fault(message).await
            }
        }
    }
}

/// How long until then, in whole seconds, since that is what the queue can wait; none if it has passed.
pub(crate) fn from_now(at: Timestamp) -> Duration {
    let wait = Duration::try_from(at.duration_since(clock::now())).unwrap_or_default();
    Duration::from_secs_f64(wait.as_secs_f64().ceil())
}
