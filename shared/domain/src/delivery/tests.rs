//! Single ways through the machine, each with the order of steps that keeps an event from being lost. Every way, in
//! every order with others, is what `tests/model` is about.

use super::*;
use crate::endpoint::FAILURES_TO_FAILING;
use crate::outcome::{Cause, Failure};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).expect("within jiff's range")
}

fn event(number: u32) -> EventId {
    EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
}

fn endpoint() -> EndpointId {
    EndpointId("a".to_owned())
}

fn active(failures: u32) -> Health {
    Health { version: 7, endpoint: Some(endpoint()), state: State::Active { failures }, ..Health::default() }
}

/// Event 1 is the pilot and knocks at 600 s.
fn failing() -> Health {
    active(FAILURES_TO_FAILING - 1).settle(&event(1), failed(600), at(0)).0.flushed()
}

fn failed(next: i64) -> Attempted {
    Attempted::Failed { cause: Cause::Failed(Failure::Refused), next: Some(at(next)) }
}

fn looked(health: &Health) -> Reply {
    Reply::Looked {
        health: health.clone(),
        endpoint: Some(endpoint()),
        delivered: false,
        held: false,
        retrying: false,
        crowded: false,
    }
}

/// Steps by their names; what is stored does not matter here.
fn names(number: u32, vehicle: Vehicle, now: i64, replies: Vec<Reply>) -> (Vec<String>, Step) {
    let (mut flow, mut step) = Flow::start(event(number), vehicle, None);
    let mut names = Vec::new();
    for reply in replies {
        let name = format!("{step:?}");
        names.push(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
        step = flow.next(reply, at(now));
    }
    (names, step)
}

#[test]
fn the_happy_path_reads_once_and_writes_once() {
    let replies = vec![looked(&active(0)), Reply::Posted(Attempted::Succeeded), Reply::Done];
    let (names, end) = names(1, Vehicle::Message, 0, replies);
    assert_eq!(names, ["Look", "Post", "Record"]);
    assert_eq!(end, Step::Finish(End::Acknowledge(Done::Delivered)));
}

#[test]
fn a_fault_before_the_attempt_leaves_the_message_and_one_after_a_success_does_not() {
    let (_, end) = names(1, Vehicle::Message, 0, vec![Reply::Unavailable]);
    assert_eq!(end, Step::Finish(End::Fault));
    let replies = vec![looked(&active(0)), Reply::Posted(Attempted::Succeeded), Reply::Unavailable];
    assert_eq!(names(1, Vehicle::Message, 0, replies).1, Step::Finish(End::Acknowledge(Done::Delivered)));
}

#[test]
fn what_there_is_no_time_for_comes_back_and_what_a_release_brings_waits_for_its_next_step() {
    let replies = || vec![looked(&active(0)), Reply::NoTime];
    for vehicle in [Vehicle::Message, Vehicle::Resend] {
        assert_eq!(names(1, vehicle, 0, replies()).1, Step::Finish(End::Crowded));
    }
    assert_eq!(names(1, Vehicle::Release, 0, replies()).1, Step::Finish(End::Acknowledge(Done::Held)));
    let pilots = vec![looked(&failing()), Reply::Done, Reply::NoTime];
    assert_eq!(names(1, Vehicle::Message, 600, pilots).1, Step::Finish(End::Crowded), "also the pilot");
}

#[test]
fn a_held_event_is_looked_at_again_and_goes_on_if_the_endpoint_has_recovered_in_between() {
    let replies = |then: &Health| vec![looked(&failing()), Reply::Done, looked(then)];
    let (names_of, end) = names(2, Vehicle::Message, 10, replies(&failing()));
    assert_eq!(names_of, ["Look", "Record", "Look"]);
    assert_eq!(end, Step::Finish(End::Acknowledge(Done::Held)));
    assert_eq!(names(2, Vehicle::Message, 10, replies(&active(0))).1, Step::Finish(End::ReturnNow));
}

#[test]
fn an_event_that_cannot_be_recorded_as_held_stays_in_the_queue() {
    let replies = vec![looked(&failing()), Reply::Unavailable];
    assert_eq!(names(2, Vehicle::Message, 10, replies).1, Step::Finish(End::Fault));
}

#[test]
fn an_event_whose_claim_cannot_be_stored_is_not_sent_be_it_the_pilot_or_another() {
    let unavailable = || vec![looked(&failing()), Reply::Unavailable];
    let overdue = 600 + 900;
    for (event, seconds) in [(1, 600), (2, 100), (2, overdue)] {
        assert_eq!(names(event, Vehicle::Message, seconds, unavailable()).1, Step::Finish(End::Fault));
    }
}

#[test]
fn a_message_that_may_be_the_pilots_comes_back_even_if_its_event_has_arrived() {
    for vehicle in [Vehicle::Message, Vehicle::Resend] {
        let replies = vec![
            looked(&active(4)),
            Reply::Posted(failed(30)),
            Reply::Done,
            Reply::Done,
            Reply::Done,
            Reply::AlreadyDelivered,
        ];
        let (names, end) = names(1, vehicle, 0, replies);
        assert_eq!(names, ["Look", "Post", "Store", "Announce", "Store", "Record"]);
        assert_eq!(end, Step::Finish(End::ReturnAt(at(30))));
    }
}

#[test]
fn a_released_event_that_fails_has_a_message_of_its_own_before_anything_is_stored() {
    let replies = vec![looked(&active(4)), Reply::Posted(failed(30)), Reply::Done, Reply::Done];
    let (names, _) = names(1, Vehicle::Release, 0, replies);
    assert_eq!(names, ["Look", "Post", "SendAgain", "Store"]);
}

#[test]
fn a_notice_that_another_is_about_to_announce_is_announced_by_nobody_else_until_it_is_late() {
    let unannounced = active(FAILURES_TO_FAILING - 1).settle(&event(1), failed(600), at(0)).0;
    assert_eq!(names(2, Vehicle::Message, 5, vec![looked(&unannounced)]).1, Step::Record(Fate::Hold));
    let late = vec![looked(&active(0)), Reply::Posted(failed(30)), Reply::Conflict, looked(&unannounced)];
    assert_eq!(names(2, Vehicle::Message, 5, late).1, Step::Record(Fate::Hold));
    assert!(matches!(names(2, Vehicle::Message, 10, vec![looked(&unannounced)]).1, Step::Announce(_)));
}

#[test]
fn a_crowd_keeps_back_messages_of_an_active_endpoint_and_nothing_else() {
    let crowded = |health: &Health| match looked(health) {
        Reply::Looked { health, endpoint, delivered, held, retrying, crowded: _ } => {
            Reply::Looked { health, endpoint, delivered, held, retrying, crowded: true }
        }
        reply => reply,
    };
    for vehicle in [Vehicle::Message, Vehicle::Resend] {
        assert_eq!(names(2, vehicle, 0, vec![crowded(&active(0))]).1, Step::Finish(End::Crowded));
    }
    assert_eq!(names(2, Vehicle::Release, 0, vec![crowded(&active(0))]).1, Step::Post);
    for (number, now) in [(1, 600), (2, 100)] {
        assert_eq!(names(number, Vehicle::Message, now, vec![crowded(&failing()), Reply::Done]).1, Step::Post);
    }
    assert_eq!(names(2, Vehicle::Message, 10, vec![crowded(&failing())]).1, Step::Record(Fate::Hold));
}

#[test]
fn the_last_attempt_is_recorded_before_the_message_goes_to_the_dead_letter_queue() {
    let spent = Attempted::Failed { cause: Cause::Status, next: None };
    let replies = vec![looked(&active(0)), Reply::Posted(spent), Reply::Done, Reply::Done];
    let (names, end) = names(1, Vehicle::Message, 0, replies);
    assert_eq!(names, ["Look", "Post", "Store", "Record"]);
    assert_eq!(end, Step::Finish(End::ReturnSpent));
}

#[test]
fn a_released_event_whose_endpoint_is_gone_stays_held_though_that_cannot_be_stored() {
    let gone = Attempted::Failed { cause: Cause::Gone, next: Some(at(5)) };
    let replies = vec![looked(&active(0)), Reply::Posted(gone), Reply::Unavailable];
    assert_eq!(names(1, Vehicle::Release, 0, replies).1, Step::Record(Fate::Hold));
}

#[test]
fn a_new_message_comes_only_when_its_sender_has_ended() {
    for (next, expected) in [(Some(at(5)), at(60)), (Some(at(600)), at(600)), (None, at(60))] {
        let attempted = Attempted::Failed { cause: Cause::Status, next };
        let replies = vec![looked(&active(0)), Reply::Posted(attempted)];
        assert_eq!(names(1, Vehicle::Release, 0, replies).1, Step::SendAgain(expected));
    }
}

#[test]
fn a_held_event_that_tries_beside_the_pilot_in_vain_is_held_again_and_sends_nothing() {
    let held = Reply::Looked {
        health: failing(),
        endpoint: Some(endpoint()),
        delivered: false,
        held: true,
        retrying: false,
        crowded: false,
    };
    let replies = vec![held, Reply::Done, Reply::Posted(failed(130)), Reply::Done, looked(&failing())];
    let (names, end) = names(2, Vehicle::Message, 100, replies);
    assert_eq!(names, ["Look", "Store", "Post", "Record", "Look"]);
    assert_eq!(end, Step::Finish(End::Acknowledge(Done::Held)));
}

#[test]
fn a_message_whose_event_is_held_may_be_gone_so_a_failure_sends_a_new_one() {
    let held = Reply::Looked {
        health: active(0),
        endpoint: Some(endpoint()),
        delivered: false,
        held: true,
        retrying: false,
        crowded: false,
    };
    let replies = vec![held, Reply::Posted(failed(30)), Reply::Done, Reply::Done, Reply::Done];
    let (names, end) = names(1, Vehicle::Message, 0, replies);
    assert_eq!(names, ["Look", "Post", "SendAgain", "Store", "Record"]);
    assert_eq!(end, Step::Finish(End::Acknowledge(Done::SentAgain)));
}

/// Of several environments that store the same state at the same time one wins; each of the others adds its own failure.
#[test]
fn failures_that_end_at_the_same_time_are_all_counted() {
    let mut stored = Health::default();
    let failed = Attempted::Failed { cause: Cause::Status, next: Some(at(60)) };
    let looked = |health: &Health| Reply::Looked {
        health: health.clone(),
        endpoint: Some(EndpointId("a".to_owned())),
        delivered: false,
        held: false,
        retrying: false,
        crowded: false,
    };
    let mut flows: Vec<_> = (1..=4)
        .map(|number| {
            let (mut flow, _look) = Flow::start(event(number), Vehicle::Message, None);
            flow.next(looked(&stored), at(0));
            let step = flow.next(Reply::Posted(failed), at(0));
            (flow, step)
        })
        .collect();
    for (flow, step) in &mut flows {
        while let Step::Store(health) = step.clone() {
            if health.version == stored.version + 1 {
                stored = health;
                *step = flow.next(Reply::Done, at(0));
            } else {
                assert_eq!(flow.next(Reply::Conflict, at(0)), Step::Look);
                *step = flow.next(looked(&stored), at(0));
            }
        }
    }
    assert_eq!(stored.state, State::Active { failures: 4 });
}

#[test]
fn the_pilots_success_that_cannot_be_stored_brings_its_message_back() {
    let unavailable = vec![
        looked(&failing()),
        Reply::Done,
        Reply::Posted(Attempted::Succeeded),
        Reply::Conflict,
        Reply::Unavailable,
        Reply::Done,
    ];
    let (names, end) = names(1, Vehicle::Message, 600, unavailable);
    assert_eq!(names, ["Look", "Store", "Post", "Store", "Look", "Record"]);
    assert_eq!(end, Step::Finish(End::Unfinished));
}

#[test]
fn without_a_url_what_is_tried_again_waits_for_the_next_one_and_what_is_new_is_for_nobody() {
    let nowhere = |health: &Health, retrying| Reply::Looked {
        health: health.clone(),
        endpoint: None,
        delivered: false,
        held: false,
        retrying,
        crowded: false,
    };
    let (_, end) = names(1, Vehicle::Message, 0, vec![nowhere(&active(0), false)]);
    assert_eq!(end, Step::Finish(End::Acknowledge(Done::NotConfigured)));
    let replies = vec![nowhere(&active(2), true), Reply::Done, Reply::Done, nowhere(&active(0), false)];
    let (steps, end) = names(1, Vehicle::Message, 0, replies);
    assert_eq!(steps, ["Look", "Store", "Record", "Look"], "first that something waits, then that it does");
    assert_eq!(end, Step::Finish(End::Acknowledge(Done::Held)));
    let paused = active(0).pause(at(0));
    assert_eq!(names(1, Vehicle::Message, 0, vec![nowhere(&paused, true)]).1, Step::Record(Fate::Hold));
}

#[test]
fn a_change_that_was_stored_although_it_said_otherwise_is_told_by_its_maker() {
    let gone = Reply::Posted(Attempted::Failed { cause: Cause::Gone, next: Some(at(30)) });
    let (mut flow, _) = Flow::start(event(1), Vehicle::Message, None);
    flow.next(looked(&active(0)), at(0));
    let Step::Store(meant) = flow.next(gone, at(1)) else { panic!("a pause is stored") };
    assert_eq!(flow.next(Reply::Conflict, at(1)), Step::Look);
    assert!(matches!(flow.next(looked(&meant), at(2)), Step::Announce(_)));
}
