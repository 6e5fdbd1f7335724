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
    Health { version: 7, endpoint: Some(endpoint()), ..Health::default() }.resume().next_version().flushed()
}

fn looked(health: &Health) -> Reply {
    Reply::Looked { health: health.clone(), endpoint: Some(endpoint()) }
}

fn arrived() -> Reply {
    Reply::Ended(End::Acknowledge(Done::Delivered))
}

#[test]
fn events_go_one_after_the_other_in_the_order_of_the_list_and_then_the_next_token() {
    let (mut token, _) = ReleaseStep::start(8, 0);
    let mut next = |reply| token.next(reply, at(0));
    assert_eq!(next(looked(&releasing())), Step::List);
    assert_eq!(next(Reply::Listed(vec![event(1), event(2)])), Step::Deliver(event(1)));
    assert_eq!(next(arrived()), Step::Deliver(event(2)));
    assert_eq!(next(arrived()), Step::Look);
    assert_eq!(next(looked(&releasing())), Step::Store(releasing().stepped().next_version()));
    assert_eq!(next(Reply::Done), Step::SendToken { run: 8, step: 1 });
    assert_eq!(next(Reply::Done), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_slow_receiver_does_not_keep_a_token_beyond_the_functions_time() {
    let (mut token, _) = ReleaseStep::start(8, 0);
    assert_eq!(token.next(looked(&releasing()), at(0)), Step::List);
    assert_eq!(token.next(Reply::Listed(vec![event(1), event(2)]), at(0)), Step::Deliver(event(1)));
    assert_eq!(token.next(arrived(), at(30)), Step::Look, "the next token takes the rest");
}

#[test]
fn nothing_held_is_the_end_of_the_release() {
    let (mut token, _) = ReleaseStep::start(8, 0);
    assert_eq!(token.next(looked(&releasing()), at(0)), Step::List);
    let done = token.next(Reply::Listed(Vec::new()), at(0));
    assert_eq!(done, Step::Store(releasing().release_done().next_version()));
}

#[test]
fn a_token_sends_the_next_one_again_if_it_may_not_have_been_sent_and_ends_if_it_has() {
    let step_one = releasing().stepped().next_version();
    let (mut token, _) = ReleaseStep::start(8, 0);
    assert_eq!(token.next(looked(&step_one), at(0)), Step::SendToken { run: 8, step: 1 });
    let (mut token, _) = ReleaseStep::start(8, 0);
    assert_eq!(token.next(looked(&step_one.stepped()), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_token_of_an_earlier_release_sends_the_one_that_a_later_release_still_lacks() {
    let later = releasing().resume().next_version();
    let (mut token, _) = ReleaseStep::start(8, 0);
    assert_eq!(token.next(looked(&later), at(0)), Step::SendToken { run: 9, step: 0 });
    assert_eq!(token.next(Reply::Done, at(0)), Step::Store(later.flushed().next_version()));
    assert_eq!(token.next(Reply::Done, at(0)), Step::Look);
    assert_eq!(token.next(looked(&later.flushed()), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn a_token_stops_where_the_endpoint_fails_again_and_leaves_the_rest_held() {
    let (mut token, _) = ReleaseStep::start(8, 0);
    token.next(looked(&releasing()), at(0));
    token.next(Reply::Listed(vec![event(1), event(2)]), at(0));
    assert_eq!(token.next(Reply::Ended(End::Acknowledge(Done::Held)), at(0)), Step::Look);
    let paused = releasing().pause(at(0)).next_version();
    assert_eq!(token.next(looked(&paused), at(0)), Step::Finish(Token::Acknowledge));
}

#[test]
fn without_a_url_the_release_becomes_a_pause_that_the_next_url_ends() {
    let (mut token, _) = ReleaseStep::start(8, 0);
    let nowhere = Reply::Looked { health: releasing(), endpoint: None };
    assert_eq!(token.next(nowhere, at(5)), Step::Store(releasing().nowhere(at(5)).next_version()));
}
