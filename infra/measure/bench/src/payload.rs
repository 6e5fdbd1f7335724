//! The payloads of invocations: batches of calls whose ids differ from batch to batch.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::plan::Plan;

/// The digits that stand for the batch's number.
const PLACE: &str = "0123456789";

/// The payloads, one for each invocation.
pub(crate) struct Payloads {
    text: String,
    places: Vec<usize>,
    events: usize,
    made: usize,
}

impl Payloads {
    pub(crate) fn new(plan: &Plan) -> Self {
        if let Some(text) = plan.payload.clone() {
            return Self { text, places: Vec::new(), events: 1, made: 0 };
        }
        let sample = std::fs::read_to_string(&plan.sample).expect("the sample");
        let sample: Value = serde_json::from_str(&sample).expect("JSON");
        let records: Vec<_> = (0..plan.events).map(|place| record(&sample, place, plan.bytes)).collect();
        let text = json!({ "Records": records }).to_string();
        let places = text.match_indices(PLACE).map(|(at, _)| at).collect();
        Self { text, places, events: plan.events, made: 0 }
    }

    /// How many events a payload has.
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    /// Gives the next payload.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut bytes = self.text.clone().into_bytes();
        let mut number = String::with_capacity(PLACE.len());
        write!(number, "{:010}", self.made).expect("a string takes all");
        self.made += 1;
        for &at in &self.places {
            bytes[at..at + PLACE.len()].copy_from_slice(number.as_bytes());
        }
        bytes
    }
}

fn record(sample: &Value, place: usize, bytes: usize) -> Value {
    let body = call(sample, place, bytes);
    json!({
        "messageId": format!("{PLACE}-{place:04}-4f0a-a3e7-715c08d2946f"),
        "receiptHandle": format!("AQEB{}", "x".repeat(200)),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1762155755000",
            "SenderId": "AROAEXAMPLE:call-service",
            "ApproximateFirstReceiveTimestamp": "1762155755020",
            "MessageGroupId": format!("business-{place}"),
        },
        "messageAttributes": {},
        "md5OfBody": "00000000000000000000000000000000",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:il-central-1:000000000000:events",
        "awsRegion": "il-central-1",
    })
}

/// Makes the text of a call with so many bytes. The transcript begins at another turn for each place, so that the
/// bodies of a batch differ.
fn call(sample: &Value, place: usize, bytes: usize) -> String {
    let mut call = sample.clone();
    call["business_id"] = json!(format!("business-{place}"));
    call["call_id"] = json!(format!("CA{PLACE}{place:04}4f0aa3e7715c08d2"));
    call["transcript"] = json!("");
    let rest = call.to_string().len();
    let turns: Vec<_> = sample["transcript"].as_str().expect("a transcript").split('\n').collect();
    let wanted = bytes.saturating_sub(rest);
    let mut transcript = String::with_capacity(wanted + 1024);
    for (number, turn) in turns.iter().cycle().skip(place * 7).enumerate() {
        if transcript.len() >= wanted {
            break;
        }
        // A repeated turn gets a number, as no real call repeats itself word by word.
        if number >= turns.len() {
            write!(transcript, "{} ", number * 7919).expect("a string takes all");
        }
        transcript.push_str(turn);
        transcript.push('\n');
    }
    let mut end = wanted.min(transcript.len());
    while !transcript.is_char_boundary(end) {
        end -= 1;
    }
    transcript.truncate(end);
    call["transcript"] = json!(transcript);
    call.to_string()
}
