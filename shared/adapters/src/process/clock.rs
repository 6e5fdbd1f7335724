//! The one place that reads the time of day.

use jiff::Timestamp;

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
