//! Single ways through the machine. Every way, in every order with others, is what `tests/model` is about.

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).expect("within jiff's range")
}

fn event(number: u32) -> EventId {
    EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
}

fn endpoint() -> EndpointId {
    EndpointId("a".to_owned())
}

/// A release whose token has been sent.
fn releasing() -> Health {
    Health { version: 7, endpoint: Some(endpoint()), ..Health::default() }.resume(at(0)).next_version().flushed()
}

/// The same, its step claimed by a message.
fn claimed_by(holder: &str) -> Health {
    releasing().claimed(holder, at(0)).next_version()
}

fn looked(health: &Health) -> Reply {
    Reply::Looked { health: health.clone(), endpoint: Some(endpoint()) }
}

fn arrived() -> Reply {
    ended(End::Acknowledge(Done::Delivered))
}

fn ended(end: End) -> Reply {
    Reply::Ended { end, not_before: None }
}

/// A token that has claimed its step and listed these.
fn listed(events: &[EventId]) -> (ReleaseStep, Step) {
    let (mut token, _) = ReleaseStep::start(8, 0, "m1");
    assert_eq!(token.next(looked(&releasing()), at(0)), Step::Store(claimed_by("m1")));
    assert_eq!(token.next(Reply::Done, at(0)), Step::Look);
    assert_eq!(token.next(looked(&claimed_by("m1")), at(0)), Step::List);
    let next = token.next(Reply::Listed(events.to_vec()), at(0));
    (token, next)
}

#[test]
fn events_go_one_after_the_other_in_the_order_of_the_list_and_then_the_next_token() {
    let (mut token, first) = listed(&[event(1), event(2)]);
    assert_eq!(first, Step::Deliver(event(1)));
    let mut next = |reply| token.next(reply, at(9));
    assert_eq!(next(arrived()), Step::Deliver(event(2)));
    assert_eq!(next(arrived()), Step::Look);
    assert_eq!(next(looked(&claimed_by("m1"))), Step::Store(claimed_by("m1").stepped(at(9)).next_version()));
    assert_eq!(next(Reply::Done), Step::SendToken { run: 8, step: 1, at: None });
    assert_eq!(next(Reply::Done), Step::Finish(Token::Acknowledge));
}

#[test]
fn nothing_held_is_the_end_of_the_release() {
    let (mut token, next) = listed(&[]);
    assert_eq!(next, Step::Look);
    let done = token.next(looked(&claimed_by("m1")), at(0));
    assert_eq!(done, Step::Store(claimed_by("m1").release_done().next_version()));
    assert_eq!(token.next(Reply::Done, at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn of_two_tokens_for_a_step_one_does_nothing_and_a_token_that_comes_back_goes_on() {
    let (mut other, _) = ReleaseStep::start(8, 0, "m2");
    assert_eq!(other.next(looked(&claimed_by("m1")), at(0)), Step::Finish(Token::Acknowledge));
    let (mut same, _) = ReleaseStep::start(8, 0, "m1");
    let anew = claimed_by("m1").claimed("m1", at(60)).next_version();
    assert_eq!(same.next(looked(&claimed_by("m1")), at(60)), Step::Store(anew.clone()), "before it lists anything");
    assert_eq!(same.clone().next(Reply::Unavailable, at(60)), Step::Finish(Token::Return));
    assert_eq!(same.next(Reply::Done, at(60)), Step::Look);
    assert_eq!(same.next(looked(&anew), at(60)), Step::List);
    let (mut late, _) = ReleaseStep::start(8, 0, "m2");
    assert!(matches!(late.next(looked(&releasing()), at(0)), Step::Store(_)));
    assert_eq!(late.next(Reply::Conflict, at(0)), Step::Look);
    assert_eq!(late.next(looked(&claimed_by("m1")), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_step_whose_token_is_taken_for_lost_is_claimed_by_whichever_comes() {
    for holder in ["m1", "m2"] {
        let (mut token, _) = ReleaseStep::start(8, 0, holder);
        let claimed = claimed_by("m1").claimed(holder, at(900)).next_version();
        assert_eq!(token.next(looked(&claimed_by("m1")), at(900)), Step::Store(claimed));
    }
}

#[test]
fn a_token_sends_the_next_one_again_if_it_may_not_have_been_sent_and_ends_if_it_has() {
    let step_one = releasing().stepped(at(0)).next_version();
    let (mut token, _) = ReleaseStep::start(8, 0, "m1");
    assert_eq!(token.next(looked(&step_one), at(0)), Step::SendToken { run: 8, step: 1, at: None });
    let (mut token, _) = ReleaseStep::start(8, 0, "m1");
    assert_eq!(token.next(looked(&step_one.stepped(at(0))), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_token_of_an_earlier_release_sends_the_one_that_a_later_release_still_lacks() {
    let later = releasing().resume(at(0)).next_version();
    let (mut token, _) = ReleaseStep::start(8, 0, "m1");
    assert_eq!(token.next(looked(&later), at(0)), Step::SendToken { run: 9, step: 0, at: None });
    assert_eq!(token.next(Reply::Done, at(0)), Step::Finish(Token::Acknowledge));
    let (mut token, _) = ReleaseStep::start(8, 0, "m1");
    assert_eq!(token.next(looked(&later.flushed()), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_token_stops_where_the_endpoint_fails_again_and_leaves_the_rest_held() {
    let (mut token, _) = listed(&[event(1), event(2)]);
    assert_eq!(token.next(ended(End::Acknowledge(Done::Held)), at(0)), Step::Look);
    let paused = claimed_by("m1").pause(at(0)).next_version();
    assert_eq!(token.next(looked(&paused), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_receiver_that_wishes_for_a_rest_gets_the_next_step_when_it_is_over() {
    let (mut token, _) = listed(&[event(1), event(2)]);
    let limited = Reply::Ended { end: End::Acknowledge(Done::SentAgain), not_before: Some(at(3_600)) };
    assert_eq!(token.next(limited, at(1)), Step::Look, "the second one is not sent");
    let rests = claimed_by("m1").stepped(at(3_600)).next_version();
    assert_eq!(token.next(looked(&claimed_by("m1")), at(1)), Step::Store(rests.clone()));
    assert_eq!(token.next(Reply::Done, at(1)), Step::SendToken { run: 8, step: 1, at: Some(at(3_600)) });
    let comes = |seconds| ReleaseStep::start(8, 1, "m2").0.next(looked(&rests), at(seconds));
    assert_eq!(comes(901), Step::Finish(Token::ReturnAt(at(3_600))), "a message is delayed for 15 minutes at most");
    assert!(matches!(comes(3_600), Step::Store(_)));
    assert!(!rests.is_stale(at(4_000)), "nobody takes its token for lost");
}

#[test]
fn a_fault_on_the_way_brings_the_token_back() {
    let (mut token, _) = listed(&[event(1), event(2)]);
    assert_eq!(token.next(ended(End::Fault), at(0)), Step::Finish(Token::Return));
}

#[test]
fn without_a_url_the_release_becomes_a_pause_that_the_next_url_ends() {
    let (mut token, _) = ReleaseStep::start(8, 0, "m1");
    let nowhere = Reply::Looked { health: releasing(), endpoint: None };
    assert_eq!(token.next(nowhere, at(5)), Step::Store(releasing().nowhere(at(5)).next_version()));
}
