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

use jiff::Timestamp;

use crate::event::EventId;
use crate::flow::{Done, End};
use crate::health::{EndpointId, Health};

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
    },
    /// List the first few held events, in the order in which they happened; all that was held before now counts.
    List,
    /// Let this event go its way, as [`crate::flow::Vehicle::Release`].
    Deliver(EventId),
    /// The token is acknowledged, or comes back.
    Finish(Token),
}

/// What becomes of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// It is deleted.
    Acknowledge,
    /// A fault of ours: it comes back by itself.
    Return,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "there is one of it at a time, for a moment")]
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
    Ended(End),
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
    /// Listed and not yet delivered, the next one last.
    queue: Vec<EventId>,
    /// Whether the list has been worked off.
    delivered: bool,
    /// Whether there was nothing in it.
    empty: bool,
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
        let (holder, queue) = (holder.to_owned(), Vec::new());
        (Self { run, step, holder, queue, delivered: false, empty: false, waiting: Waiting::Look }, Step::Look)
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
            (Waiting::StoreStepped, Reply::Done) => self.send_token(self.run, self.step + 1),
            (Waiting::List, Reply::Listed(events)) => {
                self.empty = events.is_empty();
                self.queue = events;
                self.queue.reverse();
                self.deliver()
            }
            (Waiting::Deliver, Reply::Ended(End::Acknowledge(Done::Held))) => {
                // The endpoint fails again, or there is no time left; what remains stays held.
                self.queue.clear();
                self.deliver()
            }
            (Waiting::Deliver, Reply::Ended(End::Acknowledge(_))) => self.deliver(),
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
            return if unsent { self.send_token(release.run, release.step) } else { Step::Finish(Token::Acknowledge) };
        }
        match &release.holder {
            None => self.claim(&health, now),
            // The holder comes back late, and nobody is to take it for lost; or it is lost, and this one takes its place.
            Some(_) if health.is_stale(now) => self.claim(&health, now),
            Some(holder) if *holder != self.holder => Step::Finish(Token::Acknowledge),
            Some(_) if self.delivered && self.empty => self.store(&health.release_done(), Waiting::StoreEnd),
            Some(_) if self.delivered => self.store(&health.stepped(now), Waiting::StoreStepped),
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
        self.store(&health.claimed(&self.holder, now), Waiting::StoreAndLook)
    }

    fn store(&mut self, health: &Health, waiting: Waiting) -> Step {
        self.waiting = waiting;
        Step::Store(health.next_version())
    }

    fn send_token(&mut self, run: u64, step: u64) -> Step {
        self.waiting = Waiting::NextToken;
        Step::SendToken { run, step }
    }
}

#[cfg(test)]
mod tests;
