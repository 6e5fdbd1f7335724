//! One event's way: it is admitted, attempted, and what the attempt came to is settled with the endpoint's state and
//! recorded in the ledger.
//!
//! The order of the steps is what makes a crash between any two of them harmless. Production, the model checker and the
//! simulation run this very code; they differ in what stands behind [`DeliveryIo`].
//!
//! - A change of the endpoint's state is stored before anything is done about it. What must follow stands in the state, so
//!   that `sweep` can do what whoever stored the change could not.
//! - A message is acknowledged last.
//! - `?` on [`Unavailable`] ends the way: the message comes back by its schedule, and nothing is lost by it.

mod io;

pub use io::{
    AckReason, DeliveryIo, Ended, MessageAction, NextStatus, Posted, Record, Recorded, ReplayGoesOn, Snapshot, Stored,
    Trigger, Unavailable,
};

use std::time::Duration;

use crate::endpoint::{ATTEMPTS_IN_A_REPLAY, Admission, Attempted, EndpointId, Health, State, follow};
use crate::event::EventId;

/// An event's new message comes when whoever sent it has ended for certain, function timeout included: what it records of
/// the event must not come after, and undo, what its successor records.
const SENDER_HAS_ENDED_AFTER: Duration = Duration::from_mins(1);

/// How often a state is changed anew because somebody else was faster. More than that many at once there are not.
pub(crate) const TRIES: usize = 30;

/// Takes an event its way. One that the ledger cannot hold gets the status `instead_of_holding`.
pub async fn deliver<I: DeliveryIo>(
    io: &I,
    event: &EventId,
    trigger: Trigger,
    instead_of_holding: Option<NextStatus>,
) -> Ended {
    let place = if matches!(trigger, Trigger::Replay { .. }) { Place::Held } else { Place::InMessage };
    let way = Way { io, event, trigger, instead_of_holding, place };
    way.go().await.unwrap_or(Ended::with(MessageAction::ReturnAfterFault))
}

/// An event on its way.
struct Way<'a, I> {
    io: &'a I,
    event: &'a EventId,
    trigger: Trigger,
    instead_of_holding: Option<NextStatus>,
    place: Place,
}

/// Who brings the event again, should it not arrive now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The message that brought it.
    InMessage,
    /// A replay, since the ledger says that it is held. The message that brought it may have been deleted for that: the
    /// queue now and then gives one message to two.
    Held,
    /// A message of its own.
    SentAgain,
}

/// A change of the endpoint's state that has been stored, and that something follows.
struct Changed {
    before: Health,
    after: Health,
}

/// Whether an event is attempted.
enum Admitted {
    /// It is, at this endpoint, of which this is known.
    Goes(EndpointId, Box<Health>),
    /// It is not, and this is the end.
    Ends(MessageAction),
    /// It is not, and the ledger is to say this.
    Stays(NextStatus),
}

