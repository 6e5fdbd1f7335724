//! A call service in miniature: the single place from which a finished call is published.
//!
//! `finalize_call_on_stop` saves the call log, the transcript and the processing, and then, last, publishes. The call
//! log is saved with a pending mark that publishing clears. A crash in between leaves the mark. The service runs
//! `publish_pending` at every start, which publishes the calls that are still marked. If the crash comes between
//! publishing and clearing the mark, the call is published twice; both messages have the same event id, so they are one
//! delivery.
//!
//! ```text
//! cargo run -p publish --example finalize_call_on_stop -- CALL.json [--crash-before-publishing]
//! cargo run -p publish --example finalize_call_on_stop              publishes what is pending
//! ```
//!
//! The environment variable `EVENTS_QUEUE_URL` is the stack's output `EventsQueueUrl`; `CALL_STORE` is a folder for the
//! calls (default: target/calls); `TRACEPARENT`, if it is valid, is the caller's place in a trace by W3C Trace Context.
//! AWS credentials, region and endpoint are found as by every AWS SDK.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use domain::event::EventId;
use domain::request::traceparent::Traceparent;
use publish::Publisher;
use serde_json::{Map, Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut call = None;
    let mut crash = Crash::Never;
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--crash-before-publishing" => crash = Crash::BeforePublishing,
            path => call = Some(fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?),
        }
    }
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).load().await;
    let publisher = Publisher::new(aws_sdk_sqs::Client::new(&config), variable("EVENTS_QUEUE_URL")?);
    let publisher = publisher.in_trace(variable("TRACEPARENT").ok().as_deref().and_then(Traceparent::parse));
    let store = CallStore { folder: variable("CALL_STORE").unwrap_or_else(|_| "target/calls".to_owned()).into() };

    for (call_id, event_id) in publish_pending(&store, &publisher).await? {
        println!("published pending call {call_id} as {event_id}");
    }
    if let Some(call) = call {
        let event_id = finalize_call_on_stop(&store, &publisher, serde_json::from_str(&call)?, crash).await?;
        println!("published {event_id}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example is a program of its own, with an environment of its own")]
fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|_| format!("{name} is not set").into())
}

/// Saves and publishes a call. The service calls this once, when a call ends; no other code publishes the call.
async fn finalize_call_on_stop(
    store: &CallStore,
    publisher: &Publisher,
    call: Map<String, Value>,
    crash: Crash,
) -> Result<EventId> {
    let call = Call::from_event(call)?;
    store.save_call_log(&call)?;
    store.save_transcript(&call)?;
    store.save_processing(&call)?;
    if crash == Crash::BeforePublishing {
        eprintln!("crashing after saving and before publishing");
        process::abort();
    }
    publish(store, publisher, &call.id).await
}

/// Publishes every call that a crash kept from being published.
async fn publish_pending(store: &CallStore, publisher: &Publisher) -> Result<Vec<(String, EventId)>> {
    let mut done = Vec::new();
    for call_id in store.pending()? {
        let event_id = publish(store, publisher, &call_id).await?;
        done.push((call_id, event_id));
    }
    Ok(done)
}

async fn publish(store: &CallStore, publisher: &Publisher, call_id: &str) -> Result<EventId> {
    let call = store.load(call_id)?;
    let event_id = publisher.send_generic_webhook("call.completed", &call.into_event()).await?;
    store.clear_pending(call_id)?;
    Ok(event_id)
}

/// The place at which the example crashes on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crash {
    Never,
    BeforePublishing,
}

/// A call in the three parts in which a call service saves it.
struct Call {
    id: String,
    log: Map<String, Value>,
    transcript: Value,
    summary: Value,
}

impl Call {
    fn from_event(mut event: Map<String, Value>) -> Result<Self> {
        let id = match event.get("call_id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return Err("the call has no call_id".into()),
        };
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err("this example takes call ids of letters, digits, - and _".into());
        }
        let mut part = |name| event.remove(name).unwrap_or(Value::Null);
        let (transcript, summary) = (part("transcript"), part("summary"));
        Ok(Self { id, log: event, transcript, summary })
    }

    fn into_event(self) -> Map<String, Value> {
        let mut event = self.log;
        event.insert("transcript".to_owned(), self.transcript);
        event.insert("summary".to_owned(), self.summary);
        event
    }
}

/// A folder that stands for the call service's database: a call is a folder with a file for each part.
struct CallStore {
    folder: PathBuf,
}

impl CallStore {
    /// Saves the log and the pending mark in one write, so that no crash can come between them.
    fn save_call_log(&self, call: &Call) -> Result<()> {
        self.write(&call.id, "log.json", &json!({ "log": call.log, "webhook_pending": true }))
    }

    fn save_transcript(&self, call: &Call) -> Result<()> {
        self.write(&call.id, "transcript.json", &call.transcript)
    }

    fn save_processing(&self, call: &Call) -> Result<()> {
        self.write(&call.id, "processing.json", &json!({ "summary": call.summary }))
    }

    fn clear_pending(&self, call_id: &str) -> Result<()> {
        let mut log = read(&self.folder.join(call_id).join("log.json"))?;
        log["webhook_pending"] = Value::Bool(false);
        self.write(call_id, "log.json", &log)
    }

    /// Lists the calls that are saved completely and not yet published. A call whose saving broke off is not finalised;
    /// the call service has to finalise it again.
    fn pending(&self) -> Result<Vec<String>> {
        let mut pending = Vec::new();
        if !self.folder.exists() {
            return Ok(pending);
        }
        for entry in fs::read_dir(&self.folder)? {
            let folder = entry?.path();
            let complete = folder.join("processing.json").exists();
            if complete && read(&folder.join("log.json"))?["webhook_pending"] == Value::Bool(true) {
                pending.extend(folder.file_name().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        Ok(pending)
    }

    fn load(&self, call_id: &str) -> Result<Call> {
        let folder = self.folder.join(call_id);
        let Value::Object(log) = read(&folder.join("log.json"))?["log"].take() else {
            return Err("the call log is damaged".into());
        };
        let transcript = read(&folder.join("transcript.json"))?;
        let summary = read(&folder.join("processing.json"))?["summary"].take();
        Ok(Call { id: call_id.to_owned(), log, transcript, summary })
    }

    /// Replaces a file as a whole: a crash leaves the old one or the new one.
    fn write(&self, call_id: &str, name: &str, content: &Value) -> Result<()> {
        let folder = self.folder.join(call_id);
        fs::create_dir_all(&folder)?;
        let unfinished = folder.join(format!("{name}.unfinished"));
        fs::write(&unfinished, content.to_string())?;
        Ok(fs::rename(unfinished, folder.join(name))?)
    }
}

fn read(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}
