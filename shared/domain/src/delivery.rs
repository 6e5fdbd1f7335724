//! One event's way through endpoint health, ledger and queue, as a machine without I/O.
//!
//! The machine says which step is next ([`Step`]) and is told what came of it ([`Reply`]); whoever drives it does the
//! reading, writing and sending. The order of the steps is what makes a crash between any two of them harmless, so the
//! function, the model checker and the simulation all drive this one machine:
//!
//! - a change of health is stored before anything is done about it, and stands in its outbox until that is done;
//! - a message is acknowledged last;
//! - an event that is held is looked at once more after it has been recorded: should the endpoint have recovered in
//!   between, the release may have listed the held ones too early, and the event goes on by itself.

use std::time::Duration;

use jiff::Timestamp;

use crate::endpoint::{Admission, Attempted, EndpointId, Fate, Health, Notice, State};
use crate::event::EventId;
use crate::outcome::Cause;

/// An event's new message comes when whoever sent it has ended for certain, function timeout included: what it records of
/// the event must not come after, and undo, what its successor records.
const OUTLIVES: Duration = Duration::from_mins(1);

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the settings and the event's ledger record.
    Look,
    /// Store this state, if the version before it is the stored one.
    Store(Health),
    /// Send the token that carries a release on.
    SendToken {
        /// The release.
        run: u64,
        /// Its step.
        step: u64,
    },
    /// Tell the operator.
    Announce(Notice),
    /// Attempt the delivery.
    Post,
    /// Give the event a message of its own, that arrives at this time.
    SendAgain(Timestamp),
    /// Write the ledger record, unless it says delivered.
    Record(Fate),
    /// It is over.
    Finish(End),
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
        /// Whether the ledger says that the event has arrived; of a resend: since the owner asked for it.
        delivered: bool,
        /// Whether it says that the event is held.
        held: bool,
        /// Whether it says that the event is tried again.
        retrying: bool,
        /// Whether as many attempts as may be under way at once are waiting for the endpoint's answer.
        crowded: bool,
    },
    /// It is done.
    Done,
    /// Of [`Step::Store`]: another version is stored.
    Conflict,
    /// Of [`Step::Record`]: the ledger says that the event has arrived.
    AlreadyDelivered,
    /// Of [`Step::Post`].
    Posted(Attempted),
    /// Of [`Step::Post`]: the invocation would end before the attempt does, so that none was made.
    NoTime,
    /// Of any step: a fault of ours kept it from being done, or from being known to be done.
    Unavailable,
}

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It is deleted.
    Acknowledge(Done),
    /// It comes back at this time, by the event's schedule.
    ReturnAt(Timestamp),
    /// It comes back at once, since the state has just changed.
    ReturnNow,
    /// It comes back soon, without having been attempted: too many attempts are waiting for the endpoint's answer, or the
    /// invocation has no time left for one.
    Crowded,
    /// It comes back by its schedule, without having been attempted: a fault of ours.
    Fault,
    /// The event has arrived, or is held, but what it changed is still to be stored or told: it comes back soon, whatever
    /// its schedule says.
    Unfinished,
    /// It comes back at once, only to be moved to the dead-letter queue.
    ReturnSpent,
}

/// Why a message is not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Done {
    /// The event has arrived.
    Delivered,
    /// It had arrived before.
    Duplicate,
    /// It waits in the ledger.
    Held,
    /// It has a message of its own.
    SentAgain,
    /// The business has no URL.
    NotConfigured,
}

/// What brings the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vehicle {
    /// A message of its own, which comes back unless it is acknowledged.
    Message,
    /// The same, at the wish of the owner: it is sent although it has arrived before.
    Resend,
    /// A release, in whose list of held events it stands. The record says held already.
    Release,
}

/// One event on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    event: EventId,
    vehicle: Vehicle,
    /// What a body too large for the ledger does where others are held: it is tried again by its schedule.
    instead_of_holding: Option<Fate>,
    place: Place,
    /// Where the attempt went.
    endpoint: Option<EndpointId>,
    /// An outbox was found, and emptying it was tried.
    flush_tried: bool,
    /// What this event changed could not be stored or told: the message has to come back for it.
    unfinished: bool,
    waiting: Waiting,
}

/// What brings the event again, should it not arrive now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// The message that brought it.
    Message,
    /// A release, since the ledger says that it is held. The message that brought it may have been deleted for that:
    /// the queue now and then gives one message to two.
    Held,
    /// A message of its own.
    SentAgain,
}

