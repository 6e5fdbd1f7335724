//! The release of an endpoint's held events, as a machine without I/O.
//!
//! A token carries it on: each takes the next few held events in the order in which they happened, sends them one after
//! the other, and sends the next token. So there is one event of it in flight at a time, order is kept, and the
//! receiver is not flooded. Nothing is taken out of the ledger beforehand: an event stays held until it has been
//! attempted, so a release that is killed half-way goes on where it was, and one whose endpoint fails again has
//! nothing to put back.
//!
//! A step is claimed before it is begun, by the message that is its token: of two tokens for the same step, one does
//! nothing. Notices are not this machine's: a topic that is down must not keep events back.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::{Done, End};
use crate::endpoint::{EndpointId, Health};
use crate::event::EventId;

/// That a step begins so much before its time does not count: delays are whole seconds, and clocks differ a little.
const EARLY: Duration = Duration::from_secs(5);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the settings.
    Look,
    /// Store this state, if the version before it is the stored one.
    Store(Health),
    /// Send a token.
    SendToken {
        /// The release.
        run: u64,
        /// Its step.
        step: u64,
        /// When the step may begin; None: a moment later.
        at: Option<Timestamp>,
    },
    /// List the first few held events, in the order in which they happened; all that was held before now counts.
    List,
    /// Let this event go its way, as [`crate::delivery::Vehicle::Release`].
    Deliver(EventId),
    /// The token is acknowledged, or comes back.
    Finish(Token),
}

/// What becomes of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// It is deleted.
    Acknowledge,
    /// It comes back at this time, before which the receiver wishes for nothing.
    ReturnAt(Timestamp),
    /// A fault of ours: it comes back by itself.
    Return,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Of [`Step::Look`].
    Looked {
        /// The stored state.
        health: Health,
        /// Where events go; None: nowhere.
        endpoint: Option<EndpointId>,
    },
    /// It is done.
    Done,
    /// Of [`Step::Store`]: another version is stored.
    Conflict,
    /// Of [`Step::List`].
    Listed(Vec<EventId>),
    /// Of [`Step::Deliver`].
    Ended {
        /// What became of the event.
        end: End,
        /// The receiver wishes for nothing before this time (`Retry-After`).
        not_before: Option<Timestamp>,
    },
    /// Of any step: a fault of ours.
    Unavailable,
}

/// One token on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReleaseStep {
    run: u64,
    step: u64,
    /// The message that is this token.
    holder: String,
    /// Whether the step has been claimed since the message was received. One that comes back claims its step again: that
    /// nobody takes it for lost, and that nothing is sent while nothing can be stored.
    claimed: bool,
    /// Listed and not yet delivered, the next one last.
    queue: Vec<EventId>,
    /// Whether the list has been worked off.
    delivered: bool,
    /// Whether there was nothing in it.
    empty: bool,
    /// What the receiver wished for, if it did.
    not_before: Option<Timestamp>,
    waiting: Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Waiting {
    Look,
    /// A store after which everything is looked at again.
    StoreAndLook,
    /// A store that ends the release.
    StoreEnd,
    List,
    Deliver,
    StoreStepped,
    NextToken,
}

impl ReleaseStep {
    /// A machine for a token, which is the message `holder`, and its first step.
    #[must_use]
    pub fn start(run: u64, step: u64, holder: &str) -> (Self, Step) {
        let release = Self {
            run,
            step,
            holder: holder.to_owned(),
            claimed: false,
            queue: Vec::new(),
            delivered: false,
            empty: false,
            not_before: None,
            waiting: Waiting::Look,
        };
        (release, Step::Look)
    }

