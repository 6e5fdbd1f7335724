//! Tells an event in Hebrew as plain text, in the same words for every chat.
//!
//! A message has a title, facts of one line each, and sections that a receiver's limit may cut. The sentences have
//! infinitives and plurals, as on the owner's page, so that no reader is addressed by a gender. A value stands in
//! directional isolates (U+2068, U+2069), so that a number or a Latin name does not reorder the Hebrew around it. The
//! controls that a value itself contains are removed.

mod kinds;
mod readable;
mod values;

use std::borrow::Cow;

pub(super) use values::lines;

use crate::event::json::Object;

/// A message, before it is written in a chat's notation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) title: String,
    /// The facts, one short line each.
    pub(super) facts: Vec<String>,
    pub(super) sections: Vec<Section<'a>>,
}

/// A text of any length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub(super) label: Option<&'static str>,
    pub(super) text: Cow<'a, str>,
    /// The last line of a text that was cut.
    pub(super) cut_mark: &'static str,
}

impl<'a> Message<'a> {
    pub(super) fn of(event: &'a Object) -> Self {
        kinds::message(event)
    }
}

#[cfg(test)]
mod tests;
