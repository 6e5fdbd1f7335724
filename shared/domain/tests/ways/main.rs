//! Single ways through a delivery and a step of a replay, each a sentence of what is promised. Every way, in every order
//! with others, is what `model` is about.

#![allow(clippy::expect_used, reason = "a test may panic")]
#![allow(dead_code, reason = "the world is made for the model and the simulation too")]

#[path = "../world/mod.rs"]
mod world;

use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{Attempted, EndpointId, FAILURES_TO_FAILING, Health, PausedReason, Probe, Replay, State};
use domain::outcome::{Cause, Failure};
use jiff::Timestamp;

use crate::world::{Body, Leave, Reply, Status, Tables, Task, Worker, event};

/// How long a list of held events is.
const LISTED: usize = 10;

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_750_000_000 + seconds)
}

const NOW: u64 = 0;

fn made(attempted: Attempted, not_before: Option<u64>) -> Posted {
    Posted::Made { attempted, not_before: not_before.map(at), is_rate_limit: false }
}

fn success() -> Posted {
    made(Attempted::Succeeded, None)
}

fn failure(next: Option<u64>) -> Posted {
    let cause = Cause::Failed(Failure::Refused);
    made(Attempted::Failed { cause, next: next.map(at) }, None)
}

fn gone() -> Posted {
    made(Attempted::Failed { cause: Cause::Gone, next: Some(at(5)) }, None)
}

/// 429 with Retry-After.
fn rate_limit(until: u64) -> Posted {
    let attempted = Attempted::Failed { cause: Cause::Status, next: Some(at(until)) };
    Posted::Made { attempted, not_before: Some(at(until)), is_rate_limit: true }
}

fn endpoint() -> EndpointId {
    EndpointId("a".to_owned())
}

fn tables(state: State, replay: Option<Replay>) -> Tables {
    let health = Health { version: 7, endpoint: Some(endpoint()), state, replay, ..Health::default() };
    Tables { url: Some(endpoint()), health, ..Tables::default() }
}

fn active(failures: u32) -> Tables {
    tables(State::Active { failures }, None)
}

/// Event 9 is the probe, which tries again in ten minutes.
fn failing() -> Tables {
    failing_until(600)
}

fn failing_until(due: u64) -> Tables {
    let probe = Some(Probe { event: event(9), due: at(due), restarts: 0 });
    let (since, cause) = (Timestamp::UNIX_EPOCH, Cause::Status);
    tables(State::Failing { since, cause, probe, last_attempt: since }, None)
}

/// Events 1 to 3 are held; so many attempts on the first have failed in the replay, and so many in a row altogether.
fn replaying(in_the_replay: u32, in_a_row: u32) -> Tables {
    let replay = Replay { id: 5, step: 2, claimed_by: None, due: at(NOW), failures: in_the_replay, restarts: 0 };
    let mut tables = tables(State::Active { failures: in_a_row }, Some(replay));
    tables.records = (1..=3).map(|number| (event(number).to_string(), Status::Held)).collect();
    tables
}

/// What a worker did: the tasks in order, without reads, and how it left its message.
struct Way {
    tasks: Vec<Task>,
    leave: Leave,
}

impl Way {
    fn posts(&self) -> Vec<usize> {
        let number = |task: &Task| match task {
            Task::Post(posted) => (1..=9).find(|number| event(*number) == *posted),
            _ => None,
        };
        self.tasks.iter().filter_map(number).collect()
    }

    fn sent(&self) -> Vec<(Body, Option<Timestamp>)> {
        let sent = |task: &Task| match task {
            Task::Send(body, at) => Some((body.clone(), *at)),
            _ => None,
        };
        self.tasks.iter().filter_map(sent).collect()
    }

    fn place(&self, of: impl Fn(&Task) -> bool) -> usize {
        self.tasks.iter().position(of).expect("it was done")
    }
}

/// Lets a worker go its way. `posts` are the answers to its attempts, and `refused` tells which tasks are not done.
fn go(tables: &mut Tables, body: &Body, posts: &[Posted], refused: impl Fn(&Task) -> bool) -> Way {
    let mut posts = posts.iter();
    let mut worker = Worker::start(body, NextStatus::Retrying(at(30)), "m1", at(NOW));
    let mut tasks = Vec::new();
    loop {
        let task = worker.task.clone();
        if let Task::Leave(leave) = task {
            return Way { tasks, leave };
        }
        let reply = match &task {
            task if refused(task) => Reply::Unavailable,
            Task::Post(_) => Reply::Posted(*posts.next().expect("no further attempt")),
            _ => worker.perform(tables),
        };
        if !matches!(task, Task::Read | Task::List) {
            tasks.push(task);
        }
        worker.go_on(reply, at(NOW));
    }
}

