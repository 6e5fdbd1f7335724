//! An event: the one thing that is published, signed, sent and stored.
//!
//! [`Event::parse`] and [`Event::compose`] are the only ways to get an [`Event`]. An event always has a business id,
//! every typed field has its type or its default, and the body is the exact text that the receiver gets: no code
//! serialises it again. This module does not decide where an event goes, and reads nothing but the text.

pub mod json;
mod fields;
mod time;
mod title;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::event::json::{JsonError, Object, Value};

/// Why a text is not an event. The messages name fields and expectations, but no value, so they may be logged.
#[derive(Debug, thiserror::Error)]
pub enum MalformedEvent {
    /// The text is not JSON, or has a value that JavaScript cannot hold.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The text is JSON, but not an object.
    #[error("the event is {0}, not an object")]
    NotAnObject(&'static str),
    /// A required field is absent, null or empty.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A field has a value of the wrong form.
    #[error("{field} must be {expected}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// The form that the value must have, in words.
        expected: &'static str,
    },
}

/// A kind of event: `call.completed`, `lead.created`, or any other dotted name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType(String);

impl EventType {
    /// The greatest length of a name, in characters; all of them are ASCII.
    pub const MAX_CHARS: usize = 128;

    const EXPECTED: &str = "a dotted name such as call.completed, at most 128 characters";

    /// Reads a name. An older spelling (`calls.completed`) becomes the present one.
    ///
    /// # Errors
    ///
    /// [`MalformedEvent::Field`] if the name does not match `[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+`, or is longer than
    /// [`Self::MAX_CHARS`].
    pub fn parse(name: &str) -> Result<Self, MalformedEvent> {
        let name = match name {
            "calls.completed" => "call.completed",
            "calls.lead_created" => "lead.created",
            "calls.appointment_booked" => "appointment.booked",
            other => other,
        };
        let segment = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if name.len() <= Self::MAX_CHARS && name.contains('.') && name.split('.').all(segment) {
            Ok(Self(name.to_owned()))
        } else {
            Err(MalformedEvent::Field { field: "event_type", expected: Self::EXPECTED })
        }
    }

    /// Gives the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The id of the business that an event belongs to: 1 to 128 characters, none of them a control character, not all of
/// them blank.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BusinessId(String);

impl BusinessId {
    /// The greatest length of an id, in characters.
    pub const MAX_CHARS: usize = 128;

    /// Reads an id.
    ///
    /// # Errors
    ///
    /// [`MalformedEvent`] if the id is blank, is longer than [`Self::MAX_CHARS`] or has control characters.
    pub fn parse(id: &str) -> Result<Self, MalformedEvent> {
        if id.chars().all(char::is_whitespace) {
            return Err(MalformedEvent::Missing("business_id"));
        }
        if id.chars().count() > Self::MAX_CHARS || id.chars().any(char::is_control) {
            return Err(MalformedEvent::Field {
                field: "business_id",
                expected: "1 to 128 characters without control characters",
            });
        }
        Ok(Self(id.to_owned()))
    }

    /// Gives the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BusinessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The id of an event: `evt_` and 32 lowercase hex digits. A happening that is published twice has one id, so a call
/// that is finalised twice is one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EventId(String);

impl EventId {
    /// Takes the first 16 bytes of SHA-256 over the three parts, joined by LF. The first two parts cannot hold an LF,
    /// so two different triples never give the same text.
    fn derive(event_type: &EventType, business_id: &BusinessId, natural_key: &str) -> Self {
        let text = format!("{event_type}\n{business_id}\n{natural_key}");
        let digest = Sha256::digest(text.as_bytes());
        Self(format!("evt_{}", hex::encode(&digest[..16])))
    }

    /// Reads an id that this system has written. None if the text is not `evt_` and 32 lowercase hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("evt_")?;
        let hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        (digits.len() == 32 && digits.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// Gives the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an event's id")
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A well-formed event. Its `Debug` leaves the body out, because the body is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    kind: EventType,
    business_id: BusinessId,
    id: EventId,
    subject: Option<String>,
    is_call: bool,
    ended_at: Option<Timestamp>,
    phone_ending: Option<String>,
    title: Option<String>,
    unread: Vec<&'static str>,
    body: String,
}

impl Event {
    /// How many last digits of a phone number the delivery log shows, so that an owner recognises the caller.
    pub const PHONE_ENDING_DIGITS: usize = 4;

    /// How much of the subject's id the delivery log shows, in characters.
    pub const SUBJECT_CHARS: usize = 128;

