//! Publishing an event. The call service does so once, as the last step of finalising a call.
//!
//! Publishing is one `SendMessage` to the events queue, and nothing else: no HTTP call to a business, no retry loop, no
//! table. An event that is refused is refused before anything is sent.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

use aws_sdk_sqs::Client;
use sha2::{Digest as _, Sha256};

use aws_sdk_sqs::types::MessageAttributeValue;
use domain::event::{BusinessId, Event, EventId, MalformedEvent};
use domain::request::traceparent::Traceparent;

/// The largest message that SQS takes, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The greatest length of a `MessageGroupId`, in characters.
const MAX_GROUP_CHARS: usize = 128;

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The data cannot be serialised as JSON.
    #[error("the data is not JSON")]
    Data(#[from] serde_json::Error),
    /// The event is malformed.
    #[error("the event is malformed: {0}")]
    Malformed(#[from] MalformedEvent),
    /// The event is larger than [`MAX_MESSAGE_BYTES`].
    #[error("the event has {bytes} bytes, a message at most {MAX_MESSAGE_BYTES}")]
    TooLarge {
        /// The event's size as a message, in bytes.
        bytes: usize,
    },
    /// SQS did not take the event, or its answer was lost. Publishing again is harmless.
    #[error("the queue did not take the event")]
    Queue(#[source] Box<aws_sdk_sqs::Error>),
}

/// Publishes events to the events queue.
#[derive(Clone, Debug)]
pub struct Publisher {
    client: Client,
    queue_url: String,
    traceparent: Option<Traceparent>,
}

impl Publisher {
    /// Makes a publisher to a queue: the URL is the stack's output `EventsQueueUrl`.
    #[must_use]
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into(), traceparent: None }
    }

    /// Gives the same publisher for the events of one trace: each request to a receiver carries the traceparent as a
    /// header, and the log lines about the event name the trace. [`Traceparent::parse`] reads the text of a tracing
    /// library; an event that is published without a traceparent arrives all the same.
    #[must_use]
    pub fn in_trace(&self, traceparent: Option<Traceparent>) -> Self {
        Self { traceparent, ..self.clone() }
    }

    /// Publishes an event and returns its id, which its deliveries carry as `webhook-id`. Publishing the same happening
    /// twice gives the same id and, in the end, one delivery. If an optional field cannot be read, its default is
    /// published, and its value as a string in `metadata` ([`Event::unread`]). The quotation marks of such a value are
    /// escaped, so the string is longer than the value; it counts towards [`MAX_MESSAGE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`PublishError`]. Only [`PublishError::Queue`] is worth trying again.
    pub async fn send_generic_webhook(
        &self,
        event_type: &str,
        data: &impl serde::Serialize,
    ) -> Result<EventId, PublishError> {
        let event = Event::compose(event_type, &serde_json::to_string(data)?)?;
        let message = message(event.body());
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(PublishError::TooLarge { bytes: message.len() });
        }
        let attribute = self.traceparent.as_ref().and_then(|traceparent| attribute_beside(&message, traceparent));
        let mut send = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(message)
            .message_group_id(message_group(event.business_id()));
        if let Some(attribute) = attribute {
            send = send.message_attributes(Traceparent::NAME, attribute);
        }
        send.send().await.map_err(|error| PublishError::Queue(Box::new(error.into())))?;
        Ok(event.id().clone())
    }
}

/// Gives a message's traceparent as an attribute. None: the message nearly fills SQS's limit and has no room for it. The
/// call is worth more than its trace.
fn attribute_beside(message: &str, traceparent: &Traceparent) -> Option<MessageAttributeValue> {
    let value = traceparent.as_str();
    let fits = message.len() + attribute_bytes(Traceparent::NAME, TEXT, value) <= MAX_MESSAGE_BYTES;
    let attribute = MessageAttributeValue::builder().data_type(TEXT).string_value(value).build();
    fits.then(|| attribute.expect("the data type is given"))
}

/// The data type of a message attribute that is text.
const TEXT: &str = "String";

/// Gives the bytes that an attribute adds to a message's size: SQS counts the attribute's name, data type and value
/// (`MessageAttributeValue` in the API reference).
#[must_use]
pub fn attribute_bytes(name: &str, data_type: &str, value: &str) -> usize {
    name.len() + data_type.len() + value.len()
}

/// Escapes the characters that SQS refuses. SQS takes the characters of XML 1.0; of the others, a JSON text can hold
/// U+FFFE and U+FFFF unescaped. Escaped, they mean the same.
fn message(body: &str) -> String {
    if body.contains(['\u{fffe}', '\u{ffff}']) {
        body.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        body.to_owned()
    }
}

/// Makes the `MessageGroupId`, by which SQS shares the queue fairly among businesses. It is the business id or, if that
/// has anything but ASCII letters, digits and punctuation or is too long, its SHA-256 in hex, which groups just as
/// well.
#[must_use]
pub fn message_group(business_id: &BusinessId) -> String {
    let id = business_id.as_str();
    if id.len() <= MAX_GROUP_CHARS && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        id.to_owned()
    } else {
        hex::encode(Sha256::digest(id.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_group_is_the_business_id_where_sqs_takes_it() {
        let group_of = |id: &str| message_group(&BusinessId::parse(id).expect("an id"));
        assert_eq!(group_of("b-1_(x)!"), "b-1_(x)!");
        for id in ["עסק", "two words"] {
            assert_eq!(group_of(id).len(), 64);
        }
    }

    #[test]
    fn a_traceparent_is_left_out_where_the_message_has_no_room_for_it() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let traceparent = Traceparent::parse(text).expect("valid");
        let attribute = |bytes| attribute_beside(&"x".repeat(bytes), &traceparent);
        let room = MAX_MESSAGE_BYTES - "traceparentString".len() - text.len();
        assert_eq!(attribute(room).expect("it fits").string_value(), Some(text));
        assert_eq!(attribute(room + 1), None);
    }

    #[test]
    fn characters_that_sqs_refuses_are_escaped_and_mean_the_same() {
        let text = "{\"event_type\":\"a.b\",\"business_id\":\"b\",\"x\":\"\u{ffff}-\u{fffe}\"}";
        let sent = message(text);
        assert!(!sent.contains(['\u{fffe}', '\u{ffff}']));
        assert_eq!(Event::parse(&sent).expect("well-formed").body(), text);
    }
}
