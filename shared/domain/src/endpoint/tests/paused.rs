//! The events that pause an endpoint, and those that end a pause.

use super::*;

#[test]
fn gone_pauses_and_holds_whatever_the_count_and_whichever_event_hears_it() {
    for health in [active(0), active(4), failing(5)] {
        for number in [1, 2] {
            let (health, is_held) = settled(&health, number, GONE, 9);
            assert_eq!((reason(&health), is_held), (Some(PausedReason::Gone), true));
            assert_eq!(last_notice(&health), Some(NoticeKind::Paused));
        }
    }
}

#[test]
fn while_paused_nothing_is_admitted_and_late_failures_are_held() {
    for reason in [PausedReason::Gone, PausedReason::Spent, PausedReason::Owner, PausedReason::NoUrl] {
        let health = paused(reason);
        assert_eq!(health.admit(&event(1), at(1_000_000)), Admission::Hold);
        for late in [failed(5), SPENT, GONE] {
            assert_eq!(settled(&health, 1, late, 9), (health.clone(), true));
        }
    }
}

#[test]
fn a_late_success_ends_a_pause_that_failures_made_but_not_the_owners() {
    for reason in [PausedReason::Gone, PausedReason::Spent, PausedReason::NoUrl] {
        let (health, is_held) = settled(&paused(reason), 1, Attempted::Succeeded, 9);
        assert!(!is_held && begins_a_replay(&health), "{reason:?}");
    }
    let owners = paused(PausedReason::Owner);
    assert_eq!(settled(&owners, 1, Attempted::Succeeded, 9), (owners.clone(), false));
}

#[test]
fn the_owners_pause_stops_a_replay_and_resuming_begins_a_new_one() {
    let replaying = settled(&failing(5), 1, Attempted::Succeeded, 9).0.next_version();
    let paused = replaying.pause(at(10)).next_version();
    assert_eq!(paused.replay, None);
    let resumed = paused.resume(at(0));
    assert!(begins_a_replay(&resumed));
    assert_ne!(resumed.replay, replaying.replay);
}

#[test]
fn names_are_read_back_as_they_are_written() {
    for reason in [PausedReason::Gone, PausedReason::Spent, PausedReason::Owner, PausedReason::NoUrl] {
        assert_eq!(PausedReason::parse(reason.as_str()), Some(reason));
    }
    for kind in [NoticeKind::Failing, NoticeKind::Paused, NoticeKind::Recovered] {
        assert_eq!(NoticeKind::read(&kind.to_string()), kind);
    }
    assert_eq!((PausedReason::parse(""), NoticeKind::read("active")), (None, NoticeKind::Other));
}
