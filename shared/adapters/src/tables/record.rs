//! The ledger: one record per event, with what became of it and the exact body.
//!
//! The body is written once, with the first record, compressed; what follows changes the rest. `occurred` sorts a
//! business's events as they happened: when the event was first published, then its id. The attribute `held` is the
//! same and stands only in records that are held, so that an index over it lists just those.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::attributes::{ms, n, number, required, s, text, time};
use super::{Item, TableError, clue};
use crate::body::{self, Compressed};
use crate::http::Timings;
use domain::clue::Clue;
use domain::event::{Event, EventId};
use domain::outcome::Cause;

/// So many attempts a record remembers, since an item has an end. Each is an attribute of its own, by its number: the 21st
/// takes the place of the first, and one that is written twice (by a retry of the SDK) is still one.
const ATTEMPTS_KEPT: u32 = 20;

/// How much of each attempt's response is kept, in characters. The last one's is kept longer.
const TRY_SNIPPET_CHARS: usize = 160;

/// How much of the address that an answer points to is kept, in characters.
pub const LOCATION_CHARS: usize = 256;

/// What has become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has arrived.
    Delivered,
    /// It is tried again.
    Retrying,
    /// It waits until its endpoint does well again, or the owner resumes.
    Held,
    /// Its schedule is spent; it is also in the dead-letter queue.
    Failed,
    /// What a newer version of this system has written and this one does not know.
    Other,
}

impl Status {
    /// The name in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retrying => "retrying",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Delivered, Self::Retrying, Self::Held, Self::Failed];
        all.into_iter().find(|status| status.as_str() == name)
    }

    /// The status of a record: after a newer version was rolled back, it may have a name that is not known here.
    pub(super) fn of(item: &Item) -> Result<Self, TableError> {
        Ok(Self::parse(required(text(item, "status")?, "status")?).unwrap_or(Self::Other))
    }
}

/// What a delivery needs to know of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What has become of the event.
    pub status: Status,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it arrived, the last time if it did more than once; None: it never did.
    pub last_delivered: Option<Timestamp>,
}

impl Record {
    pub(super) const ATTRIBUTES: &'static [&'static str] = &["status", "attempts", "last_delivered_at"];

    pub(super) fn from_item(item: &Item) -> Result<Self, TableError> {
        Ok(Self {
            status: Status::of(item)?,
            attempts: number(item, "attempts")?.unwrap_or(0),
            last_delivered: time(item, "last_delivered_at")?,
        })
    }
}

/// An event as its record has kept it.
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// When it was first published.
    pub occurred: Timestamp,
    /// When its schedule has its next attempt; None: now, or never.
    pub next_attempt: Option<Timestamp>,
}

impl StoredEvent {
    /// None if there is no body, or none that can be read: trying again would change nothing. The id is the record's,
    /// whatever a later version would derive from the body.
    pub(super) fn from_item(item: &Item, id: &EventId) -> Option<Self> {
        let Some(AttributeValue::B(compressed)) = item.get("body") else {
            return None;
        };
        let event = Event::parse(&body::decompress(compressed.as_ref())?).ok()?;
        Some(Self {
            event: event.with_id(id.clone()),
            occurred: text(item, "created_at").ok()??.parse().ok()?,
            next_attempt: time(item, "next_attempt_at").ok().flatten(),
        })
    }
}

/// How long records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(pub Duration);

impl Retention {
    /// When a record expires that was last changed now, in Unix seconds.
    fn end(self, now: Timestamp) -> i64 {
        now.as_second() + i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX / 2)
    }
}

/// One attempt, for the record.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// What tells it from every other attempt on the event; drawn by chance.
    pub id: u64,
    /// When it ended.
    pub at: Timestamp,
    /// Why it failed; None: it did not.
    pub cause: Option<Cause>,
    /// HTTP status code, if an answer came.
    pub status_code: Option<u16>,
    /// How long each phase took.
    pub timings: Timings,
    /// The beginning of the response.
    pub snippet: String,
    /// Where the answer points to.
    pub location: Option<String>,
    /// What it showed beyond its cause.
    pub clue: Option<Clue>,
}

/// What is to be written.
pub struct RecordUpdate<'a> {
    /// The event.
    pub event: &'a Event,
    /// Its compressed body, to be kept; None: it is kept already, or too large.
    pub body: Option<&'a Compressed>,
    /// The record as it was read; None: there was none, or it could not be read.
    pub before: Option<Record>,
    /// What has become of the event.
    pub status: Status,
    /// The attempt that led to it; None: there was none, it is held at once.
    pub attempt: Option<&'a AttemptRecord>,
    /// When it is tried again.
    pub next_attempt: Option<Timestamp>,
    /// When the event was first published.
    pub occurred: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// How long records are kept.
    pub retention: Retention,
    /// Whether a record that says delivered may be changed: only a resend may.
    pub over_delivered: bool,
    /// Whether the record said held when it was read, or the event has been given a message of its own.
    pub was_held: bool,
}

