//! What a process keeps between invocations, judged by the time of day before it is used again.
//!
//! Lambda freezes an environment between invocations, and its steady clock may stand still meanwhile. HTTP clients count
//! the age of their connections by that clock: one that was used an hour ago would still be a second old. So two clocks
//! are read, and once they have gone apart, what counts by the steady one is made anew. A time of day that went back does
//! the same: nothing is kept for ever.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::process::clock;

/// By how much the clocks may go apart. It adds to the age that a connection can have when it is used.
const APART: Duration = Duration::from_millis(500);

/// A value, and at what time of day it was had.
#[derive(Clone, Debug)]
pub(crate) struct Dated<T> {
    value: T,
    at: Timestamp,
}

impl<T> Dated<T> {
    pub(crate) fn new(value: T, at: Timestamp) -> Self {
        Self { value, at }
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// Whether it is younger than this. One from the future is not: the time of day was set back, and its age is unknown.
    pub(crate) fn is_younger_than(&self, age: Duration, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.at)).is_ok_and(|elapsed| elapsed < age)
    }
}

/// A client that keeps connections, made anew once they may be older than it believes.
pub(crate) struct Renewed<C> {
    make: Arc<dyn Fn() -> C + Send + Sync>,
    clock: fn() -> Timestamp,
    made: Mutex<(C, Clocks)>,
}

impl<C: Clone> Renewed<C> {
    pub(crate) fn new(make: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(make), clock::now)
    }

    /// The same by another clock.
    pub(crate) fn by_clock(&self, clock: fn() -> Timestamp) -> Self {
        Self::with(Arc::clone(&self.make), clock)
    }

    fn with(make: Arc<dyn Fn() -> C + Send + Sync>, clock: fn() -> Timestamp) -> Self {
        let first = (make(), Clocks::read(clock));
        Self { make, clock, made: Mutex::new(first) }
    }

    /// The client. What is under way on an older one is not disturbed.
    pub(crate) fn get(&self) -> C {
        let now = Clocks::read(self.clock);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if now.apart_since(made.1) > APART {
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

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    day: Timestamp,
    steady: Instant,
}

impl Clocks {
    fn read(clock: fn() -> Timestamp) -> Self {
        Self { day: clock(), steady: Instant::now() }
    }

    /// By how much the clocks have gone apart.
    fn apart_since(self, before: Self) -> Duration {
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
    fn a_value_is_young_for_its_time_and_never_if_the_clock_was_set_back() {
        let dated = Dated::new("secret", at(1_000));
        let five_minutes = Duration::from_mins(5);
        for (now, is_young) in [(1_000, true), (1_299, true), (1_300, false), (90_000, false), (999, false), (0, false)]
        {
            assert_eq!(dated.is_younger_than(five_minutes, at(now)), is_young, "{now}");
        }
    }

    #[test]
    fn clocks_that_go_on_together_are_never_apart_and_a_freeze_or_a_jump_is() {
        let steady = Instant::now();
        let clocks = |day, seconds| Clocks { day: at(day), steady: steady + Duration::from_secs(seconds) };
        for (day, seconds, apart) in
            [(1_000, 0, 0), (4_600, 3_600, 0), (4_600, 60, 3_540), (900, 5, 105), (1_000, 9, 9)]
        {
            assert_eq!(
                clocks(day, seconds).apart_since(clocks(1_000, 0)),
                Duration::from_secs(apart),
                "{day} {seconds}"
            );
        }
    }
}
