//! Weeks of calls in virtual time, against the production machines: outages, throttles, crashes, duplicates, late
//! messages, wrong clocks, owners who break and mend their URLs, pause, resume and send again.
//!
//! Each run is drawn from a seed. When trouble ends the books are checked: every published event has arrived, is in the
//! queue or the dead-letter queue, or is held or a probe, which `sweep` finds. Then receivers are well, owners look
//! after their endpoints, and all that is not in the dead-letter queue must arrive.
//!
//! `SIMULATION_RUNS` sets how many runs there are, `SIMULATION_SEED` replays the one that failed.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "../world/mod.rs"]
mod world;

mod books;
mod business;
mod queue;
mod run;
mod trouble;

use crate::books::Books;
use crate::run::Run;

/// How long a list of held events is; the shorter, the more steps a replay has.
const LISTED: usize = 3;

const RUNS: u64 = 800;
const WEEKS: i64 = 3;

#[expect(clippy::disallowed_methods, reason = "a test has no other door for a seed")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn simulate(seed: u64) -> Run {
    let hint = format!("replay with SIMULATION_SEED={seed}");
    let mut run = Run::new(seed, WEEKS);
    run.play(|run| {
        let lost = run.lost();
        assert!(lost.is_empty(), "lost ({hint}): {lost:#?}");
    });
    let left = run.left();
    assert!(left.is_empty(), "left behind ({hint}): {left:#?}");
    assert_eq!(run.queue.expired, 0, "older than the queue keeps them ({hint})");
    assert_eq!(run.tried_together, 0, "two at once at a failing endpoint ({hint})");
    assert!(!run.is_calm || run.replayed_out_of_order == 0, "replayed out of order ({hint})");
    assert!(!run.is_calm || run.died_unspent == 0, "dead-lettered before its schedule was spent ({hint})");
    assert!(!run.is_calm || run.arrived_again() == 0, "arrived again though nothing went wrong ({hint})");
    assert!(run.untold().is_empty(), "not told ({hint}): {:#?}", run.untold());
    assert_eq!(run.resent_in_vain, 0, "sent again although it had arrived since that was asked for ({hint})");
    assert!(!run.is_calm || run.rests_disturbed == 0, "a receiver's rest was disturbed ({hint})");
    run
}

#[test]
fn every_event_arrives_or_is_where_somebody_sees_it_whatever_happens_in_weeks() {
    let mut books = Books::default();
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_RUNS").unwrap_or(RUNS),
    };
    for seed in seeds {
        books.add(&simulate(seed));
    }
    println!("{books}");
}
