//! A step of a replay of a range of time.

use domain::delivery::Posted;
use domain::endpoint::{FAILURES_TO_FAILING, PausedReason, Range, RangeEnd, RangeReplay, RangeStatuses, State};
use jiff::Timestamp;

use crate::path::{NOW, Path, active, at, failure, gone, rate_limit, run, success};
use crate::worker::{Body, Finish, Status, Tables, Task, event};

/// Step 0 of a replay of all that has arrived or failed: events 1 and 3 have arrived, event 2 has failed.
fn begun(in_a_row: u32) -> Tables {
    let mut tables = active(in_a_row);
    let range = Range { from: None, to: at(NOW), statuses: RangeStatuses::Both };
    tables.health = tables.health.with_range(range, Some(3), at(NOW)).expect("there is no other").next_version();
    let statuses = [(1, Status::Delivered), (2, Status::Failed), (3, Status::Delivered), (4, Status::Held)];
    tables.records = statuses.map(|(number, status)| (event(number).to_string(), status)).into();
    tables
}

fn replay(tables: &Tables) -> &RangeReplay {
    tables.health.range.as_ref().expect("it is kept")
}

/// Does the step that is next.
fn step(tables: &mut Tables, posts: &[Posted]) -> Path {
    let (replay, step) = (replay(tables).steps.id, replay(tables).steps.step);
    run(tables, &Body::Step { replay, step }, posts, |_| false)
}

fn next_step(tables: &Tables, at: Option<Timestamp>) -> (Body, Option<Timestamp>) {
    let steps = &replay(tables).steps;
    (Body::Step { replay: steps.id, step: steps.step }, at)
}

fn counts(tables: &Tables) -> (u64, u64) {
    (replay(tables).steps.done, replay(tables).steps.failed)
}

fn statuses(tables: &Tables) -> Vec<Status> {
    tables.records.values().copied().collect()
}

#[test]
fn a_range_sends_in_order_what_has_arrived_and_what_has_failed_and_is_done() {
    let mut tables = begun(0);
    let path = step(&mut tables, &[success(), success(), success()]);
    assert_eq!((path.posts(), path.sent(), path.finish), (vec![1, 2, 3], vec![], Finish::Delete));
    assert_eq!((counts(&tables), replay(&tables).end), ((3, 0), Some(RangeEnd::Done)));
    assert_eq!(statuses(&tables), [Status::Delivered, Status::Delivered, Status::Delivered, Status::Held]);
}

#[test]
fn after_a_kill_the_step_sends_only_what_it_had_not_sent() {
    let mut tables = begun(0);
    tables.arrived_since_range.insert(event(1).to_string());
    assert_eq!(step(&mut tables, &[success(), success()]).posts(), [2, 3]);
    assert_eq!(counts(&tables), (3, 0), "what had been sent is done");
}

#[test]
fn an_event_that_fails_keeps_its_place_its_status_and_the_range_behind_it() {
    let mut tables = begun(0);
    let path = step(&mut tables, &[success(), failure(Some(30))]);
    assert_eq!((path.posts(), path.sent()), (vec![1, 2], vec![next_step(&tables, Some(at(30)))]));
    assert_eq!((counts(&tables), statuses(&tables)[1]), ((1, 0), Status::Failed));
    assert_eq!(replay(&tables).steps.failures, 1);
    let limited = step(&mut begun(FAILURES_TO_FAILING - 1), &[rate_limit(300)]);
    assert_eq!(limited.posts(), [1]);
}

#[test]
fn after_its_third_failure_what_had_arrived_stays_so_and_what_had_failed_goes_on_by_itself() {
    let mut tables = begun(0);
    for number in [1, 2] {
        for _ in 1..3 {
            tables.health.state = State::Active { failures: 0 };
            assert_eq!(step(&mut tables, &[failure(Some(0))]).posts(), [number]);
        }
        tables.health.state = State::Active { failures: 0 };
        let rest: &[Posted] = if number == 1 { &[failure(Some(0)), failure(Some(0))] } else { &[failure(Some(120))] };
        let path = step(&mut tables, &[rest, &[success(), success()]].concat()[..]);
        if number == 2 {
            assert!(path.sent().contains(&(Body::reference(event(2)), Some(at(120)))));
            assert_eq!((statuses(&tables)[1], counts(&tables)), (Status::Retrying, (3, 2)));
        } else {
            assert_eq!(path.posts(), [1, 2], "the second has its first failure");
            assert_eq!((statuses(&tables)[0], counts(&tables)), (Status::Delivered, (1, 1)));
            // One of the second event's three attempts in the replay has been made.
            assert_eq!(step(&mut tables, &[failure(Some(0))]).posts(), [2]);
            tables.health.range.as_mut().expect("it goes on").steps.failures = 0;
        }
    }
    assert_eq!(replay(&tables).end, Some(RangeEnd::Done));
}

