//! Attempts, as attributes of a record.
//!
//! Each attempt is a map in an attribute of its own, named by the attempt's number. So a write that the SDK repeats
//! leaves one attempt, and a later attempt takes the place of an early one when the record has no room for more.

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

/// How much of each attempt's answer is kept, in characters. Of the last attempt's answer, the record keeps more.
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

/// The name of the attribute that holds an attempt, by the attempt's number from 1.
pub(super) fn slot(number: u32) -> String {
    format!("attempt_{:02}", (number - 1) % ATTEMPTS_KEPT)
}

/// The maps of the attempts that a record keeps, in no order.
pub(super) fn slots(item: &Item) -> impl Iterator<Item = &Item> {
    (1..=ATTEMPTS_KEPT).filter_map(|number| item.get(&slot(number))?.as_m().ok())
}

impl AttemptRecord {
    /// The map for this attempt as the attempt `number`, from 1.
    pub(super) fn to_attribute(&self, number: u32) -> AttributeValue {
        let phase = |duration: Option<Duration>| duration.map(|duration| n(duration.as_millis()));
        let mut attributes = vec![
            ("number", Some(n(number))),
            ("id", Some(n(self.id))),
            ("at", Some(ms(self.at))),
            ("cause", self.cause.map(|cause| s(cause.as_str()))),
            ("status_code", self.status_code.map(n)),
            ("dns_ms", phase(self.timings.dns)),
            ("connect_ms", phase(self.timings.connect)),
            ("tls_ms", phase(self.timings.tls)),
            ("first_byte_ms", phase(self.timings.first_byte)),
            ("total_ms", phase(Some(self.timings.total))),
            ("snippet", printable(&self.snippet, ATTEMPT_SNIPPET_CHARS).map(s)),
            ("format", self.format.map(|format| s(format.as_str()))),
            ("location", self.location.as_deref().and_then(|to| printable(to, LOCATION_CHARS)).map(s)),
        ];
        attributes.extend(clue::to_words(self.clue).map(|(name, word)| (name, word.map(s))));
        let present = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        AttributeValue::M(present.collect())
    }
}

impl PastAttempt {
    pub(super) fn from_item(item: &Item) -> Result<Self, TableError> {
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
            response_snippet: owned(item, "snippet")?,
            location: owned(item, "location")?,
            format: format(item),
            clue: clue::from_item(item),
        })
    }
}

/// The format of an attempt, or of a record's last one. A name that this version does not know counts as absent.
pub(super) fn format(item: &Item) -> Option<Format> {
    text(item, "format").ok().flatten().and_then(Format::parse)
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
        let written = AttemptRecord {
            id: 7,
            at: Timestamp::from_millisecond(1_000_007).expect("a time"),
            cause: Some(Cause::Status),
            status_code: Some(500),
            timings: Timings { tls: Some(Duration::from_millis(3)), ..Timings::default() },
            snippet: "x".repeat(200),
            location: Some("https://a.example/\u{0}".to_owned()),
            format: Some(Format::GoogleChat),
            clue: Some(Clue::NoConnection),
        };
        let item = Item::from([(slot(21), written.to_attribute(21))]);
        assert_eq!(slot(21), slot(1));
        let [stored] = slots(&item).collect::<Vec<_>>()[..] else { panic!("one attempt") };
        let read = PastAttempt::from_item(stored).expect("readable");
        assert_eq!((read.number, read.at, read.cause, read.status_code), (21, written.at, written.cause, Some(500)));
        assert_eq!((read.timings.tls, read.timings.dns), (written.timings.tls, None));
        assert_eq!(read.response_snippet.map(|text| text.len()), Some(ATTEMPT_SNIPPET_CHARS));
        assert_eq!((read.format, format(&Item::from([("format".to_owned(), s("fax"))]))), (written.format, None));
        assert_eq!((read.location.as_deref(), read.clue), (Some("https://a.example/\u{fffd}"), written.clue));
    }
}
