//! The typed events: which fields each type has, in which order, and by which rule each field is read.
//!
//! A type is a table of names and rules, so another typed event needs another table and no other code. Fields that a
//! table does not name follow those that it names, unchanged: the call service may add a field without a change here.
//!
//! Only a required field can make an event malformed. If an optional field cannot be read, it takes its default, and
//! the published value stands in `metadata`: a call must not be lost because of one odd field.

use super::{EventType, MalformedEvent, time};
use crate::event::json::{MAX_SAFE_INTEGER, Object, Value};

/// How a field is read, and its default. An optional field takes its default if it is absent, null or `""`, or cannot
/// be read.
#[derive(Clone, Copy)]
enum Rule {
    /// A string, or an integer that becomes one. Required.
    Id,
    /// A string, or an integer that becomes one; "" by default.
    OptionalId,
    /// A phone number: a string, or an integer that becomes one; "" by default.
    Phone,
    /// A string; by default the one that stands here.
    Text(&'static str),
    /// A point in time; "" by default.
    Time,
    /// Whole seconds; 0 by default.
    Seconds,
    /// `inbound` or `outbound`; "inbound" by default.
    Direction,
    /// An object; {} by default.
    Map,
}

type Fields = &'static [(&'static str, Rule)];

const CALL_COMPLETED: Fields = &[
    ("event_type", Rule::Id),
    ("business_id", Rule::Id),
    ("call_id", Rule::Id),
    ("lead_id", Rule::OptionalId),
    ("phone", Rule::Phone),
    ("started_at", Rule::Time),
    ("ended_at", Rule::Time),
    ("duration_sec", Rule::Seconds),
    ("transcript", Rule::Text("")),
    ("summary", Rule::Text("")),
    ("agent_name", Rule::Text("Assistant")),
    ("direction", Rule::Direction),
    ("metadata", Rule::Map),
];

const LEAD_CREATED: Fields = &[
    ("event_type", Rule::Id),
    ("business_id", Rule::Id),
    ("lead_id", Rule::Id),
    ("name", Rule::Text("")),
    ("phone", Rule::Phone),
    ("email", Rule::Text("")),
    ("source", Rule::Text("")),
    ("metadata", Rule::Map),
];

const APPOINTMENT_BOOKED: Fields = &[
    ("event_type", Rule::Id),
    ("business_id", Rule::Id),
    ("appointment_id", Rule::Id),
    ("lead_id", Rule::OptionalId),
    ("lead_name", Rule::Text("")),
    ("lead_phone", Rule::Phone),
    ("scheduled_at", Rule::Time),
    ("service", Rule::Text("")),
    ("notes", Rule::Text("")),
    ("metadata", Rule::Map),
];

const LEAD_STATUS_CHANGED: Fields = &[
    ("event_type", Rule::Id),
    ("business_id", Rule::Id),
    ("lead_id", Rule::Id),
    ("lead_name", Rule::Text("")),
    ("lead_phone", Rule::Phone),
    ("old_status", Rule::Text("")),
    ("new_status", Rule::Text("")),
    ("source", Rule::Text("")),
    ("changed_at", Rule::Time),
    ("metadata", Rule::Map),
];

/// How events of one type are normalised, and which field tells one happening from another.
pub(super) struct Kind {
    fields: Fields,
    /// The field that identifies the happening. None: the whole body does, because the same lead may change its status
    /// many times.
    key: Option<&'static str>,
    /// The field with the id of the call, lead or appointment that the event is about.
    subject: Option<&'static str>,
    phone: Option<&'static str>,
}

impl Kind {
    pub(super) fn of(event_type: &EventType) -> Self {
        let kind = |fields, key, subject, phone| Self { fields, key, subject: Some(subject), phone: Some(phone) };
        match event_type.as_str() {
            "call.completed" => kind(CALL_COMPLETED, Some("call_id"), "call_id", "phone"),
            "lead.created" => kind(LEAD_CREATED, Some("lead_id"), "lead_id", "phone"),
            "appointment.booked" => kind(APPOINTMENT_BOOKED, Some("appointment_id"), "appointment_id", "lead_phone"),
            "lead.status_changed" => kind(LEAD_STATUS_CHANGED, None, "lead_id", "lead_phone"),
            _ => Self { fields: &[], key: None, subject: None, phone: None },
        }
    }

    /// Puts the typed fields first, each of its type, and the other fields behind them, as published.
    pub(super) fn normalise(&self, mut members: Object) -> Result<Normalised, MalformedEvent> {
        let mut normalised = Object::default();
        let mut unread = Vec::new();
        let names: Vec<_> = self.fields.iter().map(|(field, _)| *field).collect();
        for (&(field, rule), published) in self.fields.iter().zip(members.take(&names)) {
            let value = match published.filter(|value| !is_absent(value)) {
                None => rule.default().ok_or(MalformedEvent::Missing(field))?,
                Some(value) => rule.read(value).or_else(|value| {
                    unread.push((field, value));
                    rule.default().ok_or(MalformedEvent::Field { field, expected: AN_ID })
                })?,
            };
            normalised.insert(field, value);
        }
        let fields = unread.iter().map(|(field, _)| *field).collect();
        if let Some(Value::Object(metadata)) = normalised.get_mut(METADATA) {
            keep(unread, metadata);
        }
        normalised.extend(members);
        Ok(Normalised { members: normalised, unread: fields })
    }

