//! Deliveries, replays and runs of `sweep` under a model checker: the production code, in every order of its steps.
//!
//! A state of the model ([`world::World`]) is the two tables, the queue, and the workers that are at work. A worker runs
//! the production code, replayed against its list of replies (`tests/worker/mod.rs`). An action ([`action::Action`]) is one
//! step from a state to the next: a worker does its task, the endpoint answers, a message is received, a fault strikes, time
//! passes. A scenario ([`scenario::Scenario`]) says how often each thing beside the regular course may happen
//! ([`budget::Budget`]); the checker visits every state that can follow from an endpoint with four failures behind it.
//!
//! In every state ([`properties`]):
//!
//! - no event is both acknowledged and forgotten;
//! - a failing endpoint gets one attempt at a time, of those that began when it was failing;
//! - a replay makes one attempt at a time, however many messages there are for its step;
//! - nothing is replayed while events are held back.
//!
//! In every quiet state, in which all workers have ended or died ([`drain`]): once faults are over and the endpoint is well,
//! every event arrives and every notice is given. No help is needed for that but `sweep`: no further call, no owner unless
//! the endpoint is paused, and no operator unless a message is in the dead-letter queue.
//!
//! Each test is one scenario, with a larger budget if `MODEL=deep` is set. With `--nocapture` it prints how many states the
//! checker came to, how many of them were new, how many steps the longest way has, and how long that took.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "../worker/mod.rs"]
mod worker;

mod action;
mod budget;
mod drain;
mod normal;
mod properties;
mod scenario;
mod world;

use crate::budget::Budget;
use crate::scenario::Scenario;

/// How many events a step of a replay lists; the fewer, the more steps a replay has.
const LISTED_AT_A_TIME: usize = 1;

#[expect(clippy::disallowed_methods, reason = "a test has no other door for how long it may take")]
fn is_deep() -> bool {
    std::env::var("MODEL").is_ok_and(|depth| depth == "deep")
}

/// Checks the first scenario, and with `MODEL=deep` the second one too.
fn check(name: &str, usual: Scenario, deep: Scenario) {
    usual.check(name);
    if is_deep() {
        deep.check(&format!("{name}, deep"));
    }
}

fn two_events() -> Budget {
    Budget { events: 2, ..Budget::default() }
}

/// Time passes while messages are visible; deep: attempts take almost a minute too.
#[test]
fn nothing_is_lost_and_one_event_tries_when_messages_and_attempts_are_late() {
    let late = Budget { late_messages: 1, ..two_events() };
    check("late", Scenario::with(late), Scenario::with(Budget { slow_attempts: 1, ..late }));
}

/// One worker dies between any two of its tasks; deep: two workers.
#[test]
fn nothing_is_lost_when_workers_die_at_any_step() {
    let crash = Scenario::with(Budget { crashes: 1, ..two_events() });
    let twice = Budget { crashes: 2, ..two_events() };
    check("crash", crash.clone(), crash.attempts(2).budget(twice));
}

/// Two faults of one worker, each before or after the task was done; deep: beside another worker.
#[test]
fn nothing_is_lost_when_a_table_or_the_queue_fails_at_any_step_even_after_doing_it() {
    let faults = Scenario::with(Budget { faults: 2, ..two_events() });
    check("fault", faults.clone().workers(1), Scenario::with(Budget { faults: 1, ..two_events() }));
}

/// Two workers have one message, at any step of both; deep: and one of them dies.
#[test]
fn nothing_is_lost_when_the_queue_hands_out_a_message_that_somebody_has() {
    let duplicate = Budget { duplicates: 1, ..two_events() };
    let deep = Scenario::with(Budget { crashes: 1, ..duplicate }).attempts(2);
    check("duplicate", Scenario::with(duplicate).sharing_messages(), deep.sharing_messages());
}

/// An event is turned away before its attempt, which is no attempt; deep: three times, so that its receives are used up.
#[test]
fn nothing_is_lost_when_events_find_no_time_or_many_others_waiting_for_the_endpoints_answer() {
    let turned_away = Budget { turned_away: 1, ..two_events() };
    let deep = Budget { turned_away: 3, ..turned_away };
    check("turned away", Scenario::with(turned_away), Scenario::with(deep));
}

/// Two messages of one event; deep: at work at the same time.
#[test]
fn nothing_is_lost_when_an_event_is_published_twice() {
    let twice = Scenario::with(Budget { published_twice: 1, ..two_events() }).sharing_events();
    check("twice", twice.clone().workers(1), twice);
}

/// The owner sends an event again that has arrived, and its failure makes it the probe; deep: and a worker dies.
#[test]
fn nothing_is_lost_when_the_probe_is_an_event_that_has_arrived_before() {
    let resent = Budget { events: 1, resends: 1, ..Budget::default() };
    let deep = Scenario::with(Budget { crashes: 1, ..resent });
    check("resent", Scenario::with(resent).sharing_events(), deep.sharing_events());
}