fn step(tables: &mut Tables, posts: &[Posted]) -> Way {
    go(tables, &Body::Step { replay: 5, step: 2 }, posts, |_| false)
}

fn message(tables: &mut Tables, number: usize, posts: &[Posted]) -> Way {
    go(tables, &Body::plain(event(number)), posts, |_| false)
}

fn next_step(at: Option<Timestamp>) -> (Body, Option<Timestamp>) {
    (Body::Step { replay: 5, step: 3 }, at)
}

fn is_store(task: &Task) -> bool {
    matches!(task, Task::Store(_))
}

#[test]
fn a_replay_sends_what_was_held_in_order_and_goes_on_a_moment_later() {
    let mut tables = replaying(0, 0);
    let way = step(&mut tables, &[success(), success(), success()]);
    assert_eq!(way.posts(), [1, 2, 3]);
    assert_eq!((way.sent(), way.leave), (vec![next_step(None)], Leave::Delete));
    assert!(tables.held().next().is_none());
    let replay = tables.health.replay.as_ref().expect("it ends with the next list");
    assert_eq!((replay.step, &replay.claimed_by), (3, &None));
    let end = go(&mut tables, &Body::Step { replay: 5, step: 3 }, &[], |_| false);
    assert_eq!((end.sent(), end.leave, tables.health.replay), (Vec::new(), Leave::Delete, None));
}

#[test]
fn an_event_that_fails_in_a_replay_keeps_its_place_and_with_it_all_behind_it() {
    let mut tables = replaying(0, 0);
    let way = step(&mut tables, &[success(), failure(Some(30))]);
    assert_eq!(way.posts(), [1, 2], "the third does not overtake the second");
    assert_eq!(way.sent(), [next_step(Some(at(30)))], "no message of its own");
    assert_eq!(tables.held().collect::<Vec<_>>(), [event(2), event(3)]);
    let replay = tables.health.replay.expect("it goes on");
    assert_eq!((replay.due, replay.failures), (at(30), 1));
    assert_eq!(tables.health.state, State::Active { failures: 1 });
}

#[test]
fn after_its_third_failure_in_a_replay_an_event_goes_on_by_itself_and_is_overtaken() {
    let mut tables = replaying(2, 2);
    let way = step(&mut tables, &[failure(Some(120)), success(), success()]);
    assert_eq!(way.posts(), [1, 2, 3]);
    assert_eq!(way.sent(), [(Body::plain(event(1)), Some(at(120))), next_step(None)]);
    assert!(tables.says(&event(1), Status::Retrying));
    assert_eq!(tables.health.replay.expect("it goes on").failures, 0);
}

#[test]
fn a_receivers_wish_for_a_rest_is_heeded_by_the_whole_replay_and_is_no_failure_of_the_endpoint() {
    let mut tables = replaying(0, FAILURES_TO_FAILING - 1);
    let way = step(&mut tables, &[rate_limit(300)]);
    assert_eq!((way.posts(), way.sent()), (vec![1], vec![next_step(Some(at(300)))]));
    assert_eq!(tables.health.state, State::Active { failures: FAILURES_TO_FAILING - 1 });
    assert_eq!(tables.health.replay.expect("it goes on").failures, 1);
    // Not for ever: the third time the event makes way, and the others rest all the same.
    let mut tables = replaying(2, 0);
    let way = step(&mut tables, &[rate_limit(300)]);
    assert_eq!(way.posts(), [1]);
    assert_eq!(way.sent(), [(Body::plain(event(1)), Some(at(300))), next_step(Some(at(300)))]);
    assert_eq!(tables.health.replay.expect("it goes on").failures, 0);
}

#[test]
fn outside_a_replay_a_rate_limit_counts_like_any_other_failure() {
    let mut tables = active(0);
    assert_eq!(message(&mut tables, 1, &[rate_limit(300)]).leave, Leave::ReturnAt(at(300)));
    assert_eq!(tables.health.state, State::Active { failures: 1 });
}

#[test]
fn the_fifth_failure_ends_a_replay_and_its_event_is_the_probe_with_a_message_of_its_own() {
    let mut tables = replaying(0, FAILURES_TO_FAILING - 1);
    let way = step(&mut tables, &[failure(Some(5))]);
    let own_message = (Body::plain(event(1)), Some(at(60)));
    assert_eq!((way.sent(), way.leave), (vec![own_message], Leave::Delete), "not before its sender has ended");
    let claim = way.place(is_store);
    let settled = 1 + claim + way.tasks[claim + 1..].iter().position(is_store).expect("the state is stored");
    assert!(way.place(|task| matches!(task, Task::Send(..))) < settled, "or a crash would leave a probe without one");
    assert!(tables.health.is_probe(&event(1)) && tables.health.replay.is_none());
    assert_eq!(tables.held().collect::<Vec<_>>(), [event(2), event(3)]);
}

