//! The replay of an endpoint's held events, in the order in which they happened.
//!
//! A message carries a replay on, a step at a time. Each step claims itself, takes the next few held events, sends them
//! one after the other, and sends the message of the next step. So there is one event of a replay in flight at a time,
//! order is kept, and the receiver is not flooded. Nothing is taken out of the ledger beforehand: an event stays held
//! until it has been attempted, so a replay that is killed half-way goes on where it was, and one whose endpoint fails
//! again has nothing to put back.
//!
//! A failure ends the step. The event is tried again by its schedule or by the receiver's wish, and the rest keeps its
//! place behind it. A message that is lost on the way is sent anew by `sweep`.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::{AckReason, Ended, MessageAction, ReplayGoesOn, Stored, TRIES, Trigger, Unavailable};
use crate::endpoint::{EndpointIo, Health, follow};
use crate::event::EventId;

/// That a step begins so much before its time does not count: delays are whole seconds, and clocks differ a little.
const EARLY: Duration = Duration::from_secs(5);

/// What a replay asks of the world, beside the endpoint's state.
pub trait ReplayIo: EndpointIo {
    /// Lists the first few held events, in the order in which they happened; all that was held before now counts.
    fn list(&self) -> impl Future<Output = Result<Vec<EventId>, Unavailable>> + Send;

    /// Takes one of them its way.
    fn deliver(&self, event: &EventId, trigger: Trigger) -> impl Future<Output = Ended> + Send;
}

/// What becomes of a step's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepAction {
    /// It is deleted.
    Acknowledge,
    /// It comes back at this time, since the step must not begin before.
    ReturnAt(Timestamp),
    /// A fault of ours: it comes back.
    ReturnAfterFault,
}

/// What a step's events came to.
struct Done {
    /// Nothing was held any more.
    is_empty: bool,
    /// When the next step may begin; None: at once.
    next: Option<Timestamp>,
    /// How many attempts have failed on the event that is first now.
    failures: u32,
}

/// Does a step, for the message of this id.
pub async fn carry_on<I: ReplayIo>(io: &I, replay: u64, step: u64, message: &str) -> StepAction {
    let step = Step { io, replay, number: step, message };
    step.go().await.unwrap_or(StepAction::ReturnAfterFault)
}

struct Step<'a, I> {
    io: &'a I,
    replay: u64,
    number: u64,
    message: &'a str,
}

/// Whether the step is this message's.
enum Claimed {
    /// It is. So many attempts have failed on the first event.
    Yes(u32),
    /// It is not, and this becomes of the message.
    No(StepAction),
}

impl<I: ReplayIo> Step<'_, I> {
    async fn go(&self) -> Result<StepAction, Unavailable> {
        let failures = match self.claim().await? {
            Claimed::Yes(failures) => failures,
            Claimed::No(action) => return Ok(action),
        };
        let done = self.deliver(failures).await?;
        self.end(&done).await
    }

    /// A step is claimed each time that its message comes: so nobody takes it for lost, and nothing is sent while nothing
    /// can be stored.
    async fn claim(&self) -> Result<Claimed, Unavailable> {
        const NOT_NEEDED: Claimed = Claimed::No(StepAction::Acknowledge);
        for _ in 0..TRIES {
            let now = self.io.now();
            let Some(health) = self.read().await? else { return Ok(NOT_NEEDED) };
            let Some(replay) = health.replay.as_ref().filter(|replay| self.is_of(replay.id, replay.step)) else {
                return Ok(NOT_NEEDED);
            };
            match &replay.claimed_by {
                // A message can be delayed for 15 minutes at most when it is sent; the rest is waited for here.
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

    /// What is known at the endpoint. None: the replay ends here, since there is no URL, or another for which a replay of its
    /// own has begun.
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

    async fn deliver(&self, failures: u32) -> Result<Done, Unavailable> {
        let events = self.io.list().await?;
        let mut done = Done { is_empty: events.is_empty(), next: None, failures };
        for event in &events {
            let trigger = Trigger::Replay { replay: self.replay, step: self.number, failures: done.failures };
            let ended = self.io.deliver(event, trigger).await;
            if let ReplayGoesOn::WithTheSame(at) = ended.replay {
                return Ok(Done { next: Some(at), failures: done.failures + 1, ..done });
            }
            match ended.action {
                MessageAction::ReturnAfterFault => return Err(Unavailable),
                // There is no time left for another, or the endpoint is not well any more.
                MessageAction::ReturnUnattempted | MessageAction::Acknowledge(AckReason::Held) => return Ok(done),
                _ => {}
            }
            done.failures = 0;
            if let ReplayGoesOn::At(at) = ended.replay {
                return Ok(Done { next: Some(at), ..done });
            }
        }
        Ok(done)
    }

    /// Stores that the step is done, and sends the next one's message.
    async fn end(&self, done: &Done) -> Result<StepAction, Unavailable> {
        let mut meant = None;
        for _ in 0..TRIES {
            let Some(health) = self.read().await? else { return Ok(StepAction::Acknowledge) };
            if meant.as_ref() == Some(&health) {
                // It was stored, and the answer to that was lost.
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
            meant = Some(next);
        }
        Err(Unavailable)
    }

    async fn send_next(&self, done: &Done) -> StepAction {
        if !done.is_empty {
            // A fault has been logged, and the step is overdue in a few minutes.
            let _ = self.io.send_step(self.replay, self.number + 1, done.next).await;
        }
        StepAction::Acknowledge
    }

    fn is_of(&self, replay: u64, step: u64) -> bool {
        (replay, step) == (self.replay, self.number)
    }
}
