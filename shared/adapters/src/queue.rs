//! The two queues, from the side of the deliveries: when a message comes back, and where one goes that no attempt can
//! help.
//!
//! Moving what is spent to the dead-letter queue is not here: that is the events queue's own redrive policy.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use aws_types::SdkConfig;
use jiff::Timestamp;

use domain::command::Command;
use domain::event::BusinessId;
use publish::{MAX_MESSAGE_BYTES, message_group};

/// The longest a message can be delayed when it is sent: 15 minutes (Amazon SQS quotas).
const MAX_DELAY: Duration = Duration::from_mins(15);

/// The attribute of a message that was sent anew: when it was first sent, in Unix milliseconds.
pub const FIRST_SENT: &str = "first_sent";

/// Another attribute of such a message, in Unix milliseconds: since when there has been no time for the message in an
/// invocation, or its endpoint has been at capacity.
pub const AT_CAPACITY_SINCE: &str = "at_capacity_since";

/// The type of an attribute that is text.
const TEXT: &str = "String";

/// The type of an attribute that is a number.
const NUMBER: &str = "Number";

/// Whether a message with this body can be sent anew with [`AT_CAPACITY_SINCE`], a number of 13 digits, within SQS's limit.
#[must_use]
pub fn has_room_for_at_capacity_since(body: &str) -> bool {
    body.len() + size(AT_CAPACITY_SINCE, NUMBER, "1750000000000") <= MAX_MESSAGE_BYTES
}

/// Why a message is set aside in the dead-letter queue: what its attribute `reason` says there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not an event, and would not be one the next time either.
    Malformed,
    /// It refers to an event that the ledger does not have.
    NotKept,
}

impl Reason {
    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotKept => "not_kept",
        }
    }
}

/// A fault of ours: a queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not answer")]
pub struct QueueError(#[source] Box<aws_sdk_sqs::Error>);

/// The events queue, for what the system says to itself.
#[derive(Clone, Debug)]
pub struct Commands {
    client: Client,
    events_url: String,
}

impl Commands {
    /// The events queue by its URL.
    #[must_use]
    pub fn new(sdk: &SdkConfig, events_url: String) -> Self {
        Self { client: Client::new(sdk), events_url }
    }

    /// Sends a command that arrives after `delay`, in whole seconds, up to 15 minutes.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; it may have been sent all the same.
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
    client: Client,
    events_url: String,
    dead_letter_url: String,
    commands: Commands,
}

impl Queues {
    /// The queues by their URLs.
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
    /// [`QueueError`]; it may have been sent all the same.
    pub async fn send(&self, command: &Command, delay: Duration) -> Result<(), QueueError> {
        self.commands.send(command, delay).await
    }

    /// Sends a message anew, as it is, for its receives to be counted from the beginning. It says when it was first
    /// sent, by which what happened keeps its order, and since when it has found no time or no place.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; it may have been sent all the same.
    ///
    /// # Panics
    ///
    /// Never: an attribute without a data type cannot be built, and this one has one.
    pub async fn send_again(
        &self,
        body: &str,
        business_id: Option<&BusinessId>,
        first_sent: Option<Timestamp>,
        at_capacity_since: Timestamp,
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
        // A message that nearly fills SQS's limit has no room for the second attribute. The message then counts as first
        // sent now, which is better than losing it.
        for (name, time) in [(AT_CAPACITY_SINCE, Some(at_capacity_since)), (FIRST_SENT, first_sent)] {
            let Some(value) = time.map(|time| time.as_millisecond().to_string()) else { continue };
            let taken = size(name, NUMBER, &value);
            if taken <= room {
                room -= taken;
                send = send.message_attributes(name, attribute(NUMBER, &value));
            }
        }
        send.send().await.map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }

    /// Copies a message to the dead-letter queue, with the attributes `reason` and `detail`. Of a body that does not fit
    /// beside them the beginning is copied, and `detail` says so. `detail` must be short and hold nothing of the body.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; it may have been copied all the same.
    ///
    /// # Panics
    ///
    /// Never: an attribute without a data type cannot be built, and these have one.
    pub async fn copy_to_dead_letters(&self, body: &str, reason: Reason, detail: &str) -> Result<(), QueueError> {
        let (body, detail) = fitting(body, reason, detail);
        self.client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_body(body)
            .message_attributes(REASON, attribute(TEXT, reason.as_str()))
            .message_attributes(DETAIL, attribute(TEXT, &detail))
            .send()
            .await
            .map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }
}

const REASON: &str = "reason";
const DETAIL: &str = "detail";

fn attribute(data_type: &str, value: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type(data_type).string_value(value).build();
    value.expect("the data type is given")
}

/// What an attribute takes of a message's size: SQS counts its name, its type and its value (`MessageAttributeValue` in
/// the API reference).
fn size(name: &str, data_type: &str, value: &str) -> usize {
    name.len() + data_type.len() + value.len()
}

/// As much of a body as fits into a message with its attributes, and the detail, which says so if that is not all.
fn fitting<'a>(body: &'a str, reason: Reason, detail: &str) -> (&'a str, String) {
    let room = |detail: &str| {
        MAX_MESSAGE_BYTES.saturating_sub(size(REASON, TEXT, reason.as_str()) + size(DETAIL, TEXT, detail))
    };
    if body.len() <= room(detail) {
        return (body, detail.to_owned());
    }
    let detail = format!("{detail}; only the beginning of {} bytes is here", body.len());
    (&body[..body.floor_char_boundary(room(&detail))], detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_bytes(body: &str, reason: Reason, detail: &str) -> usize {
        let attributes = [("reason", reason.as_str()), ("detail", detail)];
        body.len() + attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len()).sum::<usize>()
    }

    #[test]
    fn a_copy_with_its_attributes_fits_a_message_and_says_when_it_is_cut() {
        for (reason, detail) in [(Reason::Malformed, "not valid JSON at line 1, column 9"), (Reason::NotKept, "gone")] {
            let room = MAX_MESSAGE_BYTES - message_bytes("", reason, detail);
            for letter in ["x", "א", "€", "😀"] {
                for bytes in room - 5..=MAX_MESSAGE_BYTES {
                    let body = letter.repeat(bytes.div_ceil(letter.len()));
                    if body.len() > MAX_MESSAGE_BYTES {
                        continue;
                    }
                    let (copy, said) = fitting(&body, reason, detail);
                    assert!(body.starts_with(copy) && message_bytes(copy, reason, &said) <= MAX_MESSAGE_BYTES);
                    assert_eq!(copy.len() == body.len(), body.len() <= room, "whole where there is room");
                    if copy.len() < body.len() {
                        assert_eq!(said, format!("{detail}; only the beginning of {} bytes is here", body.len()));
                        assert!(message_bytes(copy, reason, &said) > MAX_MESSAGE_BYTES - 4, "no more cut than need be");
                    } else {
                        assert_eq!(said, detail);
                    }
                }
            }
        }
    }
}
