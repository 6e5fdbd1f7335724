//! The promise of the bytes holds in every format, and in no format do people's words act as markup.
//!
//! Readers of each chat's notation judge the escaped texts here. The readers are written by the notation's
//! documentation and not by the code.

#![expect(clippy::expect_used, reason = "a test may panic")]

use domain::event::Event;
use domain::event::json::Value;
use domain::format::{Format, PayloadFormat, Template};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{generated, node};

const EVENTS: usize = 500;

/// Texts that people say, paste and type, and texts that would act in a chat if they were not escaped.
fn words() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "<!channel>",
        "<@U1>",
        "<https://evil.example|הבנק>",
        "&lt;!here&gt;",
        "&amp;",
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "```",
        "||",
        "[הבנק](https://evil.example/a_b)",
        "https://evil.example/?a=1&b=<2>",
        "@everyone",
        "@here",
        "<@1>",
        "<users/all>",
        "\\",
        "\\*",
        "{{DATE(2026-03-01T09:12:00Z,SHORT)}}",
        "{{phone}}",
        "}}",
        "{{",
        "<at>דנה</at>",
        "\"",
        "',",
        "\"},{\"x\":\"",
        "\n# כותרת",
        "\n- פריט",
        "\n-# קטן",
        "\n1. פריט",
        "\n2) פריט",
        "\n> ציטוט",
        "\n>>> ציטוט",
        "\n---",
        "\n===",
        "\n    קוד",
        "\r\n+ פריט",
        "\u{2028}# x",
        "\u{202e}",
        "\u{2066}",
        "\u{2069}",
        "\u{200b}",
        "\u{0}",
        "\u{7}",
        "\u{1f600}",
        "👨\u{200d}👩",
    ]);
    let piece = prop_oneof![
        4 => hostile.prop_map(ToOwned::to_owned),
        3 => "[א-ת]{1,8}",
        1 => "\\PC{0,6}",
        1 => Just("\n".to_owned()),
        2 => Just(" ".to_owned()),
        1 => Just("מילים ".repeat(400)),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// An event of a known or an unknown type, with hostile words in each of its fields.
fn hostile_event() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "call.completed",
        "webhook.test",
        "lead.created",
        "appointment.booked",
        "lead.status_changed",
        "quote.requested",
    ]);
    let fields = [
        "phone",
        "transcript",
        "summary",
        "name",
        "email",
        "source",
        "message",
        "lead_name",
        "lead_phone",
        "service",
        "notes",
        "old_status",
        "new_status",
        "agent_name",
        "x # y",
    ];
    (kind, prop::collection::vec(words(), fields.len()), words()).prop_map(move |(kind, words, nested)| {
        let mut event = serde_json::json!({"event_type": kind, "business_id": "b", "call_id": "c", "lead_id": "l",
            "appointment_id": "a", "started_at": "2026-03-01T09:12:00Z", "duration_sec": 143});
        for (field, words) in fields.iter().zip(words) {
            event[field] = words.into();
        }
        event["metadata"] = serde_json::json!({ "nested": [nested.clone(), 1], nested: {"deep": true} });
        event.to_string()
    })
}

/// A template that names fields, some of which are there, in strings that would be broken by a quote.
fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{{transcript}}",
            "{{ metadata }}",
            "{{duration_sec}}",
            "{{metadata.city}}",
            "{{nobody}}",
            "{{x}}"
        ])
        .prop_map(ToOwned::to_owned),
        prop::sample::select(vec!["{{", "}}", "{", "\\\"", "\\\\", " ", "א", "\\u0000", "<"])
            .prop_map(ToOwned::to_owned),
    ];
    let string = prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    prop::collection::vec(
        (prop_oneof!["[a-c]", "[0-9]", Just("constructor".to_owned()), Just("{{x}}".to_owned())], string),
        0..6,
    )
    .prop_map(|members| {
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("\"{name}\": [{value}, 1.0]")).collect();
        format!("{{ {} }}", members.join(" ,\n"))
    })
}

/// The words of a body, in their receiver's notation.
fn texts(format: Format, body: &str) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
    match format {
        Format::Discord => vec![text(&body["content"])],
        Format::Teams => {
            let blocks = body["attachments"][0]["content"]["body"].as_array().expect("blocks");
            blocks.iter().map(|block| text(&block["text"])).collect()
        }
        _ => vec![text(&body["text"])],
    }
}

fn check_limits(format: Format, body: &str) {
    let most = match format {
        Format::Slack => 12_000,
        Format::Discord => 2_000,
        Format::GoogleChat => 4_000,
        Format::Teams => return assert!(body.len() < 24 * 1024),
        _ => return,
    };
    let length = texts(format, body)[0].chars().count();
    assert!((1..=most).contains(&length), "{format:?}: {length}");
}

