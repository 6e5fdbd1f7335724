//! Attempts, as attributes of a record.
//!
//! Each attempt is a map in an attribute of its own, named by the attempt's number. So a write that the SDK repeats
//! leaves one attempt, and a later attempt takes the place of an early one when the record has no room for more. The names
//! in the map are one letter each, since DynamoDB bills them like the values.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::clue::Clue;
use domain::format::Format;
use domain::outcome::Cause;
use jiff::Timestamp;

use super::clue;
use crate::dynamodb::attributes::{ms, n, number, owned, required, s, text, time};
use crate::dynamodb::{Item, TableError};
use crate::http::Timings;

/// How many attempts a record keeps, since an item has a largest size. Attempt 21 takes the place of attempt 1.
const ATTEMPTS_KEPT: u32 = 20;

/// How much of each attempt's answer is kept, in characters. Of the last attempt's answer, the record
/// keeps more, if there is more.
const ATTEMPT_SNIPPET_CHARS: usize = 160;

/// How much of the address that an answer points to is kept, in characters.
pub const LOCATION_CHARS: usize = 256;

/// One attempt, to be written.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// A random number that tells this attempt from every other attempt on the event.
    pub id: u64,
    /// The end of the attempt.
    pub at: Timestamp,
    /// Why the attempt failed; None: it delivered.
    pub cause: Option<Cause>,
    /// The HTTP status code; None: no answer came.
    pub status_code: Option<u16>,
    /// How long each phase took.
    pub timings: Timings,
    /// The beginning of the answer, as the receiver sent it.
    pub snippet: String,
    /// The address that the answer points to, as the receiver sent it.
    pub location: Option<String>,
    /// The format of the body. None: no body was made.
    pub format: Option<Format>,
    /// A detail that the attempt showed beyond its cause.
    pub clue: Option<Clue>,
}

/// One attempt, as a record has kept it.
#[derive(Clone, Debug)]
pub struct PastAttempt {
    /// The attempt's number, from 1.
    pub number: u32,
    /// The end of the attempt.
    pub at: Timestamp,
    /// Why the attempt failed; None: it delivered.
    pub cause: Option<Cause>,
    /// The HTTP status code; None: no answer came.
    pub status_code: Option<u16>,
    /// How long each phase took, in whole milliseconds.
    pub timings: Timings,
    /// The beginning of the answer, made [`printable`]; at most 160 characters.
    pub response_snippet: Option<String>,
    /// The address that the answer points to, made [`printable`]; at most [`LOCATION_CHARS`] characters.
    pub location: Option<String>,
    /// The format of the body. None: no body was made, or this version does not know the format.
    pub format: Option<Format>,
    /// A detail that the attempt showed beyond its cause.
    pub clue: Option<Clue>,
}

/// The names of the attributes that hold attempts.
const SLOTS: [&str; ATTEMPTS_KEPT as usize] = [
    "attempt_00",
    "attempt_01",
    "attempt_02",
    "attempt_03",
    "attempt_04",
    "attempt_05",
    "attempt_06",
    "attempt_07",
    "attempt_08",
    "attempt_09",
    "attempt_10",
    "attempt_11",
    "attempt_12",
    "attempt_13",
    "attempt_14",
    "attempt_15",
    "attempt_16",
    "attempt_17",
    "attempt_18",
    "attempt_19",
];

/// The name of the attribute that holds an attempt, by the attempt's number from 1.
pub(super) fn slot(number: u32) -> &'static str {
    SLOTS[((number - 1) % ATTEMPTS_KEPT) as usize]
}

/// The maps of the attempts that a record keeps, in no order.
pub(super) fn slots(item: &Item) -> impl Iterator<Item = &Item> {
    SLOTS.iter().filter_map(|slot| item.get(*slot)?.as_m().ok())
}

/// A name in the map of an attempt: the one that is written, and the one that records had before.
///
/// DynamoDB counts names as bytes of the item, and a record has up to twenty of these maps.
#[derive(Clone, Copy)]
struct Name(&'static str, &'static str);

