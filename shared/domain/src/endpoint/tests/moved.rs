//! Changes of the endpoint: another URL, header or secret, or no URL any more.

use super::*;

#[test]
fn a_state_belongs_to_the_url_at_which_it_was_earned() {
    for health in [failing(5), paused(PausedReason::Gone), paused(PausedReason::Owner)] {
        assert_eq!(health.for_endpoint(&endpoint("a"), at(0)), health);
        assert!(begins_a_replay(&health.for_endpoint(&endpoint("b"), at(0))));
    }
    assert_eq!(active(4).for_endpoint(&endpoint("b"), at(0)).state, State::default());
    let unknown = Health { endpoint: None, ..active(3) };
    assert_eq!(unknown.for_endpoint(&endpoint("b"), at(0)).state, State::Active { failures: 3 });
}

#[test]
fn a_replay_that_is_under_way_goes_on_at_another_url() {
    let replaying = active(0).resume(at(0)).next_version();
    assert_eq!(replaying.for_endpoint(&endpoint("b"), at(0)).replay, replaying.replay);
}

#[test]
fn another_header_or_secret_ends_every_bad_state_but_the_one_that_the_owner_wished() {
    let earned = |health: Health| Health { endpoint: Some(endpoint("a.1")), ..health };
    let spent = earned(paused(PausedReason::Spent));
    for health in [earned(failing(600)), spent.clone(), earned(paused(PausedReason::Gone))] {
        assert!(begins_a_replay(&health.for_endpoint(&endpoint("a.2"), at(9))), "{health:?}");
        assert_eq!(health.for_endpoint(&endpoint("a.1"), at(9)), health);
    }
    let wished = earned(paused(PausedReason::Owner));
    assert_eq!(reason(&wished.for_endpoint(&endpoint("a.2"), at(9))), Some(PausedReason::Owner));
    assert!(begins_a_replay(&wished.for_endpoint(&endpoint("b.1"), at(9))), "another URL ends that too");
    let moved = spent.for_endpoint(&endpoint("a.2"), at(9)).next_version();
    assert_eq!(moved.for_endpoint(&endpoint("a.2"), at(9)), moved, "once");
}

#[test]
fn without_a_url_what_is_to_be_replayed_waits_for_the_next_one_even_the_same() {
    let waits = active(0).resume(at(0)).without_url(at(3));
    assert_eq!((reason(&waits), waits.replay.clone()), (Some(PausedReason::NoUrl), None));
    assert!(begins_a_replay(&waits.for_endpoint(&endpoint("a"), at(0))));
}
