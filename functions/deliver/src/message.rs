//! A queue message, with what a delivery needs of it. Read once, at the door of the batch.

use aws_lambda_events::event::sqs::SqsMessage;
use lambda_runtime::Diagnostic;

/// One message.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
    /// The number of this attempt, from 1: how often the queue has handed the message out.
    pub(crate) receive_count: u32,
}

/// A record that is not a message of an SQS queue. It cannot be reported as failed by itself, since that goes by its
/// id: the whole batch is, and comes back.
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
        let receive_count = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        Ok(Self {
            id: given(record.message_id, "messageId")?,
            receipt_handle: given(record.receipt_handle, "receiptHandle")?,
            body: record.body.unwrap_or_default(),
            receive_count: receive_count.unwrap_or(1),
        })
    }
}
