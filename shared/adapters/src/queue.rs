//! The two queues as deliveries use them: messages come back after a delay, commands are sent, and a message that no
//! attempt can help is copied to the dead-letter queue.
//!
//! This module does not move an event whose schedule is spent to the dead-letter queue. The redrive policy of the
//! events queue does that.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use aws_types::SdkConfig;
use jiff::Timestamp;

use domain::command::Command;
use domain::event::BusinessId;
use domain::request::traceparent::Traceparent;
use publish::{MAX_MESSAGE_BYTES, attribute_bytes, message_group};

use crate::lazy::Lazy;

/// The longest delay with which a message can be sent: 15 minutes (Amazon SQS quotas).
const MAX_DELAY: Duration = Duration::from_mins(15);

/// An attribute of a message that was sent anew: the time at which the message was first sent, in Unix milliseconds.
pub const FIRST_SENT: &str = "first_sent";

/// Another attribute of such a message, in Unix milliseconds: the time since which no invocation has had time for the
/// message, or its endpoint has been at capacity.
pub const AT_CAPACITY_SINCE: &str = "at_capacity_since";

/// The data type of an attribute that is text.
const TEXT: &str = "String";

/// The data type of an attribute that is a number.
const NUMBER: &str = "Number";

/// Whether a message with this body can be sent anew with [`AT_CAPACITY_SINCE`], a number of 13 digits, within SQS's
/// limit.
#[must_use]
pub fn has_room_for_at_capacity_since(body: &str) -> bool {
    body.len() + attribute_bytes(AT_CAPACITY_SINCE, NUMBER, "1750000000000") <= MAX_MESSAGE_BYTES
}

/// The reason why a message is copied to the dead-letter queue. The copy's attribute `reason` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The message is not an event, and would not be an event the next time either.
    Malformed,
    /// The message refers to an event whose body the ledger does not have.
    NotKept,
}

impl Reason {
    /// Gives the reason's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotKept => "not_kept",
        }
    }
}

/// A fault of this system or of AWS: SQS did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not answer")]
pub struct QueueError(#[source] Box<aws_sdk_sqs::Error>);

/// The events queue, for the commands that the system sends to itself.
#[derive(Clone, Debug)]
pub struct Commands {
    client: Lazy<Client>,
    events_url: String,
}

impl Commands {
    /// Gives the events queue with this URL.
    #[must_use]
    pub fn new(sdk: &SdkConfig, events_url: String) -> Self {
        Self { client: Lazy::new(sdk, Client::new), events_url }
    }

    /// Sends a command that arrives after `delay`, in whole seconds, up to 15 minutes.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; the command may have been sent all the same.
    pub async fn send(&self, command: &Command, delay: Duration) -> Result<(), QueueError> {
        let seconds = i32::try_from(delay.min(MAX_DELAY).as_secs()).unwrap_or(i32::MAX);
        self.client
            .send_message()
            .queue_url(&self.events_url)
            .message_body(command.to_string())
            .message_group_id(message_group(command.business_id()))
            .delay_seconds(seconds)
            .send()
            .await
            .map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }
}

/// The events queue and its dead-letter queue.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Lazy<Client>,
    events_url: String,
    dead_letter_url: String,
    commands: Commands,
}

impl Queues {
    /// Gives the queues with these URLs.
    #[must_use]
    pub fn new(sdk: &SdkConfig, events_url: String, dead_letter_url: String) -> Self {
        let commands = Commands::new(sdk, events_url.clone());
        Self { client: commands.client.clone(), events_url, dead_letter_url, commands }
    }

    /// Makes a message come back after `delay`, in whole seconds, up to 12 hours.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; the message then comes back after the queue's own visibility timeout.
    pub async fn return_after(&self, receipt_handle: &str, delay: Duration) -> Result<(), QueueError> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        self.client
            .change_message_visibility()
            .queue_url(&self.events_url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await
            .map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }

    /// Sends a command, as [`Commands::send`] does.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; the command may have been sent all the same.
    pub async fn send(&self, command: &Command, delay: Duration) -> Result<(), QueueError> {
        self.commands.send(command, delay).await
    }

