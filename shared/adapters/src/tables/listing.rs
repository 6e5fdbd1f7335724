//! The ledger as its owner reads it: a list without bodies, and one delivery with all that is known of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;

use super::attributes::{self, ms, number, required, s, text, time};
use super::phone::digits;
use super::{Item, Status, TableError, Tables, Written, clue, record, written};
use crate::body;
use crate::http::Timings;
use crate::process::log::error_chain;
use domain::clue::Clue;
use domain::event::{BusinessId, EventId};
use domain::outcome::Cause;

/// So many parts of the ledger, a megabyte each, are looked through at once for what is rare; then the caller is told
/// where to go on. Together they hold about 15,000 records.
const PARTS: usize = 5;

/// An event that was asked for so lately is on its way, unless a crash lost the message.
const JUST_ASKED: Duration = Duration::from_mins(1);

/// One delivery, without its body.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Which event.
    pub event_id: EventId,
    /// What kind of event.
    pub event_type: String,
    /// The id of the call, lead or appointment that it is about.
    pub subject: Option<String>,
    /// The last digits of the phone number.
    pub phone_ending: Option<String>,
    /// What has become of it.
    pub status: Status,
    /// Why the last attempt failed; None: it did not, or there was none.
    pub cause: Option<Cause>,
    /// HTTP status code of the last answer.
    pub status_code: Option<u16>,
    /// What the last attempt showed beyond its cause.
    pub clue: Option<Clue>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the event was first published.
    pub created_at: Timestamp,
    /// When this was last written.
    pub updated_at: Timestamp,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

/// One delivery, with its body.
#[derive(Clone, Debug)]
pub struct Details {
    /// What the list says of it.
    pub summary: Summary,
    /// The exact body; None: it was too large to be kept.
    pub body: Option<String>,
    /// The beginning of the last answer, made safe.
    pub response_snippet: Option<String>,
    /// The last attempts, newest last.
    pub attempts: Vec<PastAttempt>,
}

/// One attempt, as the ledger has kept it.
#[derive(Clone, Debug)]
pub struct PastAttempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Why it failed; None: it did not.
    pub cause: Option<Cause>,
    /// HTTP status code, if an answer came.
    pub status_code: Option<u16>,
    /// How long each phase took.
    pub timings: Timings,
    /// The beginning of the answer, made safe.
    pub response_snippet: Option<String>,
    /// Where a redirect points to.
    pub location: Option<String>,
    /// What it showed beyond its cause.
    pub clue: Option<Clue>,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those.
    pub status: Option<Status>,
    /// Only those whose subject has this in it, or whose phone number ends so; cleaned.
    pub search: Option<String>,
    /// Only those that were published then or later.
    pub from: Option<Timestamp>,
    /// Only those that were published then or earlier.
    pub to: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
    /// Behind this one.
    pub after: Option<Cursor>,
}

/// A place in a business's list. It names no business: whose list it is, the session says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    occurred: String,
    event_id: EventId,
}

/// A part of the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Newest first.
    pub deliveries: Vec<Summary>,
    /// Where older ones are; None: there are none. There may be more even if none was found here.
    pub next: Option<Cursor>,
}

impl Wanted {
    /// Between which values of `occurred` the range lies, both ends included: a time, `#`, an id.
    fn bounds(&self) -> (String, String) {
        let (from, to) = (self.from.unwrap_or(Timestamp::MIN), self.to.unwrap_or(Timestamp::MAX));
        // The character behind `#`.
        (format!("{from:.3}"), format!("{to:.3}$"))
    }
}

impl Cursor {
    /// Reads a cursor that [`Self::to_text`] has made.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::at(String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?)
    }

    /// The cursor as a text for addresses.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.occurred)
    }

    fn at(occurred: String) -> Option<Self> {
        let (at, event_id) = occurred.split_once('#')?;
        // As it is written, and in no other of the ways in which a time can be: it becomes a key.
        at.parse::<Timestamp>().ok().filter(|time| format!("{time:.3}") == at)?;
        Some(Self { event_id: EventId::parse(event_id)?, occurred })
    }

    fn of(item: &Item) -> Option<Self> {
        Self::at(text(item, "occurred").ok()??.to_owned())
    }
}

