//! What the rest relies on: each rule of the state machine by itself, then what no sequence of them can break.

use proptest::prelude::*;

use super::*;
use crate::outcome::Failure;

const REFUSED: Cause = Cause::Failed(Failure::Refused);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).expect("within jiff's range")
}

fn event(number: u32) -> EventId {
    EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
}

fn endpoint(name: &str) -> EndpointId {
    EndpointId(name.to_owned())
}

fn failed(next: i64) -> Attempted {
    Attempted::Failed { cause: REFUSED, next: Some(at(next)) }
}

const SPENT: Attempted = Attempted::Failed { cause: REFUSED, next: None };
const GONE: Attempted = Attempted::Failed { cause: Cause::Gone, next: None };

fn active(failures: u32) -> Health {
    Health { version: 7, endpoint: Some(endpoint("a")), state: State::Active { failures }, ..Health::default() }
}

/// Failing since 0 s, with event 1 as the pilot, which knocks again at `due`.
fn failing(due: i64) -> Health {
    active(FAILURES_TO_FAILING - 1).settle(&event(1), failed(due), at(0)).0.flushed()
}

fn paused(reason: PausedReason) -> Health {
    Health { state: State::Paused { since: at(0), reason }, ..active(0) }
}

fn pilot(health: &Health) -> Option<(&EventId, Timestamp)> {
    match &health.state {
        State::Failing { pilot, pilot_due, .. } => Some((pilot, *pilot_due)),
        _ => None,
    }
}

fn reason(health: &Health) -> Option<PausedReason> {
    match health.state {
        State::Paused { reason, .. } => Some(reason),
        _ => None,
    }
}

/// Whether what is held goes out from now on, once.
fn begins_a_release(health: &Health) -> bool {
    health.state == State::default()
        && health.release.as_ref().is_some_and(|release| (release.run, release.step) == (health.version + 1, 0))
        && health.outbox.token
}

#[test]
fn the_fifth_failure_in_a_row_makes_its_event_the_pilot_and_the_operator_hears_of_it() {
    let mut health = active(0);
    for number in 1..FAILURES_TO_FAILING {
        let (next, fate) = health.settle(&event(number), failed(5), at(0));
        assert_eq!((&next.state, fate), (&State::Active { failures: number }, Fate::Retry(at(5))));
        assert!(next.outbox.is_empty(), "nothing to be done about failure {number}");
        health = next;
    }
    let (health, fate) = health.settle(&event(5), failed(30), at(1));
    assert_eq!(pilot(&health), Some((&event(5), at(30))));
    assert_eq!(fate, Fate::Retry(at(30)), "the pilot comes back when it is expected");
    assert_eq!(health.outbox.notice.expect("a notice").kind, NoticeKind::Failing);
}

#[test]
fn any_success_starts_the_count_again() {
    for failures in 0..FAILURES_TO_FAILING {
        let (health, fate) = active(failures).settle(&event(9), Attempted::Succeeded, at(0));
        assert_eq!((health, fate), (active(0), Fate::Delivered));
    }
}

#[test]
fn a_healthy_endpoints_success_changes_nothing_so_nothing_is_written() {
    let health = Health::default().at(&endpoint("a"), at(0));
    assert_eq!(health.settle(&event(1), Attempted::Succeeded, at(0)).0, health);
}

#[test]
fn the_fifth_failure_of_a_spent_event_pauses_at_once_since_nobody_else_would_knock() {
    let (health, fate) = active(FAILURES_TO_FAILING - 1).settle(&event(1), SPENT, at(3));
    assert_eq!((reason(&health), fate), (Some(PausedReason::Spent), Fate::Fail));
    assert_eq!(health.outbox.notice.expect("a notice").kind, NoticeKind::Paused);
}

#[test]
fn a_spent_event_before_the_fifth_failure_fails_by_itself() {
    let (health, fate) = active(1).settle(&event(1), SPENT, at(3));
    assert_eq!((health.state, fate), (State::Active { failures: 2 }, Fate::Fail));
}

