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

/// How many receives a fault of this system may use up: those of the first four hours or so. Then the message is sent
/// anew. So an event waits for a few hours at most when an outage ends, and enough receives are left for those that
/// Lambda's throttling uses up without a trace.
const RECEIVES_OF_FAULTS: u32 = 8;

/// The longest delay of a message that is sent anew after a fault. SQS delays a new message for at most 15 minutes.
const BEFORE_SENT_ANEW: Duration = Duration::from_mins(12);

/// What happens to a message after a fault of this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFault {
    /// The message comes back after this delay.
    ReturnsAfter(Duration),
    /// A new message takes its place after this delay, and its receives are counted from the beginning.
    IsSentAnew(Duration),
    /// This was the message's last receive: SQS moves it to the dead-letter queue.
    IsSpent,
}

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
        Some(jittered(wait, jitter))
    }

    /// Gives what happens to a message after a fault of this system at its receive number `receive` (from 1). `age` is the
    /// time since the message was first sent. A fault says nothing about the receiver, so an outage must not use up an
    /// event's attempts. But a message that is older than the whole schedule is not sent anew: what fails for so long is
    /// no outage, and a person has to look at it.
    #[must_use]
    pub fn after_fault(&self, receive: u32, age: Duration, jitter: f64) -> AfterFault {
        if receive >= RECEIVES_OF_FAULTS.min(self.max_attempts) && age < self.duration() {
            let step = self.delay_after(receive, None, 0.0).unwrap_or(BEFORE_SENT_ANEW);
            return AfterFault::IsSentAnew(jittered(step.min(BEFORE_SENT_ANEW), jitter));
        }
        self.delay_after(receive, None, jitter).map_or(AfterFault::IsSpent, AfterFault::ReturnsAfter)
    }

    /// Gives the time from the first attempt to the last one, without jitter.
    fn duration(&self) -> Duration {
        (1..self.max_attempts).filter_map(|attempt| self.delay_after(attempt, None, 0.0)).sum()
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

/// Adds jitter, and gives whole seconds.
fn jittered(delay: Duration, jitter: f64) -> Duration {
    Duration::from_secs_f64((delay.as_secs_f64() * (1.0 + MAX_JITTER * jitter.clamp(0.0, 1.0))).ceil())
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
    fn a_fault_uses_up_eight_receives_and_never_the_last_unless_it_lasts_for_longer_than_the_schedule() {
        let (outage, forever) = (Duration::from_hours(78), Duration::from_hours(79));
        let after = |receive, age| standard().after_fault(receive, age, 0.0);
        let seconds = |seconds| AfterFault::ReturnsAfter(Duration::from_secs(seconds));
        assert_eq!([1, 2, 7].map(|receive| after(receive, outage)), [5, 30, 7200].map(seconds));
        let sent_anew = AfterFault::IsSentAnew(Duration::from_mins(12));
        assert_eq!([8, 15, 16].map(|receive| after(receive, outage)), [sent_anew; 3]);
        assert_eq!([8, 15].map(|receive| after(receive, forever)), [14400, 37800].map(seconds));
        assert_eq!(after(16, forever), AfterFault::IsSpent);
        let short = Schedule::parse("1,1,2", 10).expect("a short schedule");
        assert_eq!(short.after_fault(8, Duration::from_secs(9), 0.0), AfterFault::IsSentAnew(Duration::from_secs(2)));
        let few = Schedule::parse("60", 3).expect("a schedule of three attempts");
        assert_eq!(few.after_fault(3, Duration::from_secs(119), 0.0), AfterFault::IsSentAnew(Duration::from_mins(12)));
        assert_eq!(few.after_fault(3, Duration::from_mins(2), 0.0), AfterFault::IsSpent);
        let longest = standard().after_fault(16, outage, 1.0);
        assert_eq!(longest, AfterFault::IsSentAnew(Duration::from_secs(793)), "within SQS's 15 minutes");
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
