//! The log: one JSON object a line on standard output, which is what CloudWatch Logs Insights reads as fields.
//!
//! Only this project's own lines are written. What the libraries below say at a verbose level holds request bodies,
//! full URLs and credentials, so no level lets them speak.

use std::error::Error;
use std::panic;

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts the log of a function, named as its crate is; called once, at start.
///
/// A panic is logged by its place alone: its message may quote what was being worked on.
pub fn start(function: &'static str, level: Level) {
    let own = Targets::new()
        .with_default(LevelFilter::OFF)
        .with_target("adapters", level)
        .with_target(function, level)
        .with_target("lambda_runtime", LevelFilter::ERROR)
        // Its message about a payload that cannot be read quotes the payload.
        .with_target("lambda_runtime::layers", LevelFilter::OFF);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    tracing_subscriber::registry().with(own).with(lines).init();
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panic");
    }));
}

/// An error and what caused it, outermost first, as one log field.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
