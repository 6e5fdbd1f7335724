//! The replay of an endpoint's held events, in the order in which they happened.
//!
//! A message carries a replay on by one step. The step is claimed, lists the next few held events, sends them one after
//! the other, and sends the message of the next step. So one event of a replay is in flight at a time, the events keep
//! their order, and the receiver is not flooded. No event is taken out of the ledger beforehand: it stays held until it
//! has been attempted. So a replay that is killed half-way goes on where it was, and a replay whose endpoint fails
//! again has nothing to put back.
//!
//! A failure ends the step. The next step tries the same event again, by the event's schedule or the receiver's
//! Retry-After, and the other events stay behind it. After its last attempt in the replay
//! ([`ATTEMPTS_IN_A_REPLAY`](crate::endpoint::ATTEMPTS_IN_A_REPLAY)) an event goes on by its own schedule and is
//! overtaken. If a step's message is lost, `sweep` sends another.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::{AckReason, Ended, MessageAction, ReplayGoesOn, Stored, TRIES, Trigger, Unavailable};
use crate::endpoint::{EndpointIo, Health, follow};
use crate::event::EventId;

/// How much before its time a step may begin: delays are whole seconds, and clocks differ a little.
const EARLY: Duration = Duration::from_secs(5);

/// The requests of a replay to the world, beside the access to the endpoint's state.
pub trait ReplayIo: EndpointIo {
    /// Lists the first few held events, in the order in which they happened. The read is consistent: it sees every
    /// event that was held before now.
    fn list(&self) -> impl Future<Output = Result<Vec<EventId>, Unavailable>> + Send;

    /// Delivers one of the listed events.
    fn deliver(&self, event: &EventId, trigger: Trigger) -> impl Future<Output = Ended> + Send;
}

/// What happens to a step's message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Whether no event was held any more.
    is_empty: bool,
    /// When the next step may begin. None: at once.
    next: Option<Timestamp>,
    /// How many attempts have failed in this replay on the event that is first now.
    failures: u32,
}

/// Does a step of a replay. `message` is the id of the message that brings the step.
pub async fn carry_on<I: ReplayIo>(io: &I, replay: u64, step: u64, message: &str) -> StepAction {
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
    /// The message has claimed the step. So many attempts have failed on the first event.
    Yes(u32),
    /// The message has not claimed the step, and this happens to it.
    No(StepAction),
}

impl<I: ReplayIo> Step<'_, I> {
    async fn run(&self) -> Result<StepAction, Unavailable> {
        let failures = match self.claim().await? {
            Claimed::Yes(failures) => failures,
            Claimed::No(action) => return Ok(action),
        };
        let done = self.deliver(failures).await?;
        self.end(&done).await
    }

    /// Claims the step, each time that its message comes. So `sweep` does not take the step for lost, and no event is
    /// sent while no state can be stored.
    async fn claim(&self) -> Result<Claimed, Unavailable> {
        const NOT_NEEDED: Claimed = Claimed::No(StepAction::Acknowledge);
        for _ in 0..TRIES {
            let now = self.io.now();
            let Some(health) = self.read().await? else { return Ok(NOT_NEEDED) };
            let Some(replay) = health.replay.as_ref().filter(|replay| self.is_of(replay.id, replay.step)) else {
                return Ok(NOT_NEEDED);
            };
            match &replay.claimed_by {
                // SQS delays a message for at most 15 minutes when it is sent. The rest of a longer delay is waited for
                // here.
                None if replay.due > now + EARLY => return Ok(Claimed::No(StepAction::ReturnAt(replay.due))),
                Some(other) if other != self.message && !replay.is_lost(now) => return Ok(NOT_NEEDED),
                _ => {}
            }
            let failures = replay.failures;
            if self.io.store(&health.with_step_claimed(self.message, now).next_version()).await? == Stored::Done {
                return Ok(Claimed::Yes(failures));
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
            let is_ours = |health: &Health| health.replay.as_ref().is_some_and(|replay| replay.id == self.replay);
            let health = match &seen.endpoint {
                Some(endpoint) => seen.health.at(endpoint, now),
                None if is_ours(&seen.health) => seen.health.without_url(now),
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

    async fn deliver(&self, failures: u32) -> Result<StepResult, Unavailable> {
        let events = self.io.list().await?;
        let mut done = StepResult { is_empty: events.is_empty(), next: None, failures };
        for event in &events {
            let trigger = Trigger::Replay { replay: self.replay, step: self.number, failures: done.failures };
            let ended = self.io.deliver(event, trigger).await;
            if let ReplayGoesOn::WithTheSame(at) = ended.replay {
                return Ok(StepResult { next: Some(at), failures: done.failures + 1, ..done });
            }
            match ended.action {
                MessageAction::ReturnAfterFault => return Err(Unavailable),
                // The invocation has no time left for another event, or the endpoint is no longer active.
                MessageAction::ReturnUnattempted | MessageAction::Acknowledge(AckReason::Held) => return Ok(done),
                _ => {}
            }
            done.failures = 0;
            if let ReplayGoesOn::At(at) = ended.replay {
                return Ok(StepResult { next: Some(at), ..done });
            }
        }
        Ok(done)
    }

    /// Stores that the step is done, and sends the next step's message.
    async fn end(&self, done: &StepResult) -> Result<StepAction, Unavailable> {
        let mut written = None;
        for _ in 0..TRIES {
            let Some(health) = self.read().await? else { return Ok(StepAction::Acknowledge) };
            if written.as_ref() == Some(&health) {
                // The state was stored, but the answer to the write was lost.
                return Ok(self.send_next(done).await);
            }
            let is_ours = health.replay.as_ref().is_some_and(|replay| {
                self.is_of(replay.id, replay.step) && replay.claimed_by.as_deref() == Some(self.message)
            });
            if !is_ours {
                return Ok(StepAction::Acknowledge);
            }
            let next = if done.is_empty {
                health.with_replay_done()
            } else {
                health.with_step_done(done.next.unwrap_or(self.io.now()), done.failures)
            };
            let next = next.next_version();
            if self.io.store(&next).await? == Stored::Done {
                return Ok(self.send_next(done).await);
            }
            written = Some(next);
        }
        Err(Unavailable)
    }

    async fn send_next(&self, done: &StepResult) -> StepAction {
        if !done.is_empty {
            // The implementation has logged the fault, and `sweep` restarts the step in a few minutes.
            let _ = self.io.send_step(self.replay, self.number + 1, done.next).await;
        }
        StepAction::Acknowledge
    }

    fn is_of(&self, replay: u64, step: u64) -> bool {
        (replay, step) == (self.replay, self.number)
    }
}