    pub(super) fn natural_key<'a>(&self, normalised: &'a Object) -> Option<&'a str> {
        text(normalised, self.key?)
    }

    pub(super) fn subject<'a>(&self, normalised: &'a Object) -> Option<&'a str> {
        text(normalised, self.subject?)
    }

    pub(super) fn phone<'a>(&self, normalised: &'a Object) -> Option<&'a str> {
        text(normalised, self.phone?)
    }

    /// Whether the events of this kind are about a call.
    pub(super) fn is_call(&self) -> bool {
        self.key == Some("call_id")
    }

    pub(super) fn ended_at<'a>(&self, normalised: &'a Object) -> Option<&'a str> {
        self.is_call().then(|| text(normalised, "ended_at")).flatten()
    }
}

/// Gives a member that is a text.
pub(super) fn text<'a>(members: &'a Object, field: &str) -> Option<&'a str> {
    match members.get(field) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// The members of a normalised event, and the names of the fields that could not be read.
pub(super) struct Normalised {
    pub(super) members: Object,
    pub(super) unread: Vec<&'static str>,
}

/// The field that keeps the published values of unread fields.
const METADATA: &str = "metadata";

/// Appends the values that could not be read to the members of metadata, as text. A member that already has such a name
/// stays, so that an event that is normalised again does not change.
fn keep(unread: Vec<(&'static str, Value)>, metadata: &mut Object) {
    for (field, value) in unread {
        let text = match value {
            Value::String(text) => text,
            value => value.to_json(),
        };
        metadata.insert_new(format!("unread_{field}"), Value::String(text));
    }
}

impl Rule {
    /// Gives the value of a field that is absent or cannot be read. None: the field is required.
    fn default(self) -> Option<Value> {
        let text = |text: &str| Some(Value::String(text.to_owned()));
        match self {
            Self::Id => None,
            Self::OptionalId | Self::Phone | Self::Time => text(""),
            Self::Text(default) => text(default),
            Self::Seconds => Some(Value::Number(0.0)),
            Self::Direction => text("inbound"),
            Self::Map => Some(Value::Object(Object::default())),
        }
    }

    /// Gives the value that a receiver gets. Err: the value cannot be read; it is handed back unchanged.
    fn read(self, value: Value) -> Result<Value, Value> {
        let read = match (self, &value) {
            (Self::Text(_) | Self::Id | Self::OptionalId | Self::Phone, Value::String(_))
            | (Self::Map, Value::Object(_)) => return Ok(value),
            (Self::Id | Self::OptionalId | Self::Phone, value) => id(value).map(Value::String),
            (Self::Time, Value::String(text)) => time::to_utc(text).map(Value::String),
            (Self::Seconds, value) => seconds(value).map(Value::Number),
            (Self::Direction, Value::String(text)) => direction(text).map(|name| Value::String(name.to_owned())),
            _ => None,
        };
        read.ok_or(value)
    }
}

/// The form that an id must have, for an error message.
const AN_ID: &str = "a string or an integer";

/// Reads a required string.
pub(super) fn required_text(members: &Object, field: &'static str) -> Result<String, MalformedEvent> {
    match members.get(field).filter(|value| !is_absent(value)) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(MalformedEvent::Field { field, expected: "a string" }),
        None => Err(MalformedEvent::Missing(field)),
    }
}

/// Reads a required id: a string, or an integer as its digits.
pub(super) fn required_id(members: &Object, field: &'static str) -> Result<String, MalformedEvent> {
    let value = members.get(field).filter(|value| !is_absent(value)).ok_or(MalformedEvent::Missing(field))?;
    id(value).ok_or(MalformedEvent::Field { field, expected: AN_ID })
}

fn is_absent(value: &Value) -> bool {
    matches!(value, Value::Null) || matches!(value, Value::String(text) if text.is_empty())
}

/// Integers beyond 2^53 - 1 are strings already, with all their digits. A number beyond that is a double such as 1e300,
/// which is no id.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER => Some(value.to_json()),
        _ => None,
    }
}

/// Reads whole seconds from a number, or from a text that JSON reads as a number; `NaN` and `1:07` are none.
fn seconds(value: &Value) -> Option<f64> {
    let seconds = match value {
        Value::Number(seconds) => *seconds,
        Value::String(text) => match Value::parse(text) {
            Ok(Value::Number(seconds)) => seconds,
            _ => return None,
        },
        _ => return None,
    };
    (0.0..=MAX_SAFE_INTEGER).contains(&seconds).then(|| seconds.round())
}

fn direction(text: &str) -> Option<&'static str> {
    ["inbound", "outbound"].into_iter().find(|name| name.eq_ignore_ascii_case(text))
}
