//! Lays a message out within its receiver's limit: title and facts in full, then as much of the longer texts as there
//! is room for.

use super::markup::Markup;
use super::message::{Message, Section, lines};

/// A message in a chat's notation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) title: String,
    pub(super) facts: Vec<String>,
    pub(super) sections: Vec<Text>,
}

/// One of a message's longer texts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) label: Option<&'static str>,
    pub(super) text: String,
}

/// The sizes that a receiver's limit counts beside the lines themselves.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// The room for the whole message.
    pub(super) room: usize,
    /// The additional size of each line above the longer texts.
    pub(super) fact: usize,
    /// The additional size of each longer text and its label.
    pub(super) section: usize,
}

impl Layout {
    /// Lays a message out. [`Message`] makes title and facts short, so they always fit.
    pub(super) fn new(message: &Message<'_>, markup: Markup, frame: Frame) -> Self {
        let mut room = frame.room;
        let mut fact = |line: &str| {
            let escaped = markup.escape(line, room.saturating_sub(frame.fact));
            room = room.saturating_sub(frame.fact + escaped.size);
            escaped.text
        };
        let title = fact(&message.title);
        let facts = message.facts.iter().map(|line| fact(line)).collect();

        let label = |section: &Section<'_>| frame.section + section.label.map_or(0, |label| markup.size(label));
        // The size of the sections to come, if only their labels and marks are left of them.
        let mut reserved: usize =
            message.sections.iter().map(|section| label(section) + mark_size(section, markup)).sum();
        let mut sections = Vec::new();
        for section in &message.sections {
            reserved -= label(section) + mark_size(section, markup);
            room = room.saturating_sub(label(section));
            let text = fitted(section, room.saturating_sub(reserved), markup);
            room = room.saturating_sub(markup.size(&text));
            sections.push(Text { label: section.label, text });
        }
        Self { title, facts, sections }
    }
}

/// Gives the size of the mark behind a text that was cut, with the line break in front of the mark.
fn mark_size(section: &Section<'_>, markup: Markup) -> usize {
    markup.size(markup.line_break()) + markup.size(section.cut_mark)
}

/// Gives a section's text if it fits into the room. Otherwise gives as many of its lines as fit, and the mark of the
/// cut.
fn fitted(section: &Section<'_>, room: usize, markup: Markup) -> String {
    let (whole, is_whole) = filled(&section.text, room, markup);
    if is_whole {
        return whole;
    }
    let (mut text, _) = filled(&section.text, room.saturating_sub(mark_size(section, markup)), markup);
    if !text.is_empty() {
        text.push_str(markup.line_break());
    }
    text + section.cut_mark
}

/// Gives as many whole lines as there is room for, and whether these are all lines. A line that is longer than the
/// whole room is cut between two characters.
fn filled(text: &str, room: usize, markup: Markup) -> (String, bool) {
    let line_break = markup.line_break();
    let mut out = String::new();
    let mut left = room;
    for (index, line) in lines(text).enumerate() {
        let gap = if index > 0 { line_break } else { "" };
        let Some(behind_gap) = left.checked_sub(markup.size(gap)) else { return (out, false) };
        let escaped = markup.escape(&line, behind_gap);
        // An empty line is whole in any room.
        if escaped.is_whole || (escaped.size > 0 && !markup.escape(&line, room).is_whole) {
            out.push_str(gap);
            out.push_str(&escaped.text);
        }
        if !escaped.is_whole {
            return (out, false);
        }
        left = behind_gap - escaped.size;
    }
    (out, true)
}
