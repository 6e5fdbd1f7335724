//! Properties that no sequence of changes can break.

use proptest::prelude::*;

use super::*;

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
            Admission::Claim(claimed) => *claimed,
            Admission::Attempt | Admission::Hold | Admission::Wait(_) => health.clone(),
        },
        Happening::Settles(number, attempted) => health.settle(&event(*number), from(*attempted, now), now).health,
        Happening::Moves(name) => health.for_endpoint(&endpoint(name), at(0)),
        Happening::Pauses => health.pause(now),
        Happening::Resumes => health.resume(at(0)),
        Happening::LosesUrl => health.without_url(now),
        Happening::Told => health.without_notices(&health.notices),
        Happening::StepClaimed => {
            health.with_step_claimed(health.replay.as_ref().map_or(0, |replay| replay.id), "m1", now)
        }
        Happening::StepDone => health.with_step_done(&StepProgress::default(), now, 0),
        Happening::ReplayDone => health.with_replay_done(now),
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
                health = *claimed;
                admitted.push((number, start + seconds));
            }
        }
        prop_assert!(admitted.iter().all(|(number, _)| *number == admitted[0].0), "{admitted:?}");
        for (_, seconds) in admitted {
            prop_assert!(seconds + 60 <= due, "the probe tries at {due}, the other at {seconds}");
        }
    }
}