/// An update expression with all that it needs.
pub(super) struct Update {
    pub(super) expression: String,
    pub(super) condition: Option<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

/// Of a held event that is given up.
pub(super) fn abandoned(retention: Retention, now: Timestamp) -> Update {
    let mut writer = UpdateExpression::default();
    writer.set("status", s(Status::Failed.as_str()));
    writer.set("updated_at", ms(now));
    writer.set("expires_at", n(retention.end(now)));
    writer.remove("next_attempt_at");
    writer.remove("held");
    Update { condition: Some("attribute_exists(#held)".to_owned()), ..writer.finish() }
}

impl RecordUpdate<'_> {
    /// Whether an item that this could not be written over has it already, from a write whose answer was lost.
    pub(super) fn is_in(&self, item: &Item) -> bool {
        let id = self.attempt.map(|attempt| n(attempt.id));
        id.is_some_and(|id| attempts(item).any(|attempt| attempt.get("id") == Some(&id)))
    }

    /// `before` is how many attempts the stored record counts; None: there is no record. Where an attempt was made, nothing
    /// is written if that is not so.
    pub(super) fn to_update(&self, before: Option<u32>) -> Update {
        let mut writer = UpdateExpression::default();
        let occurred = format!("{:.3}#{}", self.occurred, self.event.id());

        writer.set("status", s(self.status.as_str()));
        if self.status == Status::Delivered {
            writer.set("last_delivered_at", ms(self.attempt.map_or(self.now, |attempt| attempt.at)));
        }
        writer.set("updated_at", ms(self.now));
        writer.set_once("event_type", s(self.event.event_type().as_str()));
        if self.before.is_none() {
            // By which the owner recognises it in a list that has no bodies.
            let mut mark = |name, text: Option<&str>| text.into_iter().for_each(|text| writer.set_once(name, s(text)));
            mark("subject", self.event.subject());
            mark("phone_last_digits", self.event.phone_ending());
        }
        writer.set_once("created_at", s(format!("{:.3}", self.occurred)));
        writer.set_once("occurred", s(&occurred));
        if let Some(Compressed(bytes)) = self.body {
            writer.set_once("body", AttributeValue::B(Blob::new(bytes.clone())));
        }
        if self.status == Status::Held {
            // The index keeps the place that the record's first writing gave it. What waits does not expire: it would be
            // lost while its endpoint is paused.
            writer.set_from("held", "occurred", s(&occurred));
            writer.remove("expires_at");
        } else {
            writer.remove("held");
            writer.set("expires_at", n(self.retention.end(self.now)));
        }
        match self.next_attempt {
            Some(at) => writer.set("next_attempt_at", ms(at)),
            None => writer.remove("next_attempt_at"),
        }
        self.attempted(&mut writer, before);
        if !self.over_delivered {
            writer.unless_delivered();
        }
        if self.spares_held() {
            writer.unless_held();
        }
        writer.finish()
    }

    /// Whether this must not be written over a record that says held: somebody else has held the event since.
    pub(super) fn spares_held(&self) -> bool {
        matches!(self.status, Status::Retrying | Status::Failed) && !self.was_held
    }

    fn attempted(&self, writer: &mut UpdateExpression, before: Option<u32>) {
        let Some(attempt) = self.attempt else {
            writer.set_once("attempts", n(0));
            return;
        };
        let number = before.unwrap_or(0) + 1;
        writer.set("attempts", n(number));
        writer.only_after(before);
        match attempt.cause {
            Some(cause) => writer.set("cause", s(cause.as_str())),
            None => writer.remove("cause"),
        }
        match attempt.status_code {
            Some(code) => writer.set("status_code", n(code)),
            None => writer.remove("status_code"),
        }
        for (name, word) in clue::to_words(attempt.clue) {
            match word {
                Some(word) => writer.set(name, s(word)),
                None => writer.remove(name),
            }
        }
        match printable(&attempt.snippet, usize::MAX) {
            Some(snippet) => writer.set("response_snippet", s(snippet)),
            None => writer.remove("response_snippet"),
        }
        writer.set(&slot(number), AttributeValue::M(attempt.to_map(number)));
    }
}

/// The attribute of an attempt, by its number from 1.
fn slot(number: u32) -> String {
    format!("attempt_{:02}", (number - 1) % ATTEMPTS_KEPT)
}

/// The attempts that a record remembers, in no order.
pub(super) fn attempts(item: &Item) -> impl Iterator<Item = &Item> {
    (1..=ATTEMPTS_KEPT).filter_map(|number| item.get(&slot(number))?.as_m().ok())
}