/// Which step's reply is awaited, and what is needed then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Waiting {
    LookToAdmit,
    /// What was to be stored was not, for something else was; or it was, and the answer to it was lost.
    LookToSettle {
        attempted: Attempted,
        meant: Box<Health>,
        fate: Fate,
    },
    LookAgain,
    StoreMove(Health),
    StoreNowhere,
    StoreClaim(Health),
    Post(Health),
    SendAgain(Health, Attempted),
    StoreSettled {
        health: Health,
        before: Box<Health>,
        attempted: Attempted,
        fate: Fate,
    },
    Token(Health, Then),
    Notice(Health, Then),
    StoreFlushed(Then),
    Record(Fate),
}

/// What follows when an outbox is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Then {
    Admit,
    Record(Fate),
}

impl Flow {
    /// A machine and its first step. An event that the ledger cannot hold ends `instead_of_holding`.
    #[must_use]
    pub fn start(event: EventId, vehicle: Vehicle, instead_of_holding: Option<Fate>) -> (Self, Step) {
        let waiting = Waiting::LookToAdmit;
        let flow = Self {
            event,
            vehicle,
            instead_of_holding,
            place: if vehicle == Vehicle::Release { Place::Held } else { Place::Message },
            endpoint: None,
            flush_tried: false,
            unfinished: false,
            waiting,
        };
        (flow, Step::Look)
    }

    /// Takes the reply to the last step and gives the next one. A reply that does not belong to the step counts as
    /// [`Reply::Unavailable`].
    pub fn next(&mut self, reply: Reply, now: Timestamp) -> Step {
        match std::mem::replace(&mut self.waiting, Waiting::LookToAdmit) {
            Waiting::LookToAdmit => self.looked(reply, now),
            // Two that count a failure may mean the same; what has to be told is one's own.
            Waiting::LookToSettle { meant, fate, .. } if is_told_by_its_maker(&reply, &meant) => {
                self.flush(*meant, Then::Record(fate))
            }
            Waiting::LookToSettle { attempted, .. } => self.looked_to_settle(reply, attempted, now),
            Waiting::LookAgain => self.looked_again(&reply, now),
            Waiting::StoreMove(health) => match reply {
                Reply::Done => self.flush(health, Then::Admit),
                Reply::Conflict => self.look(Waiting::LookToAdmit),
                _ => self.finish(End::Fault),
            },
            Waiting::StoreNowhere => match reply {
                Reply::Done => self.record(Fate::Hold),
                Reply::Conflict => self.look(Waiting::LookToAdmit),
                _ => self.finish(End::Fault),
            },
            Waiting::StoreClaim(health) => match reply {
                Reply::Done => self.post(health),
                Reply::Conflict => self.look(Waiting::LookToAdmit),
                // Nor could what the attempt came to be stored, and the event would be sent each time that it comes back.
                _ => self.finish(End::Fault),
            },
            Waiting::Post(health) => match reply {
                Reply::Posted(attempted) => self.posted(health, attempted, now),
                // It stays in the release's list, for its next step.
                Reply::NoTime if self.vehicle == Vehicle::Release => self.finish(End::Acknowledge(Done::Held)),
                Reply::NoTime => self.finish(End::Crowded),
                _ => self.finish(End::Fault),
            },
            Waiting::SendAgain(health, attempted) => match reply {
                Reply::Done => {
                    self.place = Place::SentAgain;
                    self.settle(health, attempted, now)
                }
                // It stays in the release's list.
                _ => self.finish(End::Fault),
            },
            Waiting::StoreSettled { health, before, attempted, fate } => match reply {
                Reply::Done if health.outbox == before.outbox => self.flush_found(health, Then::Record(fate), now),
                Reply::Done => self.flush(health, Then::Record(fate)),
                Reply::Conflict => self.look(Waiting::LookToSettle { attempted, meant: Box::new(health), fate }),
                _ => self.not_settled(&before, attempted),
            },
            Waiting::Token(mut health, then) => {
                if reply == Reply::Done {
                    health.outbox.token = false;
                    return self.flush_notice(health, then);
                }
                self.unfinished = true;
                self.then(then)
            }
            Waiting::Notice(health, then) => match reply {
                Reply::Done => self.store_flushed(&health, then),
                _ => self.not_told(then),
            },
            Waiting::StoreFlushed(then) => match reply {
                // Whoever stored another version has found the outbox in it.
                Reply::Done | Reply::Conflict => self.then(then),
                _ => self.not_told(then),
            },
            Waiting::Record(fate) => self.recorded(&reply, fate),
        }
    }

