//! An event's body, made readable.

use serde_json::Value;

/// A longer body, in bytes, is shown as it is and not to its end: deep nesting would be mostly indentation, and an
/// answer of Lambda has at most 6 MB.
const MAX_SHOWN_BYTES: usize = 256 * 1024;

/// The texts of a body that people read, summary and transcript: a heading and a text each. A body that is not shown to
/// its end has none.
pub(super) fn readable(body: &str) -> Vec<(&'static str, String)> {
    if body.len() > MAX_SHOWN_BYTES {
        return Vec::new();
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else { return Vec::new() };
    [("סיכום", "summary"), ("תמליל", "transcript")]
        .into_iter()
        .filter_map(|(heading, name)| match fields.remove(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some((heading, text)),
            _ => None,
        })
        .collect()
}

/// The text of a message for a chat; None: the body is none.
pub(super) fn message(body: &str) -> Option<String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else { return None };
    if let Some(card) = fields.get("attachments").and_then(|list| list.pointer("/0/content/body")) {
        return Some(card_texts(card).join("\n\n"));
    }
    ["text", "content"].into_iter().find_map(|name| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    })
}

/// The texts of an Adaptive Card, in their order.
fn card_texts(card: &Value) -> Vec<&str> {
    match card {
        Value::Array(items) => items.iter().flat_map(card_texts).collect(),
        Value::Object(item) => match item.get("text").and_then(Value::as_str) {
            Some(text) => vec![text],
            None => item.values().filter(|value| value.is_array()).flat_map(card_texts).collect(),
        },
        _ => Vec::new(),
    }
}

/// A body with line breaks and indentation. An event's body is compact JSON, so each character outside a string is
/// structure.
pub(super) fn indented(body: &str) -> String {
    if body.len() > MAX_SHOWN_BYTES {
        return body.chars().take(MAX_SHOWN_BYTES / 4).chain(['…']).collect();
    }
    let mut text = String::with_capacity(body.len() * 5 / 4);
    let (mut depth, mut in_string, mut is_escaped) = (0, false, false);
    let mut before = ' ';
    for character in body.chars() {
        let is_empty = matches!((before, character), ('{', '}') | ('[', ']'));
        if !in_string && matches!(character, '}' | ']') {
            depth -= 1;
            new_line(&mut text, depth, !is_empty);
        } else if !in_string && matches!(before, '{' | '[' | ',') {
            new_line(&mut text, depth, true);
        }
        text.push(character);
        match character {
            '"' if !is_escaped => in_string = !in_string,
            '{' | '[' if !in_string => depth += 1,
            ':' if !in_string => text.push(' '),
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
        before = if in_string { ' ' } else { character };
    }
    text
}

fn new_line(text: &mut String, depth: usize, is_wanted: bool) {
    if is_wanted {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
}

#[cfg(test)]
mod tests {
    use domain::event::Event;

    use super::*;

    #[test]
    fn a_body_is_indented_and_nothing_else_of_it_changes() {
        let of = |rest: &str| {
            let text = format!(r#"{{"event_type":"a.b","business_id":"b",{rest}}}"#);
            indented(Event::parse(&text).expect("well-formed").body())
        };
        assert_eq!(
            of(r#""list":[1,{"x":"a,b:{[\""}],"none":{},"empty":[]"#),
            "{\n  \"event_type\": \"a.b\",\n  \"business_id\": \"b\",\n  \"list\": [\n    1,\n    {\n      \
             \"x\": \"a,b:{[\\\"\"\n    }\n  ],\n  \"none\": {},\n  \"empty\": []\n}"
        );
        let hebrew = of(r#""transcript":"שלום: \\\\ {\"א\"}""#);
        let back: serde_json::Value = serde_json::from_str(&hebrew).expect("still JSON");
        assert_eq!(back["transcript"], "שלום: \\\\ {\"א\"}");
    }
}
