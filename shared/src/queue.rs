//! The two queues, from the side of the deliveries: when a message comes back, and where a malformed one goes.
//!
//! Moving what is spent to the dead-letter queue is not here: that is the events queue's own redrive policy.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::Timestamp;

use crate::command::Command;
use crate::event::BusinessId;
use crate::publish::message_group;

/// The longest a message can be delayed when it is sent: 15 minutes (Amazon SQS quotas).
const MAX_DELAY: Duration = Duration::from_mins(15);

/// The attribute of a message that was sent anew: when it was first sent, in Unix milliseconds.
pub const FIRST_SENT: &str = "first_sent";

/// Another of such a message: since when it has found no time or no place, in Unix milliseconds.
pub const CROWDED_SINCE: &str = "crowded_since";

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
    pub fn new(client: Client, events_url: String) -> Self {
        Self { client, events_url }
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
    pub fn new(client: Client, events_url: String, dead_letter_url: String) -> Self {
        let commands = Commands::new(client.clone(), events_url.clone());
        Self { client, events_url, dead_letter_url, commands }
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
        crowded_since: Timestamp,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let milliseconds = |time: Timestamp| {
            MessageAttributeValue::builder()
                .data_type("Number")
                .string_value(time.as_millisecond().to_string())
                .build()
                .expect("the data type is given")
        };
        let mut send = self
            .client
            .send_message()
            .queue_url(&self.events_url)
            .message_body(body)
            .set_message_group_id(business_id.map(message_group))
            .delay_seconds(i32::try_from(delay.min(MAX_DELAY).as_secs()).unwrap_or(i32::MAX))
            .message_attributes(CROWDED_SINCE, milliseconds(crowded_since));
        if let Some(first_sent) = first_sent {
            send = send.message_attributes(FIRST_SENT, milliseconds(first_sent));
        }
        send.send().await.map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }

    /// Copies a malformed message to the dead-letter queue, with `reason=malformed` and what is wrong with it.
    ///
    /// # Errors
    ///
    /// [`QueueError`], also if the message and its attributes together exceed 1 MiB.
    ///
    /// # Panics
    ///
    /// Never: an attribute without a data type cannot be built, and these have one.
    pub async fn copy_to_dead_letters(&self, body: &str, detail: &str) -> Result<(), QueueError> {
        let text = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .expect("the data type is given")
        };
        self.client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_body(body)
            .message_attributes("reason", text("malformed"))
            .message_attributes("detail", text(detail))
            .send()
            .await
            .map_err(|error| QueueError(Box::new(error.into())))?;
        Ok(())
    }
}
