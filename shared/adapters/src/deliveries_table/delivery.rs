//! One delivery, as its owner reads it from the ledger.

use domain::clue::Clue;
use domain::event::{BusinessId, EventId};
use domain::format::Format;
use domain::outcome::Cause;
use jiff::Timestamp;

use super::{DeliveriesTable, PastAttempt, Status, attempt, clue, record};
use crate::dynamodb::attributes::{self, number, owned, required, text, time};
use crate::dynamodb::{Item, TableError};

/// One delivery, without its body.
///
/// There is no `Debug`: the title is personal data.
#[derive(Clone)]
pub struct Summary {
    /// The event's id.
    pub event_id: EventId,
    /// The event's type, such as `call.completed`.
    pub event_type: String,
    /// The id of the event's call, lead or appointment, at most 128 characters; None: the event has none.
    pub subject: Option<String>,
    /// The last four digits of the phone number; None: the event has no number.
    pub phone_ending: Option<String>,
    /// The first 80 characters of the event's summary, as one line; None: the event has no summary.
    pub title: Option<String>,
    /// The delivery's status.
    pub status: Status,
    /// Why the last attempt failed; None: it delivered, or there was none.
    pub cause: Option<Cause>,
    /// The HTTP status code of the last attempt's answer; None: no answer came.
    pub status_code: Option<u16>,
    /// A detail that the last attempt showed beyond its cause.
    pub clue: Option<Clue>,
    /// The format of the last attempt's body. None: there was no body, or this version does not know the format.
    pub format: Option<Format>,
    /// How many attempts were made.
    pub attempts: u32,
    /// The time of the event's first publishing.
    pub created_at: Timestamp,
    /// The time of the record's last write.
    pub updated_at: Timestamp,
    /// The time of the next attempt; None: none is planned.
    pub next_attempt_at: Option<Timestamp>,
}

/// One delivery, with its body and attempts.
///
/// There is no `Debug`: the body is personal data.
#[derive(Clone)]
pub struct Details {
    /// The fields that the list has too.
    pub summary: Summary,
    /// The exact body; None: the body was too large to be kept.
    pub body: Option<String>,
    /// The beginning of the last attempt's answer, made [`super::printable`].
    pub response_snippet: Option<String>,
    /// The last 20 attempts, newest last.
    pub attempts: Vec<PastAttempt>,
}

impl Summary {
    pub(super) fn from_item(item: &Item) -> Result<Self, TableError> {
        Ok(Self {
            event_id: attributes::event_id(item)?,
            event_type: required(owned(item, "event_type")?, "event_type")?,
            subject: owned(item, "subject")?,
            phone_ending: owned(item, "phone_last_digits")?,
            title: owned(item, "title")?,
            status: Status::of(item)?,
            cause: text(item, "cause")?.map(Cause::read),
            status_code: number(item, "status_code")?,
            clue: clue::from_item(item),
            format: attempt::format(item),
            attempts: number(item, "attempts")?.unwrap_or(0),
            created_at: required(text(item, "created_at")?.and_then(|at| at.parse().ok()), "created_at")?,
            updated_at: required(time(item, "updated_at")?, "updated_at")?,
            next_attempt_at: time(item, "next_attempt_at")?,
        })
    }
}

impl Details {
    fn from_item(item: &Item) -> Result<Self, TableError> {
        let mut attempts = attempt::slots(item).map(PastAttempt::from_item).collect::<Result<Vec<_>, _>>()?;
        attempts.sort_by_key(|attempt| attempt.number);
        let summary = Summary::from_item(item)?;
        let response_snippet = match owned(item, "response_snippet")? {
            None => described(&summary, &attempts).and_then(|attempt| attempt.response_snippet.clone()),
            longer => longer,
        };
        Ok(Self { summary, body: record::stored_body(item), response_snippet, attempts })
    }
}

/// The attempt that a record's own attributes describe: the last one, but for an event that had arrived the last one
/// that arrived, whatever a replay has tried since.
fn described<'a>(summary: &Summary, attempts: &'a [PastAttempt]) -> Option<&'a PastAttempt> {
    attempts.iter().rfind(|attempt| attempt.cause == summary.cause)
}

impl DeliveriesTable {
    /// Reads one delivery; None: the ledger has no record of the event.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn details(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Option<Details>, TableError> {
        self.item(business_id, event_id).await?.map(|item| Details::from_item(&item)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::attributes::{n, s};
    use aws_sdk_dynamodb::types::AttributeValue;

    fn shown(cause: Option<&str>, snippet: Option<&str>) -> Option<String> {
        let attempt = |number: u32, cause: Option<&str>, snippet: &str| {
            let attempt = [("n", n(number)), ("a", n(1_000)), ("x", s(snippet))];
            let attempt = attempt.into_iter().chain(cause.map(|cause| ("c", s(cause))));
            AttributeValue::M(attempt.map(|(name, value)| (name.to_owned(), value)).collect())
        };
        let record = [
            ("event_id", s("evt_0123456789abcdef0123456789abcdef")),
            ("event_type", s("a.b")),
            ("status", s(if cause.is_some() { "retrying" } else { "delivered" })),
            ("created_at", s("2026-03-01T10:00:00.500Z")),
            ("updated_at", n(1_000)),
            ("attempt_00", attempt(1, None, "thanks")),
            ("attempt_01", attempt(2, Some("status"), "out of order")),
        ];
        let own = [cause.map(|cause| ("cause", s(cause))), snippet.map(|snippet| ("response_snippet", s(snippet)))];
        let record = record.into_iter().chain(own.into_iter().flatten());
        let record: Item = record.map(|(name, value)| (name.to_owned(), value)).collect();
        Details::from_item(&record).expect("readable").response_snippet
    }

    #[test]
    fn the_answer_is_the_records_own_or_that_of_the_attempt_that_the_record_describes() {
        assert_eq!(shown(Some("status"), None).as_deref(), Some("out of order"));
        assert_eq!(shown(None, None).as_deref(), Some("thanks"), "a replay has failed since");
        assert_eq!(shown(None, Some("a longer answer")).as_deref(), Some("a longer answer"));
        assert_eq!(shown(Some("timeout"), None), None);
    }
}
