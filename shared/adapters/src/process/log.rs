//! The log: one JSON object per line on standard output. CloudWatch Logs Insights reads the object's members as fields.
//!
//! Only this project's own lines are written. The verbose lines of libraries contain request bodies, full URLs and
//! credentials, so no level turns these lines on.

use std::error::Error;
use std::panic;

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts the log of a function, which has the name of its crate. A function calls this once, when it starts.
///
/// A panic is logged by its place in the code alone, because the panic's message may quote an event.
pub fn start(function: &'static str, level: Level) {
    let own = Targets::new()
        .with_default(LevelFilter::OFF)
        .with_target("adapters", level)
        .with_target(function, level)
        .with_target("lambda_runtime", LevelFilter::ERROR)
        // The message of this module about an unreadable payload quotes the payload.
        .with_target("lambda_runtime::layers", LevelFilter::OFF);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    tracing_subscriber::registry().with(own).with(lines).init();
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panic");
    }));
}

/// Gives an error and its causes, the outermost first, as one log field.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
