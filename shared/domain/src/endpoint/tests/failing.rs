//! From the first failure to the fifth, and the probe that tries then.

use super::*;

#[test]
fn any_success_starts_the_count_again() {
    for failures in 0..FAILURES_TO_FAILING {
        assert_eq!(settled(&active(failures), 9, Attempted::Succeeded, 0), (active(0), false));
    }
}

#[test]
fn a_healthy_endpoints_success_changes_nothing_so_nothing_is_written() {
    let health = Health::default().for_endpoint(&endpoint("a"), at(0));
    assert_eq!(settled(&health, 1, Attempted::Succeeded, 0).0, health);
}

#[test]
fn the_fifth_failure_in_a_row_makes_its_event_the_probe_and_the_operator_hears_of_it() {
    let mut health = active(0);
    for number in 1..FAILURES_TO_FAILING {
        let (next, is_held) = settled(&health, number, failed(5), 0);
        assert_eq!((&next.state, is_held), (&State::Active { failures: number }, false));
        assert!(next.notices.is_empty(), "nothing to be told about failure {number}");
        health = next;
    }
    let (health, is_held) = settled(&health, 5, failed(30), 1);
    assert_eq!((probe(&health), is_held), (Some((&event(5), at(30))), false), "the probe comes back when it is due");
    assert_eq!(last_notice(&health), Some(NoticeKind::Failing));
}

#[test]
fn the_fifth_failure_of_a_spent_event_pauses_at_once_since_nothing_else_would_try() {
    let (health, is_held) = settled(&active(FAILURES_TO_FAILING - 1), 1, SPENT, 3);
    assert_eq!((reason(&health), is_held), (Some(PausedReason::Spent), false));
    assert_eq!(last_notice(&health), Some(NoticeKind::Paused));
}

#[test]
fn the_probe_is_admitted_at_its_time_and_a_second_message_of_it_waits_for_the_first() {
    let health = failing(65);
    assert_eq!(health.admit(&event(1), at(59)), Admission::Wait(at(65)));
    for seconds in [60, 65, 3_600, 1_000_000] {
        let Admission::Claim(claimed) = health.admit(&event(1), at(seconds)) else {
            panic!("the probe is held at {seconds} s");
        };
        let State::Failing { last_attempt, .. } = claimed.state else { panic!("no longer failing") };
        assert_eq!(last_attempt, at(seconds));
        assert_eq!(claimed.admit(&event(1), at(seconds + 30)), Admission::Wait(at(seconds + 60)));
        assert!(matches!(claimed.admit(&event(1), at(seconds + 60)), Admission::Claim(_)), "it has not ended well");
    }
}

#[test]
fn another_event_tries_a_minute_after_the_last_attempt_and_a_minute_before_the_probe_at_the_latest() {
    let health = failing(600);
    let tries = |seconds| matches!(health.admit(&event(2), at(seconds)), Admission::Claim(_));
    let minutes: Vec<_> = [0, 59, 60, 540, 541, 600, 660, 100_000].map(|s| (s, tries(s))).into();
    let expected = [false, false, true, true, false, false, false, false];
    assert_eq!(minutes.iter().map(|(_, tried)| *tried).collect::<Vec<_>>(), expected, "{minutes:?}");
}

#[test]
fn of_two_that_would_try_the_second_finds_the_claim_of_the_first() {
    let Admission::Claim(claimed) = failing(600).admit(&event(2), at(100)) else { panic!("held") };
    assert_eq!(claimed.admit(&event(3), at(159)), Admission::Hold);
    assert_ne!(claimed.admit(&event(3), at(160)), Admission::Hold);
}

#[test]
fn where_there_is_no_probe_any_more_the_next_event_is_it() {
    let without = failing(600).without_probe();
    assert_eq!((probe(&without), without.due()), (None, None), "nothing is overdue, however long that lasts");
    assert_eq!(without.admit(&event(2), at(59)), Admission::Hold);
    let Admission::Claim(claimed) = without.admit(&event(2), at(60)) else { panic!("held") };
    assert_eq!(probe(&claimed), Some((&event(2), at(120))));
    assert_eq!(claimed.admit(&event(3), at(60)), Admission::Hold);
}

#[test]
fn an_early_attempts_failure_puts_off_the_next_one_and_leaves_the_probe_alone() {
    let (health, is_held) = settled(&failing(600), 2, failed(105), 100);
    assert_eq!((probe(&health), is_held), (Some((&event(1), at(600))), true));
    assert_eq!(health.admit(&event(3), at(159)), Admission::Hold);
    assert!(health.notices.is_empty());
}

#[test]
fn failures_that_end_together_beside_the_probes_are_written_down_once() {
    let health = failing(600);
    assert_eq!(settled(&health, 2, failed(50), 9), (health.clone(), true));
    assert_ne!(settled(&health, 2, failed(50), 10).0, health);
}

#[test]
fn the_probes_failure_moves_its_time_on_and_keeps_since() {
    let (health, is_held) = settled(&failing(5), 1, failed(35), 6);
    assert_eq!((probe(&health), is_held), (Some((&event(1), at(35))), false));
    assert!(matches!(health.state, State::Failing { since, .. } if since == at(0)));
    assert!(health.notices.is_empty(), "the operator has heard of it");
}

#[test]
fn the_probes_last_failure_pauses_and_any_others_last_failure_holds_it() {
    let (health, is_held) = settled(&failing(5), 1, SPENT, 6);
    assert_eq!((reason(&health), is_held), (Some(PausedReason::Spent), false));
    let (health, is_held) = settled(&failing(5), 2, SPENT, 6);
    assert_eq!((probe(&health), is_held), (Some((&event(1), at(5))), true));
}

#[test]
fn a_success_of_any_event_ends_failing_replays_the_held_and_says_so() {
    for number in [1, 2] {
        let (health, is_held) = settled(&failing(5), number, Attempted::Succeeded, 9);
        assert!(!is_held && begins_a_replay(&health));
        let notice = health.notices.last().expect("a notice");
        assert_eq!((notice.kind, notice.since, &*notice.cause), (NoticeKind::Recovered, at(0), "refused"));
    }
}

#[test]
fn failing_again_stops_the_replay() {
    let replaying = Health { state: State::Active { failures: 4 }, ..active(0).resume(at(0)) };
    for attempted in [failed(5), SPENT, GONE] {
        assert_eq!(settled(&replaying, 1, attempted, 0).0.replay, None, "{attempted:?}");
    }
}
