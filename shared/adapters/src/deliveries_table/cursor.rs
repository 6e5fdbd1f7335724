//! A place in the list of a business's deliveries, as a text for addresses.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::endpoint::Position;
use domain::event::EventId;
use jiff::Timestamp;

use crate::dynamodb::Item;
use crate::dynamodb::attributes::text;

/// A place in a list. The list goes on behind it. It names no business: the session says whose list it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The sort key: a time, `#`, an event id.
    pub(super) occurred: String,
    pub(super) event_id: EventId,
}

impl Cursor {
    /// Reads a text that [`Self::to_text`] has made; None for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::at(String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?)
    }

    /// The cursor as a text of letters, digits, `-` and `_`.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.occurred)
    }

    /// The place of an item; None: the item's `occurred` cannot be read.
    pub(super) fn of(item: &Item) -> Option<Self> {
        Self::at(text(item, "occurred").ok()??.to_owned())
    }

    /// The cursor of a place of a replay; None: the place cannot be read.
    pub(super) fn of_position(position: &Position) -> Option<Self> {
        Self::at(position.0.clone())
    }

    /// The place for a replay.
    pub(super) fn position(self) -> Position {
        Position(self.occurred)
    }

    fn at(occurred: String) -> Option<Self> {
        let (at, event_id) = occurred.split_once('#')?;
        // The text becomes a key, so only the one notation of a time that records have is accepted.
        at.parse::<Timestamp>().ok().filter(|time| format!("{time:.3}") == at)?;
        Some(Self { event_id: EventId::parse(event_id)?, occurred })
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
}
