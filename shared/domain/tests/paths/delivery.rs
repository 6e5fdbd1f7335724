//! One event's delivery: by a message of its own, at an endpoint that is active, failing, paused or without a URL.

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{PausedReason, State};

use crate::path::{NOW, Path, active, at, failing, failing_until, failure, is_store, rate_limit, run, success};
use crate::worker::{Body, Finish, Reply, Status, Tables, Task, Worker, event};

/// An event by the message that it was published with.
fn message(tables: &mut Tables, number: usize, posts: &[Posted]) -> Path {
    run(tables, &Body::published(event(number), false), posts, |_| false)
}

#[test]
fn outside_a_replay_a_rate_limit_counts_like_any_other_failure() {
    let mut tables = active(0);
    assert_eq!(message(&mut tables, 1, &[rate_limit(300)]).finish, Finish::ReturnAt(at(300)));
    assert_eq!(tables.health.state, State::Active { failures: 1 });
}

#[test]
fn an_event_whose_claim_cannot_be_stored_is_not_sent_be_it_the_probe_or_another() {
    for (number, due) in [(9, NOW), (1, 600)] {
        let path = run(&mut failing_until(due), &Body::published(event(number), false), &[], is_store);
        assert_eq!((path.posts().len(), path.finish), (0, Finish::ReturnAfterFault), "{number}");
    }
}

#[test]
fn of_two_messages_of_a_probe_one_tries_and_the_other_waits_or_is_spare() {
    let restarted = Body::restart(event(9));
    let mut tables = failing_until(NOW);
    tables.records.insert(event(9).to_string(), Status::Retrying);
    assert_eq!(run(&mut tables, &restarted, &[failure(Some(30))], |_| false).posts(), [9]);
    let own = message(&mut tables, 9, &[]);
    assert_eq!((own.posts().len(), own.finish), (0, Finish::ReturnAt(at(30))));
    let spare = run(&mut tables, &restarted, &[], |_| false);
    assert_eq!((spare.posts().len(), spare.finish), (0, Finish::Delete));
}

#[test]
fn a_probe_that_sweep_has_sent_and_that_finds_no_time_is_not_taken_for_spare_when_it_comes_back() {
    let mut body = Body::restart(event(9));
    let mut tables = failing_until(NOW);
    tables.records.insert(event(9).to_string(), Status::Retrying);
    assert_eq!(run(&mut tables, &body, &[Posted::NoTime], |_| false).finish, Finish::ReturnUnattempted);
    body.note_received();
    assert_eq!(run(&mut tables, &body, &[], |_| false).finish, Finish::ReturnAt(at(60)));
}

#[test]
fn what_has_arrived_is_recorded_before_a_replay_begins_that_would_list_it() {
    let mut tables = failing_until(NOW);
    tables.records.insert(event(9).to_string(), Status::Held);
    let path = message(&mut tables, 9, &[success()]);
    let is_record = |task: &Task| matches!(task, Task::Record(_, NextStatus::Delivered, _));
    assert!(path.place_of(is_record) < path.place_of(|task| matches!(task, Task::Send(..))));
    // Also if it could not be recorded, the replay begins.
    let mut tables = failing_until(NOW);
    let path =
        run(&mut tables, &Body::published(event(9), false), &[success()], |task| matches!(task, Task::Record(..)));
    assert_eq!((path.sent().len(), path.finish), (1, Finish::Delete));
}

#[test]
fn an_early_attempt_that_fails_is_held_and_one_that_succeeds_begins_a_replay() {
    let mut tables = failing();
    let path = message(&mut tables, 1, &[failure(Some(30))]);
    assert_eq!((path.sent(), path.finish), (Vec::new(), Finish::Delete));
    assert!(tables.says(&event(1), Status::Held) && tables.health.is_probe(&event(9)));
    let mut tables = failing();
    let path = message(&mut tables, 1, &[success()]);
    assert_eq!(path.sent(), [(Body::Step { replay: 9, step: 0 }, None)]);
    assert_eq!((path.finish, tables.health.state), (Finish::Delete, State::default()));
    assert!(tables.health.notices.is_empty(), "the operator has been told");
}

#[test]
fn what_cannot_be_told_or_sent_after_a_change_stands_in_the_state_and_keeps_no_message() {
    let mut tables = failing();
    let follows = |task: &Task| matches!(task, Task::Send(..) | Task::Announce);
    let path = run(&mut tables, &Body::published(event(1), false), &[success()], follows);
    assert_eq!(path.finish, Finish::Delete);
    assert!(tables.says(&event(1), Status::Delivered));
    assert_eq!(tables.health.notices.len(), 1);
    assert_eq!(tables.health.due(), Some(at(NOW)), "for `sweep`");
}

#[test]
fn an_event_that_is_too_large_to_be_held_is_tried_again_instead() {
    let mut tables = failing();
    tables.health = tables.health.pause(at(NOW));
    let large = Body::published(event(1), true);
    assert_eq!(run(&mut tables, &large, &[], |_| false).finish, Finish::ReturnAt(at(30)));
    assert!(tables.says(&event(1), Status::Retrying));
}

#[test]
fn without_a_url_what_was_tried_is_held_for_the_next_one_and_what_is_new_is_for_nobody() {
    let mut tables = active(0);
    tables.url = None;
    assert_eq!(message(&mut tables, 1, &[]).finish, Finish::DeleteNotConfigured);
    tables.records.insert(event(2).to_string(), Status::Retrying);
    assert_eq!(message(&mut tables, 2, &[]).finish, Finish::Delete);
    assert!(tables.says(&event(2), Status::Held));
    assert!(matches!(tables.health.state, State::Paused { reason: PausedReason::NoUrl, .. }));
}

#[test]
fn that_an_event_is_tried_again_is_not_written_over_what_another_copy_has_held() {
    let mut tables = active(0);
    let mut worker = Worker::start(&Body::published(event(1), false), NextStatus::Failed, "m1", at(NOW));
    for _ in 0..2 {
        let reply = match worker.task {
            Task::Post(_) => Reply::Posted(failure(Some(30))),
            _ => worker.do_on_tables(&mut tables),
        };
        worker.take(reply, at(NOW));
    }
    tables.records.insert(event(1).to_string(), Status::Held);
    while !matches!(worker.task, Task::Finish(_)) {
        let reply = worker.do_on_tables(&mut tables);
        worker.take(reply, at(NOW));
    }
    assert_eq!(worker.task, Task::Finish(Finish::Delete));
    assert!(tables.says(&event(1), Status::Held));
}

#[test]
fn a_reference_to_an_event_without_a_body_is_set_aside_once_the_event_is_no_longer_held() {
    let mut tables = active(0);
    tables.records.insert(event(1).to_string(), Status::Held);
    tables.without_body.insert(event(1).to_string());
    let path = run(&mut tables, &Body::reference(event(1)), &[], |_| false);
    assert_eq!(path.tasks, [Task::Abandon(event(1)), Task::SetAside(event(1))]);
    assert_eq!(path.finish, Finish::Delete);
    assert!(tables.says(&event(1), Status::Failed));
    let path = run(&mut tables, &Body::reference(event(1)), &[], |task| matches!(task, Task::SetAside(_)));
    assert_eq!(path.finish, Finish::ReturnAfterFault);
}
