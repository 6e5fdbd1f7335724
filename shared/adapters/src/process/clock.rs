//! The one place that reads the time of day.

use jiff::Timestamp;

/// Gives the present time in whole milliseconds. Stored times are no finer, and a state that is read back must equal
/// the state that was stored.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