    /// Takes the reply to the last step and gives the next one.
    pub fn next(&mut self, reply: Reply, now: Timestamp) -> Step {
        match (std::mem::replace(&mut self.waiting, Waiting::Look), reply) {
            (Waiting::Look, Reply::Looked { health, endpoint: Some(endpoint) }) => self.looked(&health, &endpoint, now),
            (Waiting::Look, Reply::Looked { health, endpoint: None }) => match &health.release {
                Some(release) if release.run == self.run => self.store(&health.nowhere(now), Waiting::StoreEnd),
                _ => Step::Finish(Token::Acknowledge),
            },
            (Waiting::StoreAndLook, Reply::Done)
            | (Waiting::StoreAndLook | Waiting::StoreEnd | Waiting::StoreStepped, Reply::Conflict) => Step::Look,
            (Waiting::StoreEnd | Waiting::NextToken, Reply::Done) => Step::Finish(Token::Acknowledge),
            (Waiting::StoreStepped, Reply::Done) => self.send_token(self.run, self.step + 1, self.not_before),
            (Waiting::List, Reply::Listed(events)) => {
                self.empty = events.is_empty();
                self.queue = events;
                self.queue.reverse();
                self.deliver()
            }
            (Waiting::Deliver, Reply::Ended { end: End::Acknowledge(done), not_before }) => {
                self.not_before = not_before;
                if done == Done::Held || not_before.is_some() {
                    // The endpoint fails again or wishes for a rest, or there is no time left; what remains stays held.
                    self.queue.clear();
                }
                self.deliver()
            }
            _ => Step::Finish(Token::Return),
        }
    }

    fn looked(&mut self, stored: &Health, endpoint: &EndpointId, now: Timestamp) -> Step {
        let health = stored.at(endpoint, now);
        if health.outbox != stored.outbox {
            return self.store(&health, Waiting::StoreAndLook);
        }
        let Some(release) = &health.release else {
            return Step::Finish(Token::Acknowledge);
        };
        if release.run != self.run || release.step != self.step {
            // Another release without a token, or our own next step: a crash came before the token was sent.
            let is_ours = release.run == self.run;
            let unsent = if is_ours { release.step == self.step + 1 } else { health.outbox.token };
            let at = Some(release.at).filter(|at| *at > now);
            return if unsent {
                self.send_token(release.run, release.step, at)
            } else {
                Step::Finish(Token::Acknowledge)
            };
        }
        match &release.holder {
            // A message can be delayed for 15 minutes at most when it is sent; the rest is waited for here.
            None if release.at > now + EARLY => Step::Finish(Token::ReturnAt(release.at)),
            None => self.claim(&health, now),
            // The holder comes back late, and nobody is to take it for lost; or it is lost, and this one takes its place.
            Some(_) if health.is_stale(now) => self.claim(&health, now),
            Some(holder) if *holder != self.holder => Step::Finish(Token::Acknowledge),
            Some(_) if !self.claimed => self.claim(&health, now),
            Some(_) if self.delivered && self.empty => self.store(&health.release_done(), Waiting::StoreEnd),
            Some(_) if self.delivered => {
                self.store(&health.stepped(self.not_before.unwrap_or(now)), Waiting::StoreStepped)
            }
            Some(_) => {
                self.waiting = Waiting::List;
                Step::List
            }
        }
    }

    /// The next event of the list; behind the last one, the state is read again, since deliveries may change it.
    fn deliver(&mut self) -> Step {
        if let Some(event) = self.queue.pop() {
            self.waiting = Waiting::Deliver;
            return Step::Deliver(event);
        }
        self.delivered = true;
        Step::Look
    }

    fn claim(&mut self, health: &Health, now: Timestamp) -> Step {
        self.claimed = true;
        self.store(&health.claimed(&self.holder, now), Waiting::StoreAndLook)
    }

    fn store(&mut self, health: &Health, waiting: Waiting) -> Step {
        self.waiting = waiting;
        Step::Store(health.next_version())
    }

    fn send_token(&mut self, run: u64, step: u64, at: Option<Timestamp>) -> Step {
        self.waiting = Waiting::NextToken;
        Step::SendToken { run, step, at }
    }
}

#[cfg(test)]
mod tests;