impl<I: DeliveryIo> Way<'_, I> {
    async fn go(mut self) -> Result<Ended, Unavailable> {
        let (endpoint, health) = match self.admit().await? {
            Admitted::Goes(endpoint, health) => (endpoint, *health),
            Admitted::Ends(action) => return Ok(Ended::with(action)),
            Admitted::Stays(status) => return self.record(status).await.map(Ended::with),
        };
        match self.io.post().await? {
            Posted::NoTime => Ok(Ended::with(MessageAction::ReturnUnattempted)),
            Posted::Made { attempted, not_before, is_rate_limit } => {
                let (status, change) = if is_rate_limit && self.is_replayed() {
                    (self.rest(attempted).await?, None)
                } else {
                    self.settle(endpoint, health, attempted).await?
                };
                let action = self.record(status).await;
                // Afterwards: a replay that begins must not list an event which has just arrived.
                self.follow(change).await;
                let action = action?;
                let replay = match (attempted, status) {
                    (Attempted::Failed { next: Some(next), .. }, NextStatus::Held) => ReplayGoesOn::WithTheSame(next),
                    _ => not_before.map_or(ReplayGoesOn::AtOnce, ReplayGoesOn::At),
                };
                Ok(Ended { action, replay })
            }
        }
    }

    /// A receiver that only takes no more at once is not failing, and nothing of its state changes; but an event that finds
    /// it so each time must not hold up a replay for ever.
    async fn rest(&mut self, attempted: Attempted) -> Result<NextStatus, Unavailable> {
        let status = self.status(false, false, attempted);
        self.give_own_message(status).await?;
        Ok(status)
    }

    /// Whether the event is attempted now.
    async fn admit(&mut self) -> Result<Admitted, Unavailable> {
        for _ in 0..TRIES {
            let seen = self.io.read().await?;
            if seen.record == Record::Held && self.place == Place::InMessage {
                self.place = Place::Held;
            }
            let Some(endpoint) = seen.endpoint.clone() else {
                match self.without_url(&seen).await? {
                    Some(admitted) => return Ok(admitted),
                    None => continue,
                }
            };
            let now = self.io.now();
            let health = seen.health.at(&endpoint, now);
            if !health.says_the_same_as(&seen.health) {
                self.change(&seen.health, &health).await?;
                continue;
            }
            if seen.record == Record::Delivered {
                if health.is_probe(self.event) {
                    // Its success was recorded, but not yet stored.
                    let (_, change) = self.settle(endpoint, health, Attempted::Succeeded).await?;
                    self.follow(change).await;
                }
                return Ok(Admitted::Ends(MessageAction::Acknowledge(AckReason::Duplicate)));
            }
            if !self.is_of_this_replay(&health) {
                return Ok(Admitted::Ends(MessageAction::Acknowledge(AckReason::Held)));
            }
            match health.admit(self.event, now) {
                // A replay and a probe are one at a time anyway.
                Admission::Attempt if seen.is_at_capacity && !self.is_replayed() => {
                    return Ok(Admitted::Ends(MessageAction::ReturnUnattempted));
                }
                Admission::Attempt => return Ok(Admitted::Goes(endpoint, Box::new(health))),
                // The replay is over; what is left in its list stays held.
                _ if self.is_replayed() => return Ok(Admitted::Ends(MessageAction::Acknowledge(AckReason::Held))),
                // Another message of the probe has it, or it comes early, as after a crash.
                Admission::Wait(_) if self.trigger == Trigger::Restart => {
                    return Ok(Admitted::Ends(MessageAction::Acknowledge(AckReason::SentAgain)));
                }
                Admission::Wait(due) => return Ok(Admitted::Ends(MessageAction::ReturnAt(due))),
                Admission::Hold => return Ok(Admitted::Stays(self.instead_of_holding.unwrap_or(NextStatus::Held))),
                Admission::Claim(claimed) => {
                    let claimed = claimed.next_version();
                    // What an attempt came to could not be stored either if this cannot: none is made then.
                    if self.io.store(&claimed).await? == Stored::Done {
                        return Ok(Admitted::Goes(endpoint, Box::new(claimed)));
                    }
                }
            }
        }
        Err(Unavailable)
    }

    /// There is no URL. What never was attempted is for nobody; but an owner who takes the URL away and sets another must
    /// not lose what was still being tried: it waits for the next one, whichever it is. None: somebody else was faster.
    async fn without_url(&self, seen: &Snapshot) -> Result<Option<Admitted>, Unavailable> {
        if seen.record != Record::Retrying {
            return Ok(Some(Admitted::Ends(MessageAction::Acknowledge(AckReason::NotConfigured))));
        }
        if let Some(status) = self.instead_of_holding {
            return Ok(Some(Admitted::Stays(status)));
        }
        if !matches!(seen.health.state, State::Paused { .. }) {
            let waits = seen.health.without_url(self.io.now()).next_version();
            if self.io.store(&waits).await? == Stored::Conflict {
                return Ok(None);
            }
        }
        Ok(Some(Admitted::Stays(NextStatus::Held)))
    }

    /// Stores a state that another URL has brought about, and does what follows.
    async fn change(&self, before: &Health, health: &Health) -> Result<(), Unavailable> {
        let health = health.next_version();
        if self.io.store(&health).await? == Stored::Done {
            follow(self.io, before, &health).await;
        }
        Ok(())
    }

    /// Stores what an attempt makes of the endpoint's state, and tells what becomes of the event and what has changed.
    async fn settle(
        &mut self,
        endpoint: EndpointId,
        mut before: Health,
        attempted: Attempted,
    ) -> Result<(NextStatus, Option<Changed>), Unavailable> {
        for _ in 0..TRIES {
            let settled = before.settle(self.event, attempted, self.io.now());
            let status = self.status(settled.is_held, settled.health.is_probe(self.event), attempted);
            // Before anything is stored: should the event be the probe, it must be able to try.
            self.give_own_message(status).await?;
            if settled.health == before {
                return Ok((status, None));
            }
            let health = settled.health.next_version();
            match self.io.store(&health).await {
                Ok(Stored::Done) => return Ok((status, Some(Changed { before, after: health }))),
                // What the attempt came to is recorded all the same. A probe that is not heard of is restarted.
                Err(Unavailable) => return Ok((self.own_status(attempted), None)),
                Ok(Stored::Conflict) => {}
            }
            match self.io.read().await {
                // It was stored, and the answer to that was lost. Where nothing follows, another may have meant the same: two
                // that count a failure at once are two failures.
                Ok(seen) if seen.health == health && has_followers(&before, &health) => {
                    return Ok((status, Some(Changed { before, after: health })));
                }
                Ok(seen) if seen.endpoint.as_ref() == Some(&endpoint) => {
                    before = seen.health.at(&endpoint, self.io.now());
                }
                // What happened there says nothing about where events go now.
                _ => break,
            }
        }
        Ok((self.own_status(attempted), None))
    }

    async fn follow(&self, change: Option<Changed>) {
        if let Some(Changed { before, after }) = change {
            follow(self.io, &before, &after).await;
        }
    }

    /// An event that has no message of its own needs one before it goes on by its own schedule.
    async fn give_own_message(&mut self, status: NextStatus) -> Result<(), Unavailable> {
        if let (Place::Held, NextStatus::Retrying(at)) = (self.place, status) {
            self.io.send_again(at).await?;
            self.place = Place::SentAgain;
        }
        Ok(())
    }

    /// What becomes of the event after an attempt.
    fn status(&self, is_held: bool, is_probe: bool, attempted: Attempted) -> NextStatus {
        let Attempted::Failed { next, .. } = attempted else { return NextStatus::Delivered };
        if is_held && self.instead_of_holding.is_none() {
            return NextStatus::Held;
        }
        if self.place != Place::Held {
            return self.own_status(attempted);
        }
        match (self.trigger, next) {
            (Trigger::Replay { failures, .. }, Some(_)) if failures + 1 < ATTEMPTS_IN_A_REPLAY && !is_probe => {
                NextStatus::Held
            }
            _ => {
                let now = self.io.now();
                NextStatus::Retrying(next.unwrap_or(now).max(now + SENDER_HAS_ENDED_AFTER))
            }
        }
    }

    /// What becomes of an event by its own schedule, whatever the endpoint's state. What is held and has no message of its
    /// own stays held.
    fn own_status(&self, attempted: Attempted) -> NextStatus {
        match attempted {
            Attempted::Succeeded => NextStatus::Delivered,
            Attempted::Failed { .. } if self.place == Place::Held => NextStatus::Held,
            Attempted::Failed { next: Some(at), .. } => NextStatus::Retrying(at),
            Attempted::Failed { next: None, .. } => NextStatus::Failed,
        }
    }

    async fn record(&self, status: NextStatus) -> Result<MessageAction, Unavailable> {
        let recorded = self.io.record(status, self.place != Place::InMessage).await;
        Ok(match (status, recorded) {
            (_, Ok(Recorded::AlreadyDelivered)) => MessageAction::Acknowledge(AckReason::Duplicate),
            // Of the two that have this message, the one that has held the event may have deleted it.
            (_, Ok(Recorded::AlreadyHeld)) | (NextStatus::Held, Ok(Recorded::Done)) => {
                MessageAction::Acknowledge(AckReason::Held)
            }
            // What could not be recorded still stands in the replay's list, which would bring it again at once.
            (_, Err(Unavailable)) if self.is_replayed() => return Err(Unavailable),
            // The receiver has it, whatever the ledger says.
            (NextStatus::Delivered, _) => MessageAction::Acknowledge(AckReason::Delivered),
            (NextStatus::Held, Err(Unavailable)) => return Err(Unavailable),
            _ if self.place == Place::SentAgain => MessageAction::Acknowledge(AckReason::SentAgain),
            (NextStatus::Retrying(at), _) => MessageAction::ReturnAt(at),
            (NextStatus::Failed, _) => MessageAction::ReturnSpent,
        })
    }

    /// Whether the replay that brings the event is the one that is under way; true of what no replay brings.
    fn is_of_this_replay(&self, health: &Health) -> bool {
        match self.trigger {
            Trigger::Replay { replay, step, .. } => {
                health.replay.as_ref().is_some_and(|known| (known.id, known.step) == (replay, step))
            }
            _ => true,
        }
    }

    fn is_replayed(&self) -> bool {
        matches!(self.trigger, Trigger::Replay { .. })
    }
}

/// Whether something is to be done about a change: a replay begins, or there is a notice.
fn has_followers(before: &Health, after: &Health) -> bool {
    before.replay != after.replay || before.notices != after.notices
}

impl Ended {
    fn with(action: MessageAction) -> Self {
        Self { action, replay: ReplayGoesOn::AtOnce }
    }
}