    fn looked(&mut self, reply: Reply, now: Timestamp) -> Step {
        let Reply::Looked { health: stored, endpoint, delivered, held, retrying, crowded } = reply else {
            return self.finish(End::Fault);
        };
        if held && self.place == Place::Message {
            self.place = Place::Held;
        }
        let Some(endpoint) = endpoint else {
            return self.looked_nowhere(&stored, retrying, now);
        };
        let health = stored.at(&endpoint, now).revived(now);
        self.endpoint = Some(endpoint);
        if !health.outbox.is_empty() && !self.flush_tried && !health.is_being_announced(now) {
            self.flush_tried = true;
            return if health.outbox == stored.outbox {
                self.flush(health, Then::Admit)
            } else {
                self.store(&health, Waiting::StoreMove)
            };
        }
        if delivered {
            // A pilot whose success was recorded, but not yet stored.
            return if health.is_pilot(&self.event) {
                self.settle(health, Attempted::Succeeded, now)
            } else {
                self.finish(End::Acknowledge(Done::Duplicate))
            };
        }
        match (health.admit(&self.event, now), self.vehicle) {
            // Where one event is at it at a time, be it a release's or a pilot, it is not kept back by any crowd.
            (Admission::Attempt, Vehicle::Message | Vehicle::Resend) if crowded => self.finish(End::Crowded),
            (Admission::Attempt, _) => self.post(health),
            // The release is over; what is left in its list stays held.
            (_, Vehicle::Release) => self.finish(End::Acknowledge(Done::Held)),
            (Admission::Claim(claimed), _) => self.store(&claimed, Waiting::StoreClaim),
            (Admission::Hold, _) => match self.instead_of_holding {
                None => self.record(Fate::Hold),
                Some(fate) => self.record(fate),
            },
        }
    }

    /// There is no URL. What never was attempted is for nobody; but an owner who takes the URL away and sets another must
    /// not lose what was still being tried: it waits for the next one, whichever it is.
    fn looked_nowhere(&mut self, stored: &Health, retrying: bool, now: Timestamp) -> Step {
        match (self.instead_of_holding, &stored.state) {
            _ if !retrying => self.finish(End::Acknowledge(Done::NotConfigured)),
            (Some(fate), _) => self.record(fate),
            (None, State::Paused { .. }) => self.record(Fate::Hold),
            (None, _) => self.store(&stored.nowhere(now), |_| Waiting::StoreNowhere),
        }
    }

    fn posted(&mut self, health: Health, attempted: Attempted, now: Timestamp) -> Step {
        match attempted {
            Attempted::Failed { cause: Cause::Gone, .. } => self.settle(health, attempted, now),
            // Before anything is stored: should the event become the pilot, it must be able to knock.
            Attempted::Failed { cause, next } if self.place == Place::Held && !self.probes(&health) => {
                let at = next.unwrap_or(now).max(now + OUTLIVES);
                self.waiting = Waiting::SendAgain(health, Attempted::Failed { cause, next: Some(at) });
                Step::SendAgain(at)
            }
            _ => self.settle(health, attempted, now),
        }
    }

    /// Whether the attempt was made beside the pilot's. It is held again: a message of its own would knock every minute.
    fn probes(&self, health: &Health) -> bool {
        matches!(health.state, State::Failing { .. }) && !health.is_pilot(&self.event)
    }

    fn settle(&mut self, before: Health, attempted: Attempted, now: Timestamp) -> Step {
        let (settled, fate) = before.settle(&self.event, attempted, now);
        if settled == before {
            return self.flush_found(settled, Then::Record(self.possible(fate, attempted)), now);
        }
        let fate = self.possible(fate, attempted);
        let health = settled.next_version();
        self.waiting = Waiting::StoreSettled { health: health.clone(), before: Box::new(before), attempted, fate };
        Step::Store(health)
    }

    /// An event that cannot be held is tried again instead, as long as its schedule has it.
    fn possible(&self, fate: Fate, attempted: Attempted) -> Fate {
        match fate {
            Fate::Hold if self.instead_of_holding.is_some() => self.own_fate(attempted),
            fate => fate,
        }
    }

    fn looked_to_settle(&mut self, reply: Reply, attempted: Attempted, now: Timestamp) -> Step {
        match reply {
            Reply::Looked { health, endpoint: Some(endpoint), .. } if self.endpoint.as_ref() == Some(&endpoint) => {
                self.settle(health.at(&endpoint, now), attempted, now)
            }
            // What happened there says nothing about where events go now.
            Reply::Looked { .. } => self.record(self.own_fate(attempted)),
            _ => {
                self.unfinished |= attempted == Attempted::Succeeded;
                self.record(self.own_fate(attempted))
            }
        }
    }

    /// A success that nobody knows of would leave the endpoint failing without a pilot: the message has to come back.
    fn not_settled(&mut self, before: &Health, attempted: Attempted) -> Step {
        if attempted == Attempted::Succeeded && !matches!(before.state, State::Active { .. }) {
            self.unfinished = true;
        }
        self.record(self.own_fate(attempted))
    }

    /// What another has left in the outbox, or is still at.
    fn flush_found(&mut self, health: Health, then: Then, now: Timestamp) -> Step {
        if health.is_being_announced(now) { self.then(then) } else { self.flush(health, then) }
    }