#[test]
fn the_event_whose_failure_makes_the_endpoint_failing_is_the_probe_and_the_range_brings_it() {
    let mut tables = begun(FAILURES_TO_FAILING - 1);
    let path = step(&mut tables, &[failure(Some(30))]);
    assert_eq!(path.sent(), [next_step(&tables, Some(at(30)))], "no message of its own");
    assert!(tables.health.is_probe(&event(1)) && tables.says(&event(1), Status::Delivered));
    let (next, _) = next_step(&tables, None);
    let again = run(&mut tables, &next, &[], |_| false);
    assert_eq!((again.posts(), again.finish), (vec![], Finish::ReturnAt(at(30))), "not before its time");
    // Its time comes: more failures than an event has otherwise do not let the others overtake it.
    let make_due = |tables: &mut Tables| {
        tables.health.range.as_mut().expect("it waits").steps.due = at(NOW);
        if let State::Failing { probe: Some(probe), .. } = &mut tables.health.state {
            probe.due = at(NOW);
        }
    };
    for _ in 0..4 {
        make_due(&mut tables);
        assert_eq!(step(&mut tables, &[failure(Some(30))]).posts(), [1]);
    }
    make_due(&mut tables);
    let path = step(&mut tables, &[success()]);
    let held_first = tables.health.replay.as_ref().expect("what is held is replayed first").id;
    assert_eq!(path.posts(), [1]);
    assert!(path.sent().contains(&(Body::Step { replay: held_first, step: 0 }, None)));
    assert_eq!(step(&mut tables, &[]).posts(), [0; 0], "the range waits meanwhile");
    let held = run(&mut tables, &Body::Step { replay: held_first, step: 0 }, &[success()], |_| false);
    assert_eq!(held.posts(), [4]);
    let end = run(&mut tables, &Body::Step { replay: held_first, step: 1 }, &[], |_| false);
    assert_eq!(end.sent(), [next_step(&tables, None)], "and goes on when all that was held is sent");
    let rest = step(&mut tables, &[success(), success()]);
    assert_eq!(rest.posts(), [2, 3], "what was held has arrived since the owner asked");
    assert_eq!(replay(&tables).end, Some(RangeEnd::Done));
}

#[test]
fn a_probe_of_a_range_that_spends_its_schedule_pauses_and_the_range_waits() {
    let mut tables = begun(FAILURES_TO_FAILING - 1);
    step(&mut tables, &[failure(Some(0))]);
    let path = step(&mut tables, &[failure(None)]);
    assert_eq!(path.finish, Finish::Delete);
    assert!(matches!(tables.health.state, State::Paused { reason: PausedReason::Spent, .. }));
    assert_eq!((replay(&tables).end, statuses(&tables)[0]), (None, Status::Delivered));
    assert_eq!(step(&mut tables, &[]).posts(), [0; 0]);
}

#[test]
fn a_410_pauses_the_range_waits_and_the_owners_pause_ends_it() {
    let mut tables = begun(0);
    let path = step(&mut tables, &[gone()]);
    assert_eq!((path.posts(), counts(&tables)), (vec![1], (0, 0)));
    assert_eq!(replay(&tables).end, None);
    tables.health = tables.health.pause(at(NOW)).next_version();
    assert_eq!(replay(&tables).end, Some(RangeEnd::Ended));
    assert_eq!(step(&mut tables, &[]).tasks, []);
}

#[test]
fn without_a_url_the_range_waits_and_nothing_of_it_counts_as_done() {
    let mut tables = begun(0);
    tables.url = None;
    let path = step(&mut tables, &[]);
    assert!(matches!(path.tasks[..], [Task::Store(_)]), "the state says that there is none: {:?}", path.tasks);
    assert_eq!((counts(&tables), replay(&tables).end), ((0, 0), None));
    let again = step(&mut tables, &[]);
    assert_eq!(again.tasks, []);
}

#[test]
fn an_event_of_a_range_whose_body_cannot_be_read_is_passed() {
    let mut tables = begun(0);
    tables.without_body.insert(event(2).to_string());
    let path = step(&mut tables, &[success(), success()]);
    assert_eq!((path.posts(), statuses(&tables)[1], counts(&tables)), (vec![1, 3], Status::Failed, (3, 1)));
    assert!(!path.tasks.iter().any(|task| matches!(task, Task::SetAside(_))), "it was in the dead-letter queue before");
}