#[test]
fn the_pilot_is_always_admitted_and_its_knock_is_claimed() {
    let health = failing(5);
    for seconds in [0, 5, 59, 3_600, 1_000_000] {
        let Admission::Claim(claimed) = health.admit(&event(1), at(seconds)) else {
            panic!("the pilot is held at {seconds} s");
        };
        let State::Failing { last_attempt, .. } = claimed.state else { panic!("no longer failing") };
        assert_eq!(last_attempt, at(seconds));
    }
}

#[test]
fn another_event_tries_a_minute_after_the_last_attempt_and_a_minute_before_the_pilot_at_the_latest() {
    let health = failing(600);
    let tries = |seconds| matches!(health.admit(&event(2), at(seconds)), Admission::Claim(_));
    let minutes: Vec<_> = [0, 59, 60, 540, 541, 600, 660, 1_499, 1_500].map(|s| (s, tries(s))).into();
    let expected = [false, false, true, true, false, false, false, false, true];
    assert_eq!(minutes.iter().map(|(_, tried)| *tried).collect::<Vec<_>>(), expected, "{minutes:?}");
}

#[test]
fn of_two_that_would_try_the_second_finds_the_claim_of_the_first() {
    let Admission::Claim(claimed) = failing(600).admit(&event(2), at(100)) else { panic!("held") };
    assert_eq!(claimed.admit(&event(3), at(159)), Admission::Hold);
    assert_ne!(claimed.admit(&event(3), at(160)), Admission::Hold);
}

#[test]
fn an_overdue_pilot_is_taken_over_by_exactly_one_and_is_one_of_the_others_should_it_come_after_all() {
    let overdue = 600 + 900;
    let Admission::Claim(taken) = failing(600).admit(&event(2), at(overdue)) else { panic!("held") };
    assert_eq!(pilot(&taken), Some((&event(2), at(overdue))));
    assert_eq!(taken.admit(&event(1), at(overdue + 10)), Admission::Hold);
    assert_eq!(taken.admit(&event(3), at(overdue + 10)), Admission::Hold);
    assert_eq!(taken.settle(&event(1), failed(9_000), at(overdue + 20)).1, Fate::Hold);
    let (knocking, fate) = taken.settle(&event(2), failed(9_000), at(overdue + 20));
    assert_eq!((pilot(&knocking), fate), (Some((&event(2), at(9_000))), Fate::Retry(at(9_000))));
}

#[test]
fn a_probes_failure_puts_off_the_next_probe_and_leaves_the_pilot_alone() {
    let (health, fate) = failing(600).settle(&event(2), failed(105), at(100));
    assert_eq!((pilot(&health), fate), (Some((&event(1), at(600))), Fate::Hold));
    assert_eq!(health.admit(&event(3), at(159)), Admission::Hold);
    assert!(health.outbox.is_empty());
}

#[test]
fn failures_that_end_together_beside_the_pilots_are_written_down_once() {
    let health = failing(600);
    assert_eq!(health.settle(&event(2), failed(50), at(9)), (health.clone(), Fate::Hold));
    assert_ne!(health.settle(&event(2), failed(50), at(10)).0, health);
}

#[test]
fn a_notice_is_left_to_whoever_made_the_change_for_a_while_and_a_token_is_not() {
    let failing = active(FAILURES_TO_FAILING - 1).settle(&event(1), failed(30), at(0)).0;
    let paused = active(0).settle(&event(1), GONE, at(0)).0;
    for health in [&failing, &paused] {
        assert!(health.is_being_announced(at(9)));
        assert!(!health.is_being_announced(at(10)));
        assert!(!health.flushed().is_being_announced(at(9)));
    }
    assert!(!failing.settle(&event(1), Attempted::Succeeded, at(5)).0.is_being_announced(at(5)));
}

#[test]
fn the_pilots_failure_moves_its_time_on_and_keeps_since() {
    let (health, fate) = failing(5).settle(&event(1), failed(35), at(6));
    assert_eq!((pilot(&health), fate), (Some((&event(1), at(35))), Fate::Retry(at(35))));
    assert!(matches!(health.state, State::Failing { since, .. } if since == at(0)));
    assert!(health.outbox.is_empty(), "the operator has heard of it");
}

#[test]
fn the_pilots_last_failure_pauses_and_any_others_last_failure_holds_it() {
    let (health, fate) = failing(5).settle(&event(1), SPENT, at(6));
    assert_eq!((reason(&health), fate), (Some(PausedReason::Spent), Fate::Fail));
    let (health, fate) = failing(5).settle(&event(2), SPENT, at(6));
    assert_eq!((pilot(&health), fate), (Some((&event(1), at(5))), Fate::Hold));
}

