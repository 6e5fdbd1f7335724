//! The rules of the state machine, each by itself, ordered by subject; then the properties that no sequence of changes
//! can break.

mod failing;
mod paused;
mod moved;
mod sweep;
mod sequences;

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

/// Gives the health after an attempt, and whether the attempt's event is held.
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

/// Whether a replay of the held events begins, once.
fn begins_a_replay(health: &Health) -> bool {
    health.state == State::default()
        && health.replay.as_ref().is_some_and(|replay| (replay.id, replay.step) == (health.version + 1, 0))
}