impl Summary {
    fn from_item(item: &Item) -> Result<Self, TableError> {
        let owned = |name| Ok::<_, TableError>(text(item, name)?.map(ToOwned::to_owned));
        Ok(Self {
            event_id: attributes::event_id(item)?,
            event_type: required(owned("event_type")?, "event_type")?,
            subject: owned("subject")?,
            phone_ending: owned("phone_last_digits")?,
            status: Status::of(item)?,
            cause: text(item, "cause")?.map(Cause::read),
            status_code: number(item, "status_code")?,
            clue: clue::from_item(item),
            attempts: number(item, "attempts")?.unwrap_or(0),
            created_at: required(text(item, "created_at")?.and_then(|at| at.parse().ok()), "created_at")?,
            updated_at: required(time(item, "updated_at")?, "updated_at")?,
            next_attempt_at: time(item, "next_attempt_at")?,
        })
    }
}

impl Details {
    fn from_item(item: &Item) -> Result<Self, TableError> {
        let mut attempts = record::attempts(item).map(PastAttempt::from_item).collect::<Result<Vec<_>, _>>()?;
        attempts.sort_by_key(|attempt| attempt.number);
        let body = match item.get("body") {
            Some(AttributeValue::B(compressed)) => body::decompress(compressed.as_ref()),
            _ => None,
        };
        let response_snippet = text(item, "response_snippet")?.map(ToOwned::to_owned);
        Ok(Self { summary: Summary::from_item(item)?, body, response_snippet, attempts })
    }
}

impl PastAttempt {
    fn from_item(item: &Item) -> Result<Self, TableError> {
        let phase = |name| Ok::<_, TableError>(number(item, name)?.map(Duration::from_millis));
        Ok(Self {
            number: required(number(item, "number")?, "number")?,
            at: required(time(item, "at")?, "at")?,
            cause: text(item, "cause")?.map(Cause::read),
            status_code: number(item, "status_code")?,
            timings: Timings {
                dns: phase("dns_ms")?,
                connect: phase("connect_ms")?,
                tls: phase("tls_ms")?,
                first_byte: phase("first_byte_ms")?,
                total: phase("total_ms")?.unwrap_or_default(),
            },
            response_snippet: text(item, "snippet")?.map(ToOwned::to_owned),
            location: text(item, "location")?.map(ToOwned::to_owned),
            clue: clue::from_item(item),
        })
    }
}