#[test]
fn a_success_of_anyone_ends_failing_releases_the_held_and_says_so() {
    for number in [1, 2] {
        let (health, fate) = failing(5).settle(&event(number), Attempted::Succeeded, at(9));
        assert_eq!(fate, Fate::Delivered);
        assert!(begins_a_release(&health));
        let notice = health.outbox.notice.expect("a notice");
        assert_eq!((notice.kind, notice.since, &*notice.cause), (NoticeKind::Recovered, at(0), "refused"));
    }
}

#[test]
fn gone_pauses_and_holds_whatever_the_count_and_whoever_hears_it() {
    for health in [active(0), active(4), failing(5)] {
        for number in [1, 2] {
            let (health, fate) = health.settle(&event(number), GONE, at(9));
            assert_eq!((reason(&health), fate), (Some(PausedReason::Gone), Fate::Hold));
            assert_eq!(health.outbox.notice.expect("a notice").kind, NoticeKind::Paused);
        }
    }
}

#[test]
fn while_paused_nothing_is_admitted_and_late_failures_are_held() {
    for reason in [PausedReason::Gone, PausedReason::Spent, PausedReason::Owner, PausedReason::NoUrl] {
        let health = paused(reason);
        assert_eq!(health.admit(&event(1), at(1_000_000)), Admission::Hold);
        for late in [failed(5), SPENT, GONE] {
            assert_eq!(health.settle(&event(1), late, at(9)), (health.clone(), Fate::Hold));
        }
    }
}

#[test]
fn a_late_success_ends_a_pause_that_failures_made_but_not_the_owners() {
    for reason in [PausedReason::Gone, PausedReason::Spent, PausedReason::NoUrl] {
        let (health, fate) = paused(reason).settle(&event(1), Attempted::Succeeded, at(9));
        assert_eq!(fate, Fate::Delivered);
        assert!(begins_a_release(&health), "{reason:?}");
    }
    let owners = paused(PausedReason::Owner);
    assert_eq!(owners.settle(&event(1), Attempted::Succeeded, at(9)), (owners.clone(), Fate::Delivered));
}

#[test]
fn the_owners_pause_stops_a_release_and_resuming_begins_a_new_one() {
    let releasing = failing(5).settle(&event(1), Attempted::Succeeded, at(9)).0.next_version();
    let paused = releasing.pause(at(10)).next_version();
    assert_eq!((paused.release.clone(), paused.outbox.token), (None, false));
    let resumed = paused.resume(at(0));
    assert!(begins_a_release(&resumed));
    assert_ne!(resumed.release, releasing.release);
}

#[test]
fn failing_again_stops_the_release() {
    let releasing = Health { state: State::Active { failures: 4 }, ..active(0).resume(at(0)) };
    for attempted in [failed(5), SPENT, GONE] {
        let health = releasing.settle(&event(1), attempted, at(0)).0;
        assert_eq!((health.release, health.outbox.token), (None, false), "{attempted:?}");
    }
}

#[test]
fn a_state_belongs_to_the_url_at_which_it_was_earned() {
    for health in [failing(5), paused(PausedReason::Gone), paused(PausedReason::Owner)] {
        assert_eq!(health.at(&endpoint("a"), at(0)), health);
        assert!(begins_a_release(&health.at(&endpoint("b"), at(0))));
    }
    assert_eq!(active(4).at(&endpoint("b"), at(0)).state, State::default());
    let unknown = Health { endpoint: None, ..active(3) };
    assert_eq!(unknown.at(&endpoint("b"), at(0)).state, State::Active { failures: 3 });
}

#[test]
fn a_release_that_is_under_way_goes_on_at_another_url() {
    let releasing = active(0).resume(at(0)).next_version().flushed();
    assert_eq!(releasing.at(&endpoint("b"), at(0)).release, releasing.release);
}

