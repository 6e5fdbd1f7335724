//! The properties that a receiver may rely on, shown on whole events.

use super::*;

mod odd;

const PLAIN: &str = r#"{"event_type":"call.completed","business_id":"b1","call_id":"c1"}"#;

fn body(text: &str) -> String {
    Event::parse(text).expect("a well-formed event").body().to_owned()
}

fn refusal(text: &str) -> String {
    Event::parse(text).expect_err("a malformed event").to_string()
}

#[test]
fn a_bare_call_gets_all_13_fields_in_order_with_their_defaults() {
    assert_eq!(
        body(PLAIN),
        concat!(
            r#"{"event_type":"call.completed","business_id":"b1","call_id":"c1","lead_id":"","phone":"","#,
            r#""started_at":"","ended_at":"","duration_sec":0,"transcript":"","summary":"","#,
            r#""agent_name":"Assistant","direction":"inbound","metadata":{}}"#,
        )
    );
}

#[test]
fn null_and_empty_count_as_absent() {
    let nulls = r#"{"event_type":"call.completed","business_id":"b1","call_id":"c1","lead_id":null,"phone":null,
        "started_at":"","ended_at":null,"duration_sec":null,"transcript":null,"summary":null,"agent_name":"",
        "direction":"","metadata":null}"#;
    assert_eq!(body(nulls), body(PLAIN));
}

#[test]
fn values_of_every_typed_field_are_brought_to_their_type() {
    let text = r#"{"metadata":{"k":1.0},"direction":"outbound","duration_sec":91.5,"ended_at":"2026-03-01T10:16:32",
        "started_at":"2026-03-01T12:15:00+02:00","lead_id":7,"call_id":9007199254740993,"business_id":42,
        "event_type":"calls.completed","transcript":"שלום","city":"חיפה","recording_url":null}"#;
    assert_eq!(
        body(text),
        concat!(
            r#"{"event_type":"call.completed","business_id":"42","call_id":"9007199254740993","lead_id":"7","phone":"","#,
            r#""started_at":"2026-03-01T10:15:00Z","ended_at":"2026-03-01T10:16:32Z","duration_sec":92,"#,
            r#""transcript":"שלום","summary":"","agent_name":"Assistant","direction":"outbound","metadata":{"k":1},"#,
            r#""city":"חיפה","recording_url":null}"#,
        )
    );
}

