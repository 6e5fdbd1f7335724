//! The promise of the bytes, put to a real Node.js: `JSON.stringify(JSON.parse(body)) === body`.
//!
//! `NODE` names the Node.js to ask (`make test` brings one); without it, the one on the path is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use domain::event::Event;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const BODIES: usize = 10_000;

/// Reads a body a line; prints the number of bodies and the first few that do not survive.
const CHECK: &str = r"
const lines = require('fs').readFileSync(0, 'utf8').split('\n').slice(0, -1);
const bad = lines.filter(line => JSON.stringify(JSON.parse(line)) !== line);
console.log(lines.length + ' ' + bad.length + ' ' + bad.slice(0, 3).join('\n'));
";

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

/// The same, less deep: where there are many of them.
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
fn event() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["call.completed", "quote.requested"]);
    (members(value()), hostile_metadata(), odd_fields(), kind).prop_map(|(members, metadata, odd, kind)| {
        let fixed = format!(r#""event_type":"{kind}","business_id":"b","call_id":"c""#);
        let parts = [members, metadata, odd, fixed].into_iter().filter(|part| !part.is_empty());
        format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
    })
}

#[test]
fn ten_thousand_generated_bodies_survive_javascript_byte_for_byte() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let events = event();
    let (mut lines, mut odd) = (String::new(), 0);
    for _ in 0..BODIES {
        let text = events.new_tree(&mut runner).expect("a generated event").current();
        let event = Event::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let again = Event::parse(event.body()).expect("a body is an event");
        assert_eq!((again.body(), again.id()), (event.body(), event.id()), "normalising is idempotent");
        assert!(again.unread().is_empty(), "a body can be read: {text}");
        odd += usize::from(!event.unread().is_empty());
        lines.push_str(event.body());
        lines.push('\n');
    }
    assert!(odd > BODIES / 5, "only {odd} had a field that cannot be read");
    assert_eq!(ask_node(&lines), format!("{BODIES} 0"));
}

#[expect(clippy::disallowed_methods, reason = "a test has an environment of its own")]
fn ask_node(lines: &str) -> String {
    let node = std::env::var("NODE").unwrap_or_else(|_| "node".to_owned());
    let mut child = Command::new(&node)
        .args(["-e", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("Node.js, named by NODE or on the path: {node}: {error}"));
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
