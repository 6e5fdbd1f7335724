//! What happened, in Hebrew, as plain text: the same for every chat.
//!
//! A title, facts of one line each, and sections that a receiver's limit may cut. Infinitives and plurals, as on the
//! owner's page, so that nobody is addressed by a gender. A value stands in directional isolates (U+2068, U+2069), so that
//! a number or a Latin name does not reorder the Hebrew around it; the controls that a value brings itself are taken out.

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
    /// A line each, of which none can be long.
    pub(super) facts: Vec<String>,
    pub(super) sections: Vec<Section<'a>>,
}

/// A text of any length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub(super) label: Option<&'static str>,
    pub(super) text: Cow<'a, str>,
    /// Stands in the last line of a text that was cut.
    pub(super) cut_mark: &'static str,
}

impl<'a> Message<'a> {
    pub(super) fn of(event: &'a Object) -> Self {
        kinds::message(event)
    }
}

#[cfg(test)]
mod tests;