impl AttemptRecord {
    fn to_map(&self, number: u32) -> Item {
        let mut map = Item::from([
            ("number".to_owned(), n(number)),
            ("id".to_owned(), n(self.id)),
            ("at".to_owned(), ms(self.at)),
        ]);
        let mut set = |name: &str, value: Option<AttributeValue>| {
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        };
        let phase = |duration: Option<Duration>| duration.map(|duration| n(duration.as_millis()));
        set("cause", self.cause.map(|cause| s(cause.as_str())));
        set("status_code", self.status_code.map(n));
        set("dns_ms", phase(self.timings.dns));
        set("connect_ms", phase(self.timings.connect));
        set("tls_ms", phase(self.timings.tls));
        set("first_byte_ms", phase(self.timings.first_byte));
        set("total_ms", phase(Some(self.timings.total)));
        set("snippet", printable(&self.snippet, TRY_SNIPPET_CHARS).map(s));
        set("location", self.location.as_deref().and_then(|to| printable(to, LOCATION_CHARS)).map(s));
        for (name, word) in clue::to_words(self.clue) {
            set(name, word.map(s));
        }
        map
    }
}

/// A stranger's text as one that may be shown: controls become U+FFFD. None if empty.
#[must_use]
pub fn printable(text: &str, max_chars: usize) -> Option<String> {
    let safe = |character: char| match character {
        '\n' | '\t' => character,
        // The marks that turn the direction of writing would let a response rewrite the line it is shown in.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    };
    Some(text.chars().take(max_chars).map(safe).collect()).filter(|text: &String| !text.is_empty())
}

/// Puts an update expression together. Every attribute goes by a placeholder, since many names are reserved words.
#[derive(Default)]
struct UpdateExpression {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl UpdateExpression {
    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, attribute: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{attribute}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(attribute, value));
        self.sets.push(format!("{name} = {value}"));
    }

    fn set_once(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(attribute, value));
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    /// As another attribute is, or this value where that one is not there.
    fn set_from(&mut self, attribute: &str, source: &str, value: AttributeValue) {
        let (name, source, value) = (self.name(attribute), self.name(source), self.value(attribute, value));
        self.sets.push(format!("{name} = if_not_exists({source}, {value})"));
    }

    fn remove(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.removes.push(name);
    }

    fn unless_held(&mut self) {
        let name = self.name("held");
        self.conditions.push(format!("attribute_not_exists({name})"));
    }

    fn unless_delivered(&mut self) {
        let (name, value) = (self.name("status"), self.value("arrived", s(Status::Delivered.as_str())));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} <> {value})"));
    }

    /// Two that count an attempt at the same moment must not both be the third.
    fn only_after(&mut self, attempts: Option<u32>) {
        let name = self.name("attempts");
        let condition = match attempts {
            None => format!("attribute_not_exists({name})"),
            Some(before) => {
                let value = self.value("before", n(before));
                format!("(attribute_not_exists({name}) OR {name} = {value})")
            }
        };
        self.conditions.push(condition);
    }

    fn finish(self) -> Update {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &self.sets) + &clause("REMOVE", &self.removes);
        let condition = Some(self.conditions.join(" AND ")).filter(|condition| !condition.is_empty());
        Update { expression, condition, names: self.names, values: self.values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_becomes_one_that_may_be_shown() {
        assert_eq!(
            printable("ok\u{1b}[31m\u{0}\n\u{202e}abc", 99).as_deref(),
            Some("ok\u{fffd}[31m\u{fffd}\n\u{fffd}abc")
        );
        assert_eq!(printable("שלום", 2).as_deref(), Some("של"));
        assert_eq!(printable("", 9), None);
    }

    #[test]
    fn every_status_has_one_name() {
        for status in [Status::Delivered, Status::Retrying, Status::Held, Status::Failed] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("lost"), None);
    }

    fn change(event: &Event, status: Status, before: Option<Record>) -> Update {
        let body = before.is_none().then(|| body::Compressor::new().compress(event.body())).flatten();
        RecordUpdate {
            event,
            body: body.as_ref(),
            before,
            status,
            attempt: None,
            next_attempt: None,
            occurred: "2026-03-01T10:00:00.5Z".parse().expect("a time"),
            now: Timestamp::from_second(1_000).expect("a time"),
            retention: Retention(Duration::from_hours(24)),
            over_delivered: false,
            was_held: false,
        }
        .to_update(before.map(|record| record.attempts))
    }

    #[test]
    fn only_held_records_stand_in_the_index_of_held_ones_and_the_body_is_written_once() {
        let event = Event::parse(r#"{"event_type":"a.b","business_id":"b"}"#).expect("well-formed");
        let held = change(&event, Status::Held, None);
        assert!(
            held.expression.contains("#held = if_not_exists(#occurred, :held)") && held.values.contains_key(":body")
        );
        let known = Some(Record { status: Status::Held, attempts: 0, last_delivered: None });
        let retrying = change(&event, Status::Retrying, known);
        assert!(retrying.expression.contains("REMOVE #held") && !retrying.values.contains_key(":body"));
        assert!(held.expression.contains("REMOVE #expires_at"), "what waits does not expire");
        assert_eq!(held.values[":occurred"], s(format!("2026-03-01T10:00:00.500Z#{}", event.id())));
        assert_eq!(retrying.values[":expires_at"], n(1_000 + 86_400));
    }
}
