//! A queue message, with the attributes that a delivery needs. The batch reads each message once.

use std::time::Duration;

use adapters::queue::{AT_CAPACITY_SINCE, FIRST_SENT, has_room_for_at_capacity_since};
use aws_lambda_events::event::sqs::{SqsMessage, SqsMessageAttribute};
use domain::Timestamp;
use domain::command::Command;
use domain::event::{BusinessId, Event, EventId};
use domain::request::traceparent::Traceparent;
use lambda_runtime::Diagnostic;

/// A message of the events queue.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
    /// The number of this attempt, from 1: how often the queue has handed the message out.
    pub(crate) receive_count: u32,
    /// When the message was sent to the queue: the first time, if it was sent anew.
    pub(crate) sent: Option<Timestamp>,
    /// Since when the message has found no time in an invocation, or its endpoint at capacity. None: the message was
    /// not sent anew for that.
    pub(crate) at_capacity_since: Option<Timestamp>,
    pub(crate) trace: Trace,
}

/// The publisher's place in a trace, by the message attribute `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// The publisher gave none.
    Absent,
    /// The publisher gave a text that is not valid. No part of it is sent, stored or logged.
    Invalid,
    Given(Traceparent),
}

impl Trace {
    fn read(attribute: Option<&SqsMessageAttribute>) -> Self {
        let Some(attribute) = attribute else { return Self::Absent };
        let valid = attribute.string_value.as_deref().and_then(Traceparent::parse);
        valid.map_or(Self::Invalid, Self::Given)
    }

    pub(crate) fn traceparent(&self) -> Option<&Traceparent> {
        match self {
            Self::Given(traceparent) => Some(traceparent),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// For this long a message comes back without an attempt when its endpoint is at capacity. Then an attempt is made,
/// however many are in flight: an endpoint that is always slow would otherwise keep the message going round for ever.
const MAX_TIME_AT_CAPACITY: Duration = Duration::from_hours(1);

impl Message {
    /// Whether the message gets an attempt even if its endpoint is at capacity, since it has come back without an
    /// attempt for long enough. A message without room for the attribute that says since when always gets one.
    pub(crate) fn ignores_capacity(&self, now: Timestamp) -> bool {
        self.at_capacity_since.is_some_and(|since| now >= since + MAX_TIME_AT_CAPACITY)
            || !has_room_for_at_capacity_since(&self.body)
    }
}

/// The content of a message's body.
pub(crate) enum Content {
    /// An event.
    Event(Box<Event>),
    /// A command of this system.
    Command(Command),
    /// Neither an event nor a command; the reason as text.
    Malformed(String),
}

impl Content {
    pub(crate) fn read(body: &str) -> Self {
        match Command::parse(body) {
            Some(command) => Self::Command(command),
            None => match Event::parse(body) {
                Ok(event) => Self::Event(Box::new(event)),
                Err(error) => Self::Malformed(error.to_string()),
            },
        }
    }

    pub(crate) fn business_id(&self) -> Option<&BusinessId> {
        match self {
            Self::Event(event) => Some(event.business_id()),
            Self::Command(command) => Some(command.business_id()),
            Self::Malformed(_) => None,
        }
    }

    pub(crate) fn event_id(&self) -> Option<&EventId> {
        match self {
            Self::Event(event) => Some(event.id()),
            Self::Command(command) => command.event_id(),
            Self::Malformed(_) => None,
        }
    }
}

/// A record that is not a message of an SQS queue: it has no id or no receipt handle. A single message is reported as
/// failed by its id, so here the whole batch fails and comes back.
#[derive(Debug, thiserror::Error)]
#[error("a record has no {0}")]
pub(crate) struct NotAMessage(&'static str);

impl From<NotAMessage> for Diagnostic {
    fn from(error: NotAMessage) -> Self {
        Self { error_type: "NotAMessage".to_owned(), error_message: error.to_string() }
    }
}

impl TryFrom<SqsMessage> for Message {
    type Error = NotAMessage;

    fn try_from(record: SqsMessage) -> Result<Self, NotAMessage> {
        let given = |value: Option<String>, name| value.filter(|text| !text.is_empty()).ok_or(NotAMessage(name));
        let attribute = |name| record.attributes.get(name).map(String::as_str);
        let receive_count = attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let ours = |name| record.message_attributes.get(name).and_then(|value| value.string_value.as_deref());
        let time = |milliseconds: &str| Timestamp::from_millisecond(milliseconds.parse().ok()?).ok();
        Ok(Self {
            receive_count: receive_count.unwrap_or(1),
            sent: ours(FIRST_SENT).or(attribute("SentTimestamp")).and_then(time),
            at_capacity_since: ours(AT_CAPACITY_SINCE).and_then(time),
            trace: Trace::read(record.message_attributes.get(Traceparent::NAME)),
            id: given(record.message_id, "messageId")?,
            receipt_handle: given(record.receipt_handle, "receiptHandle")?,
            body: record.body.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_for_an_hour_and_never_if_it_has_no_room_to_say_since_when() {
        let since = Timestamp::from_second(1_750_000_000).expect("a time");
        let message = |at_capacity_since, bytes| Message {
            id: "m1".to_owned(),
            receipt_handle: "r1".to_owned(),
            body: "x".repeat(bytes),
            receive_count: 1,
            sent: None,
            at_capacity_since,
            trace: Trace::Absent,
        };
        let ignores =
            |at_capacity_since, bytes| message(at_capacity_since, bytes).ignores_capacity(since + MAX_TIME_AT_CAPACITY);
        assert!(ignores(Some(since), 9));
        assert!(!ignores(Some(since + Duration::from_millis(1)), 9));
        assert!(!ignores(None, 1024 * 1024 - 36));
        assert!(ignores(None, 1024 * 1024 - 35));
    }

    #[test]
    fn an_attribute_that_is_no_valid_traceparent_is_told_from_none() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read = |text: Option<&str>| {
            let mut attribute = SqsMessageAttribute::default();
            attribute.string_value = text.map(str::to_owned);
            Trace::read(Some(&attribute))
        };
        assert_eq!(read(Some(valid)).traceparent().map(Traceparent::as_str), Some(valid));
        // An attribute of another data type has no text.
        for text in [None, Some(""), Some("00-0-0-0"), Some("a\r\nb: c")] {
            assert_eq!(read(text), Trace::Invalid, "{text:?}");
        }
        assert_eq!(Trace::read(None), Trace::Absent);
    }
}
