//! `events/` tells receivers what they get: every sample is an event, and what becomes of it satisfies its schema.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use domain::event::Event;
use serde_json::Value;

fn events(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(folder)
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(events(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn schema_of(event_type: &str) -> jsonschema::Validator {
    let typed = events("schemas").join(format!("{event_type}.schema.json"));
    let path = if typed.exists() { typed } else { events("schemas").join("event.schema.json") };
    jsonschema::draft202012::options().should_validate_formats(true).build(&json(&path)).unwrap()
}

#[test]
fn every_schema_is_a_valid_one() {
    for path in files("schemas") {
        assert!(jsonschema::meta::is_valid(&json(&path)), "{}", path.display());
    }
}

#[test]
fn every_sample_is_an_event_whose_body_satisfies_its_schema() {
    for path in files("samples") {
        let event = Event::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let body: Value = serde_json::from_str(event.body()).unwrap();
        let schema = schema_of(event.event_type().as_str());
        let errors: Vec<_> = schema.iter_errors(&body).map(|error| error.instance_path().to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_no_receiver_will_ever_get() {
    let schema = schema_of("call.completed");
    let event = Event::parse(r#"{"event_type":"call.completed","business_id":"b","call_id":"c"}"#).unwrap();
    let body: Value = serde_json::from_str(event.body()).unwrap();
    assert!(schema.is_valid(&body));
    for field in body.as_object().unwrap().keys() {
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&without), "without {field}");
        let mut null = body.clone();
        null[field] = Value::Null;
        assert!(!schema.is_valid(&null), "{field} is null");
    }
}

#[test]
fn the_long_call_is_one_of_real_length() {
    let text = fs::read_to_string(events("samples").join("call.completed.long.json")).unwrap();
    assert!(Event::parse(&text).unwrap().body().len() > 25_000);
}

fn bodies(name: &str) -> Vec<Result<Event, String>> {
    let batch = json(&events("sqs").join(name));
    let parsed = |body: &str| Event::parse(body).map_err(|error| error.to_string());
    batch["Records"].as_array().unwrap().iter().map(|record| parsed(record["body"].as_str().unwrap())).collect()
}

#[test]
fn the_sqs_samples_hold_what_their_names_say() {
    assert!(matches!(&bodies("single.json")[..], [Ok(_)]));
    let poisoned = bodies("batch_with_poisoned.json");
    assert!(poisoned.len() > 2 && poisoned.iter().filter(|body| body.is_err()).count() == 1);
    let duplicates = bodies("duplicates.json");
    assert!(duplicates.len() > 1);
    assert!(duplicates.iter().all(|body| body.as_ref().unwrap().id() == duplicates[0].as_ref().unwrap().id()));
}