/// An event that cannot be held is tried again instead; deep: and a worker dies.
#[test]
fn nothing_is_lost_when_an_event_is_too_large_to_be_held() {
    let large = Budget { too_large: 1, ..two_events() };
    check("too large", Scenario::with(large), Scenario::with(Budget { crashes: 1, ..large }));
}

/// A 410, and a fault that may keep the pause from being stored; deep: beside another worker.
#[test]
fn nothing_is_lost_when_the_endpoint_says_that_it_is_gone_and_that_cannot_be_stored() {
    let gone = Scenario::with(Budget { gone: 1, faults: 1, ..two_events() });
    check("gone, fault", gone.clone().workers(1), gone);
}

/// A 410 pauses the endpoint, and the owner resumes at any step; deep: beside another worker.
#[test]
fn nothing_is_lost_when_the_endpoint_says_that_it_is_gone_and_its_owner_resumes() {
    let gone = Scenario::with(Budget { gone: 1, resumes: 1, ..two_events() });
    check("gone", gone.clone().workers(1), gone.attempts(2));
}

/// A 410 and a worker that dies; deep: and a fault.
#[test]
fn nothing_is_lost_when_workers_die_or_tables_fail_around_a_410() {
    let gone = Budget { gone: 1, resumes: 1, crashes: 1, ..two_events() };
    let alone = |budget| Scenario::with(budget).workers(1).attempts(2);
    check("gone, crash", alone(gone), alone(Budget { faults: 1, ..gone }));
}

/// The owner pauses or changes the URL, and resumes, at any step; deep: and a worker dies.
#[test]
fn nothing_is_lost_when_the_owner_pauses_resumes_and_changes_the_url_at_any_step() {
    let owner = Budget { owner_changes: 1, resumes: 1, ..two_events() };
    let deep = Budget { crashes: 1, ..owner };
    check("owner", Scenario::with(owner).workers(1), Scenario::with(deep).workers(1));
}

/// `sweep` runs beside two workers though nothing is overdue; deep: and a worker dies.
#[test]
fn nothing_is_lost_and_nothing_is_started_twice_when_sweep_runs_at_any_step() {
    let sweep = Budget { sweeps: 1, ..two_events() };
    check("sweep", Scenario::with(sweep), Scenario::with(Budget { crashes: 1, ..sweep }));
}

/// `sweep` runs twice, and also at the same time as itself, beside two workers; deep: and a worker or a run dies.
#[test]
fn nothing_is_lost_and_nothing_is_started_twice_when_sweep_runs_beside_itself() {
    let sweeps = Budget { sweeps: 2, ..two_events() };
    let deep = Budget { crashes: 1, ..sweeps };
    check("sweep twice", Scenario::with(sweeps), Scenario::with(deep).attempts(2));
}

/// Another system's `PutItem` wipes the health at any step, of an endpoint that is failing or replayed; deep: and a worker
/// dies.
#[test]
fn nothing_is_lost_when_another_system_wipes_the_health_at_any_step() {
    let wipe = Budget { wipes: 1, ..two_events() };
    check("wipe", Scenario::with(wipe), Scenario::with(Budget { crashes: 1, ..wipe }));
}

/// A wipe, and an owner who pauses or changes the URL at any step; deep: and resumes.
#[test]
fn nothing_is_lost_when_another_system_wipes_the_health_and_the_owner_changes_it() {
    let wipe = Budget { wipes: 1, owner_changes: 1, ..two_events() };
    let alone = |budget| Scenario::with(budget).workers(1).attempts(2);
    check("wipe, owner", alone(wipe), alone(Budget { resumes: 1, ..wipe }));
}

/// The body of an event that waits becomes unreadable at any step: the event is set aside, and those behind it go out.
/// Deep: both bodies, and a fault.
#[test]
fn nothing_is_lost_when_the_body_of_an_event_that_waits_cannot_be_read() {
    let unreadable = Budget { unreadable: 1, ..two_events() };
    let deep = Budget { unreadable: 2, faults: 1, ..unreadable };
    check("unreadable", Scenario::with(unreadable), Scenario::with(deep));
}

/// An unreadable body and a wipe; deep: and a worker dies.
#[test]
fn nothing_is_lost_when_a_body_cannot_be_read_and_the_health_is_wiped() {
    let both = Budget { unreadable: 1, wipes: 1, ..two_events() };
    check("unreadable, wipe", Scenario::with(both), Scenario::with(Budget { crashes: 1, ..both }));
}

/// The owner asks for a replay of a range at any step, while an event fails, is held and replayed; deep: and a worker dies.
#[test]
fn nothing_is_lost_when_the_owner_has_a_range_replayed() {
    let range = Budget { ranges: 1, ..two_events() };
    let scenario = Scenario::with(range).workers(1);
    check("range", scenario.clone(), scenario.budget(Budget { crashes: 1, ..range }).sharing_events());
}
