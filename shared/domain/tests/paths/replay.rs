//! A step of a replay, from its message to the next step's message.

use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{FAILURES_TO_FAILING, PausedReason, State, StepProgress};
use jiff::Timestamp;

use crate::path::{NOW, Path, at, failure, gone, is_store, rate_limit, replaying, run, success};
use crate::worker::{Body, Finish, Reply, Status, Tables, Task, Worker, event};

/// Step 2 of replay 5, which is due.
fn step(tables: &mut Tables, posts: &[Posted]) -> Path {
    run(tables, &Body::Step { replay: 5, step: 2 }, posts, |_| false)
}

fn next_step(at: Option<Timestamp>) -> (Body, Option<Timestamp>) {
    (Body::Step { replay: 5, step: 3 }, at)
}

#[test]
fn a_replay_sends_what_was_held_in_order_and_goes_on_a_moment_later() {
    let mut tables = replaying(0, 0);
    let path = step(&mut tables, &[success(), success(), success()]);
    assert_eq!(path.posts(), [1, 2, 3]);
    assert_eq!((path.sent(), path.finish), (vec![next_step(None)], Finish::Delete));
    assert!(tables.held().next().is_none());
    let replay = tables.health.replay.as_ref().expect("the replay ends with the next list");
    assert_eq!((replay.step, &replay.claimed_by), (3, &None));
    let end = run(&mut tables, &Body::Step { replay: 5, step: 3 }, &[], |_| false);
    assert_eq!((end.sent(), end.finish, tables.health.replay), (Vec::new(), Finish::Delete, None));
}

#[test]
fn an_event_that_fails_in_a_replay_keeps_its_place_and_with_it_all_behind_it() {
    let mut tables = replaying(0, 0);
    let path = step(&mut tables, &[success(), failure(Some(30))]);
    assert_eq!(path.posts(), [1, 2], "the third does not overtake the second");
    assert_eq!(path.sent(), [next_step(Some(at(30)))], "no message of its own");
    assert_eq!(tables.held().collect::<Vec<_>>(), [event(2), event(3)]);
    let replay = tables.health.replay.expect("the replay goes on");
    assert_eq!((replay.due, replay.failures), (at(30), 1));
    assert_eq!(tables.health.state, State::Active { failures: 1 });
}

#[test]
fn after_its_third_failure_in_a_replay_an_event_goes_on_by_itself_and_is_overtaken() {
    let mut tables = replaying(2, 2);
    let path = step(&mut tables, &[failure(Some(120)), success(), success()]);
    assert_eq!(path.posts(), [1, 2, 3]);
    assert_eq!(path.sent(), [(Body::reference(event(1)), Some(at(120))), next_step(None)]);
    assert!(tables.says(&event(1), Status::Retrying));
    assert_eq!(tables.health.replay.expect("the replay goes on").failures, 0);
}

#[test]
fn a_receivers_wish_for_a_rest_is_heeded_by_the_whole_replay_and_is_no_failure_of_the_endpoint() {
    let mut tables = replaying(0, FAILURES_TO_FAILING - 1);
    let path = step(&mut tables, &[rate_limit(300)]);
    assert_eq!((path.posts(), path.sent()), (vec![1], vec![next_step(Some(at(300)))]));
    assert_eq!(tables.health.state, State::Active { failures: FAILURES_TO_FAILING - 1 });
    assert_eq!(tables.health.replay.expect("the replay goes on").failures, 1);
    // Not for ever: the third time the event makes way, and the others rest all the same.
    let mut tables = replaying(2, 0);
    let path = step(&mut tables, &[rate_limit(300)]);
    assert_eq!(path.posts(), [1]);
    assert_eq!(path.sent(), [(Body::reference(event(1)), Some(at(300))), next_step(Some(at(300)))]);
    assert_eq!(tables.health.replay.expect("the replay goes on").failures, 0);
}

#[test]
fn the_fifth_failure_ends_a_replay_and_its_event_is_the_probe_with_a_message_of_its_own() {
    let mut tables = replaying(0, FAILURES_TO_FAILING - 1);
    let path = step(&mut tables, &[failure(Some(5))]);
    let own_message = (Body::reference(event(1)), Some(at(60)));
    assert_eq!(
        (path.sent(), path.finish),
        (vec![own_message], Finish::Delete),
        "not before the sender of the message has ended"
    );
    let claim = path.place_of(is_store);
    let settled = 1 + claim + path.tasks[claim + 1..].iter().position(is_store).expect("the state is stored");
    assert!(
        path.place_of(|task| matches!(task, Task::Send(..))) < settled,
        "or a crash would leave a probe without a message"
    );
    assert!(tables.health.is_probe(&event(1)) && tables.health.replay.is_none());
    assert_eq!(tables.held().collect::<Vec<_>>(), [event(2), event(3)]);
}

