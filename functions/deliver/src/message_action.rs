//! Applies a delivery's [`MessageAction`] to the queue: the message is deleted, comes back at a time, or is replaced by
//! another message.

use std::time::Duration;

use adapters::process::clock;
use adapters::queue::{Reason, has_room_for_at_capacity_since};
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::MessageAction;
use domain::event::{BusinessId, EventId};
use domain::schedule::AfterFault;

use crate::handle_message::{Deliver, Disposition};
use crate::message::Message;
use crate::report;

/// The delay of a message that comes back without an attempt, after its first receive. The delay grows by as much with
/// each receive, and up to as much is added at random, so that messages that came together do not come back together.
pub(crate) const UNATTEMPTED: Duration = Duration::from_secs(5);

/// How many receives a message may use up, attempts included. After that the message is sent anew instead of returned.
const RECEIVES_BEFORE_SENT_ANEW: u32 = 3;

impl Deliver {
    pub(crate) async fn apply(
        &self,
        message: &Message,
        business_id: &BusinessId,
        action: MessageAction,
    ) -> Disposition {
        match action {
            MessageAction::Acknowledge(_) => Disposition::Acknowledge,
            MessageAction::ReturnAt(at) => self.return_after(message, from_now(at)).await,
            // The message comes back only so that SQS moves it to the dead-letter queue.
            MessageAction::ReturnSpent => self.return_after(message, Duration::ZERO).await,
            MessageAction::ReturnUnattempted => self.unattempted(message, Some(business_id)).await,
            MessageAction::ReturnAfterFault => self.after_fault(message, Some(business_id)).await,
        }
    }

    /// Returns a message that was not attempted, because the invocation had no time left or the endpoint was at
    /// capacity. Such a message must not end in the dead-letter queue for that, nor lose more than a few attempts:
    /// after [`RECEIVES_BEFORE_SENT_ANEW`] receives it is sent anew, and its receives are counted from the beginning.
    pub(crate) async fn unattempted(&self, message: &Message, business_id: Option<&BusinessId>) -> Disposition {
        let times = message.receive_count.min(RECEIVES_BEFORE_SENT_ANEW + 1);
        let delay = UNATTEMPTED * times + UNATTEMPTED.mul_f64(fastrand::f64());
        if times > RECEIVES_BEFORE_SENT_ANEW || self.is_last_receive(message) {
            let since = message.at_capacity_since.unwrap_or_else(clock::now);
            if self.send_anew(message, business_id, Some(since), delay).await {
                return Disposition::Acknowledge;
            }
        }
        self.return_after(message, delay).await
    }

    /// Returns a command to deliver an event whose time has not come. After its last receive the message would go to
    /// the dead-letter queue instead of coming back, so a new message takes its place.
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

    /// Returns a replay's message whose step cannot be done now. After its last receive the message is deleted instead:
    /// in the dead-letter queue it would be of no use, and `sweep` sends another.
    pub(crate) async fn step_later(&self, message: &Message, delay: Duration) -> Disposition {
        if self.is_last_receive(message) {
            return Disposition::Acknowledge;
        }
        self.return_after(message, delay).await
    }

    fn is_last_receive(&self, message: &Message) -> bool {
        message.receive_count >= self.schedule.max_attempts()
    }

    /// Returns a message after a fault, by the event's schedule: an outage may last longer than all receives at the
    /// queue's own visibility timeout would. After a few hours the message is sent anew, so that an outage uses up no
    /// event's receives ([`domain::schedule::Schedule::after_fault`]). If SQS itself is down, the message comes back
    /// after its visibility timeout.
    pub(crate) async fn after_fault(&self, message: &Message, business_id: Option<&BusinessId>) -> Disposition {
        let age = message.sent.and_then(|sent| Duration::try_from(clock::now().duration_since(sent)).ok());
        // A message without room for the time at which it was first sent would never grow old.
        let age = age.filter(|_| has_room_for_at_capacity_since(&message.body)).unwrap_or(Duration::MAX);
        match self.schedule.after_fault(message.receive_count, age, fastrand::f64()) {
            AfterFault::ReturnsAfter(delay) => self.return_after(message, delay).await,
            AfterFault::IsSentAnew(delay) => {
                if self.send_anew(message, business_id, message.at_capacity_since, delay).await {
                    return Disposition::Acknowledge;
                }
                let delay = self.schedule.delay_after(message.receive_count, None, fastrand::f64());
                self.return_after(message, delay.unwrap_or_default()).await
            }
            AfterFault::IsSpent => Disposition::Return,
        }
    }

    /// Sends a message anew, so that its receives are counted from the beginning. Returns whether SQS has taken it.
    async fn send_anew(
        &self,
        message: &Message,
        business_id: Option<&BusinessId>,
        at_capacity_since: Option<Timestamp>,
        delay: Duration,
    ) -> bool {
        let (sent, traceparent) = (message.sent, message.trace.traceparent());
        let sending =
            self.queues.send_again(&message.body, business_id, sent, at_capacity_since, traceparent, delay).await;
        sending.inspect_err(|error| report::not_rescheduled(message, error)).is_ok()
    }

    async fn return_after(&self, message: &Message, delay: Duration) -> Disposition {
        if let Err(error) = self.queues.return_after(&message.receipt_handle, delay).await {
            report::not_rescheduled(message, &error);
        }
        Disposition::Return
    }

    /// Copies a message to the dead-letter queue and deletes it, because it would fail in the same way every time.
    pub(crate) async fn set_aside(&self, message: &Message, reason: Reason, detail: &str) -> Disposition {
        match self.queues.copy_to_dead_letters(&message.body, reason, detail, message.trace.traceparent()).await {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                report::not_copied(message, reason, &error);
                self.after_fault(message, None).await
            }
        }
    }
}

/// Gives the time until `at` in whole seconds, the unit in which SQS waits; zero if `at` has passed.
pub(crate) fn from_now(at: Timestamp) -> Duration {
    let wait = Duration::try_from(at.duration_since(clock::now())).unwrap_or_default();
    Duration::from_secs_f64(wait.as_secs_f64().ceil())
}