    /// Sends a message anew with the same body, so that its receives are counted from the beginning. The new message
    /// has two attributes: the time at which the message was first sent, by which events keep their order, and the time
    /// since which the message has found no time in an invocation or its endpoint at capacity. The publisher's
    /// traceparent goes on as the third.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; the message may have been sent all the same.
    ///
    /// # Panics
    ///
    /// Never: an attribute without a data type cannot be built, and these have one.
    pub async fn send_again(
        &self,
        body: &str,
        business_id: Option<&BusinessId>,
        first_sent: Option<Timestamp>,
        at_capacity_since: Option<Timestamp>,
        traceparent: Option<&Traceparent>,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let mut send = self
            .client
            .send_message()
            .queue_url(&self.events_url)
            .message_body(body)
            .set_message_group_id(business_id.map(message_group))
            .delay_seconds(i32::try_from(delay.min(MAX_DELAY).as_secs()).unwrap_or(i32::MAX));
        let mut room = MAX_MESSAGE_BYTES.saturating_sub(body.len());
        let milliseconds = |time: Timestamp| time.as_millisecond().to_string();
        // A message that nearly fills SQS's limit has no room for the later attributes. The message then counts as
        // first sent now, or leaves its trace, which is better than losing the message.
        for (name, data_type, value) in [
            (AT_CAPACITY_SINCE, NUMBER, at_capacity_since.map(milliseconds)),
            (FIRST_SENT, NUMBER, first_sent.map(milliseconds)),
            (Traceparent::NAME, TEXT, traceparent.map(Traceparent::to_string)),
        ] {
            let Some(value) = value else { continue };
            let taken = attribute_bytes(name, data_type, &value);
            if taken <= room {
                room -= taken;
                send = send.message_attributes(name, attribute(data_type, &value));
            }
        }
        send.send().await.map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }

    /// Copies a message to the dead-letter queue, with the attributes `reason` and `detail`, and the publisher's
    /// traceparent. If the body does not fit beside the attributes, only its beginning is copied, and `detail` says so.
    /// `detail` must be short and must not quote the body.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; the message may have been copied all the same.
    ///
    /// # Panics
    ///
    /// Never: an attribute without a data type cannot be built, and these have one.
    pub async fn copy_to_dead_letters(
        &self,
        body: &str,
        reason: Reason,
        detail: &str,
        traceparent: Option<&Traceparent>,
    ) -> Result<(), QueueError> {
        let (body, detail) = fitting(body, reason, detail, traceparent);
        let traceparent = traceparent.map(|traceparent| attribute(TEXT, traceparent.as_str()));
        let mut send = self
            .client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_body(body)
            .message_attributes(REASON, attribute(TEXT, reason.as_str()))
            .message_attributes(DETAIL, attribute(TEXT, &detail));
        if let Some(traceparent) = traceparent {
            send = send.message_attributes(Traceparent::NAME, traceparent);
        }
        send.send().await.map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }
}

const REASON: &str = "reason";
const DETAIL: &str = "detail";

fn attribute(data_type: &str, value: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type(data_type).string_value(value).build();
    value.expect("the data type is given")
}

/// Gives as much of a body as fits into a message with its attributes, and the detail. If the body is cut, the detail
/// says so.
fn fitting<'a>(body: &'a str, reason: Reason, detail: &str, traceparent: Option<&Traceparent>) -> (&'a str, String) {
    let others = attribute_bytes(REASON, TEXT, reason.as_str())
        + traceparent.map_or(0, |value| attribute_bytes(Traceparent::NAME, TEXT, value.as_str()));
    let room = |detail: &str| MAX_MESSAGE_BYTES.saturating_sub(others + attribute_bytes(DETAIL, TEXT, detail));
    if body.len() <= room(detail) {
        return (body, detail.to_owned());
    }
    let detail = format!("{detail}; only the beginning of {} bytes is here", body.len());
    (&body[..body.floor_char_boundary(room(&detail))], detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_bytes(body: &str, reason: Reason, detail: &str, traceparent: Option<&Traceparent>) -> usize {
        let traceparent = traceparent.map(|value| ("traceparent", value.as_str()));
        let attributes = [("reason", reason.as_str()), ("detail", detail)].into_iter().chain(traceparent);
        body.len() + attributes.map(|(name, value)| name.len() + "String".len() + value.len()).sum::<usize>()
    }

    #[test]
    fn a_copy_with_its_attributes_fits_into_a_message_and_its_detail_says_if_it_was_cut() {
        let traceparent = Traceparent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        for (reason, detail, trace) in [
            (Reason::Malformed, "not valid JSON at line 1, column 9", traceparent.as_ref()),
            (Reason::NotKept, "gone", None),
        ] {
            let message_bytes = |body: &str, detail: &str| message_bytes(body, reason, detail, trace);
            let room = MAX_MESSAGE_BYTES - message_bytes("", detail);
            for letter in ["x", "א", "€", "😀"] {
                for bytes in room - 5..=MAX_MESSAGE_BYTES {
                    let body = letter.repeat(bytes.div_ceil(letter.len()));
                    if body.len() > MAX_MESSAGE_BYTES {
                        continue;
                    }
                    let (copy, shown) = fitting(&body, reason, detail, trace);
                    assert!(body.starts_with(copy) && message_bytes(copy, &shown) <= MAX_MESSAGE_BYTES);
                    assert_eq!(copy.len() == body.len(), body.len() <= room, "whole where there is room");
                    if copy.len() < body.len() {
                        assert_eq!(shown, format!("{detail}; only the beginning of {} bytes is here", body.len()));
                        assert!(message_bytes(copy, &shown) > MAX_MESSAGE_BYTES - 4, "no more cut than need be");
                    } else {
                        assert_eq!(shown, detail);
                    }
                }
            }
        }
    }
}