#[test]
fn a_410_in_a_replay_pauses_and_everything_stays_held() {
    let mut tables = replaying(0, 0);
    let path = step(&mut tables, &[gone()]);
    assert_eq!((path.sent(), path.finish), (Vec::new(), Finish::Delete));
    assert!(matches!(tables.health.state, State::Paused { reason: PausedReason::Gone, .. }));
    assert_eq!(tables.held().count(), 3);
}

#[test]
fn of_two_messages_for_a_step_one_does_nothing_unless_the_other_is_lost() {
    let claimed = |due| {
        let mut tables = replaying(0, 0);
        tables.health = tables.health.with_step_claimed(5, "m2", due);
        tables
    };
    assert_eq!(step(&mut claimed(at(NOW)), &[]).tasks, []);
    let six_minutes_ago = at(NOW) - Duration::from_mins(6);
    assert_eq!(step(&mut claimed(six_minutes_ago), &[success(), success(), success()]).posts(), [1, 2, 3]);
    let mut same = claimed(at(NOW));
    same.health = same.health.with_step_claimed(5, "m1", at(NOW));
    assert_eq!(step(&mut same, &[success(), success(), success()]).posts(), [1, 2, 3], "the message has come back");
    for (over, why) in [((4, 2), "the replay is over"), ((5, 1), "the step is done")] {
        let (replay, step) = over;
        assert_eq!(run(&mut replaying(0, 0), &Body::Step { replay, step }, &[], |_| false).tasks, [], "{why}");
    }
}

#[test]
fn a_step_is_not_begun_before_its_time_and_nothing_is_sent_while_nothing_can_be_stored() {
    let mut tables = replaying(0, 0);
    tables.health = tables.health.with_step_done(&StepProgress::default(), at(900), 1);
    let early = run(&mut tables, &Body::Step { replay: 5, step: 3 }, &[], |_| false);
    assert_eq!((early.tasks, early.finish), (Vec::new(), Finish::ReturnAt(at(900))));
    let body = Body::Step { replay: 5, step: 2 };
    assert_eq!(run(&mut replaying(0, 0), &body, &[], is_store).posts(), [0; 0]);
    let no_list = run(&mut replaying(0, 0), &body, &[], |task| matches!(task, Task::List(_)));
    assert_eq!((no_list.posts().len(), no_list.finish), (0, Finish::ReturnAfterFault));
    let unrecorded = run(&mut replaying(0, 0), &body, &[success()], |task| matches!(task, Task::Record(..)));
    assert_eq!((unrecorded.posts(), unrecorded.finish), (vec![1], Finish::ReturnAfterFault));
}

#[test]
fn a_step_ends_where_another_replay_has_begun_meanwhile() {
    let mut tables = replaying(0, 0);
    let mut worker = Worker::start(&Body::Step { replay: 5, step: 2 }, NextStatus::Failed, "m1", at(NOW));
    let mut posts = 0;
    while !matches!(worker.task, Task::Finish(_)) {
        let reply = match worker.task {
            Task::Post(_) => {
                posts += 1;
                // The owner pauses and resumes while the first event is under way.
                tables.health = tables.health.pause(at(NOW)).next_version().resume(at(NOW)).next_version();
                Reply::Posted(success())
            }
            _ => worker.do_on_tables(&mut tables),
        };
        worker.take(reply, at(NOW));
    }
    assert_eq!((posts, worker.task), (1, Task::Finish(Finish::Delete)));
    assert_eq!(tables.held().count(), 2, "for the other replay");
}

#[test]
fn an_event_without_a_body_is_set_aside_and_keeps_back_none_of_those_behind_it() {
    let mut tables = replaying(0, 0);
    tables.without_body.insert(event(1).to_string());
    let path = step(&mut tables, &[success(), success()]);
    assert_eq!(path.posts(), [2, 3]);
    assert!(
        path.place_of(|task| *task == Task::SetAside(event(1)))
            < path.place_of(|task| *task == Task::Abandon(event(1)))
    );
    assert!(tables.says(&event(1), Status::Failed));
    assert_eq!((path.sent(), path.finish), (vec![next_step(None)], Finish::Delete));
    // What cannot be set aside stays held, and the step comes back.
    let mut tables = replaying(0, 0);
    tables.without_body.insert(event(1).to_string());
    let path = run(&mut tables, &Body::Step { replay: 5, step: 2 }, &[], |task| matches!(task, Task::SetAside(_)));
    assert_eq!((tables.held().count(), path.finish), (3, Finish::ReturnAfterFault));
}