#[test]
fn the_older_spellings_are_normalised() {
    for (older, present, key) in [
        ("calls.completed", "call.completed", "call_id"),
        ("calls.lead_created", "lead.created", "lead_id"),
        ("calls.appointment_booked", "appointment.booked", "appointment_id"),
    ] {
        let event = Event::parse(&format!(r#"{{"event_type":"{older}","business_id":"b1","{key}":"x"}}"#));
        assert_eq!(event.expect("well-formed").event_type().as_str(), present);
    }
}

#[test]
fn an_unknown_kind_passes_through_untyped_in_its_own_order() {
    assert_eq!(
        body(r#"{"amount":12.50,"business_id":7,"event_type":"quote.requested","call_id":null,"5":true}"#),
        r#"{"5":true,"amount":12.5,"business_id":"7","event_type":"quote.requested","call_id":null}"#,
    );
}

#[test]
fn malformed_events_say_which_field_and_why_but_never_a_value() {
    let call = |call_id: &str| format!(r#"{{"event_type":"call.completed","business_id":"b1","call_id":{call_id}}}"#);
    for (text, message) in [
        ("[]".to_owned(), "the event is an array, not an object"),
        ("{".to_owned(), "not valid JSON at line 1, column 1"),
        (r#"{"business_id":"b1"}"#.to_owned(), "event_type is required"),
        (r#"{"event_type":7,"business_id":"b1"}"#.to_owned(), "event_type must be a string"),
        (
            r#"{"event_type":"Call","business_id":"b1"}"#.to_owned(),
            "event_type must be a dotted name such as call.completed, at most 128 characters",
        ),
        (r#"{"event_type":"a.b"}"#.to_owned(), "business_id is required"),
        (r#"{"event_type":"a.b","business_id":" "}"#.to_owned(), "business_id is required"),
        (r#"{"event_type":"a.b","business_id":true}"#.to_owned(), "business_id must be a string or an integer"),
        (r#"{"event_type":"lead.created","business_id":"b","lead_id":null}"#.to_owned(), "lead_id is required"),
        (r#"{"event_type":"appointment.booked","business_id":"b"}"#.to_owned(), "appointment_id is required"),
        (r#"{"event_type":"lead.status_changed","business_id":"b"}"#.to_owned(), "lead_id is required"),
        (call(r#""""#), "call_id is required"),
        (call("1.5"), "call_id must be a string or an integer"),
        (call("1e300"), "call_id must be a string or an integer"),
        (call("[]"), "call_id must be a string or an integer"),
        (call(r#""c","x":1e999"#), "a number is out of a double's range"),
        (call(r#""c","x":"\ud800""#), "not valid JSON at line 1, column 76"),
        (call(&format!(r#""c","x":{}1{}"#, "[".repeat(128), "]".repeat(128))), "nested more than 128 deep"),
    ] {
        assert_eq!(refusal(&text), message, "{text}");
    }
}

#[test]
fn a_business_id_is_1_to_128_characters_without_controls_and_not_blank() {
    let with_id = |id: &str| Event::parse(&format!(r#"{{"event_type":"a.b","business_id":{id:?}}}"#));
    assert!(with_id(&"x".repeat(128)).is_ok());
    assert!(with_id(&"א".repeat(128)).is_ok(), "characters, not bytes");
    assert!(with_id(" x ").is_ok());
    for id in [&"x".repeat(129), "", " ", "\u{a0}\u{2003}", "a\nb", "a\u{7f}", "\u{85}"] {
        assert!(BusinessId::parse(id).is_err(), "{id:?}");
    }
}

#[test]
fn an_event_type_is_dotted_words_of_128_characters_at_most() {
    let longest = format!("a.{}", "b".repeat(126));
    for name in ["a.b", "call.completed", "a1_.b_2.c", &longest] {
        assert_eq!(EventType::parse(name).expect("a name").as_str(), name);
    }
    for name in ["call", "a..b", ".a", "a.", "A.b", "a.1b", "a._b", "a-b.c", "a.b ", "a.ב", &format!("{longest}b")] {
        assert!(EventType::parse(name).is_err(), "{name}");
    }
}

/// Computed with `printf 'call.completed\nb1\nc1' | sha256sum`, so independent of this code.
#[test]
fn the_event_id_is_the_published_hash_of_its_natural_key() {
    let event = Event::parse(PLAIN).expect("well-formed");
    assert_eq!(event.id().as_str(), "evt_d6cd71e5f8f09104c3fd1033518b4b58");
    let again = PLAIN.replace('}', r#","summary":"changed since"}"#);
    assert_eq!(Event::parse(&again).expect("well-formed").id(), event.id());
}

#[test]
fn without_a_natural_key_the_body_tells_events_apart() {
    let status = |new: &str| {
        let text =
            format!(r#"{{"event_type":"lead.status_changed","business_id":"b1","lead_id":"l","new_status":"{new}"}}"#);
        Event::parse(&text).expect("well-formed")
    };
    assert_ne!(status("won").id(), status("lost").id());
    assert_eq!(status("won").id(), status("won").id());
    let (won, key) = (status("won"), status("won").body().to_owned());
    assert_eq!(won.id(), &EventId::derive(won.event_type(), won.business_id(), &key));
}

#[test]
fn composing_from_data_overrules_its_event_type_and_puts_it_first() {
    let event = Event::compose("quote.requested", r#"{"amount":1,"event_type":"x.y","business_id":"b1"}"#);
    assert_eq!(event.expect("well-formed").body(), r#"{"event_type":"quote.requested","amount":1,"business_id":"b1"}"#);
}

#[test]
fn the_debug_form_has_no_personal_data() {
    let event = Event::parse(&PLAIN.replace('}', r#","transcript":"secret words","phone":"+972550000000"}"#));
    let debug = format!("{:?}", event.expect("well-formed"));
    assert!(!debug.contains("secret") && !debug.contains("97255"), "{debug}");
}

#[test]
fn only_a_call_has_a_call_id_and_an_end() {
    let of = |text: &str| {
        let event = Event::parse(text).expect("an event");
        (event.call_id().map(ToOwned::to_owned), event.ended_at().map(|at| at.to_string()))
    };
    let call = r#"{"event_type":"call.completed","business_id":"b","call_id":7"#;
    let ended = |at: &str| of(&format!(r#"{call},"ended_at":{at}}}"#));
    let is = |at: Option<&str>| (Some("7".to_owned()), at.map(ToOwned::to_owned));
    assert_eq!(ended(r#""2026-03-01T10:16:32+02:00""#), is(Some("2026-03-01T08:16:32Z")));
    assert_eq!(ended("null"), is(None));
    assert_eq!(ended(r#""yesterday""#), is(None));
    let lead = r#"{"event_type":"lead.created","business_id":"b","lead_id":"7","ended_at":"2026-03-01T10:16:32Z"}"#;
    assert_eq!(of(lead), (None, None));
    let untyped = r#"{"event_type":"a.b","business_id":"b","call_id":"7","ended_at":"2026-03-01T10:16:32Z"}"#;
    assert_eq!(of(untyped), (None, None));
}

#[test]
fn an_event_is_recognised_by_its_subject_and_the_end_of_a_phone_number() {
    let of = |event_type: &str, rest: &str| {
        let text = format!(r#"{{"event_type":"{event_type}","business_id":"b",{rest}}}"#);
        let event = Event::parse(&text).expect("well-formed");
        (event.subject().map(ToOwned::to_owned), event.phone_ending().map(ToOwned::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(of("call.completed", r#""call_id":7,"phone":"+972 54-123-4567""#), (some("7"), some("4567")));
    assert_eq!(of("lead.status_changed", r#""lead_id":"L","lead_phone":"0541234567""#), (some("L"), some("4567")));
    assert_eq!(of("appointment.booked", r#""appointment_id":"A""#), (some("A"), None));
    assert_eq!(of("lead.created", r#""lead_id":"L","phone":"*4567""#), (some("L"), None), "as good as the whole");
    assert_eq!(of("gate.opened", r#""phone":"0541234567""#), (None, None));
    let long = "ק".repeat(200);
    assert_eq!(of("call.completed", &format!(r#""call_id":"{long}""#)).0, some(&long[..256]));
}
