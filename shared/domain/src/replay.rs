//! A replay: stored events are sent in the order in which they happened. It sends the held events of an endpoint, or those
//! of a range of time that have arrived or failed.
//!
//! Each message of a replay brings one step. The step is claimed, lists the next few events, sends them one after the
//! other, and sends the message of the next step. So one event of a replay is in flight at a time, the events keep
//! their order, and the receiver is not flooded. No event is taken out of the ledger beforehand: a held event stays
//! held until it has been attempted, and a range keeps the place of its last event. So a replay that is killed half-way
//! goes on where it was, and a replay whose endpoint fails again has nothing to put back.
//!
//! A failure ends the step. The next step tries the same event again, by the event's schedule or the receiver's
//! Retry-After, and the other events stay behind it. After its last attempt in the replay
//! ([`ATTEMPTS_IN_A_REPLAY`](crate::endpoint::ATTEMPTS_IN_A_REPLAY)) an event goes on by its own schedule and is
//! overtaken. If a step's message is lost, `sweep` sends another.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::{
    AckReason, Ended, MessageAction, ReplayGoesOn, ReplaySource, Stored, TRIES, Trigger, Unavailable,
};
use crate::endpoint::{EndpointIo, Health, Position, RangeReplay, State, StepProgress, follow};
use crate::event::EventId;

/// How much before its time a step may begin: delays are whole seconds, and clocks differ a little.
const EARLY: Duration = Duration::from_secs(5);

/// The requests of a replay to the world, beside the access to the endpoint's state.
pub trait ReplayIo: EndpointIo {
    /// Lists the next few events, in the order in which they happened. The read is consistent: it sees every event that
    /// was held before now. `range`: the replay's. None: the held events.
    fn list(&self, range: Option<&RangeReplay>) -> impl Future<Output = Result<Listed, Unavailable>> + Send;

    /// Delivers one of the listed events.
    fn deliver(&self, event: &EventId, trigger: Trigger) -> impl Future<Output = Ended> + Send;
}

/// The events that a step is to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listed {
    /// The events, each with its place.
    pub events: Vec<(EventId, Position)>,
    /// The place up to which a range has been read, which may be beyond its last listed event. None: the range has been
    /// read to its end.
    pub read_to: Option<Position>,
}

impl Listed {
    /// Keeps the first event only. The next steps send the others, which stand behind it.
    #[must_use]
    pub fn only_first(mut self) -> Self {
        if self.events.len() > 1 {
            self.events.truncate(1);
            self.read_to = self.events.first().map(|(_, position)| position.clone());
        }
        self
    }
}

/// What happens to a step's message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StepAction {
    /// The message is deleted.
    Acknowledge,
    /// The message comes back at this time, since the step must not begin before.
    ReturnAt(Timestamp),
    /// The message comes back after a fault of this system.
    ReturnAfterFault,
}

/// The result of a step's deliveries.
struct StepResult {
    /// The step's progress. The replay is over if no event was listed, or if a range was read to its end and all of its
    /// events are done.
    progress: StepProgress,
    /// When the next step may begin. None: at once.
    next: Option<Timestamp>,
    /// How many attempts have failed in this replay on the event that is first now.
    failures: u32,
}

/// Does a step of a replay. `message` is the id of the message that brings the step.
pub async fn run_step<I: ReplayIo>(io: &I, replay: u64, step: u64, message: &str) -> StepAction {
    let step = Step { io, replay, number: step, message };
    step.run().await.unwrap_or(StepAction::ReturnAfterFault)
}

struct Step<'a, I> {
    io: &'a I,
    replay: u64,
    number: u64,
    message: &'a str,
}

/// Whether this message may do the step.
enum Claimed {
    /// The message has claimed the step, in this state.
    Yes(Box<Health>),
    /// The message has not claimed the step, and this happens to it.
    No(StepAction),
}