/// Reads a text by its notation, and checks that no part of the text acts.
fn check_inert(format: Format, text: &str) {
    let acts = match format {
        Format::Slack => {
            let rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            rest.contains(['&', '<', '>'])
        }
        Format::Discord => {
            let rest = without_escapes(text);
            rest.contains(['*', '_', '~', '|', '`', '<', '[', '\\'])
                || ["://", "@everyone", "@here"].iter().any(|mark| rest.contains(mark))
                || rest.lines().any(begins_block)
        }
        Format::Teams => {
            let rest = without_escapes(text);
            rest.contains(['*', '_', '~', '|', '`', '<', '[', '\\', '&'])
                || rest.contains("://")
                || text.contains("{{")
                || rest.split("\n\n").any(begins_block)
        }
        Format::GoogleChat => {
            let marks = text.match_indices(['*', '_', '~', '`', '<']);
            marks.into_iter().any(|(at, mark)| !text[at + mark.len()..].starts_with('\u{200b}'))
                || text.contains("](")
                || text.lines().any(begins_block)
        }
        _ => false,
    };
    assert!(!acts, "{format:?}: {text:?}");
    assert!(!text.contains(['\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}']), "{format:?} is reordered: {text:?}");
    assert_eq!(text.matches('\u{2068}').count(), text.matches('\u{2069}').count(), "{format:?}: {text:?}");
}

/// A backslash and what it makes a plain character, as a letter that has no meaning.
fn without_escapes(text: &str) -> String {
    let mut rest = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let is_escape = character == '\\' && characters.next().is_some_and(|next| next.is_ascii_punctuation());
        rest.push(if is_escape { 'x' } else { character });
    }
    rest
}

/// Whether a line begins a heading, a list, a quote, a rule or the underline of a heading.
fn begins_block(line: &str) -> bool {
    let indent = line.len() - line.trim_start().len();
    let line = line.trim_start();
    let behind_number = line.trim_start_matches(|digit: char| digit.is_ascii_digit());
    indent >= 4
        || line.starts_with(['#', '>'])
        || ["- ", "-# ", "+ ", "---", "==="].iter().any(|mark| line.starts_with(mark))
        || (behind_number.len() < line.len() && (behind_number.starts_with(". ") || behind_number.starts_with(") ")))
}

fn check_flat(event: &str, body: &str) {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let (event, body) = (parsed(event), parsed(body));
    let body = body.as_object().expect("an object");
    assert!(body.values().all(serde_json::Value::is_string));
    for (name, value) in event.as_object().expect("an object") {
        match value {
            serde_json::Value::String(text) => assert_eq!(body[name], text.as_str()),
            serde_json::Value::Null => assert_eq!(body[name], ""),
            serde_json::Value::Object(_) => {}
            _ => assert!(body.contains_key(name), "{name}"),
        }
    }
}

/// A template's own members are all there is in the body, whatever the event has.
fn check_template(template: &str, body: &str) {
    let shape = |text: &str| match Value::parse(text) {
        Ok(Value::Object(members)) => {
            let lists = members.iter().map(|(name, value)| match value {
                Value::Array(items) => (name.to_owned(), items.len()),
                other => panic!("{other:?}"),
            });
            lists.collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let sorted = |mut shape: Vec<(String, usize)>| {
        shape.sort();
        shape
    };
    assert_eq!(sorted(shape(template)), sorted(shape(body)));
}

#[test]
fn every_format_of_every_event_survives_javascript_within_its_limits_and_without_markup() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let events = prop_oneof![1 => generated::event(), 2 => hostile_event()];
    let templates = template();
    let (mut lines, mut bodies, mut cut) = (String::new(), 0, 0);
    for _ in 0..EVENTS {
        let text = events.new_tree(&mut runner).expect("a generated event").current();
        let template = templates.new_tree(&mut runner).expect("a generated template").current();
        let event = Event::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let again = Event::parse(event.body()).expect("a body is an event");
        let read = Template::parse(&template).unwrap_or_else(|error| panic!("{error}: {template}"));
        for format in PayloadFormat::ALL {
            let PayloadFormat::Always(format) = format else { continue };
            let payload = format.payload(&event, Some(&read));
            assert_eq!(payload.format, format);
            assert_eq!(payload.body, format.payload(&again, Some(&read)).body, "the same bytes each time");
            assert_eq!(Value::parse(&payload.body).expect("JSON").to_json(), payload.body, "{format:?}");
            check_limits(format, &payload.body);
            match format {
                Format::Event => assert_eq!(payload.body, event.body()),
                Format::Flat => check_flat(event.body(), &payload.body),
                Format::Template => check_template(&template, &payload.body),
                chat => texts(chat, &payload.body).iter().for_each(|text| check_inert(chat, text)),
            }
            cut += usize::from(payload.body.contains("קוצר"));
            lines.push_str(&payload.body);
            lines.push('\n');
            bodies += 1;
        }
    }
    assert!(cut > EVENTS / 20, "only {cut} were cut");
    assert_eq!(node::ask(&lines), format!("{bodies} 0"));
}
