//! Weeks of calls in virtual time, against the production code: outages, throttles, crashes, duplicates, late messages,
//! wrong clocks, other systems that wipe the health, bodies that become unreadable, and owners who break and mend their
//! URLs, pause, resume, send again and replay ranges of time.
//!
//! Each run is drawn from a seed and driven by what happens next ([`run`]): a call ends, a message becomes visible, the
//! task of an invocation ends ([`invocation`]). An invocation is a worker (`tests/worker/mod.rs`) on its way through
//! time.
//!
//! When trouble ends there is an audit ([`audit`]): every published event has arrived, is in a message or the
//! dead-letter queue, or is held, where `sweep` finds it. Then receivers are well, owners look after their endpoints,
//! and every event that is not in the dead-letter queue must arrive.
//!
//! Two runs are of their own kind: a range of ten thousand events with kills, and a day without DynamoDB ([`outage`]).
//!
//! `SIMULATION_RUNS` sets how many runs there are, `SIMULATION_SEED` repeats the one that failed.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "../worker/mod.rs"]
mod worker;

mod queue;
mod trouble;
mod outage;
mod business;
mod run;
mod invocation;
mod attempt;
mod owner;
mod watch;
mod audit;

use domain::endpoint::RangeEnd;

use crate::audit::Audit;
use crate::outage::{CALLS_OF_AN_ATTEMPT, IS_OVER, ONE_OF, RETURNS};
use crate::queue::HOUR;
use crate::run::Run;

/// How many events a step of a replay lists; the fewer, the more steps a replay has.
const LISTED_AT_A_TIME: usize = 3;

const RUNS: u64 = 800;
const WEEKS: i64 = 3;

#[expect(clippy::disallowed_methods, reason = "a test has no other door for a seed")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn simulate(seed: u64) -> Run {
    let hint = format!("repeat with SIMULATION_SEED={seed}");
    let mut run = Run::new(seed, WEEKS);
    run.play(|run| {
        let lost = run.lost();
        assert!(lost.is_empty(), "lost ({hint}): {lost:#?}");
    });
    let left = run.left();
    assert!(left.is_empty(), "left behind ({hint}): {left:#?}");
    assert_eq!(run.queue.expired, 0, "older than the queue keeps them ({hint})");
    assert_eq!(run.watch.tried_together, 0, "two at once at a failing endpoint ({hint})");
    assert!(!run.is_calm || run.watch.replayed_out_of_order == 0, "replayed out of order ({hint})");
    assert!(!run.is_calm || run.watch.died_unspent == 0, "dead-lettered before its schedule was spent ({hint})");
    assert!(!run.is_calm || run.arrived_again_needlessly() == 0, "arrived again though nothing went wrong ({hint})");
    assert!(run.ranges_left().is_empty(), "ranges that are not over ({hint}): {:#?}", run.ranges_left());
    assert!(run.untold().is_empty(), "not told ({hint}): {:#?}", run.untold());
    assert_eq!(run.watch.resent_in_vain, 0, "sent again although it had arrived since that was asked for ({hint})");
    assert!(!run.is_calm || run.watch.rests_disturbed == 0, "a receiver's rest was disturbed ({hint})");
    run
}

#[test]
fn a_range_of_ten_thousand_events_is_sent_in_order_and_once_although_invocations_are_killed() {
    const EVENTS: usize = 10_000;
    let seed = number("SIMULATION_SEED").unwrap_or(0);
    let mut run = Run::of_range(seed, EVENTS);
    run.play(|_| {});
    let hint = format!("repeat with SIMULATION_SEED={seed}");
    let range = run.businesses[0].tables.health.range.as_ref().expect("it is kept");
    let counts = (range.steps.done, range.steps.failed, range.end);
    assert_eq!(counts, (EVENTS as u64, 0, Some(RangeEnd::Done)), "{hint}");
    let arrived = &run.businesses[0].arrived;
    assert_eq!(arrived.len(), EVENTS, "each has arrived ({hint})");
    assert_eq!(run.watch.replayed_out_of_order, 0, "{hint}");
    for (event, times) in arrived {
        let kills = run.watch.killed_at.get(&(0, event.clone())).copied().unwrap_or(0);
        assert!(times - 1 <= kills, "{event} arrived {times} times, and was under way at {kills} kills ({hint})");
    }
    assert!(run.watch.crashes > EVENTS / 50, "{} kills", run.watch.crashes);
    let repeated = arrived.values().filter(|times| **times > 1).count();
    println!("{EVENTS} events, {} kills, {repeated} arrived more than once", run.watch.crashes);
}

#[test]
fn no_event_is_lost_and_no_storm_follows_on_the_day_on_which_dynamodb_has_no_address() {
    const BUSINESSES: usize = 300;
    let seed = number("SIMULATION_SEED").unwrap_or(0);
    let hint = format!("repeat with SIMULATION_SEED={seed}");
    let mut run = Run::of_outage(seed, BUSINESSES);
    run.play(|run| {
        let lost = run.lost();
        assert!(lost.is_empty(), "lost ({hint}): {lost:#?}");
    });
    let left = run.left();
    assert!(left.is_empty(), "left behind ({hint}): {left:#?}");
    let (drill, dead) = (&run.drill, run.dead_although_well());
    let again = run.arrived_again_although_well();
    println!("{drill}; {dead} dead-lettered, whose receives Lambda and SQS have used up; {again} arrived again");
    // A message is sent anew in good time, unless nine receives in a row are refused or cannot be answered.
    assert!(
        dead * 2_000 <= drill.backlog(),
        "{dead} messages dead-lettered although their receivers are well ({hint})"
    );
    // The original and its copy are each sent anew at most every four hours, so copies do not multiply.
    assert!((1..drill.backlog() / 4).contains(&drill.doubled), "messages multiply ({hint}): {drill}");
    assert!(drill.backlog() > 20 * BUSINESSES, "the outage has kept back the calls of a day ({hint})");
    // As long as DynamoDB throttles, and one round of a message's receives more.
    let within = IS_OVER - RETURNS + 4 * HOUR;
    assert!(drill.drained(100) < within, "an event waits for long after DynamoDB's return ({hint}): {drill}");
    let (posts, calls) = drill.busiest_second();
    let bound = drill.backlog() / ONE_OF;
    assert!(posts <= bound && calls <= bound * CALLS_OF_AN_ATTEMPT, "a storm ({hint}): {drill}");
}

#[test]
fn every_event_arrives_or_is_where_somebody_sees_it_whatever_happens_in_weeks() {
    let mut audit = Audit::default();
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_RUNS").unwrap_or(RUNS),
    };
    for seed in seeds {
        audit.add(&simulate(seed));
    }
    println!("{audit}");
    // Of one run alone the share may be anything.
    assert!(number("SIMULATION_SEED").is_some() || audit.most_replays_begin_at_once(), "replays wait for `sweep`");
}