impl Tables {
    /// Lists a business's deliveries, newest first.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn list(&self, business_id: &BusinessId, wanted: &Wanted) -> Result<Listed, TableError> {
        let mut deliveries = Vec::new();
        let (oldest, newest) = wanted.bounds();
        // DynamoDB takes no place that is beyond the range; one above it is before its beginning, one below behind its end.
        let mut start = wanted.after.clone().filter(|cursor| cursor.occurred <= newest);
        if oldest > newest || start.as_ref().is_some_and(|cursor| cursor.occurred < oldest) {
            return Ok(Listed { deliveries, next: None });
        }
        for _ in 0..PARTS {
            let answer = self.part(business_id, wanted, start.as_ref()).await?;
            for item in answer.items() {
                if deliveries.len() == wanted.limit {
                    // There is at least one more; the next part begins behind the last that is told.
                    return Ok(Listed { next: start, deliveries });
                }
                start = Cursor::of(item);
                // One record that cannot be read must not hide all others.
                match Summary::from_item(item) {
                    Ok(summary) => deliveries.push(summary),
                    Err(error) => tracing::error!(error = error_chain(&error), "unreadable_record"),
                }
            }
            start = answer.last_evaluated_key.as_ref().and_then(Cursor::of);
            if start.is_none() {
                break;
            }
        }
        Ok(Listed { deliveries, next: start })
    }

    async fn part(
        &self,
        business_id: &BusinessId,
        wanted: &Wanted,
        start: Option<&Cursor>,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, TableError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.deliveries)
            .index_name("by_time")
            .consistent_read(true)
            .scan_index_forward(false)
            .expression_attribute_values(":business", s(business_id.as_str()));
        query = if wanted.from.is_none() && wanted.to.is_none() {
            query.key_condition_expression("business_id = :business")
        } else {
            let (oldest, newest) = wanted.bounds();
            query
                .key_condition_expression("business_id = :business AND occurred BETWEEN :oldest AND :newest")
                .expression_attribute_values(":oldest", s(oldest))
                .expression_attribute_values(":newest", s(newest))
        };
        if let Some(Cursor { occurred, event_id }) = start {
            query = query
                .exclusive_start_key("business_id", s(business_id.as_str()))
                .exclusive_start_key("event_id", s(event_id.as_str()))
                .exclusive_start_key("occurred", s(occurred));
        }
        let mut filters = Vec::new();
        if let Some(status) = wanted.status {
            filters.push("#status = :status");
            query = query
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", s(status.as_str()));
        }
        if let Some(search) = &wanted.search {
            query = query.expression_attribute_values(":search", s(search));
            match digits(search) {
                Some(digits) => {
                    filters.push("(contains(subject, :search) OR contains(phone_last_digits, :digits))");
                    query = query.expression_attribute_values(":digits", s(digits));
                }
                None => filters.push("contains(subject, :search)"),
            }
        }
        query = match filters.as_slice() {
            // One more than is wanted tells whether there are more.
            [] => query.limit(i32::try_from(wanted.limit + 1).unwrap_or(i32::MAX)),
            filters => query.filter_expression(filters.join(" AND ")),
        };
        Ok(query.send().await?)
    }

    /// Reads all that is known of one delivery; None: nothing is.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn details(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Option<Details>, TableError> {
        self.item(business_id, event_id).await?.map(|item| Details::from_item(&item)).transpose()
    }

    /// Notes that the owner asks for an event again that has arrived. [`Written::ConditionFailed`]: that was asked for less
    /// than a minute ago, and it has not arrived since, or it is not said to have arrived at all.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been noted all the same.
    pub async fn ask_again(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        now: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .update_record(business_id, event_id)
            .update_expression("SET resend_asked_at = :now")
            // The last alternative is this very note, whose answer was lost.
            .condition_expression(
                "#status = :delivered AND (attribute_not_exists(resend_asked_at) OR resend_asked_at < :lately \
                 OR resend_asked_at <= last_delivered_at OR resend_asked_at = :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":delivered", s(Status::Delivered.as_str()))
            .expression_attribute_values(":lately", ms(now - JUST_ASKED))
            .expression_attribute_values(":now", ms(now));
        written(write).await
    }

    /// Takes the note of a resend back, since there is no message for it.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been taken back all the same.
    pub async fn take_back_ask(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        asked_at: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .update_record(business_id, event_id)
            .update_expression("REMOVE resend_asked_at")
            .condition_expression("resend_asked_at = :asked_at")
            .expression_attribute_values(":asked_at", ms(asked_at));
        written(write).await
    }

    /// Notes that an event is on its way again. One that has changed since it was read is left alone.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been noted all the same.
    pub async fn note_resent(
        &self,
        business_id: &BusinessId,
        read: &Summary,
        now: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .update_record(business_id, &read.event_id)
            .update_expression("SET #status = :retrying, next_attempt_at = :now, updated_at = :now")
            .condition_expression("#status = :read AND updated_at = :read_at")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":retrying", s(Status::Retrying.as_str()))
            .expression_attribute_values(":read", s(read.status.as_str()))
            .expression_attribute_values(":read_at", ms(read.updated_at))
            .expression_attribute_values(":now", ms(now));
        written(write).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_anything_else_is_none() {
        let occurred = "2026-03-01T10:00:00.500Z#evt_0123456789abcdef0123456789abcdef";
        let cursor = Cursor::at(occurred.to_owned()).expect("a place");
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        let other = "2026-03-01T10:00:00.500Z[u-ca=iso8601]#evt_0123456789abcdef0123456789abcdef";
        for text in [
            "",
            "x",
            &URL_SAFE_NO_PAD.encode(other),
            "!!!",
            &URL_SAFE_NO_PAD.encode("2026#evt_1"),
            &URL_SAFE_NO_PAD.encode([255]),
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_has_both_its_ends() {
        let wanted = |from: &str, to: &str| {
            Wanted { from: from.parse().ok(), to: to.parse().ok(), ..Wanted::default() }.bounds()
        };
        let within = |(oldest, newest): (String, String), at: &str| {
            let occurred = format!("{at}#evt_0123456789abcdef0123456789abcdef");
            oldest <= occurred && occurred <= newest
        };
        let hour = wanted("2026-03-01T10:00:00Z", "2026-03-01T13:00:00.500+02:00");
        for (at, expected) in [
            ("2026-03-01T09:59:59.999Z", false),
            ("2026-03-01T10:00:00.000Z", true),
            ("2026-03-01T11:00:00.500Z", true),
            ("2026-03-01T11:00:00.501Z", false),
        ] {
            assert_eq!(within(hour.clone(), at), expected, "{at}");
            assert!(within(wanted("", ""), at));
        }
    }
}