#[test]
fn a_release_without_a_step_for_a_quarter_of_an_hour_gets_another_token_once() {
    let claimed = active(0).resume(at(0)).next_version().claimed("m1", at(0));
    assert_eq!(claimed.revived(at(899)), claimed);
    let revived = claimed.revived(at(900));
    assert!(revived.outbox.token);
    assert_eq!(revived.release.as_ref().map(|release| (release.holder.clone(), release.at)), Some((None, at(900))));
    assert_eq!(revived.revived(at(5_000)), revived, "its token stands in the outbox");
    let taken = revived.claimed("m2", at(901));
    assert_eq!(taken.revived(at(902)), taken);
}

#[test]
fn another_header_or_secret_ends_every_bad_state_but_the_one_that_the_owner_wished() {
    let earned = |health: Health| Health { endpoint: Some(endpoint("a.1")), ..health };
    let spent = earned(paused(PausedReason::Spent));
    for health in [earned(failing(600)), spent.clone(), earned(paused(PausedReason::Gone))] {
        assert!(begins_a_release(&health.at(&endpoint("a.2"), at(9))), "{health:?}");
        assert_eq!(health.at(&endpoint("a.1"), at(9)), health);
    }
    let wished = earned(paused(PausedReason::Owner));
    assert_eq!(reason(&wished.at(&endpoint("a.2"), at(9))), Some(PausedReason::Owner));
    assert!(begins_a_release(&wished.at(&endpoint("b.1"), at(9))), "another URL ends that too");
    let moved = spent.at(&endpoint("a.2"), at(9)).next_version();
    assert_eq!(moved.at(&endpoint("a.2"), at(9)), moved, "once");
}