    fn flush(&mut self, health: Health, then: Then) -> Step {
        match &health.release {
            Some(release) if health.outbox.token => {
                let step = Step::SendToken { run: release.run, step: release.step };
                self.waiting = Waiting::Token(health, then);
                step
            }
            _ if health.outbox.is_empty() => self.then(then),
            _ => self.flush_notice(health, then),
        }
    }

    fn flush_notice(&mut self, health: Health, then: Then) -> Step {
        if let Some(notice) = health.outbox.notice.clone() {
            self.waiting = Waiting::Notice(health, then);
            return Step::Announce(notice);
        }
        self.store_flushed(&health, then)
    }

    fn store_flushed(&mut self, health: &Health, then: Then) -> Step {
        self.waiting = Waiting::StoreFlushed(then);
        Step::Store(health.flushed().next_version())
    }

    /// A notice that cannot be given does not hold up those that only find it; who made the change comes back for it.
    fn not_told(&mut self, then: Then) -> Step {
        self.unfinished |= matches!(then, Then::Record(_));
        self.then(then)
    }

    fn then(&mut self, then: Then) -> Step {
        match then {
            Then::Admit => self.look(Waiting::LookToAdmit),
            Then::Record(fate) => self.record(fate),
        }
    }

    fn recorded(&mut self, reply: &Reply, fate: Fate) -> Step {
        match (fate, reply, self.vehicle) {
            // It may have become the pilot, and a pilot that is acknowledged would be lost. Should it not be, and not be
            // a resend, it is acknowledged when it comes back.
            (Fate::Retry(at), Reply::AlreadyDelivered, _) if self.place != Place::SentAgain => {
                self.finish(End::ReturnAt(at))
            }
            (_, Reply::AlreadyDelivered, _) => self.finish(End::Acknowledge(Done::Duplicate)),
            // What could not be recorded still stands in the release's list, which would bring it again at once.
            (_, Reply::Unavailable, Vehicle::Release) => self.finish(End::Fault),
            // The receiver has it, whatever the ledger says.
            (Fate::Delivered, ..) => self.finish(End::Acknowledge(Done::Delivered)),
            (Fate::Hold, Reply::Done, Vehicle::Release) => self.finish(End::Acknowledge(Done::Held)),
            (Fate::Hold, Reply::Done, _) => self.look(Waiting::LookAgain),
            (Fate::Hold, ..) => self.finish(End::Fault),
            _ if self.place == Place::SentAgain => self.finish(End::Acknowledge(Done::SentAgain)),
            (Fate::Retry(at), ..) => self.finish(End::ReturnAt(at)),
            (Fate::Fail, ..) => self.finish(End::ReturnSpent),
        }
    }

    /// What becomes of an event by its own schedule, whatever its endpoint's health. What is held and has no message of
    /// its own stays held.
    fn own_fate(&self, attempted: Attempted) -> Fate {
        match attempted {
            Attempted::Succeeded => Fate::Delivered,
            Attempted::Failed { .. } if self.place == Place::Held => Fate::Hold,
            Attempted::Failed { next: Some(at), .. } => Fate::Retry(at),
            Attempted::Failed { next: None, .. } => Fate::Fail,
        }
    }

    fn looked_again(&mut self, reply: &Reply, now: Timestamp) -> Step {
        match reply {
            Reply::Looked { endpoint: None, .. } => self.finish(End::Acknowledge(Done::Held)),
            Reply::Looked { health, endpoint: Some(endpoint), .. }
                if !matches!(health.at(endpoint, now).state, State::Active { .. }) =>
            {
                self.finish(End::Acknowledge(Done::Held))
            }
            _ => self.finish(End::ReturnNow),
        }
    }

    fn look(&mut self, waiting: Waiting) -> Step {
        self.waiting = waiting;
        Step::Look
    }

    fn store(&mut self, health: &Health, waiting: impl FnOnce(Health) -> Waiting) -> Step {
        let health = health.next_version();
        self.waiting = waiting(health.clone());
        Step::Store(health)
    }

    fn post(&mut self, health: Health) -> Step {
        self.waiting = Waiting::Post(health);
        Step::Post
    }

    fn record(&mut self, fate: Fate) -> Step {
        self.waiting = Waiting::Record(fate);
        Step::Record(fate)
    }

    fn finish(&self, end: End) -> Step {
        match end {
            End::Acknowledge(_) if self.unfinished => Step::Finish(End::Unfinished),
            end => Step::Finish(end),
        }
    }
}

/// Whether what was meant is stored after all, with something in it that is to be done.
fn is_told_by_its_maker(reply: &Reply, meant: &Health) -> bool {
    !meant.outbox.is_empty() && matches!(reply, Reply::Looked { health, .. } if health == meant)
}

#[cfg(test)]
mod tests;