impl<I: ReplayIo> Step<'_, I> {
    async fn run(&self) -> Result<StepAction, Unavailable> {
        let health = match self.claim().await? {
            Claimed::Yes(health) => health,
            Claimed::No(action) => return Ok(action),
        };
        let done = self.deliver(&health).await?;
        self.end(&done).await
    }

    /// Claims the step, each time that its message comes. So `sweep` does not take the step for lost, and no event is
    /// sent while no state can be stored.
    async fn claim(&self) -> Result<Claimed, Unavailable> {
        const NOT_NEEDED: Claimed = Claimed::No(StepAction::Acknowledge);
        for _ in 0..TRIES {
            let now = self.io.now();
            let Some(health) = self.read().await? else { return Ok(NOT_NEEDED) };
            let Some(replay) = health.running_replay(self.replay).filter(|replay| replay.step == self.number) else {
                return Ok(NOT_NEEDED);
            };
            match &replay.claimed_by {
                // SQS delays a message for at most 15 minutes when it is sent. The rest of a longer delay is waited for
                // here.
                None if replay.due > now + EARLY => return Ok(Claimed::No(StepAction::ReturnAt(replay.due))),
                Some(other) if other != self.message && !replay.is_lost(now) => return Ok(NOT_NEEDED),
                _ => {}
            }
            let claimed = health.with_step_claimed(self.replay, self.message, now).next_version();
            if self.io.store(&claimed).await? == Stored::Done {
                return Ok(Claimed::Yes(Box::new(claimed)));
            }
        }
        Err(Unavailable)
    }

    /// Reads the endpoint's state. None: this replay has ended, since there is no URL, or since another URL has a
    /// replay of its own.
    async fn read(&self) -> Result<Option<Health>, Unavailable> {
        for _ in 0..TRIES {
            let seen = self.io.read().await?;
            let now = self.io.now();
            let is_ours = |health: &Health| health.replay_of(self.replay).is_some();
            let health = match &seen.endpoint {
                Some(endpoint) => seen.health.for_endpoint(endpoint, now),
                None if is_ours(&seen.health) && !matches!(seen.health.state, State::Paused { .. }) => {
                    seen.health.without_url(now)
                }
                None => return Ok(None),
            };
            if health.says_the_same_as(&seen.health) {
                return Ok(Some(health));
            }
            let health = health.next_version();
            if self.io.store(&health).await? == Stored::Done {
                follow(self.io, &seen.health, &health).await;
            }
            if !is_ours(&health) {
                return Ok(None);
            }
        }
        Err(Unavailable)
    }

    async fn deliver(&self, health: &Health) -> Result<StepResult, Unavailable> {
        let range = health.pending_range().filter(|range| range.steps.id == self.replay);
        let source = range.map_or(ReplaySource::Held, |range| ReplaySource::Range { asked_at: range.asked_at });
        let listed = self.io.list(range).await?;
        let failures = health.replay_of(self.replay).map_or(0, |replay| replay.failures);
        let is_empty = listed.events.is_empty();
        let mut done = StepResult { progress: StepProgress::default(), next: None, failures };
        for (event, position) in listed.events {
            let trigger = Trigger::Replay { replay: self.replay, source, step: self.number, failures: done.failures };
            let ended = self.io.deliver(&event, trigger).await;
            if let ReplayGoesOn::WithTheSame(at) = ended.replay {
                return Ok(StepResult { next: Some(at), failures: done.failures + 1, ..done });
            }
            match ended.action {
                MessageAction::ReturnAfterFault => return Err(Unavailable),
                // The invocation has no time left for another event, or the endpoint is no longer active, or has no URL.
                MessageAction::ReturnUnattempted
                | MessageAction::Acknowledge(AckReason::Held | AckReason::NotConfigured) => return Ok(done),
                _ => {}
            }
            let has_failed =
                matches!(ended.action, MessageAction::Acknowledge(AckReason::SentAgain | AckReason::Unchanged));
            done.progress.position = Some(position);
            done.progress.done += 1;
            done.progress.failed += u64::from(has_failed);
            done.failures = 0;
            if let ReplayGoesOn::At(at) = ended.replay {
                return Ok(StepResult { next: Some(at), ..done });
            }
        }
        done.progress.is_over = match source {
            ReplaySource::Held => is_empty,
            ReplaySource::Range { .. } => listed.read_to.is_none(),
        };
        done.progress.position = listed.read_to.or(done.progress.position);
        Ok(done)
    }

    /// Stores that the step is done, and sends the next step's message.
    async fn end(&self, done: &StepResult) -> Result<StepAction, Unavailable> {
        let mut written: Option<(Health, Health)> = None;
        for _ in 0..TRIES {
            let Some(health) = self.read().await? else { return Ok(StepAction::Acknowledge) };
            if let Some((before, stored)) = written.as_ref().filter(|(_, stored)| *stored == health) {
                // The state was stored, but the answer to the write was lost.
                return Ok(self.send_next(before, stored, done).await);
            }
            let is_ours = health
                .replay_of(self.replay)
                .is_some_and(|replay| replay.step == self.number && replay.claimed_by.as_deref() == Some(self.message));
            if !is_ours {
                return Ok(StepAction::Acknowledge);
            }
            let due = done.next.unwrap_or(self.io.now());
            let next = if health.pending_range().is_some_and(|range| range.steps.id == self.replay) {
                health.with_range_step_done(&done.progress, due, done.failures)
            } else if done.progress.is_over {
                health.with_replay_done(due)
            } else {
                health.with_step_done(&done.progress, due, done.failures)
            };
            let next = next.next_version();
            if self.io.store(&next).await? == Stored::Done {
                return Ok(self.send_next(&health, &next, done).await);
            }
            written = Some((health, next));
        }
        Err(Unavailable)
    }

    /// Sends the message of the step that follows: this replay's, or that of a range which has waited for this replay.
    async fn send_next(&self, before: &Health, stored: &Health, done: &StepResult) -> StepAction {
        if stored.running_replay(self.replay).is_some() {
            // The implementation has logged the fault, and `sweep` restarts the step in a few minutes.
            let _ = self.io.send_step(self.replay, self.number + 1, done.next).await;
        }
        follow(self.io, before, stored).await;
        StepAction::Acknowledge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_events_the_first_is_left_and_the_place_to_go_on_from_is_its_own() {
        let event = |number: u32| {
            let id = EventId::parse(&format!("evt_{number:032x}")).expect("an id");
            (id, Position(format!("2026-03-01T10:00:0{number}.000Z#x")))
        };
        for read_to in [None, Some(event(9).1)] {
            let some = Listed { events: vec![event(1), event(2)], read_to: read_to.clone() };
            assert_eq!(some.only_first(), Listed { events: vec![event(1)], read_to: Some(event(1).1) });
            let one = Listed { events: vec![event(1)], read_to: read_to.clone() };
            assert_eq!(one.clone().only_first(), one, "a range is over where its last event was");
            let none = Listed { events: Vec::new(), read_to };
            assert_eq!(none.clone().only_first(), none);
        }
    }
}
