//! How long an invocation has left.

use std::time::Duration;

use jiff::Timestamp;

/// Unix milliseconds of 2001: no deadline is earlier.
const EARLIEST_DEADLINE: u64 = 1_000_000_000_000;

/// How long until an invocation's deadline, which Lambda gives in Unix milliseconds; one that has passed leaves no time at
/// all. `cargo lambda watch` gives a number that is no such time; then an invocation has the function's whole `timeout`.
#[must_use]
pub fn remaining(deadline: u64, now: Timestamp, timeout: Duration) -> Duration {
    if deadline < EARLIEST_DEADLINE {
        return timeout;
    }
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now)).min(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_has_passed_leaves_no_time_and_one_that_is_none_the_functions_timeout() {
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        for (deadline, seconds) in [
            (1_800_000_050_000, 50),
            (1_800_000_000_000, 0),
            (1_799_999_999_999, 0),
            (0, 60),
            (600_000, 60),
            (u64::MAX, 60),
        ] {
            assert_eq!(remaining(deadline, now, Duration::from_mins(1)), Duration::from_secs(seconds), "{deadline}");
        }
    }
}
