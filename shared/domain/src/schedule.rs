//! The schedule: how long an event waits for its next attempt.
//!
//! The module is pure arithmetic, and the jitter is an argument. The queue does the waiting, by the message's
//! visibility timeout, so no code of this system sleeps until an attempt.

use std::time::Duration;

/// The longest delay, in seconds. SQS hides a message for at most 12 hours from when it handed the message out (Amazon
/// SQS Developer Guide, "visibility timeout"). The queue's own visibility timeout of 360 s may have passed by the time
/// the delay is set.
pub const MAX_DELAY_SECONDS: u64 = 12 * 60 * 60 - 360;

/// The longest step, in seconds. With full jitter, this step is the longest delay.
pub const MAX_STEP_SECONDS: u64 = MAX_DELAY_SECONDS * 10 / 11;

/// The greatest jitter, as a share of the delay. It keeps events that failed together from coming back together.
const MAX_JITTER: f64 = 0.1;

/// The delays between attempts, and how many attempts there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    steps: Vec<Duration>,
    max_attempts: u32,
}

/// Why a schedule is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidSchedule {
    /// The text is no comma-separated list of whole seconds.
    #[error("the retry schedule must be whole seconds, separated by commas")]
    NotSeconds,
    /// A step is longer, with its jitter, than SQS can hide a message.
    #[error("a retry step must be at most {MAX_STEP_SECONDS} s: with 10 % of jitter it has to stay within SQS's 12 h")]
    StepTooLong,
    /// The number of attempts is 0.
    #[error("there must be at least one attempt")]
    NoAttempts,
}

impl Schedule {
    /// Reads a list such as `5,30,120`: the delays before attempts 2, 3 and 4; the last one repeats.
    ///
    /// # Errors
    ///
    /// [`InvalidSchedule`].
    pub fn parse(steps: &str, max_attempts: u32) -> Result<Self, InvalidSchedule> {
        if max_attempts == 0 {
            return Err(InvalidSchedule::NoAttempts);
        }
        let seconds: Vec<u64> = steps
            .split(',')
            .map(|step| step.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| InvalidSchedule::NotSeconds)?;
        if seconds.iter().any(|&step| step > MAX_STEP_SECONDS) {
            return Err(InvalidSchedule::StepTooLong);
        }
        let steps = seconds.into_iter().map(Duration::from_secs).collect();
        Ok(Self { steps, max_attempts })
    }

    /// Gives the delay after failed attempt number `attempt` (from 1), in whole seconds. None: that attempt was the
    /// last.
    ///
    /// The delay is the schedule's step or `not_before` (the receiver's Retry-After), whichever is longer; `not_before`
    /// counts up to the longest step. `jitter`, from 0 to 1, only adds to the delay.
    #[must_use]
    pub fn delay_after(&self, attempt: u32, not_before: Option<Duration>, jitter: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let position = usize::try_from(attempt.max(1) - 1).unwrap_or(usize::MAX).min(self.steps.len() - 1);
        let wait = self.steps[position].max(not_before.unwrap_or_default().min(self.longest_step()));
        let jittered = wait.as_secs_f64() * (1.0 + MAX_JITTER * jitter.clamp(0.0, 1.0));
        Some(Duration::from_secs_f64(jittered.ceil()))
    }

    /// Gives the longest step. A receiver's Retry-After counts up to this step.
    #[must_use]
    pub fn longest_step(&self) -> Duration {
        self.steps.iter().max().copied().unwrap_or_default()
    }

    /// Gives the number of attempts after which the message goes to the dead-letter queue.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STANDARD: &str = "5,30,120,600,1800,3600,7200,14400,28800,37800";

    fn standard() -> Schedule {
        Schedule::parse(STANDARD, 16).expect("the published schedule")
    }

    #[test]
    fn sixteen_attempts_spread_over_79_hours() {
        let delays: Vec<_> =
            (1..=16).map_while(|attempt| standard().delay_after(attempt, None, 0.0)).map(|d| d.as_secs()).collect();
        assert_eq!(delays[..10], [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 37800]);
        assert_eq!(delays[10..], [37800; 5]);
        assert_eq!(delays.iter().sum::<u64>() / 3600, 78, "78.7 hours without jitter");
    }

    #[test]
    fn retry_after_prolongs_but_never_shortens_and_is_capped_at_the_longest_step() {
        let after = |seconds| standard().delay_after(2, Some(Duration::from_secs(seconds)), 0.0).map(|d| d.as_secs());
        assert_eq!(after(10), Some(30));
        assert_eq!(after(45), Some(45));
        assert_eq!(after(1_000_000), Some(37800));
    }

    #[test]
    fn impossible_schedules_are_refused() {
        for (steps, attempts, error) in [
            ("", 3, InvalidSchedule::NotSeconds),
            ("5,,6", 3, InvalidSchedule::NotSeconds),
            ("5,-6", 3, InvalidSchedule::NotSeconds),
            ("5,38946", 3, InvalidSchedule::StepTooLong),
            ("18446744073709551615", 3, InvalidSchedule::StepTooLong),
            ("18446744073709551616", 3, InvalidSchedule::NotSeconds),
            ("5", 0, InvalidSchedule::NoAttempts),
        ] {
            assert_eq!(Schedule::parse(steps, attempts), Err(error), "{steps}");
        }
        let longest = Schedule::parse("0, 38945", 9).expect("the longest step");
        assert_eq!(longest.delay_after(2, None, 1.0).map(|delay| delay.as_secs()), Some(MAX_DELAY_SECONDS));
    }

    proptest! {
        #[test]
        fn jitter_adds_up_to_a_tenth_and_sqs_can_always_wait_that_long(
            attempt in 1..16u32, not_before in proptest::option::of(0..10_000_000u64), jitter in -1.0..2.0f64,
        ) {
            let not_before = not_before.map(Duration::from_secs);
            let least = standard().delay_after(attempt, not_before, 0.0).expect("not the last attempt");
            let delay = standard().delay_after(attempt, not_before, jitter).expect("not the last attempt");
            prop_assert!(delay >= least);
            prop_assert!(delay.as_secs_f64() <= (least.as_secs_f64() * 1.1).ceil());
            prop_assert!(delay.as_secs() <= MAX_DELAY_SECONDS);
            prop_assert_eq!(delay.subsec_nanos(), 0);
        }

        #[test]
        fn the_last_attempt_has_none_after_it(attempt in 16..1000u32) {
            prop_assert_eq!(standard().delay_after(attempt, Some(Duration::from_secs(9)), 0.5), None);
        }
    }
}
