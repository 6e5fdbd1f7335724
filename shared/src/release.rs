//! The release of an endpoint's held events, as a machine without I/O.
//!
//! A token carries it on: each takes the next few held events in the order in which they happened, sends them one after
//! the other, and sends the next token. So there is one event of it in flight at a time, order is kept, and the
//! receiver is not flooded. Nothing is taken out of the ledger beforehand: an event stays held until it has been
//! attempted, so a release that is killed half-way goes on where it was, and one whose endpoint fails again has
//! nothing to put back.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::EventId;
use crate::flow::{Done, End};
use crate::health::{EndpointId, Health, Notice, State};

/// A token begins no further delivery after this long and leaves the rest to the next token: with the longest attempt it
/// still ends within the function's minute, however slow the receiver is.
const BEGINS_WITHIN: Duration = Duration::from_secs(5);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the settings.
    Look,
    /// Store this state, if the version before it is the stored one.
    Store(Health),
    /// Tell the operator.
    Announce(Notice),
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
    /// Listed and not yet delivered, the next one last.
    queue: Vec<EventId>,
    delivered: bool,
    /// When the list came.
    listed_at: Option<Timestamp>,
    waiting: Waiting,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Waiting {
    Look,
    StoreNowhere,
    StoreMove,
    Notice(Health),
    Token(Health),
    StoreFlushed,
    List(Health),
    Deliver,
    StoreStepped,
    NextToken,
    StoreDone,
}

impl ReleaseStep {
    /// A machine for a token, and its first step.
    #[must_use]
    pub fn start(run: u64, step: u64) -> (Self, Step) {
        (Self { run, step, queue: Vec::new(), delivered: false, listed_at: None, waiting: Waiting::Look }, Step::Look)
    }

    /// Takes the reply to the last step and gives the next one.
    pub fn next(&mut self, reply: Reply, now: Timestamp) -> Step {
        match std::mem::replace(&mut self.waiting, Waiting::Look) {
            Waiting::Look => self.looked(reply, now),
            Waiting::StoreMove | Waiting::StoreFlushed => match reply {
                Reply::Done => Step::Look,
                _ => again_unless_unavailable(&reply),
            },
            Waiting::Token(health) => match reply {
                Reply::Done => self.flush(health),
                _ => Step::Finish(Token::Return),
            },
            Waiting::Notice(mut health) => match reply {
                Reply::Done => {
                    health.outbox.notice = None;
                    self.flush(health)
                }
                _ => Step::Finish(Token::Return),
            },
            Waiting::List(health) => match reply {
                Reply::Listed(events) if events.is_empty() => self.store(&health.release_done(), Waiting::StoreDone),
                Reply::Listed(mut events) => {
                    events.reverse();
                    self.queue = events;
                    self.listed_at = Some(now);
                    self.deliver(now)
                }
                _ => Step::Finish(Token::Return),
            },
            Waiting::Deliver => match reply {
                Reply::Ended(End::Acknowledge(Done::Held)) => {
                    // The endpoint fails again; what is left stays held.
                    self.queue.clear();
                    self.deliver(now)
                }
                Reply::Ended(End::Acknowledge(_)) => self.deliver(now),
                _ => Step::Finish(Token::Return),
            },
            Waiting::StoreStepped => match reply {
                Reply::Done => self.next_token(),
                _ => again_unless_unavailable(&reply),
            },
            Waiting::NextToken => match reply {
                Reply::Done => Step::Finish(Token::Acknowledge),
                _ => Step::Finish(Token::Return),
            },
            Waiting::StoreNowhere | Waiting::StoreDone => match reply {
                Reply::Done => Step::Finish(Token::Acknowledge),
                _ => again_unless_unavailable(&reply),
            },
        }
    }

    fn looked(&mut self, reply: Reply, now: Timestamp) -> Step {
        let Reply::Looked { health: stored, endpoint } = reply else {
            return Step::Finish(Token::Return);
        };
        let Some(endpoint) = endpoint else {
            return match &stored.release {
                Some(release) if release.run == self.run => self.store(&stored.nowhere(now), Waiting::StoreNowhere),
                _ => Step::Finish(Token::Acknowledge),
            };
        };
        let health = stored.at(&endpoint);
        if health.outbox != stored.outbox {
            return self.store(&health, Waiting::StoreMove);
        }
        match &health.release {
            // Of another release, which has none yet.
            Some(release) if release.run != self.run && health.outbox.token => {
                let step = Step::SendToken { run: release.run, step: release.step };
                self.waiting = Waiting::Token(health);
                step
            }
            Some(release) if release.run == self.run && matches!(health.state, State::Active { .. }) => {
                match release.step {
                    step if step == self.step + 1 => self.next_token(),
                    step if step != self.step => Step::Finish(Token::Acknowledge),
                    _ if !health.outbox.is_empty() => self.flush(health),
                    _ if self.delivered => self.store(&health.stepped(), Waiting::StoreStepped),
                    _ => {
                        self.waiting = Waiting::List(health);
                        Step::List
                    }
                }
            }
            _ => Step::Finish(Token::Acknowledge),
        }
    }

    /// The next event of the list; behind the last one, the state is read again, since deliveries may change it.
    fn deliver(&mut self, now: Timestamp) -> Step {
        if self.listed_at.is_some_and(|listed_at| now >= listed_at + BEGINS_WITHIN) {
            self.queue.clear();
        }
        if let Some(event) = self.queue.pop() {
            self.waiting = Waiting::Deliver;
            return Step::Deliver(event);
        }
        self.delivered = true;
        Step::Look
    }

    /// The release has its token: this one, or one that has just been sent.
    fn flush(&mut self, health: Health) -> Step {
        if let Some(notice) = health.outbox.notice.clone() {
            self.waiting = Waiting::Notice(health);
            return Step::Announce(notice);
        }
        self.waiting = Waiting::StoreFlushed;
        Step::Store(health.flushed().next_version())
    }

    fn store(&mut self, health: &Health, waiting: Waiting) -> Step {
        self.waiting = waiting;
        Step::Store(health.next_version())
    }

    fn next_token(&mut self) -> Step {
        self.waiting = Waiting::NextToken;
        Step::SendToken { run: self.run, step: self.step + 1 }
    }
}

fn again_unless_unavailable(reply: &Reply) -> Step {
    match reply {
        Reply::Conflict => Step::Look,
        _ => Step::Finish(Token::Return),
    }
}

#[cfg(test)]
mod tests;
