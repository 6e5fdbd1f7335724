//! The one place that reads the time of day.

use jiff::Timestamp;

/// Now, to the millisecond: what is stored has no finer times, and a state that is read back must be the one that was meant.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