impl Name {
    const NUMBER: Self = Self("n", "number");
    const ID: Self = Self("i", "id");
    const AT: Self = Self("a", "at");
    const CAUSE: Self = Self("c", "cause");
    const STATUS_CODE: Self = Self("s", "status_code");
    const DNS: Self = Self("d", "dns_ms");
    const CONNECT: Self = Self("k", "connect_ms");
    const TLS: Self = Self("t", "tls_ms");
    const FIRST_BYTE: Self = Self("b", "first_byte_ms");
    const TOTAL: Self = Self("m", "total_ms");
    const SNIPPET: Self = Self("x", "snippet");
    const FORMAT: Self = Self("f", "format");
    const LOCATION: Self = Self("l", "location");
    const CLUE: Self = Self("u", "clue");
    const REFUSAL: Self = Self("r", "refusal");

    /// The name by which an attempt has the attribute.
    fn of(self, attempt: &Item) -> &'static str {
        if attempt.contains_key(self.0) { self.0 } else { self.1 }
    }
}

/// The random number of an attempt that a record keeps.
pub(super) fn id(attempt: &Item) -> Option<&AttributeValue> {
    attempt.get(Name::ID.of(attempt))
}

impl AttemptRecord {
    /// The map for this attempt as the attempt `number`, from 1.
    pub(super) fn to_attribute(&self, number: u32) -> AttributeValue {
        let phase = |duration: Option<Duration>| duration.map(|duration| n(duration.as_millis()));
        let [clue, refusal] = clue::to_words(self.clue).map(|(_, word)| word.map(s));
        let attributes = [
            (Name::NUMBER, Some(n(number))),
            (Name::ID, Some(n(self.id))),
            (Name::AT, Some(ms(self.at))),
            (Name::CAUSE, self.cause.map(|cause| s(cause.as_str()))),
            (Name::STATUS_CODE, self.status_code.map(n)),
            (Name::DNS, phase(self.timings.dns)),
            (Name::CONNECT, phase(self.timings.connect)),
            (Name::TLS, phase(self.timings.tls)),
            (Name::FIRST_BYTE, phase(self.timings.first_byte)),
            (Name::TOTAL, phase(Some(self.timings.total))),
            (Name::SNIPPET, printable(&self.snippet, ATTEMPT_SNIPPET_CHARS).map(s)),
            (Name::FORMAT, self.format.map(|format| s(format.as_str()))),
            (Name::LOCATION, self.location.as_deref().and_then(|to| printable(to, LOCATION_CHARS)).map(s)),
            (Name::CLUE, clue),
            (Name::REFUSAL, refusal),
        ];
        let present = attributes.into_iter().filter_map(|(Name(name, _), value)| Some((name.to_owned(), value?)));
        AttributeValue::M(present.collect())
    }

    /// The answer's beginning for the record of this attempt, made [`printable`]. None: the attempt's own snippet is not
    /// shorter.
    pub(super) fn longer_snippet(&self) -> Option<String> {
        self.snippet.chars().nth(ATTEMPT_SNIPPET_CHARS)?;
        printable(&self.snippet, usize::MAX)
    }
}

impl PastAttempt {
    pub(super) fn from_item(item: &Item) -> Result<Self, TableError> {
        let phase = |name: Name| Ok::<_, TableError>(number(item, name.of(item))?.map(Duration::from_millis));
        Ok(Self {
            number: required(number(item, Name::NUMBER.of(item))?, "number")?,
            at: required(time(item, Name::AT.of(item))?, "at")?,
            cause: text(item, Name::CAUSE.of(item))?.map(Cause::read),
            status_code: number(item, Name::STATUS_CODE.of(item))?,
            timings: Timings {
                dns: phase(Name::DNS)?,
                connect: phase(Name::CONNECT)?,
                tls: phase(Name::TLS)?,
                first_byte: phase(Name::FIRST_BYTE)?,
                total: phase(Name::TOTAL)?.unwrap_or_default(),
            },
            response_snippet: owned(item, Name::SNIPPET.of(item))?,
            location: owned(item, Name::LOCATION.of(item))?,
            format: format_of(item, Name::FORMAT.of(item)),
            clue: clue::from_attributes(item, Name::CLUE.of(item), Name::REFUSAL.of(item)),
        })
    }
}

/// The format of a record's last attempt. A name that this version does not know counts as absent.
pub(super) fn format(item: &Item) -> Option<Format> {
    format_of(item, "format")
}

