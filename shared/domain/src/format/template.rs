//! The owner's own body: a JSON text with placeholders in its strings.
//!
//! Placeholders are found in a template when it is read, and never in what is put in their places: a caller who says
//! `{{phone}}` is quoted. A value becomes a JSON value, not a piece of text, so it cannot end the string it stands in. There
//! is no code and there are no loops.

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
    /// Nothing but white space.
    #[error("the template is empty")]
    Empty,
    /// Longer than [`Template::MAX_BYTES`].
    #[error("the template is longer than 4,096 bytes")]
    TooLong,
    /// The text breaks JSON's grammar (RFC 8259), or a string in it holds a lone surrogate.
    #[error("the template is not valid JSON at {0}")]
    NotJson(Place),
    /// A number that a double cannot hold, such as `1e400`.
    #[error("a number of the template is out of a double's range at {0}")]
    NumberRange(Place),
    /// Too many arrays and objects inside one another.
    #[error("the template is nested more than {MAX_DEPTH} deep at {0}")]
    Depth(Place),
}

impl TemplateError {
    /// Where the error is, if it is at one place.
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
    /// Names of members are taken as they are.
    Object(Vec<(String, Node)>),
}

impl Template {
    /// Longest template in bytes: it lies in the settings item, which other writes pay for.
    pub const MAX_BYTES: usize = 4096;

    /// Largest body in bytes.
    pub const MAX_BODY_BYTES: usize = 1024 * 1024;

    /// Reads a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], with the place if there is one.
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

    /// The template with an event's values. None: the body would be over [`Self::MAX_BODY_BYTES`], or deeper than
    /// [`MAX_DEPTH`].
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

    /// The value with the placeholders filled. `depth` is how much nesting is left. `room` is how many bytes: each value
    /// takes at least its own, so that a transcript which a template names 800 times is given up at the second.
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

/// Takes from `room` the least that a value can come to in JSON, in bytes, and looks whether its nesting is left.
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

/// Appends a value to the text around it: null and what is unknown are nothing, a list or an object is its JSON.
fn append(value: Option<&Value>, text: &mut String) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(value)) => text.push_str(value),
        Some(value) => text.push_str(&value.to_json()),
    }
}

/// The value that a placeholder names: a member, or one of a member's own, and so on. White space counts where a member
/// has it in its name; otherwise none of it does.
fn find<'a>(event: &'a Object, name: &str) -> Option<&'a Value> {
    lookup(event, name).or_else(|| {
        let name: String = name.split_whitespace().collect();
        lookup(event, &name)
    })
}

/// A member whose name has dots in it is found before one that is nested.
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