#[test]
fn a_410_in_a_replay_pauses_and_everything_stays_held() {
    let mut tables = replaying(0, 0);
    let way = step(&mut tables, &[gone()]);
    assert_eq!((way.sent(), way.leave), (Vec::new(), Leave::Delete));
    assert!(matches!(tables.health.state, State::Paused { reason: PausedReason::Gone, .. }));
    assert_eq!(tables.held().count(), 3);
}

#[test]
fn of_two_messages_for_a_step_one_does_nothing_unless_the_other_is_lost() {
    let claimed = |due| {
        let mut tables = replaying(0, 0);
        tables.health = tables.health.with_step_claimed("m2", due);
        tables
    };
    assert_eq!(step(&mut claimed(at(NOW)), &[]).tasks, []);
    let six_minutes_ago = at(NOW) - Duration::from_mins(6);
    assert_eq!(step(&mut claimed(six_minutes_ago), &[success(), success(), success()]).posts(), [1, 2, 3]);
    let mut same = claimed(at(NOW));
    same.health = same.health.with_step_claimed("m1", at(NOW));
    assert_eq!(step(&mut same, &[success(), success(), success()]).posts(), [1, 2, 3], "it has come back");
    assert_eq!(
        go(&mut replaying(0, 0), &Body::Step { replay: 4, step: 2 }, &[], |_| false).tasks,
        [],
        "one that is over"
    );
    assert_eq!(
        go(&mut replaying(0, 0), &Body::Step { replay: 5, step: 1 }, &[], |_| false).tasks,
        [],
        "one that is done"
    );
}

#[test]
fn a_step_is_not_begun_before_its_time_and_nothing_is_sent_while_nothing_can_be_stored() {
    let mut tables = replaying(0, 0);
    tables.health = tables.health.with_step_done(at(900), 1);
    let early = go(&mut tables, &Body::Step { replay: 5, step: 3 }, &[], |_| false);
    assert_eq!((early.tasks, early.leave), (Vec::new(), Leave::ReturnAt(at(900))));
    let body = Body::Step { replay: 5, step: 2 };
    assert_eq!(go(&mut replaying(0, 0), &body, &[], is_store).posts(), [0; 0]);
    let no_list = go(&mut replaying(0, 0), &body, &[], |task| *task == Task::List);
    assert_eq!((no_list.posts().len(), no_list.leave), (0, Leave::AsItIs));
    let unrecorded = go(&mut replaying(0, 0), &body, &[success()], |task| matches!(task, Task::Record(..)));
    assert_eq!((unrecorded.posts(), unrecorded.leave), (vec![1], Leave::AsItIs));
}

#[test]
fn an_event_whose_claim_cannot_be_stored_is_not_sent_be_it_the_probe_or_another() {
    for (number, due) in [(9, NOW), (1, 600)] {
        let way = go(&mut failing_until(due), &Body::plain(event(number)), &[], is_store);
        assert_eq!((way.posts().len(), way.leave), (0, Leave::AsItIs), "{number}");
    }
}

#[test]
fn of_two_messages_of_a_probe_one_tries_and_the_other_waits_or_is_spare() {
    let restarted = Body::Event { event: event(9), asked: 0, too_large: false, restarted: true };
    let mut tables = failing_until(NOW);
    assert_eq!(go(&mut tables, &restarted, &[failure(Some(30))], |_| false).posts(), [9]);
    let own = message(&mut tables, 9, &[]);
    assert_eq!((own.posts().len(), own.leave), (0, Leave::ReturnAt(at(30))));
    let spare = go(&mut tables, &restarted, &[], |_| false);
    assert_eq!((spare.posts().len(), spare.leave), (0, Leave::Delete));
}

#[test]
fn a_probe_that_sweep_has_sent_and_that_finds_no_time_is_not_taken_for_spare_when_it_comes_back() {
    let mut body = Body::Event { event: event(9), asked: 0, too_large: false, restarted: true };
    let mut tables = failing_until(NOW);
    assert_eq!(go(&mut tables, &body, &[Posted::NoTime], |_| false).leave, Leave::Soon);
    body.is_received();
    assert_eq!(go(&mut tables, &body, &[], |_| false).leave, Leave::ReturnAt(at(60)));
}

