//! `sweep` restarts overdue probes and steps, and gives overdue notices.

use super::*;

fn swept(health: &Health, found: &Found, now: i64) -> Swept {
    health.swept(Some(&endpoint("a")), found, at(now))
}

const LOST: i64 = 6 * 60;

#[test]
fn a_probe_six_minutes_overdue_is_restarted_or_replaced_by_what_was_held_first_or_given_up() {
    let health = failing(600);
    let kept = Found { first_held: Some(event(2)), probe_is_kept: true };
    let gone = Found { probe_is_kept: false, ..kept.clone() };
    assert_eq!(swept(&health, &kept, 600 + LOST - 1), Swept { health: health.clone(), restart: None, tells: false });
    for (found, restarted) in [(&kept, Some(event(1))), (&gone, Some(event(2))), (&Found::default(), None)] {
        let after = swept(&health, found, 600 + LOST);
        assert_eq!(after.restart, restarted.clone().map(Restart::Probe));
        assert_eq!(probe(&after.health), restarted.as_ref().map(|event| (event, at(600 + LOST))));
        assert_eq!(swept(&after.health, found, 600 + LOST + 1).restart, None, "once");
    }
}

#[test]
fn a_replay_without_a_step_for_six_minutes_gets_another_message_for_the_same_step() {
    let claimed = active(0).resume(at(0)).next_version().with_step_claimed(8, "m1", at(0));
    assert_eq!(swept(&claimed, &Found::default(), LOST - 1).restart, None);
    let after = swept(&claimed, &Found::default(), LOST);
    assert_eq!(after.restart, Some(Restart::Replay));
    let replay = after.health.replay.expect("it goes on");
    assert_eq!((replay.id, replay.step, replay.claimed_by, replay.due), (8, 0, None, at(LOST)));
}

#[test]
fn held_events_of_an_active_endpoint_get_a_replay_and_those_of_another_url_or_of_none_wait_as_they_should() {
    let found = Found { first_held: Some(event(3)), probe_is_kept: false };
    let after = swept(&active(2), &found, 9);
    assert_eq!(after.restart, Some(Restart::Replay));
    assert_eq!(after.health.replay.as_ref().map(|replay| replay.id), Some(8));
    assert_eq!(swept(&after.health.next_version(), &found, 10).restart, None, "once");
    for wiped in [Health::default(), Health { version: 3, ..Health::default() }] {
        assert_eq!(swept(&wiped, &found, 9).restart, Some(Restart::Replay));
    }
    let moved = failing(5).swept(Some(&endpoint("b")), &found, at(9));
    assert!(begins_a_replay(&moved.health) && moved.restart == Some(Restart::Replay) && moved.tells);
    let waits = active(0).swept(None, &found, at(9));
    assert_eq!((reason(&waits.health), waits.restart), (Some(PausedReason::NoUrl), None));
    let left = Health::default().swept(None, &found, at(9));
    assert_eq!((left.health, left.restart), (Health::default(), None), "a business that has left stays away");
}

#[test]
fn a_notice_is_given_again_once_it_is_six_minutes_old_and_a_healthy_endpoint_is_left_alone() {
    let failing = settled(&active(FAILURES_TO_FAILING - 1), 1, failed(9_000), 0).0;
    assert!(!swept(&failing, &Found::default(), LOST - 1).tells);
    assert!(swept(&failing, &Found::default(), LOST).tells);
    for health in [Health::default(), active(3), paused(PausedReason::Owner)] {
        let after = swept(&health, &Found::default(), 1_000_000);
        assert!(after.health.says_the_same_as(&health) && after.restart.is_none() && !after.tells);
    }
}

#[test]
fn no_notice_is_lost_to_the_change_that_follows_it() {
    let failing = settled(&active(FAILURES_TO_FAILING - 1), 1, failed(30), 0).0;
    let kinds = |health: &Health| health.notices.iter().map(|notice| notice.kind).collect::<Vec<_>>();
    let recovered = settled(&failing, 1, Attempted::Succeeded, 9).0;
    assert_eq!(kinds(&recovered), [NoticeKind::Failing, NoticeKind::Recovered]);
    for after in
        [recovered.pause(at(10)), recovered.without_url(at(10)), recovered.for_endpoint(&endpoint("b"), at(10))]
    {
        assert_eq!(kinds(&after), kinds(&recovered));
    }
    assert_eq!(recovered.without_notices(&failing.notices).notices, recovered.notices[1..]);
    let mut many = active(0);
    for seconds in 0..100 {
        many = many.with_notice(NoticeKind::Failing, at(0), "status", at(seconds));
    }
    assert_eq!(many.notices.len(), MAX_NOTICES);
    assert_eq!(many.notices.last().map(|notice| notice.at), Some(at(99)), "the oldest go");
}

#[test]
fn what_is_due_first_is_what_is_overdue_first() {
    assert_eq!((active(3).due(), paused(PausedReason::Gone).due()), (None, None));
    assert_eq!(failing(600).due(), Some(at(600)));
    let failing = settled(&active(FAILURES_TO_FAILING - 1), 1, failed(600), 5).0;
    assert_eq!(failing.due(), Some(at(5)), "its notice");
    assert!(!failing.is_overdue(at(5 + LOST - 1)) && failing.is_overdue(at(5 + LOST)));
    assert_eq!(active(0).resume(at(9)).due(), Some(at(9)));
}

#[test]
fn a_message_that_is_sent_again_and_again_without_effect_is_sent_more_rarely() {
    let minutes = |health: &Health| {
        let mut health = health.clone();
        let mut sent = Vec::new();
        for minute in 0..100 {
            let after = swept(&health, &Found { first_held: None, probe_is_kept: true }, minute * 60);
            sent.extend(after.restart.map(|_| minute));
            health = after.health;
        }
        sent
    };
    let every = [6, 18, 42, 66, 90];
    assert_eq!(minutes(&failing(0)), every, "a probe; every 24 minutes at the latest");
    assert_eq!(minutes(&active(0).resume(at(0))), every, "a replay's step");

    let restarted = swept(&failing(0), &Found { first_held: None, probe_is_kept: true }, LOST).health;
    assert_eq!(restarted.due(), Some(at(2 * LOST)), "so the index has it neither");
    let Admission::Claim(claimed) = restarted.admit(&event(1), at(LOST + 5)) else { panic!("it is the probe") };
    assert_eq!(claimed.due(), Some(at(LOST + 5 + 60 + LOST)), "a message whose attempt ends in a crash had no effect");
    let (tried, _) = settled(&restarted, 1, failed(600), LOST + 9);
    assert_eq!(tried.due(), Some(at(600)), "an attempt begins the count anew");
}