#[test]
fn without_a_url_what_is_to_be_released_waits_for_the_next_one_even_the_same() {
    let nowhere = active(0).resume(at(0)).nowhere(at(3));
    assert_eq!((reason(&nowhere), nowhere.release.clone()), (Some(PausedReason::NoUrl), None));
    assert!(begins_a_release(&nowhere.at(&endpoint("a"), at(0))));
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

/// One thing that may happen to a stored state.
#[derive(Clone, Debug)]
enum Happening {
    Arrives(u32),
    Settles(u32, Attempted),
    Moves(&'static str),
    Passes(i64),
    Pauses,
    Resumes,
    LosesUrl,
    Flushed,
    Stepped,
    ReleaseDone,
}

fn happening() -> impl Strategy<Value = Happening> {
    let attempted = prop_oneof![
        2 => Just(Attempted::Succeeded),
        6 => (1..40_000i64).prop_map(failed),
        1 => Just(SPENT),
        1 => Just(GONE),
    ];
    prop_oneof![
        4 => (0..4u32).prop_map(Happening::Arrives),
        12 => ((0..4u32), attempted).prop_map(|(event, attempted)| Happening::Settles(event, attempted)),
        4 => (1..2_000i64).prop_map(Happening::Passes),
        1 => prop::sample::select(vec!["a", "b"]).prop_map(Happening::Moves),
        1 => Just(Happening::Pauses),
        1 => Just(Happening::Resumes),
        1 => Just(Happening::LosesUrl),
        3 => Just(Happening::Flushed),
        2 => Just(Happening::Stepped),
        2 => Just(Happening::ReleaseDone),
    ]
}

/// A failed attempt whose next time lies behind `now`, as a schedule's does.
fn from(attempted: Attempted, now: Timestamp) -> Attempted {
    match attempted {
        Attempted::Failed { cause, next: Some(next) } => {
            let delay = next.duration_since(at(0));
            Attempted::Failed { cause, next: Some(now + delay) }
        }
        other => other,
    }
}

fn apply(health: &Health, happening: &Happening, now: Timestamp) -> Health {
    let idle = health.outbox.is_empty();
    match happening {
        Happening::Arrives(number) => match health.admit(&event(*number), now) {
            Admission::Claim(claimed) => claimed,
            Admission::Attempt | Admission::Hold => health.clone(),
        },
        Happening::Settles(number, attempted) => health.settle(&event(*number), from(*attempted, now), now).0,
        Happening::Moves(name) => health.at(&endpoint(name), at(0)),
        Happening::Pauses => health.pause(now),
        Happening::Resumes => health.resume(at(0)),
        Happening::LosesUrl => health.nowhere(now),
        Happening::Flushed => health.flushed(),
        // A release goes on only once its beginning is done with.
        Happening::Stepped if idle => health.stepped(at(0)),
        Happening::ReleaseDone if idle => health.release_done(),
        Happening::Passes(_) | Happening::Stepped | Happening::ReleaseDone => health.clone(),
    }
}

fn holds_together(health: &Health) -> Result<(), TestCaseError> {
    let releasing = health.release.is_some();
    match &health.state {
        State::Active { failures } => prop_assert!(*failures < FAILURES_TO_FAILING),
        State::Failing { .. } | State::Paused { .. } => prop_assert!(!releasing, "a release while events are held"),
    }
    prop_assert!(!health.outbox.token || releasing, "a token without a release");
    prop_assert!(health.release.as_ref().is_none_or(|release| release.run <= health.version), "a run of the future");
    Ok(())
}

fn follows(before: &Health, after: &Health) -> Result<(), TestCaseError> {
    let was_active = matches!(before.state, State::Active { .. });
    let is_active = matches!(after.state, State::Active { .. });
    if is_active && !was_active {
        prop_assert!(after.outbox.token, "the held ones are not released");
    }
    if let (Some(old), Some(new)) = (&before.release, &after.release) {
        let goes_on = old.run == new.run && (old.step..=old.step + 1).contains(&new.step);
        prop_assert!(goes_on || (new.run > old.run && new.step == 0), "{old:?} became {new:?}");
    }
    if after.release.is_some() && before.release.is_none() {
        prop_assert!(after.outbox.token && after.release.as_ref().is_some_and(|release| release.run == after.version));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_sequence_leaves_a_state_in_which_held_events_wait_for_nothing(
        happenings in prop::collection::vec(happening(), 1..80),
    ) {
        let (mut health, mut now) = (Health::default(), at(0));
        for happening in happenings {
            if let Happening::Passes(seconds) = happening {
                now += Duration::from_secs(seconds.unsigned_abs());
            }
            let next = apply(&health, &happening, now);
            prop_assert_eq!(next.version, health.version, "only storing makes a version");
            if next != health {
                let next = next.next_version();
                holds_together(&next)?;
                follows(&health, &next)?;
                health = next;
            }
        }
    }

    #[test]
    fn an_events_fate_agrees_with_the_state_it_leaves(
        happenings in prop::collection::vec(happening(), 0..40),
        number in 0..4u32, delay in prop::option::of(1..40_000i64),
    ) {
        let (mut health, now) = (Health::default(), at(0));
        for happening in happenings {
            health = apply(&health, &happening, now).next_version();
        }
        let attempted = delay.map_or(SPENT, failed);
        let (after, fate) = health.settle(&event(number), attempted, now);
        let is_active = matches!(after.state, State::Active { .. });
        prop_assert!(fate != Fate::Hold || !is_active, "held while events go out");
        if let Some((_, due)) = pilot(&after).filter(|(pilot, _)| **pilot == event(number)) {
            prop_assert_eq!(fate, Fate::Retry(due), "the pilot does not come when it is expected");
        }
        if pilot(&after).is_some() && pilot(&health).is_none() {
            prop_assert!(after.is_pilot(&event(number)), "an event that is not there is the pilot");
        }
        if !is_active && matches!(health.state, State::Active { .. }) {
            prop_assert!(after.outbox.notice.is_some(), "nobody hears of it");
        }
    }

    #[test]
    fn of_all_events_that_arrive_within_a_minute_one_at_most_is_admitted_beside_the_pilot(
        due in 1..40_000i64, start in 0..50_000i64, arrivals in prop::collection::vec((2..9u32, 0..59i64), 2..20),
    ) {
        let mut arrivals = arrivals;
        arrivals.sort_by_key(|(_, seconds)| *seconds);
        let (mut health, mut admitted) = (failing(due), Vec::new());
        for (number, seconds) in arrivals {
            if let Admission::Claim(claimed) = health.admit(&event(number), at(start + seconds)) {
                health = claimed;
                admitted.push((number, start + seconds));
            }
        }
        prop_assert!(admitted.iter().all(|(number, _)| *number == admitted[0].0), "{admitted:?}");
        for (_, seconds) in admitted {
            let alone = seconds + 60 <= due || seconds >= due + 900;
            prop_assert!(alone, "the pilot knocks at {due}, the probe at {seconds}");
        }
    }
}
