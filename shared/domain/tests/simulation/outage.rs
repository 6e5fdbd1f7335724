//! The day on which DynamoDB has no address, as in us-east-1 on 19 and 20 October 2025: no call of DynamoDB is answered
//! for 15 hours. Then DynamoDB returns slowly, and throttles a share of the calls that falls off over six hours. All the
//! time Lambda refuses a share of the invocations, which costs a receive each, and SQS is slow and fails now and then.

use std::collections::BTreeMap;
use std::fmt;

use domain::event::EventId;
use fastrand::Rng;

use crate::business::Business;
use crate::queue::{HOUR, MINUTE, SECOND};
use crate::worker::Task;

/// The outage begins by day, when most calls come.
const BEGINS: i64 = 10 * HOUR;
const LASTS: i64 = 15 * HOUR;
const SLOW_FOR: i64 = 6 * HOUR;

/// Out of a thousand calls of DynamoDB, those that are throttled right after its return.
const THROTTLED_AT_RETURN: i64 = 900;

/// Out of a thousand invocations, those that Lambda refuses until DynamoDB's return.
const REFUSED: i64 = 200;

/// Out of a thousand calls of SQS, those that fail until DynamoDB's return.
const QUEUE_FAILS: i64 = 100;

/// When DynamoDB returns.
pub(crate) const RETURNS: i64 = BEGINS + LASTS;

/// When all is well again.
pub(crate) const IS_OVER: i64 = RETURNS + SLOW_FOR;

/// Whether the call of DynamoDB or SQS that the task needs fails.
pub(crate) fn fails(rng: &mut Rng, task: &Task, now: i64) -> bool {
    let tables = if now < RETURNS { share(now, 1_000) } else { share(now, THROTTLED_AT_RETURN) };
    let share = match task {
        Task::Send(..) | Task::SetAside(_) | Task::Finish(_) => share(now, QUEUE_FAILS),
        Task::Announce | Task::Post(_) => 0,
        _ => tables,
    };
    rng.i64(0..1_000) < share
}

/// Whether SQS has taken a message, and only its answer is lost: a third of the calls that fail.
pub(crate) fn loses_queues_answer(rng: &mut Rng, now: i64) -> bool {
    rng.i64(0..1_000) < share(now, QUEUE_FAILS) / 3
}

/// Whether Lambda refuses an invocation. The message comes back after its visibility timeout.
pub(crate) fn refuses(rng: &mut Rng, now: i64) -> bool {
    rng.i64(0..1_000) < share(now, REFUSED)
}

/// How much longer a call lasts.
pub(crate) fn slows(rng: &mut Rng, now: i64) -> i64 {
    if share(now, 1_000) == 0 { 0 } else { rng.i64(0..2 * SECOND) }
}

/// A share that is whole from the beginning to DynamoDB's return, and falls off from then on.
fn share(now: i64, whole: i64) -> i64 {
    match now {
        now if now < BEGINS => 0,
        now if now < RETURNS => whole,
        now => whole * (IS_OVER - now).max(0) / SLOW_FOR,
    }
}

/// The bound on each second from DynamoDB's return on, as a share of the events that wait then: one attempt for a hundred
/// events, and three calls of DynamoDB for each of these attempts (a read, a change of state, a record). Nothing sets the
/// events free together: each comes at its own time. By its schedule, an event is received eight times in four hours, so
/// on average one of 1,800 comes in a second. Chance makes one second some times as busy; eighteen times would be a storm.
/// The messages that a lost answer has doubled do not change that.
pub(crate) const ONE_OF: usize = 100;
pub(crate) const CALLS_OF_AN_ATTEMPT: usize = 3;

/// What is counted of an outage. The events are those of receivers that are always well.
#[derive(Debug, Default)]
pub(crate) struct Drill {
    /// The calls of DynamoDB in each second, those that fail included.
    calls: BTreeMap<i64, usize>,
    /// The attempts at all receivers that end in each second.
    posts: BTreeMap<i64, usize>,
    /// How many messages were sent anew while the old one stayed, because the answer of SQS was lost.
    pub(crate) doubled: usize,
    /// For each event that was published before DynamoDB's return and has arrived after it: how long after it.
    waited: Vec<i64>,
}

impl Drill {
    /// A task ends, be it well or not.
    pub(crate) fn count(&mut self, task: &Task, now: i64) {
        match task {
            Task::Post(_) => *self.posts.entry(now / SECOND).or_default() += 1,
            Task::Send(..) | Task::SetAside(_) | Task::Finish(_) | Task::Announce => {}
            _ => *self.calls.entry(now / SECOND).or_default() += 1,
        }
    }

    pub(crate) fn note_arrival(&mut self, business: &Business, event: &EventId, now: i64) {
        let is_first = business.arrived.get(event.as_str()) == Some(&1);
        let is_of_backlog = business.published_at.get(event.as_str()).is_some_and(|at| *at < RETURNS);
        if is_first && is_of_backlog && now >= RETURNS && business.is_always_well {
            self.waited.push(now - RETURNS);
        }
    }

    /// How many events waited when DynamoDB returned.
    pub(crate) fn backlog(&self) -> usize {
        self.waited.len()
    }

    /// The most attempts and the most calls of DynamoDB in a second, from its return on.
    pub(crate) fn busiest_second(&self) -> (usize, usize) {
        (most(&self.posts, RETURNS, i64::MAX), most(&self.calls, RETURNS, i64::MAX))
    }

    /// After how long so many percent of the waiting events had arrived.
    pub(crate) fn drained(&self, percent: usize) -> i64 {
        self.waited.get((self.waited.len() * percent / 100).saturating_sub(1)).copied().unwrap_or(0)
    }
}

/// The most in one second.
fn most(counts: &BTreeMap<i64, usize>, from: i64, to: i64) -> usize {
    counts.range(from / SECOND..to / SECOND).map(|(_, count)| *count).max().unwrap_or(0)
}

impl fmt::Display for Drill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = |counts| most(counts, 0, BEGINS);
        let (posts, calls) = self.busiest_second();
        let [half, most, all] = [50, 90, 100].map(|percent| self.drained(percent) / MINUTE);
        write!(
            formatter,
            "{} events waited for DynamoDB; half of them had arrived {half} minutes after its return, nine tenths after \
             {most}, all after {all}; in the busiest second {posts} attempts ({} before the outage) and {calls} calls of \
             DynamoDB ({} before); {} messages were doubled, since SQS's answer was lost",
            self.backlog(),
            before(&self.posts),
            before(&self.calls),
            self.doubled,
        )
    }
}
