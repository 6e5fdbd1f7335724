//! Lists the fields of an event of an unknown type, one line each.

use super::values::{lines, phone, time};
use crate::event::json::{Object, Value};

/// The length at which a text is long enough and the rest is left out, in bytes: more than any receiver's limit.
const ENOUGH_BYTES: usize = 64 * 1024;

/// Members that the message shows elsewhere, or that mean nothing to a reader.
const NOT_LISTED: [&str; 4] = ["event_type", "business_id", "summary", "transcript"];

/// Gives `name: value` for each field that has a readable value. Nested names are joined by `_`. Lists of anything but
/// words and numbers are left out.
pub(super) fn fields(event: &Object) -> String {
    let mut out = String::new();
    for (name, value) in event.iter().filter(|(name, _)| !NOT_LISTED.contains(name)) {
        add(name, value, &mut out);
    }
    out
}

fn add(name: &str, value: &Value, out: &mut String) {
    let is_enough = |out: &str| out.len() > ENOUGH_BYTES || name.len() > ENOUGH_BYTES;
    match value {
        Value::Object(nested) => {
            for (member, value) in nested.iter() {
                // Before the name is copied: a long one may stand above a hundred thousand members.
                if is_enough(out) {
                    return;
                }
                add(&format!("{name}_{member}"), value, out);
            }
        }
        _ if is_enough(out) => {}
        value => {
            if let Some(text) = text(name, value) {
                let line = lines(&format!("{name}: {text}")).collect::<Vec<_>>().join(" ");
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&line);
            }
        }
    }
}

fn text(name: &str, value: &Value) -> Option<String> {
    let is_phone = name == "phone" || name.ends_with("_phone");
    let text = match value {
        Value::String(number) if is_phone => (!number.trim().is_empty()).then(|| phone(number))?,
        Value::Number(_) if is_phone => phone(&value.to_json()),
        // A time has an offset, and hardly more digits than nanoseconds. A text without an offset may be of any zone.
        Value::String(text) if text.len() <= 40 && text.parse::<jiff::Timestamp>().is_ok() => time(text)?,
        Value::String(text) => text.chars().take(ENOUGH_BYTES).collect(),
        Value::Number(_) => value.to_json(),
        Value::Bool(true) => "כן".into(),
        Value::Bool(false) => "לא".into(),
        Value::Array(items) => list(items)?,
        Value::Null | Value::Object(_) => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Gives a list of words and numbers as one text. None: the list has other values.
fn list(items: &[Value]) -> Option<String> {
    let mut out = String::new();
    for item in items {
        if matches!(item, Value::Array(_) | Value::Object(_)) {
            return None;
        }
        if out.len() > ENOUGH_BYTES {
            break;
        }
        if let Some(text) = text("", item) {
            if !out.is_empty() {
                out.push_str(", ");
            }
            out.push_str(&text);
        }
    }
    Some(out)
}
