//! What the rest relies on: each rule of the state machine by itself, then what no sequence of them can break.

use proptest::prelude::*;

use super::*;
use crate::event::EventId;
use crate::outcome::{Cause, Failure};

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

/// Failing since 0 s, with event 1 as the probe, which tries again at `due`; its operator has been told.
fn failing(due: i64) -> Health {
    told(active(FAILURES_TO_FAILING - 1).settle(&event(1), failed(due), at(0)).health)
}

fn told(health: Health) -> Health {
    Health { notices: Vec::new(), ..health }
}

/// What is known after an attempt, and whether its event is held.
fn settled(health: &Health, number: u32, attempted: Attempted, now: i64) -> (Health, bool) {
    let Settled { health, is_held } = health.settle(&event(number), attempted, at(now));
    (health, is_held)
}

fn last_notice(health: &Health) -> Option<NoticeKind> {
    health.notices.last().map(|notice| notice.kind)
}

fn paused(reason: PausedReason) -> Health {
    Health { state: State::Paused { since: at(0), reason }, ..active(0) }
}

fn probe(health: &Health) -> Option<(&EventId, Timestamp)> {
    match &health.state {
        State::Failing { probe: Some(probe), .. } => Some((&probe.event, probe.due)),
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
fn begins_a_replay(health: &Health) -> bool {
    health.state == State::default()
        && health.replay.as_ref().is_some_and(|replay| (replay.id, replay.step) == (health.version + 1, 0))
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
fn any_success_starts_the_count_again() {
    for failures in 0..FAILURES_TO_FAILING {
        assert_eq!(settled(&active(failures), 9, Attempted::Succeeded, 0), (active(0), false));
    }
}

#[test]
fn a_healthy_endpoints_success_changes_nothing_so_nothing_is_written() {
    let health = Health::default().at(&endpoint("a"), at(0));
    assert_eq!(settled(&health, 1, Attempted::Succeeded, 0).0, health);
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
fn failing_again_stops_the_replay() {
    let replaying = Health { state: State::Active { failures: 4 }, ..active(0).resume(at(0)) };
    for attempted in [failed(5), SPENT, GONE] {
        assert_eq!(settled(&replaying, 1, attempted, 0).0.replay, None, "{attempted:?}");
    }
}

#[test]
fn no_notice_is_lost_to_the_change_that_follows_it() {
    let failing = settled(&active(FAILURES_TO_FAILING - 1), 1, failed(30), 0).0;
    let kinds = |health: &Health| health.notices.iter().map(|notice| notice.kind).collect::<Vec<_>>();
    let recovered = settled(&failing, 1, Attempted::Succeeded, 9).0;
    assert_eq!(kinds(&recovered), [NoticeKind::Failing, NoticeKind::Recovered]);
    for after in [recovered.pause(at(10)), recovered.without_url(at(10)), recovered.at(&endpoint("b"), at(10))] {
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
fn a_state_belongs_to_the_url_at_which_it_was_earned() {
    for health in [failing(5), paused(PausedReason::Gone), paused(PausedReason::Owner)] {
        assert_eq!(health.at(&endpoint("a"), at(0)), health);
        assert!(begins_a_replay(&health.at(&endpoint("b"), at(0))));
    }
    assert_eq!(active(4).at(&endpoint("b"), at(0)).state, State::default());
    let unknown = Health { endpoint: None, ..active(3) };
    assert_eq!(unknown.at(&endpoint("b"), at(0)).state, State::Active { failures: 3 });
}

#[test]
fn a_replay_that_is_under_way_goes_on_at_another_url() {
    let replaying = active(0).resume(at(0)).next_version();
    assert_eq!(replaying.at(&endpoint("b"), at(0)).replay, replaying.replay);
}

#[test]
fn another_header_or_secret_ends_every_bad_state_but_the_one_that_the_owner_wished() {
    let earned = |health: Health| Health { endpoint: Some(endpoint("a.1")), ..health };
    let spent = earned(paused(PausedReason::Spent));
    for health in [earned(failing(600)), spent.clone(), earned(paused(PausedReason::Gone))] {
        assert!(begins_a_replay(&health.at(&endpoint("a.2"), at(9))), "{health:?}");
        assert_eq!(health.at(&endpoint("a.1"), at(9)), health);
    }
    let wished = earned(paused(PausedReason::Owner));
    assert_eq!(reason(&wished.at(&endpoint("a.2"), at(9))), Some(PausedReason::Owner));
    assert!(begins_a_replay(&wished.at(&endpoint("b.1"), at(9))), "another URL ends that too");
    let moved = spent.at(&endpoint("a.2"), at(9)).next_version();
    assert_eq!(moved.at(&endpoint("a.2"), at(9)), moved, "once");
}

#[test]
fn without_a_url_what_is_to_be_replayed_waits_for_the_next_one_even_the_same() {
    let waits = active(0).resume(at(0)).without_url(at(3));
    assert_eq!((reason(&waits), waits.replay.clone()), (Some(PausedReason::NoUrl), None));
    assert!(begins_a_replay(&waits.at(&endpoint("a"), at(0))));
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
    let claimed = active(0).resume(at(0)).next_version().with_step_claimed("m1", at(0));
    assert_eq!(swept(&claimed, &Found::default(), LOST - 1).restart, None);
    let after = swept(&claimed, &Found::default(), LOST);
    assert_eq!(after.restart, Some(Restart::Replay));
    let replay = after.health.replay.expect("it goes on");
    assert_eq!((replay.id, replay.step, replay.claimed_by, replay.due), (8, 0, None, at(LOST)));
}

#[test]
fn a_message_that_is_sent_again_and_again_without_effect_is_sent_ever_more_rarely() {
    let minutes = |health: &Health| {
        let mut health = health.clone();
        let mut sent = Vec::new();
        for minute in 0..4_000 {
            let after = swept(&health, &Found { first_held: None, probe_is_kept: true }, minute * 60);
            sent.extend(after.restart.map(|_| minute));
            health = after.health;
        }
        sent
    };
    let every = [6, 18, 42, 90, 186, 378, 762, 1_530, 2_298, 3_066, 3_834];
    assert_eq!(minutes(&failing(0)), every, "a probe; every 12.8 hours at the latest");
    assert_eq!(minutes(&active(0).resume(at(0))), every, "a replay's step");

    let restarted = swept(&failing(0), &Found { first_held: None, probe_is_kept: true }, LOST).health;
    assert_eq!(restarted.due(), Some(at(2 * LOST)), "so the index has it neither");
    let Admission::Claim(claimed) = restarted.admit(&event(1), at(LOST + 5)) else { panic!("it is the probe") };
    assert_eq!(claimed.due(), Some(at(LOST + 5 + 60 + LOST)), "a message whose attempt ends in a crash had no effect");
    let (tried, _) = settled(&restarted, 1, failed(600), LOST + 9);
    assert_eq!(tried.due(), Some(at(600)), "an attempt begins the count anew");
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
fn what_is_due_first_is_what_is_overdue_first() {
    assert_eq!((active(3).due(), paused(PausedReason::Gone).due()), (None, None));
    assert_eq!(failing(600).due(), Some(at(600)));
    let failing = settled(&active(FAILURES_TO_FAILING - 1), 1, failed(600), 5).0;
    assert_eq!(failing.due(), Some(at(5)), "its notice");
    assert!(!failing.is_overdue(at(5 + LOST - 1)) && failing.is_overdue(at(5 + LOST)));
    assert_eq!(active(0).resume(at(9)).due(), Some(at(9)));
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
    Told,
    StepClaimed,
    StepDone,
    ReplayDone,
    Swept,
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
        3 => Just(Happening::Told),
        2 => Just(Happening::StepClaimed),
        2 => Just(Happening::StepDone),
        2 => Just(Happening::ReplayDone),
        2 => Just(Happening::Swept),
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
    match happening {
        Happening::Arrives(number) => match health.admit(&event(*number), now) {
            Admission::Claim(claimed) => claimed,
            Admission::Attempt | Admission::Hold | Admission::Wait(_) => health.clone(),
        },
        Happening::Settles(number, attempted) => health.settle(&event(*number), from(*attempted, now), now).health,
        Happening::Moves(name) => health.at(&endpoint(name), at(0)),
        Happening::Pauses => health.pause(now),
        Happening::Resumes => health.resume(at(0)),
        Happening::LosesUrl => health.without_url(now),
        Happening::Told => health.without_notices(&health.notices),
        Happening::StepClaimed => health.with_step_claimed("m1", now),
        Happening::StepDone => health.with_step_done(now, 0),
        Happening::ReplayDone => health.with_replay_done(),
        Happening::Swept => health.swept(health.endpoint.as_ref(), &Found::default(), now).health,
        Happening::Passes(_) => health.clone(),
    }
}

fn holds_together(health: &Health) -> Result<(), TestCaseError> {
    let replaying = health.replay.is_some();
    match &health.state {
        State::Active { failures } => prop_assert!(*failures < FAILURES_TO_FAILING),
        State::Failing { .. } | State::Paused { .. } => prop_assert!(!replaying, "a replay while events are held"),
    }
    prop_assert!(health.notices.len() <= MAX_NOTICES);
    prop_assert!(health.replay.as_ref().is_none_or(|replay| replay.id <= health.version), "a replay of the future");
    Ok(())
}

fn follows(before: &Health, after: &Health) -> Result<(), TestCaseError> {
    let was_active = matches!(before.state, State::Active { .. });
    let is_active = matches!(after.state, State::Active { .. });
    if is_active && !was_active {
        prop_assert!(after.replay.is_some(), "the held ones are not replayed");
    }
    if let (Some(old), Some(new)) = (&before.replay, &after.replay) {
        let goes_on = old.id == new.id && (old.step..=old.step + 1).contains(&new.step);
        prop_assert!(goes_on || (new.id > old.id && new.step == 0), "{old:?} became {new:?}");
    }
    if before.replay.is_none() {
        prop_assert!(after.replay.as_ref().is_none_or(|replay| replay.id == after.version));
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
    fn what_becomes_of_an_event_agrees_with_the_state_it_leaves(
        happenings in prop::collection::vec(happening(), 0..40),
        number in 0..4u32, delay in prop::option::of(1..40_000i64),
    ) {
        let (mut health, now) = (Health::default(), at(0));
        for happening in happenings {
            health = apply(&health, &happening, now).next_version();
        }
        let attempted = delay.map_or(SPENT, failed);
        let Settled { health: after, is_held } = health.settle(&event(number), attempted, now);
        let is_active = matches!(after.state, State::Active { .. });
        prop_assert!(!is_held || !is_active, "held while events go out");
        if let Some((_, due)) = probe(&after).filter(|(probe, _)| **probe == event(number)) {
            prop_assert!(!is_held && delay.is_some_and(|delay| due == at(delay)), "the probe does not come when it is due");
        }
        if probe(&after).is_some() && probe(&health).is_none() {
            prop_assert!(after.is_probe(&event(number)), "an event that is not there is the probe");
        }
        if !is_active && matches!(health.state, State::Active { .. }) {
            prop_assert!(!after.notices.is_empty(), "nobody hears of it");
        }
    }

    #[test]
    fn of_all_events_that_arrive_within_a_minute_one_at_most_is_admitted_beside_the_probe(
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
            prop_assert!(seconds + 60 <= due, "the probe tries at {due}, the other at {seconds}");
        }
    }
}