fn format_of(item: &Item, name: &'static str) -> Option<Format> {
    text(item, name).ok().flatten().and_then(Format::parse)
}

/// A text that a receiver sent, made safe to show and cut to `max_chars` characters; None if it is empty.
///
/// Control characters other than line feed and tab become U+FFFD, and so do the marks that set the direction of
/// writing: with these an answer could rewrite the line that shows it.
#[must_use]
pub fn printable(text: &str, max_chars: usize) -> Option<String> {
    let safe = |character: char| match character {
        '\n' | '\t' => character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    };
    Some(text.chars().take(max_chars).map(safe).collect()).filter(|text: &String| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> AttemptRecord {
        AttemptRecord {
            id: 7,
            at: Timestamp::from_millisecond(1_000_007).expect("a time"),
            cause: Some(Cause::Status),
            status_code: Some(500),
            timings: Timings { tls: Some(Duration::from_millis(3)), ..Timings::default() },
            snippet: "x".repeat(200),
            location: Some("https://a.example/\u{0}".to_owned()),
            format: Some(Format::GoogleChat),
            clue: Some(Clue::NoConnection),
        }
    }

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
    fn an_attempt_is_read_back_and_the_21st_takes_the_place_of_the_first() {
        let written = attempt();
        let item = Item::from([(slot(21).to_owned(), written.to_attribute(21))]);
        assert_eq!(slot(21), slot(1));
        let [stored] = slots(&item).collect::<Vec<_>>()[..] else { panic!("one attempt") };
        let read = PastAttempt::from_item(stored).expect("readable");
        assert_eq!((read.number, read.at, read.cause, read.status_code), (21, written.at, written.cause, Some(500)));
        assert_eq!((read.timings.tls, read.timings.dns), (written.timings.tls, None));
        assert_eq!(read.response_snippet.map(|text| text.len()), Some(ATTEMPT_SNIPPET_CHARS));
        assert_eq!((read.format, format(&Item::from([("format".to_owned(), s("fax"))]))), (written.format, None));
        assert_eq!((read.location.as_deref(), read.clue), (Some("https://a.example/\u{fffd}"), written.clue));
    }

    #[test]
    fn an_attempt_with_the_names_that_records_had_before_is_read() {
        let text = |name: &str, value: &str| (name.to_owned(), s(value));
        let number = |name: &str, value: u64| (name.to_owned(), n(value));
        let stored = Item::from([
            number("number", 3),
            number("id", 7),
            number("at", 1_000_007),
            text("cause", "status"),
            number("status_code", 500),
            number("dns_ms", 1),
            number("connect_ms", 2),
            number("tls_ms", 3),
            number("first_byte_ms", 4),
            number("total_ms", 5),
            text("snippet", "no"),
            text("format", "slack"),
            text("location", "https://a.example/"),
            text("clue", Clue::NoConnection.as_str()),
        ]);
        let read = PastAttempt::from_item(&stored).expect("readable");
        assert_eq!((read.number, read.at.as_millisecond(), read.cause), (3, 1_000_007, Some(Cause::Status)));
        let phases = [read.timings.dns, read.timings.connect, read.timings.tls, read.timings.first_byte];
        assert_eq!(phases, [1, 2, 3, 4].map(|ms| Some(Duration::from_millis(ms))));
        assert_eq!((read.timings.total, read.status_code), (Duration::from_millis(5), Some(500)));
        assert_eq!(
            (read.response_snippet.as_deref(), read.location.as_deref()),
            (Some("no"), Some("https://a.example/"))
        );
        assert_eq!((read.format, read.clue), (Some(Format::Slack), Some(Clue::NoConnection)));
        assert_eq!(id(&stored), Some(&n(7)));
    }

    #[test]
    fn of_a_short_answer_the_record_keeps_the_attempts_snippet_alone() {
        let longer = |chars: usize| {
            let snippet = "ש".repeat(chars);
            let attempt = AttemptRecord { snippet, ..attempt() };
            attempt.longer_snippet().map(|snippet| snippet.chars().count())
        };
        assert_eq!((longer(0), longer(ATTEMPT_SNIPPET_CHARS)), (None, None));
        assert_eq!(longer(ATTEMPT_SNIPPET_CHARS + 1), Some(ATTEMPT_SNIPPET_CHARS + 1));
    }
}