    /// Reads the body of a queue message, and normalises the event.
    ///
    /// # Errors
    ///
    /// [`MalformedEvent`]: the reason, without any part of the text.
    pub fn parse(text: &str) -> Result<Self, MalformedEvent> {
        Self::normalise(object(text)?, text.len())
    }

    /// Makes an event from its type and its data, which is the text of a JSON object. The argument `event_type`
    /// replaces a member of that name in the data.
    ///
    /// # Errors
    ///
    /// [`MalformedEvent`], as for [`Event::parse`].
    pub fn compose(event_type: &str, data: &str) -> Result<Self, MalformedEvent> {
        let mut members = Object::default();
        members.insert("event_type", Value::Null);
        members.extend(object(data)?);
        members.insert("event_type", Value::String(event_type.to_owned()));
        Self::normalise(members, data.len())
    }

    /// `bytes` is the length of the published text, which the body's length is near.
    fn normalise(mut members: Object, bytes: usize) -> Result<Self, MalformedEvent> {
        let event_type = EventType::parse(&fields::required_text(&members, "event_type")?)?;
        members.insert("event_type", Value::String(event_type.0.clone()));
        let business_id = BusinessId::parse(&fields::required_id(&members, "business_id")?)?;
        members.insert("business_id", Value::String(business_id.0.clone()));

        let kind = fields::Kind::of(&event_type);
        let fields::Normalised { members, unread } = kind.normalise(members)?;
        // Room for the defaults of the fields that are absent.
        let body = members.to_json_of_about(bytes + 256);
        let natural_key = match kind.natural_key(&members) {
            Some(key) => key,
            None => &body,
        };
        let id = EventId::derive(&event_type, &business_id, natural_key);
        let subject = kind.subject(&members).map(|id| id.chars().take(Self::SUBJECT_CHARS).collect());
        let ended_at = kind.ended_at(&members).and_then(|time| time.parse().ok());
        let (is_call, phone_ending) = (kind.is_call(), kind.phone(&members).and_then(ending));
        let title = fields::text(&members, "summary").and_then(title::title);
        Ok(Self { kind: event_type, business_id, id, subject, is_call, ended_at, phone_ending, title, unread, body })
    }

    /// Gives the event the id under which the ledger has stored it.
    #[must_use]
    pub fn with_id(self, id: EventId) -> Self {
        Self { id, ..self }
    }

    /// Gives the event's type.
    #[must_use]
    pub fn event_type(&self) -> &EventType {
        &self.kind
    }

    /// Gives the id of the business that the event belongs to.
    #[must_use]
    pub fn business_id(&self) -> &BusinessId {
        &self.business_id
    }

    /// Gives the event's id: the same on every attempt and for every copy of the event.
    #[must_use]
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// Gives the id of the call, lead or appointment that a typed event is about. None: the event is untyped.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Gives the id of the call that the event is about. None: the event is not about a call.
    #[must_use]
    pub fn call_id(&self) -> Option<&str> {
        self.subject().filter(|_| self.is_call)
    }

    /// Gives the end of the call that the event is about. None: the event is not about a call, or does not say when its
    /// call ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// Gives the last digits of a typed event's phone number. None: there is no number, or it has fewer than three
    /// further digits.
    #[must_use]
    pub fn phone_ending(&self) -> Option<&str> {
        self.phone_ending.as_deref()
    }

    /// Gives the first 80 characters of the event's `summary`, as one line. None: the summary is absent, no text, or
    /// nothing of it is visible.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Names the optional fields whose published form could not be read, in the order of the type's table. In the body
    /// they have their defaults, and the published values stand under `metadata.unread_<field>`. So an event that is
    /// parsed from such a body has no unread field.
    #[must_use]
    pub fn unread(&self) -> &[&'static str] {
        &self.unread
    }

    /// Gives the exact text that is signed, sent and stored.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("event_type", &self.kind)
            .field("business_id", &self.business_id)
            .field("id", &self.id)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Gives the last digits of a phone number. None if fewer than three digits are left hidden: the ending would give the
/// number away.
fn ending(phone: &str) -> Option<String> {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= Event::PHONE_ENDING_DIGITS + 3)
        .then(|| digits[digits.len() - Event::PHONE_ENDING_DIGITS..].iter().collect())
}

fn object(text: &str) -> Result<Object, MalformedEvent> {
    match Value::parse(text)? {
        Value::Object(object) => Ok(object),
        other => Err(MalformedEvent::NotAnObject(other.kind())),
    }
}

#[cfg(test)]
mod tests;
