//! The tables of the typed events, row by row: the values that a field reads, the value that it gives, and the place of
//! unread values.

use super::*;
use crate::event::json::Value;

const CALL: &str = r#""event_type":"call.completed","business_id":"b1","call_id":"c1""#;
const LEAD: &str = r#""event_type":"lead.created","business_id":"b1","lead_id":"l1""#;
const APPOINTMENT: &str = r#""event_type":"appointment.booked","business_id":"b1","appointment_id":"a1""#;
const STATUS: &str = r#""event_type":"lead.status_changed","business_id":"b1","lead_id":"l1""#;

const EVERY_KIND: [&str; 4] = [CALL, LEAD, APPOINTMENT, STATUS];

/// Every optional field of every typed event, with its default as JSON.
const OPTIONAL: [(&str, &str, &str); 27] = [
    (CALL, "lead_id", r#""""#),
    (CALL, "phone", r#""""#),
    (CALL, "started_at", r#""""#),
    (CALL, "ended_at", r#""""#),
    (CALL, "duration_sec", "0"),
    (CALL, "transcript", r#""""#),
    (CALL, "summary", r#""""#),
    (CALL, "agent_name", r#""Assistant""#),
    (CALL, "direction", r#""inbound""#),
    (LEAD, "name", r#""""#),
    (LEAD, "phone", r#""""#),
    (LEAD, "email", r#""""#),
    (LEAD, "source", r#""""#),
    (APPOINTMENT, "lead_id", r#""""#),
    (APPOINTMENT, "lead_name", r#""""#),
    (APPOINTMENT, "lead_phone", r#""""#),
    (APPOINTMENT, "scheduled_at", r#""""#),
    (APPOINTMENT, "service", r#""""#),
    (APPOINTMENT, "notes", r#""""#),
    (STATUS, "lead_name", r#""""#),
    (STATUS, "lead_phone", r#""""#),
    (STATUS, "old_status", r#""""#),
    (STATUS, "new_status", r#""""#),
    (STATUS, "source", r#""""#),
    (STATUS, "changed_at", r#""""#),
    // Whichever kind it belongs to.
    (CALL, "metadata", "{}"),
    (APPOINTMENT, "metadata", "{}"),
];

fn event(kind: &str, members: &str) -> Event {
    let text = format!("{{{kind},{members}}}");
    Event::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A field of the body as JSON, and the member of the body's metadata that keeps an unread value.
fn read(event: &Event, field: &str) -> (String, Option<String>) {
    let Value::Object(body) = Value::parse(event.body()).expect("a body is JSON") else {
        panic!("a body is an object")
    };
    let Some(Value::Object(metadata)) = body.get("metadata") else { panic!("metadata is an object") };
    let kept = metadata.get(&format!("unread_{field}")).map(|value| match value {
        Value::String(text) => text.clone(),
        other => panic!("{other:?} is no string"),
    });
    (body.get(field).expect("every typed field is there").to_json(), kept)
}

#[test]
fn an_optional_field_that_cannot_be_read_takes_its_default_and_is_kept_as_text() {
    for (kind, field, default) in OPTIONAL {
        let odd = r#"[{"b":1.0,"2":"א\u0000\n"},true]"#;
        let event = event(kind, &format!("\"{field}\":{odd}"));
        let (value, kept) = read(&event, field);
        let value = if field == "metadata" { default.to_owned() } else { value };
        assert_eq!((value.as_str(), kept.as_deref()), (default, Some(r#"[{"2":"א\n","b":1},true]"#)), "{kind} {field}");
        assert_eq!(event.unread(), [field]);
    }
}

#[test]
fn every_optional_field_may_be_odd_at_once_and_the_event_has_the_shape_of_any_other() {
    for kind in EVERY_KIND {
        let fields: Vec<_> = OPTIONAL.iter().filter(|row| row.0 == kind).collect();
        let odd: Vec<_> = fields.iter().map(|(_, field, _)| format!("\"{field}\":[7]")).collect();
        let event = event(kind, &odd.join(","));
        let plain = Event::parse(&format!("{{{kind}}}")).expect("well-formed");
        let (head, metadata) = event.body().split_once(r#""metadata":"#).expect("it has metadata");
        assert_eq!(Some((head, "{}}")), plain.body().split_once(r#""metadata":"#));
        let names: Vec<_> = event.unread().iter().map(|field| format!(r#""unread_{field}":"[7]""#)).collect();
        assert_eq!(metadata, format!("{{{}}}}}", names.join(",")));
        assert_eq!(event.unread(), fields.iter().map(|(_, field, _)| *field).collect::<Vec<_>>());
    }
}

#[test]
fn each_field_reads_what_its_rule_says_and_nothing_else() {
    let unread = |default: &'static str, kept: &'static str| (default, Some(kept));
    for (kind, field, published, expected) in [
        (CALL, "lead_id", "7", (r#""7""#, None)),
        (CALL, "lead_id", "12345678901234567890", (r#""12345678901234567890""#, None)),
        (CALL, "lead_id", "1.5", unread(r#""""#, "1.5")),
        (CALL, "lead_id", "true", unread(r#""""#, "true")),
        (APPOINTMENT, "lead_id", "-7", (r#""-7""#, None)),
        (CALL, "phone", "972541234567", (r#""972541234567""#, None)),
        (LEAD, "phone", "972541234567", (r#""972541234567""#, None)),
        (STATUS, "lead_phone", "972541234567", (r#""972541234567""#, None)),
        (CALL, "phone", "1e300", unread(r#""""#, "1e+300")),
        (CALL, "phone", r#"["+972541234567"]"#, unread(r#""""#, r#"["+972541234567"]"#)),
        (CALL, "started_at", r#""01/03/2026 10:15""#, unread(r#""""#, "01/03/2026 10:15")),
        (CALL, "ended_at", "1767225600", unread(r#""""#, "1767225600")),
        (CALL, "ended_at", r#""2026-03-01""#, unread(r#""""#, "2026-03-01")),
        (APPOINTMENT, "scheduled_at", r#""2026-03-01T10:15+02:00""#, (r#""2026-03-01T08:15:00Z""#, None)),
        (STATUS, "changed_at", r#""yesterday""#, unread(r#""""#, "yesterday")),
        (CALL, "duration_sec", "91.5", ("92", None)),
        (CALL, "duration_sec", r#""67""#, ("67", None)),
        (CALL, "duration_sec", r#"" 67.5 ""#, ("68", None)),
        (CALL, "duration_sec", "-0.0", ("0", None)),
        (CALL, "duration_sec", "9007199254740991", ("9007199254740991", None)),
        (CALL, "duration_sec", "9007199254740992", unread("0", "9007199254740992")),
        (CALL, "duration_sec", "-1", unread("0", "-1")),
        (CALL, "duration_sec", "-0.4", unread("0", "-0.4")),
        (CALL, "duration_sec", r#""-1""#, unread("0", "-1")),
        (CALL, "duration_sec", "1e300", unread("0", "1e+300")),
        (CALL, "duration_sec", r#""NaN""#, unread("0", "NaN")),
        (CALL, "duration_sec", r#""inf""#, unread("0", "inf")),
        (CALL, "duration_sec", r#""1e999""#, unread("0", "1e999")),
        (CALL, "duration_sec", r#""01:07""#, unread("0", "01:07")),
        (CALL, "duration_sec", r#""67 s""#, unread("0", "67 s")),
        (CALL, "duration_sec", "false", unread("0", "false")),
        (
            CALL,
            "transcript",
            r#"[{"role":"agent","text":"שלום"}]"#,
            unread(r#""""#, r#"[{"role":"agent","text":"שלום"}]"#),
        ),
        (CALL, "summary", "5", unread(r#""""#, "5")),
        (CALL, "agent_name", r#"{"first":"ליאור"}"#, unread(r#""Assistant""#, r#"{"first":"ליאור"}"#)),
        (CALL, "agent_name", r#"" ""#, (r#"" ""#, None)),
        (CALL, "direction", r#""Inbound""#, (r#""inbound""#, None)),
        (CALL, "direction", r#""OUTBOUND""#, (r#""outbound""#, None)),
        (CALL, "direction", r#""sideways""#, unread(r#""inbound""#, "sideways")),
        (CALL, "direction", "1", unread(r#""inbound""#, "1")),
        (CALL, "metadata", r#""free text""#, unread(r#"{"unread_metadata":"free text"}"#, "free text")),
        (CALL, "metadata", "[]", unread(r#"{"unread_metadata":"[]"}"#, "[]")),
    ] {
        let event = event(kind, &format!("\"{field}\":{published}"));
        let (value, kept) = read(&event, field);
        assert_eq!((value.as_str(), kept.as_deref()), expected, "{field}: {published}");
        assert_eq!(event.unread().len(), usize::from(kept.is_some()), "{field}: {published}");
    }
}

#[test]
fn what_is_kept_stands_behind_the_members_of_metadata_and_one_of_its_name_wins() {
    let event = event(
        CALL,
        r#""direction":"sideways","phone":[1],"metadata":{"unread_direction":{"own":true},"city":"חיפה","1":0},"x":1"#,
    );
    let end = r#""metadata":{"1":0,"unread_direction":{"own":true},"city":"חיפה","unread_phone":"[1]"},"x":1}"#;
    assert!(event.body().ends_with(end), "{}", event.body());
    assert_eq!(event.unread(), ["phone", "direction"]);
}

#[test]
fn normalising_again_changes_nothing_and_finds_nothing_unread() {
    for (kind, field, _) in OPTIONAL {
        for odd in [r#"["\"\\\u0001"]"#, r#"{"constructor":1}"#, r#""\u200f""#, "-5", "123456789012345678901", "1e-7"] {
            let first = event(kind, &format!("\"{field}\":{odd}"));
            let second = Event::parse(first.body()).expect("a body is an event");
            assert_eq!((second.body(), second.id()), (first.body(), first.id()));
            assert!(second.unread().is_empty(), "{field}: {odd}");
        }
    }
}

#[test]
fn an_event_without_a_table_has_no_field_that_could_be_odd() {
    let event = event(r#""event_type":"quote.requested","business_id":"b1""#, r#""phone":[1],"metadata":"x""#);
    assert_eq!(event.body(), r#"{"event_type":"quote.requested","business_id":"b1","phone":[1],"metadata":"x"}"#);
    assert!(event.unread().is_empty());
}

#[test]
fn a_long_transcript_as_turns_is_kept_whole() {
    let turns = r#"{"role":"agent","text":"שלום"},"#.repeat(20_000);
    let turns = format!("[{}]", turns.trim_end_matches(','));
    let event = event(CALL, &format!("\"transcript\":{turns}"));
    assert_eq!(read(&event, "transcript"), (r#""""#.to_owned(), Some(turns)));
}
