//! Events with anything in them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;

use proptest::prelude::*;

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| number.to_string()),
        (-(1i64 << 54)..(1i64 << 54)).prop_map(|number| format!("{number}.0")),
        r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?",
    ]
}

/// A JSON string, with characters written raw or escaped by chance.
fn string() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => any::<char>(),
        3 => prop::char::range('א', 'ת'),
        2 => prop::char::range('\0', '\u{7f}'),
        1 => prop::sample::select(vec!['\u{2028}', '\u{2029}', '\u{feff}', '\u{fffe}', '\u{ffff}', '/', '\u{1f600}']),
    ];
    prop::collection::vec((character, any::<bool>()), 0..12).prop_map(|characters| {
        let mut text = String::from("\"");
        for (character, escaped) in characters {
            if escaped || matches!(character, '"' | '\\' | '\0'..='\u{1f}') {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(text, "\\u{unit:04x}").unwrap();
                }
            } else {
                text.push(character);
            }
        }
        text + "\""
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => string(),
        2 => (0..12u32).prop_map(|index| format!("\"{index}\"")),
        1 => any::<u64>().prop_map(|index| format!("\"{index}\"")),
        1 => (4_294_967_290..4_294_967_300u64).prop_map(|index| format!("\"{index}\"")),
        1 => prop::sample::select(vec!["01", "-1", "1.5", "1e3", "__proto__", "constructor", "toString", "a", "b"])
            .prop_map(|name| format!("\"{name}\"")),
    ]
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => number(),
        3 => string(),
        1 => prop::sample::select(vec!["null", "true", "false"]).prop_map(ToOwned::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    leaf().prop_recursive(5, 40, 8, nesting)
}

/// A JSON value that is less deep, for places that have many of them.
fn shallow_value() -> impl Strategy<Value = String> {
    leaf().prop_recursive(2, 6, 3, nesting)
}

fn nesting(inner: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[ {} ]", items.join(" , "))),
        members(inner).prop_map(|members| format!("{{ {members} }}")),
    ]
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec((name(), value), 0..8).prop_map(joined)
}

/// The typed fields of a call, as nobody should publish them.
fn odd_fields() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "\"lead_id\"",
        "\"phone\"",
        "\"started_at\"",
        "\"ended_at\"",
        "\"duration_sec\"",
        "\"transcript\"",
        "\"summary\"",
        "\"agent_name\"",
        "\"direction\"",
        "\"metadata\"",
    ]);
    let field = field.prop_map(ToOwned::to_owned);
    let odd = prop_oneof![
        4 => shallow_value(),
        1 => prop::sample::select(vec![
            r#""67""#, r#"" 1e2 ""#, "-1", "91.5", r#""Inbound""#, r#""yesterday""#, r#""2026-03-01T10:15:00.50+02:00""#,
            "1767225600", "\"\\u0000\"", "{}", "[]",
        ])
        .prop_map(ToOwned::to_owned),
    ];
    prop::collection::vec((field, odd), 0..4).prop_map(joined)
}

/// Metadata whose members are named as those in which odd fields are kept.
fn hostile_metadata() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        2 => prop::sample::select(vec![
            "unread_phone", "unread_metadata", "unread_direction", "unread_transcript", "unread_duration_sec",
            "unread_\\u0000phone", "unread_", "7",
        ])
        .prop_map(|name| format!("\"{name}\"")),
        1 => name(),
    ];
    prop::collection::vec((name, shallow_value()), 0..4)
        .prop_map(|members| format!(r#""metadata":{{{}}}"#, joined(members)))
}

fn joined(members: Vec<(String, String)>) -> String {
    members.into_iter().map(|(name, value)| format!("{name} : {value}")).collect::<Vec<_>>().join(", ")
}

/// An event with anything in it, its fixed fields last, so that they win over generated ones of their names.
pub(super) fn event() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["call.completed", "quote.requested"]);
    (members(value()), hostile_metadata(), odd_fields(), kind).prop_map(|(members, metadata, odd, kind)| {
        let fixed = format!(r#""event_type":"{kind}","business_id":"b","call_id":"c""#);
        let parts = [members, metadata, odd, fixed].into_iter().filter(|part| !part.is_empty());
        format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
    })
}