#[test]
fn what_has_arrived_is_recorded_before_a_replay_begins_that_would_list_it() {
    let mut tables = failing_until(NOW);
    tables.records.insert(event(9).to_string(), Status::Held);
    let way = message(&mut tables, 9, &[success()]);
    let is_record = |task: &Task| matches!(task, Task::Record(_, NextStatus::Delivered, _));
    assert!(way.place(is_record) < way.place(|task| matches!(task, Task::Send(..))));
    // Also if it could not be recorded, the replay begins.
    let mut tables = failing_until(NOW);
    let way = go(&mut tables, &Body::plain(event(9)), &[success()], |task| matches!(task, Task::Record(..)));
    assert_eq!((way.sent().len(), way.leave), (1, Leave::Delete));
}

#[test]
fn a_step_ends_where_another_replay_has_begun_meanwhile() {
    let mut tables = replaying(0, 0);
    let mut worker = Worker::start(&Body::Step { replay: 5, step: 2 }, NextStatus::Failed, "m1", at(NOW));
    let mut posts = 0;
    while !matches!(worker.task, Task::Leave(_)) {
        let reply = match worker.task {
            Task::Post(_) => {
                posts += 1;
                // The owner pauses and resumes while the first event is under way.
                tables.health = tables.health.pause(at(NOW)).next_version().resume(at(NOW)).next_version();
                Reply::Posted(success())
            }
            _ => worker.perform(&mut tables),
        };
        worker.go_on(reply, at(NOW));
    }
    assert_eq!((posts, worker.task), (1, Task::Leave(Leave::Delete)));
    assert_eq!(tables.held().count(), 2, "for the other one");
}

#[test]
fn an_early_attempt_that_fails_is_held_and_one_that_succeeds_begins_a_replay() {
    let mut tables = failing();
    let way = message(&mut tables, 1, &[failure(Some(30))]);
    assert_eq!((way.sent(), way.leave), (Vec::new(), Leave::Delete));
    assert!(tables.says(&event(1), Status::Held) && tables.health.is_probe(&event(9)));
    let mut tables = failing();
    let way = message(&mut tables, 1, &[success()]);
    assert_eq!(way.sent(), [(Body::Step { replay: 9, step: 0 }, None)]);
    assert_eq!((way.leave, tables.health.state), (Leave::Delete, State::default()));
    assert!(tables.health.notices.is_empty(), "the operator has been told");
}

#[test]
fn what_cannot_be_told_or_sent_after_a_change_stands_in_the_state_and_keeps_no_message() {
    let mut tables = failing();
    let follows = |task: &Task| matches!(task, Task::Send(..) | Task::Announce);
    let way = go(&mut tables, &Body::plain(event(1)), &[success()], follows);
    assert_eq!(way.leave, Leave::Delete);
    assert!(tables.says(&event(1), Status::Delivered));
    assert_eq!(tables.health.notices.len(), 1);
    assert_eq!(tables.health.due(), Some(at(NOW)), "for `sweep`");
}

#[test]
fn an_event_that_is_too_large_to_be_held_is_tried_again_instead() {
    let mut tables = failing();
    tables.health = tables.health.pause(at(NOW));
    let large = Body::Event { event: event(1), asked: 0, too_large: true, restarted: false };
    assert_eq!(go(&mut tables, &large, &[], |_| false).leave, Leave::ReturnAt(at(30)));
    assert!(tables.says(&event(1), Status::Retrying));
}

#[test]
fn without_a_url_what_was_tried_is_held_for_the_next_one_and_what_is_new_is_for_nobody() {
    let mut tables = active(0);
    tables.url = None;
    assert_eq!(message(&mut tables, 1, &[]).leave, Leave::Dismiss);
    tables.records.insert(event(2).to_string(), Status::Retrying);
    assert_eq!(message(&mut tables, 2, &[]).leave, Leave::Delete);
    assert!(tables.says(&event(2), Status::Held));
    assert!(matches!(tables.health.state, State::Paused { reason: PausedReason::NoUrl, .. }));
}

#[test]
fn that_an_event_is_tried_again_is_not_written_over_what_another_copy_has_held() {
    let mut tables = active(0);
    let mut worker = Worker::start(&Body::plain(event(1)), NextStatus::Failed, "m1", at(NOW));
    for _ in 0..2 {
        let reply = match worker.task {
            Task::Post(_) => Reply::Posted(failure(Some(30))),
            _ => worker.perform(&mut tables),
        };
        worker.go_on(reply, at(NOW));
    }
    tables.records.insert(event(1).to_string(), Status::Held);
    while !matches!(worker.task, Task::Leave(_)) {
        let reply = worker.perform(&mut tables);
        worker.go_on(reply, at(NOW));
    }
    assert_eq!(worker.task, Task::Leave(Leave::Delete));
    assert!(tables.says(&event(1), Status::Held));
}
