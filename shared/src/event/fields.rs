//! The typed events: which fields each has, in which order, and what a receiver may rely on.
//!
//! A kind is a table of names and rules, so that a further typed event is a further table and no code. Fields that a
//! table does not name pass through behind those it names: the call service may add one without a change here.

use super::{EventType, MalformedEvent, time};
use crate::json::{MAX_SAFE_INTEGER, Object, Value};

/// What a field has to be, and what it is when it is absent, null or `""`.
#[derive(Clone, Copy)]
enum Rule {
    /// A string, or an integer that becomes one. Required.
    Id,
    /// The same, or "".
    OptionalId,
    /// A string, or the default.
    Text(&'static str),
    /// A point in time, or "".
    Time,
    /// Whole seconds, or 0.
    Seconds,
    /// `inbound` or `outbound`; "inbound" by default.
    Direction,
    /// An object, or {}.
    Map,
}

type Fields = &'static [(&'static str, Rule)];

const CALL_COMPLETED: Fields = &[
    ("event_type", Rule::Id),
    ("business_id", Rule::Id),
    ("call_id", Rule::Id),
    ("lead_id", Rule::OptionalId),
    ("phone", Rule::Text("")),
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
    ("phone", Rule::Text("")),
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
    ("lead_phone", Rule::Text("")),
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
    ("lead_phone", Rule::Text("")),
    ("old_status", Rule::Text("")),
    ("new_status", Rule::Text("")),
    ("source", Rule::Text("")),
    ("changed_at", Rule::Time),
    ("metadata", Rule::Map),
];

/// How one event type is normalised and told apart from its repeats.
pub(super) struct Kind {
    fields: Fields,
    /// The field that names the happening. None: the whole body does, since the same lead may change its status twice.
    key: Option<&'static str>,
    /// The field that names whom or what it is about.
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

    /// Puts the typed fields first, each of its type, and the others behind them as they came.
    pub(super) fn normalise(&self, mut members: Object) -> Result<Object, MalformedEvent> {
        let mut normalised = Object::default();
        for &(field, rule) in self.fields {
            normalised.insert(field, rule.apply(field, members.take(field))?);
        }
        normalised.extend(members);
        Ok(normalised)
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
}

fn text<'a>(members: &'a Object, field: &str) -> Option<&'a str> {
    match members.get(field) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

impl Rule {
    fn apply(self, field: &'static str, value: Option<Value>) -> Result<Value, MalformedEvent> {
        let value = value.filter(|value| !is_absent(value));
        let normalised = match (self, value) {
            (Self::Id, None) => return Err(MalformedEvent::Missing(field)),
            (Self::OptionalId | Self::Time, None) => Some(Value::String(String::new())),
            (Self::Text(default), None) => Some(Value::String(default.to_owned())),
            (Self::Seconds, None) => Some(Value::Number(0.0)),
            (Self::Direction, None) => Some(Value::String("inbound".to_owned())),
            (Self::Map, None) => Some(Value::Object(Object::default())),

            (Self::Id | Self::OptionalId, Some(value)) => id(&value).map(Value::String),
            (Self::Text(_), Some(value @ Value::String(_))) | (Self::Map, Some(value @ Value::Object(_))) => {
                Some(value)
            }
            (Self::Time, Some(Value::String(text))) => time::to_utc(&text).map(Value::String),
            (Self::Seconds, Some(Value::Number(seconds))) if (0.0..=MAX_SAFE_INTEGER).contains(&seconds) => {
                Some(Value::Number(seconds.round()))
            }
            (Self::Direction, Some(Value::String(direction))) if matches!(&*direction, "inbound" | "outbound") => {
                Some(Value::String(direction))
            }
            _ => None,
        };
        normalised.ok_or(MalformedEvent::Field { field, expected: self.expected() })
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Id | Self::OptionalId => "a string or an integer",
            Self::Text(_) => "a string",
            Self::Time => "an RFC 3339 time, or ISO 8601 without offset for UTC",
            Self::Seconds => "a number of seconds from 0 to 2^53 - 1",
            Self::Direction => "inbound or outbound",
            Self::Map => "an object",
        }
    }
}

/// A string that has to be there.
pub(super) fn required_text(members: &Object, field: &'static str) -> Result<String, MalformedEvent> {
    match members.get(field).filter(|value| !is_absent(value)) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(MalformedEvent::Field { field, expected: Rule::Text("").expected() }),
        None => Err(MalformedEvent::Missing(field)),
    }
}

/// A string, or an integer as its digits, that has to be there.
pub(super) fn required_id(members: &Object, field: &'static str) -> Result<String, MalformedEvent> {
    let value = members.get(field).filter(|value| !is_absent(value)).ok_or(MalformedEvent::Missing(field))?;
    id(value).ok_or(MalformedEvent::Field { field, expected: Rule::Id.expected() })
}

fn is_absent(value: &Value) -> bool {
    matches!(value, Value::Null) || matches!(value, Value::String(text) if text.is_empty())
}

/// Integers beyond 2^53 - 1 are strings already, with all their digits; what is left beyond is a double like 1e300.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER => Some(value.to_json()),
        _ => None,
    }
}
