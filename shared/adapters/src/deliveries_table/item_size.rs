//! How large a record is as DynamoDB counts it, by which each write is billed: in units of 1 KB, begun ones counted whole.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::Event;
use domain::format::Format;

use super::{AttemptRecord, RecordUpdate, Retention, Status, key};
use crate::body::Compressor;
use crate::dynamodb::Item;
use crate::http::Timings;

const UNIT: usize = 1024;

/// Calls of businesses of which `infra/dictionary` has no sentence, and the long sample call, which others have written.
const CALLS: [(&str, &str); 6] = [
    ("driving school", include_str!("../../tests/calls/driving.json")),
    ("insurance agency", include_str!("../../tests/calls/insurance.json")),
    ("trips into the desert", include_str!("../../tests/calls/jeeps.json")),
    ("removals", include_str!("../../tests/calls/movers.json")),
    ("veterinary surgery", include_str!("../../tests/calls/vet.json")),
    ("kitchens", include_str!("../../../../events/samples/call.completed.long.json")),
];

/// What the index by time projects beside its keys, as `infra/template.yaml` has it.
const BY_TIME: [&str; 18] = [
    "business_id",
    "event_id",
    "occurred",
    "event_type",
    "subject",
    "phone_last_digits",
    "status",
    "cause",
    "status_code",
    "clue",
    "refusal",
    "attempts",
    "created_at",
    "updated_at",
    "next_attempt_at",
    "delivered_at",
    "title",
    "format",
];

/// The rules of "DynamoDB item sizes and formats" in the Amazon DynamoDB Developer Guide: a name and a text are their bytes
/// in UTF-8, a number is about one byte for two significant digits and one more, a map is 3 bytes and 1 for each of its
/// members.
fn bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        // Zeros at both ends do not count.
        AttributeValue::N(digits) => digits.trim_matches('0').len().div_ceil(2) + 1,
        AttributeValue::M(members) => 3 + members.len() + bytes(members),
        other => panic!("a record has no {other:?}"),
    }
}

/// The event of a call, with as many of its lines as make a body of at most `bytes`.
fn cut(call: &str, bytes: usize) -> Event {
    let parsed = |call: &serde_json::Value| Event::parse(&call.to_string()).expect("well-formed");
    let mut call: serde_json::Value = serde_json::from_str(call).expect("a call");
    while parsed(&call).body().len() > bytes {
        let (lines, _) = call["transcript"].as_str().and_then(|text| text.rsplit_once('\n')).expect("many lines");
        call["transcript"] = lines.to_owned().into();
    }
    parsed(&call)
}

/// The record of a call that is delivered at once, with all that is usual at its widest: ids of up to 36 characters, a
/// title of 80 characters, each phase of a new connection, and an answer of n8n.
fn delivered(event: &Event) -> Item {
    let now = "2026-03-01T10:00:02.817Z".parse().expect("a time");
    let ms = |ms| Some(Duration::from_millis(ms));
    let attempt = AttemptRecord {
        id: u64::from(u32::MAX),
        at: now,
        cause: None,
        status_code: Some(200),
        timings: Timings {
            dns: ms(14),
            connect: ms(38),
            tls: ms(77),
            first_byte: ms(412),
            total: Duration::from_millis(415),
        },
        snippet: r#"{"message":"Workflow was started"}"#.to_owned(),
        location: None,
        format: Some(Format::Event),
        clue: None,
    };
    let record = RecordUpdate {
        event,
        traceparent: None,
        compressor: &Compressor::new(),
        before: None,
        status: Status::Delivered,
        attempt: Some(&attempt),
        next_attempt: None,
        occurred: "2026-03-01T10:00:00.512Z".parse().expect("a time"),
        now,
        retention: Retention(30),
        over_delivered: false,
        was_held: false,
    };
    record.to_item(key(event.business_id(), event.id()))
}

#[test]
fn a_call_of_4_4_kb_takes_two_write_units_and_one_of_6_kb_three() {
    for (length, most) in [(4_400, 2 * UNIT), (6_000, 2_500)] {
        for (business, call) in CALLS {
            let item = bytes(&delivered(&cut(call, length)));
            assert!(item <= most, "{business}: a record of {item} bytes");
        }
    }
}

#[test]
fn beside_the_body_a_record_takes_650_bytes_and_its_place_in_the_index_by_time_one_write_unit() {
    for (business, call) in CALLS {
        let mut item = delivered(&cut(call, 6_000));
        let body = item.remove("body").expect("a body");
        let other = bytes(&item);
        item.retain(|name, _| BY_TIME.contains(&name.as_str()));
        assert!(other <= 650 && bytes(&item) <= UNIT, "{business}: {other} and {} bytes", bytes(&item));
        assert!(value_bytes(&body) > other, "{business}");
    }
}

#[test]
fn a_quarter_of_a_call_that_the_dictionary_does_not_know_is_saved() {
    for (business, call) in CALLS {
        let event = cut(call, 6_000);
        let plain = zstd::bulk::compress(event.body().as_bytes(), 3).expect("zstd has level 3").len();
        let kept = value_bytes(&delivered(&event)["body"]);
        assert!(kept * 4 < plain * 3, "{business}: {kept} of {plain} bytes");
    }
}
