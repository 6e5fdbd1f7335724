//! The time that an invocation has left.

use std::time::Duration;

use jiff::Timestamp;

/// A time in 2001, in Unix milliseconds. Every deadline is later.
const EARLIEST_DEADLINE: u64 = 1_000_000_000_000;

/// Gives the time until an invocation's deadline, which Lambda states in Unix milliseconds. A deadline that has passed
/// leaves no time. `cargo lambda watch` states a number that is no such time. The invocation then has the function's
/// whole `timeout`.
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
    fn a_passed_deadline_leaves_no_time_and_a_number_that_is_no_time_leaves_the_timeout() {
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
