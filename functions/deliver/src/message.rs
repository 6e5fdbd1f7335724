//! A queue message, with the attributes that a delivery needs. The batch reads each message once.

use std::time::Duration;

use adapters::queue::{AT_CAPACITY_SINCE, FIRST_SENT, has_room_for_at_capacity_since};
use aws_lambda_events::event::sqs::SqsMessage;
use domain::Timestamp;
use domain::command::Command;
use domain::event::{BusinessId, Event, EventId};
use lambda_runtime::Diagnostic;

/// One message.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
    /// The number of this attempt, from 1: how often the queue has handed the message out.
    pub(crate) receive_count: u32,
    /// When it was sent to the queue, the first time if it was sent anew.
    pub(crate) sent: Option<Timestamp>,
    /// Since when the message has found no time in an invocation, or its endpoint at capacity; None: it was not sent
    /// anew for that.
    pub(crate) at_capacity_since: Option<Timestamp>,
}

/// For this long a message comes back without an attempt when its endpoint is at capacity. Then an attempt is made,
/// however many are in flight: an endpoint that is always slow would otherwise keep the message going round for ever.
const MAKES_ROOM_FOR: Duration = Duration::from_hours(1);

impl Message {
    /// Whether the message has made room for others for long enough. A message that has no room for the attribute that
    /// says since when never makes room.
    pub(crate) fn has_been_patient(&self, now: Timestamp) -> bool {
        self.at_capacity_since.is_some_and(|since| now >= since + MAKES_ROOM_FOR)
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
    fn a_message_makes_room_for_an_hour_and_not_at_all_if_it_could_not_say_for_how_long() {
        let since = Timestamp::from_second(1_750_000_000).expect("a time");
        let message = |at_capacity_since, bytes| Message {
            id: "m1".to_owned(),
            receipt_handle: "r1".to_owned(),
            body: "x".repeat(bytes),
            receive_count: 1,
            sent: None,
            at_capacity_since,
        };
        let is_patient =
            |at_capacity_since, bytes| message(at_capacity_since, bytes).has_been_patient(since + MAKES_ROOM_FOR);
        assert!(is_patient(Some(since), 9));
        assert!(!is_patient(Some(since + Duration::from_millis(1)), 9));
        assert!(!is_patient(None, 1024 * 1024 - 36));
        assert!(is_patient(None, 1024 * 1024 - 35));
    }
}
