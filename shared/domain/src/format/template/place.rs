//! The place of an error in a template, as an editor counts lines and columns.

use std::fmt;

/// A line and a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// Gives the place at which a text that cannot be read stops being readable. [`crate::event::json`] reads each
    /// nested value on its own and does not know its place. So `serde_json` reads the whole text once more; it refuses
    /// the same texts, and counts in bytes.
    pub(super) fn of_error(text: &str) -> Self {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => Self { line: 1, column: 1 },
            Err(error) => Self { line: error.line().max(1), column: column(text, error.line(), error.column()) },
        }
    }
}

/// Converts a column in bytes to a column in characters, both from 1.
fn column(text: &str, line: usize, bytes: usize) -> usize {
    let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    line.char_indices().take_while(|(at, _)| *at < bytes).count().max(1)
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}
