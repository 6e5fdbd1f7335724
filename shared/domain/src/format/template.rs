//! The owner's own body: a JSON text with placeholders in its strings.
//!
//! Placeholders are found in a template when the template is read, and never in the values that replace them: if a
//! caller says `{{phone}}`, the body has these very words. A value becomes a JSON value, not a piece of text, so it
//! cannot end the string in which it stands. A template has no code and no loops.

mod parts;
mod place;

use std::fmt;

pub use self::place::Place;

use self::parts::{Part, parts};
use crate::event::json::{JsonError, MAX_DEPTH, Object, Value};

/// A template that has been read. Its `Debug` shows nothing of it: owners write keys of their receivers into templates.
#[derive(Clone, PartialEq)]
pub struct Template(Node);

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Template")
    }
}

/// Why a text is not a template. None of the messages repeats any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is empty or white space.
    #[error("the template is empty")]
    Empty,
    /// The text is longer than [`Template::MAX_BYTES`].
    #[error("the template is longer than 4,096 bytes")]
    TooLong,
    /// The text breaks JSON's grammar (RFC 8259), or a string in it holds a lone surrogate.
    #[error("the template is not valid JSON at {0}")]
    NotJson(Place),
    /// The text has a number that a double cannot hold, such as `1e400`.
    #[error("a number of the template is out of a double's range at {0}")]
    NumberRange(Place),
    /// The text has too many arrays and objects inside one another.
    #[error("the template is nested more than {MAX_DEPTH} deep at {0}")]
    Depth(Place),
}

impl TemplateError {
    /// Gives the place of the error. None: the error has no single place.
    #[must_use]
    pub fn place(self) -> Option<Place> {
        match self {
            Self::Empty | Self::TooLong => None,
            Self::NotJson(place) | Self::NumberRange(place) | Self::Depth(place) => Some(place),
        }
    }
}

/// A value of the template.
#[derive(Clone, PartialEq)]
enum Node {
    /// A value without a placeholder.
    Fixed(Value),
    /// A string that is one placeholder alone.
    Field(String),
    /// A string with placeholders in it.
    Text(Vec<Part>),
    Array(Vec<Node>),
    /// An object. The names of its members have no placeholders.
    Object(Vec<(String, Node)>),
}

impl Template {
    /// The longest template, in bytes. A template makes each write of the settings item dearer.
    pub const MAX_BYTES: usize = 4096;

    /// The largest body, in bytes.
    pub const MAX_BODY_BYTES: usize = 1024 * 1024;

    /// Reads a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], with the place of the error if there is one.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > Self::MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let value = Value::parse(text).map_err(|error| {
            let place = Place::of_error(text);
            match error {
                JsonError::Syntax { .. } => TemplateError::NotJson(place),
                JsonError::NumberRange => TemplateError::NumberRange(place),
                JsonError::Depth => TemplateError::Depth(place),
            }
        })?;
        Ok(Self(Node::read(value)))
    }

    /// Makes the body of the template and an event's values. None: the body would be larger than
    /// [`Self::MAX_BODY_BYTES`], or nested deeper than [`MAX_DEPTH`].
    pub(super) fn body(&self, event: &Object) -> Option<String> {
        let mut room = Self::MAX_BODY_BYTES;
        let body = self.0.fill(event, MAX_DEPTH, &mut room)?.to_json();
        (body.len() <= Self::MAX_BODY_BYTES).then_some(body)
    }
}

impl Node {
    fn read(value: Value) -> Self {
        match value {
            Value::String(text) => {
                let mut parts = parts(&text);
                match &mut parts[..] {
                    [] | [Part::Text(_)] => Self::Fixed(Value::String(text)),
                    [Part::Field(name)] => Self::Field(std::mem::take(name)),
                    _ => Self::Text(parts),
                }
            }
            Value::Array(items) => Self::Array(items.into_iter().map(Self::read).collect()),
            Value::Object(object) => {
                Self::Object(object.iter().map(|(name, value)| (name.to_owned(), Self::read(value.clone()))).collect())
            }
            value => Self::Fixed(value),
        }
    }

    /// Gives the value with its placeholders filled. `depth` is how many levels of nesting are left. `room` is how many
    /// bytes are left: each value takes at least its own bytes, so that a template which names a long transcript 800
    /// times is given up at the second time.
    fn fill(&self, event: &Object, depth: usize, room: &mut usize) -> Option<Value> {
        Some(match self {
            Self::Fixed(value) => value.clone(),
            Self::Field(name) => match find(event, name) {
                Some(value) => {
                    take(value, depth, room)?;
                    value.clone()
                }
                None => Value::String(String::new()),
            },
            Self::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    let length = text.len();
                    match part {
                        Part::Text(fixed) => text.push_str(fixed),
                        Part::Field(name) => append(find(event, name), &mut text),
                    }
                    *room = room.checked_sub(text.len() - length)?;
                }
                Value::String(text)
            }
            Self::Array(items) => {
                let depth = depth.checked_sub(1)?;
                Value::Array(items.iter().map(|item| item.fill(event, depth, room)).collect::<Option<_>>()?)
            }
            Self::Object(members) => {
                let depth = depth.checked_sub(1)?;
                let filled = members.iter().map(|(name, node)| Some((name.as_str(), node.fill(event, depth, room)?)));
                Value::Object(filled.collect::<Option<_>>()?)
            }
        })
    }
}

/// Takes from `room` the least number of bytes that a value can have in JSON. None: the value does not fit into `room`,
/// or is nested deeper than `depth`.
fn take(value: &Value, depth: usize, room: &mut usize) -> Option<()> {
    let own = match value {
        Value::String(text) => text.len() + 2,
        _ => 1,
    };
    *room = room.checked_sub(own)?;
    match value {
        Value::Array(items) => {
            let depth = depth.checked_sub(1)?;
            items.iter().try_for_each(|item| take(item, depth, room))
        }
        Value::Object(object) => {
            let depth = depth.checked_sub(1)?;
            object.iter().try_for_each(|(name, value)| {
                *room = room.checked_sub(name.len() + 3)?;
                take(value, depth, room)
            })
        }
        _ => Some(()),
    }
}

/// Appends a value to the text around its placeholder. Null and an unknown name append nothing; a list or an object
/// appends its JSON.
fn append(value: Option<&Value>, text: &mut String) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(value)) => text.push_str(value),
        Some(value) => text.push_str(&value.to_json()),
    }
}

/// Gives the value that a placeholder names: a member, a member of that member, and so on. White space in the name
/// counts if a member has such a name; otherwise it is ignored.
fn find<'a>(event: &'a Object, name: &str) -> Option<&'a Value> {
    lookup(event, name).or_else(|| {
        let name: String = name.split_whitespace().collect();
        lookup(event, &name)
    })
}

/// Gives a member by its name. A member whose own name has dots is found before a nested member.
fn lookup<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        match object.get(first)? {
            Value::Object(nested) => lookup(nested, rest),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests;
