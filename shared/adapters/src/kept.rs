//! The values that a process keeps between invocations. Before a value is used again, its age is judged by the time of
//! day.
//!
//! Lambda freezes an environment between invocations, and the environment's steady clock may stand still meanwhile.
//! HTTP clients measure the age of their connections by that clock, so a connection that was used an hour ago may count
//! as a second old. [`Renewed`] therefore reads both clocks, and makes the client anew once they have drifted apart. A
//! time of day that was set back has the same effect, so nothing is kept for ever.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::process::clock;

/// The greatest drift between the clocks with which a client is still used. The drift adds to the age that a connection
/// can have when it is used.
const MAX_DRIFT: Duration = Duration::from_millis(500);

/// A value, with the time of day at which the process obtained it.
#[derive(Clone, Debug)]
pub(crate) struct Dated<T> {
    value: T,
    obtained_at: Timestamp,
}

impl<T> Dated<T> {
    pub(crate) fn new(value: T, obtained_at: Timestamp) -> Self {
        Self { value, obtained_at }
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// Whether the value is younger than `age`. A value from the future is not: the time of day was set back, and the
    /// value's age is unknown.
    pub(crate) fn is_younger_than(&self, age: Duration, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.obtained_at)).is_ok_and(|elapsed| elapsed < age)
    }
}

/// A client that keeps connections. It is made anew once its connections may be older than it measures.
pub(crate) struct Renewed<C> {
    make: Arc<dyn Fn() -> C + Send + Sync>,
    clock: fn() -> Timestamp,
    made: Mutex<(C, Clocks)>,
}

impl<C: Clone> Renewed<C> {
    pub(crate) fn new(make: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(make), clock::now)
    }

    /// Gives the same with another clock.
    pub(crate) fn by_clock(&self, clock: fn() -> Timestamp) -> Self {
        Self::with(Arc::clone(&self.make), clock)
    }

    fn with(make: Arc<dyn Fn() -> C + Send + Sync>, clock: fn() -> Timestamp) -> Self {
        let first = (make(), Clocks::read(clock));
        Self { make, clock, made: Mutex::new(first) }
    }

    /// Gives the client. Requests under way on an older client go on undisturbed.
    pub(crate) fn get(&self) -> C {
        let now = Clocks::read(self.clock);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if now.drift_since(made.1) > MAX_DRIFT {
            *made = ((self.make)(), now);
        }
        made.0.clone()
    }
}

impl<C> fmt::Debug for Renewed<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Renewed").finish_non_exhaustive()
    }
}

/// The readings of both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    day: Timestamp,
    steady: Instant,
}

impl Clocks {
    fn read(clock: fn() -> Timestamp) -> Self {
        Self { day: clock(), steady: Instant::now() }
    }

    /// Gives by how much the clocks have drifted apart.
    fn drift_since(self, before: Self) -> Duration {
        let steady = self.steady.saturating_duration_since(before.steady);
        let day = self.day.duration_since(before.day);
        let steady = jiff::SignedDuration::try_from(steady).unwrap_or(jiff::SignedDuration::MAX);
        day.saturating_sub(steady).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_value_is_young_for_its_time_and_never_after_the_clock_was_set_back() {
        let dated = Dated::new("secret", at(1_000));
        let five_minutes = Duration::from_mins(5);
        for (now, is_young) in [(1_000, true), (1_299, true), (1_300, false), (90_000, false), (999, false), (0, false)]
        {
            assert_eq!(dated.is_younger_than(five_minutes, at(now)), is_young, "{now}");
        }
    }

    #[test]
    fn clocks_that_run_together_do_not_drift_and_a_freeze_or_a_jump_is_a_drift() {
        let steady = Instant::now();
        let clocks = |day, seconds| Clocks { day: at(day), steady: steady + Duration::from_secs(seconds) };
        for (day, seconds, drift) in
            [(1_000, 0, 0), (4_600, 3_600, 0), (4_600, 60, 3_540), (900, 5, 105), (1_000, 9, 9)]
        {
            assert_eq!(
                clocks(day, seconds).drift_since(clocks(1_000, 0)),
                Duration::from_secs(drift),
                "{day} {seconds}"
            );
        }
    }
}
