//! One delivery: the event is admitted and attempted; then the attempt's result changes the endpoint's state and is
//! recorded in the ledger.
//!
//! The order of the steps makes a crash between any two of them harmless. Production, the model checker and the
//! simulation run this very code; they differ in their implementation of [`DeliveryIo`].
//!
//! - A change of the endpoint's state is stored before its effects are done. The state itself names the effects, so
//!   that `sweep` can do those that failed.
//! - A message is acknowledged last.
//! - `?` on [`Unavailable`] ends the delivery: the message comes back by its schedule, and nothing is lost.

mod io;

pub use io::{
    AckReason, DeliveryIo, Ended, LedgerStatus, MessageAction, NextStatus, Posted, Recorded, ReplayGoesOn,
    ReplaySource, Snapshot, Stored, Trigger, Unavailable,
};

use std::time::Duration;

use crate::endpoint::{ATTEMPTS_IN_A_REPLAY, Admission, Attempted, EndpointId, Health, State, follow};
use crate::event::EventId;

/// The least delay of an event's new message, which is the function's timeout. The invocation that sends the message
/// has then ended for certain, so its write of the event's record cannot come after, and undo, the write of the new
/// message's delivery.
const SENDER_HAS_ENDED_AFTER: Duration = Duration::from_mins(1);

/// How often a change of a state is tried, if another change comes first each time. There are never so many changes at
/// once.
pub(crate) const TRIES: usize = 30;

/// Delivers an event. If the event would be held but its body does not fit the ledger, it gets the status
/// `instead_of_holding`; None: the body fits.
pub async fn deliver<I: DeliveryIo>(
    io: &I,
    event: &EventId,
    trigger: Trigger,
    instead_of_holding: Option<NextStatus>,
) -> Ended {
    let brought_back_by = match trigger {
        Trigger::Replay { source: ReplaySource::Held, .. } => BroughtBackBy::Replay,
        Trigger::Replay { source: ReplaySource::Range { .. }, .. } => BroughtBackBy::Range,
        Trigger::Message | Trigger::Resend | Trigger::Restart => BroughtBackBy::Message,
    };
    let delivery = Delivery { io, event, trigger, instead_of_holding, brought_back_by, had_arrived: false };
    delivery.run().await.unwrap_or(Ended::with(MessageAction::ReturnAfterFault))
}

/// A delivery under way.
struct Delivery<'a, I> {
    io: &'a I,
    event: &'a EventId,
    trigger: Trigger,
    instead_of_holding: Option<NextStatus>,
    brought_back_by: BroughtBackBy,
    /// Whether the event had arrived before it was sent again.
    had_arrived: bool,
}

/// The message or replay that brings the event again if the event does not arrive now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BroughtBackBy {
    /// The message that brought the event.
    Message,
    /// A replay, since the ledger says that the event is held. The message that brought the event may be deleted
    /// already: the queue now and then hands one message out twice, and the other copy may have held the event.
    Replay,
    /// A replay of a range, which has the event in its list, whatever the ledger says.
    Range,
    /// A new message, which this delivery has sent.
    NewMessage,
}

/// A stored change of the endpoint's state, whose effects are still to be done.
struct StoredChange {
    before: Health,
    after: Health,
}

/// The decision whether an event is attempted now.
enum Admitted {
    /// The event is attempted at this endpoint, which has this state.
    Attempt(EndpointId, Box<Health>),
    /// The event is not attempted, and the delivery ends with this action.
    End(MessageAction),
    /// The event is not attempted, and gets this status in the ledger.
    Record(NextStatus),
}

impl<I: DeliveryIo> Delivery<'_, I> {
    async fn run(mut self) -> Result<Ended, Unavailable> {
        let (endpoint, health) = match self.admit().await? {
            Admitted::Attempt(endpoint, health) => (endpoint, *health),
            Admitted::End(action) => return Ok(Ended::with(action)),
            Admitted::Record(status) => return self.record(status).await.map(Ended::with),
        };
        match self.io.post().await? {
            Posted::NoTime => Ok(Ended::with(MessageAction::ReturnUnattempted)),
            Posted::Made { attempted, not_before, is_rate_limit } => {
                let (status, change) = if is_rate_limit && self.is_replayed() {
                    (self.settle_rate_limit(attempted).await?, None)
                } else {
                    self.settle(endpoint, health, attempted).await?
                };
                let action = self.record(status).await;
                // The effects come after the record: a replay that begins must not list an event which has just
                // arrived.
                self.follow(change).await;
                let action = action?;
                let replay = match (attempted, status) {
                    (Attempted::Failed { next: Some(next), .. }, NextStatus::Held | NextStatus::Unchanged) => {
                        ReplayGoesOn::WithTheSame(next)
                    }
                    _ => not_before.map_or(ReplayGoesOn::AtOnce, ReplayGoesOn::At),
                };
                Ok(Ended { action, replay })
            }
        }
    }

    /// Settles an attempt in a replay that the receiver has answered with 429 and Retry-After. Such a receiver only
    /// limits its rate and is not failing, so the endpoint's state does not change. The attempt counts for the event
    /// all the same: an event that meets the limit each time must not hold up a replay for ever.
    async fn settle_rate_limit(&mut self, attempted: Attempted) -> Result<NextStatus, Unavailable> {
        let status = self.status(false, false, attempted);
        self.give_own_message(status).await?;
        Ok(status)
    }

    /// Decides whether the event is attempted now.
    async fn admit(&mut self) -> Result<Admitted, Unavailable> {
        for _ in 0..TRIES {
            let seen = self.io.read().await?;
            if seen.ledger_status == LedgerStatus::Held && self.brought_back_by == BroughtBackBy::Message {
                self.brought_back_by = BroughtBackBy::Replay;
            }
            self.had_arrived = seen.ledger_status == LedgerStatus::DeliveredBefore;
            let Some(endpoint) = seen.endpoint.clone() else {
                match self.without_url(&seen).await? {
                    Some(admitted) => return Ok(admitted),
                    None => continue,
                }
            };
            let now = self.io.now();
            let health = seen.health.for_endpoint(&endpoint, now);
            if !health.says_the_same_as(&seen.health) {
                self.store_and_follow(&seen.health, &health).await?;
                continue;
            }
            if seen.ledger_status == LedgerStatus::Delivered {
                if health.is_probe(self.event) {
                    // The probe's success was recorded in the ledger, but not yet stored in the endpoint's state.
                    let (_, change) = self.settle(endpoint, health, Attempted::Succeeded).await?;
                    self.follow(change).await;
                }
                return Ok(Admitted::End(MessageAction::Acknowledge(AckReason::Duplicate)));
            }
            if !self.is_of_this_replay(&health) {
                return Ok(Admitted::End(MessageAction::Acknowledge(AckReason::Held)));
            }
            if self.brought_back_by == BroughtBackBy::Range
                && matches!(seen.ledger_status, LedgerStatus::Held | LedgerStatus::Retrying)
            {
                // Since it was listed, the event has got a place among the held ones, or a message.
                return Ok(Admitted::End(MessageAction::Acknowledge(AckReason::Duplicate)));
            }
            match health.admit(self.event, now) {
                // The bound does not apply to a replay, which makes one attempt at a time anyway. Nor does it to a
                // probe and an early attempt, which claim the state.
                Admission::Attempt if seen.is_at_capacity && !self.is_replayed() => {
                    return Ok(Admitted::End(MessageAction::ReturnUnattempted));
                }
                Admission::Attempt => return Ok(Admitted::Attempt(endpoint, Box::new(health))),
                // The endpoint has stopped being active, so the step is over. The events that are left in its list stay
                // as they are. Only a range goes on with an event that is the probe.
                _ if self.is_replayed() && !self.is_probe_of_range(&health) => {
                    return Ok(Admitted::End(MessageAction::Acknowledge(AckReason::Held)));
                }
                // Another message attempts the probe, or this one came too early, as after a crash.
                Admission::Wait(_) if self.trigger == Trigger::Restart => {
                    return Ok(Admitted::End(MessageAction::Acknowledge(AckReason::SentAgain)));
                }
                Admission::Wait(due) => return Ok(Admitted::End(MessageAction::ReturnAt(due))),
                Admission::Hold => return Ok(Admitted::Record(self.instead_of_holding.unwrap_or(NextStatus::Held))),
                Admission::Claim(claimed) => {
                    let claimed = claimed.next_version();
                    // If the claim cannot be stored, the attempt's result could not be stored either. So no attempt is
                    // made then.
                    if self.io.store(&claimed).await? == Stored::Done {
                        return Ok(Admitted::Attempt(endpoint, Box::new(claimed)));
                    }
                }
            }
        }
        Err(Unavailable)
    }

    /// Decides on an event of a business without a URL. An event that was never attempted has no receiver and is not
    /// recorded. An event that was being tried is held for the next URL, so that an owner who removes the URL and later
    /// sets another loses nothing. None: another change was stored first, and the state must be read again.
    async fn without_url(&self, seen: &Snapshot) -> Result<Option<Admitted>, Unavailable> {
        if seen.ledger_status != LedgerStatus::Retrying {
            return Ok(Some(Admitted::End(MessageAction::Acknowledge(AckReason::NotConfigured))));
        }
        if let Some(status) = self.instead_of_holding {
            return Ok(Some(Admitted::Record(status)));
        }
        if !matches!(seen.health.state, State::Paused { .. }) {
            let waits = seen.health.without_url(self.io.now()).next_version();
            if self.io.store(&waits).await? == Stored::Conflict {
                return Ok(None);
            }
        }
        Ok(Some(Admitted::Record(NextStatus::Held)))
    }

    /// Stores a state that follows from another URL, and does its effects.
    async fn store_and_follow(&self, before: &Health, health: &Health) -> Result<(), Unavailable> {
        let health = health.next_version();
        if self.io.store(&health).await? == Stored::Done {
            follow(self.io, before, &health).await;
        }
        Ok(())
    }

    /// Stores the endpoint's state after an attempt. Gives the event's next status and, if its effects are to be done,
    /// the stored change.
    async fn settle(
        &mut self,
        endpoint: EndpointId,
        mut before: Health,
        attempted: Attempted,
    ) -> Result<(NextStatus, Option<StoredChange>), Unavailable> {
        for _ in 0..TRIES {
            let mut settled = before.settle(self.event, attempted, self.io.now());
            if self.brought_back_by == BroughtBackBy::Range && settled.health.is_probe(self.event) {
                settled.health = settled.health.with_probe_of_range();
            }
            let status = self.status(settled.is_held, settled.health.is_probe(self.event), attempted);
            // The message is sent before the state is stored: if the state makes the event the probe, the probe must
            // have a message.
            self.give_own_message(status).await?;
            if settled.health == before {
                return Ok((status, None));
            }
            let health = settled.health.next_version();
            match self.io.store(&health).await {
                Ok(Stored::Done) => return Ok((status, Some(StoredChange { before, after: health }))),
                // The attempt is recorded all the same. If the event is the probe, `sweep` restarts it.
                Err(Unavailable) => return Ok((self.own_status(attempted), None)),
                Ok(Stored::Conflict) => {}
            }
            match self.io.read().await {
                // The state was stored, but the answer to the write was lost. A change without effects is not
                // recognised so, because two attempts that count a failure at the same time would store equal states,
                // and these are two failures.
                Ok(seen) if seen.health == health && has_effects(&before, &health) => {
                    return Ok((status, Some(StoredChange { before, after: health })));
                }
                Ok(seen) if seen.endpoint.as_ref() == Some(&endpoint) => {
                    before = seen.health.for_endpoint(&endpoint, self.io.now());
                }
                // Events go to another endpoint now, of which the attempt says nothing.
                _ => break,
            }
        }
        Ok((self.own_status(attempted), None))
    }

    async fn follow(&self, change: Option<StoredChange>) {
        if let Some(StoredChange { before, after }) = change {
            follow(self.io, &before, &after).await;
        }
    }

    /// Sends a new message for an event that goes on by its own schedule and has no message of its own.
    async fn give_own_message(&mut self, status: NextStatus) -> Result<(), Unavailable> {
        if let (BroughtBackBy::Replay | BroughtBackBy::Range, NextStatus::Retrying(at)) = (self.brought_back_by, status)
        {
            self.io.send_again(at).await?;
            self.brought_back_by = BroughtBackBy::NewMessage;
        }
        Ok(())
    }

    /// Gives the event's status after an attempt.
    fn status(&self, is_held: bool, is_probe: bool, attempted: Attempted) -> NextStatus {
        let Attempted::Failed { next, .. } = attempted else { return NextStatus::Delivered };
        if is_held && self.brought_back_by == BroughtBackBy::Range {
            return NextStatus::Unchanged;
        }
        if is_held && self.instead_of_holding.is_none() {
            return NextStatus::Held;
        }
        let is_last = match self.trigger {
            Trigger::Replay { failures, .. } => failures + 1 >= ATTEMPTS_IN_A_REPLAY || next.is_none(),
            _ => true,
        };
        let now = self.io.now();
        let own_message = NextStatus::Retrying(next.unwrap_or(now).max(now + SENDER_HAS_ENDED_AFTER));
        match self.brought_back_by {
            BroughtBackBy::Message | BroughtBackBy::NewMessage => self.own_status(attempted),
            BroughtBackBy::Replay if is_last || is_probe => own_message,
            BroughtBackBy::Replay => NextStatus::Held,
            BroughtBackBy::Range if !is_last || (is_probe && next.is_some()) => NextStatus::Unchanged,
            BroughtBackBy::Range if self.had_arrived || next.is_none() => NextStatus::GivenUp,
            BroughtBackBy::Range => own_message,
        }
    }

    /// Gives the event's status by its own schedule, whatever the endpoint's state. An event that is held and has no
    /// message of its own stays held.
    fn own_status(&self, attempted: Attempted) -> NextStatus {
        match attempted {
            Attempted::Succeeded => NextStatus::Delivered,
            Attempted::Failed { .. } if self.brought_back_by == BroughtBackBy::Replay => NextStatus::Held,
            Attempted::Failed { .. } if self.brought_back_by == BroughtBackBy::Range => NextStatus::Unchanged,
            Attempted::Failed { next: Some(at), .. } => NextStatus::Retrying(at),
            Attempted::Failed { next: None, .. } => NextStatus::Failed,
        }
    }

    async fn record(&self, status: NextStatus) -> Result<MessageAction, Unavailable> {
        let recorded = self.io.record(status, self.brought_back_by != BroughtBackBy::Message).await;
        Ok(match (status, recorded) {
            (_, Ok(Recorded::AlreadyDelivered)) => MessageAction::Acknowledge(AckReason::Duplicate),
            // Another delivery with a copy of this message has held the event, and may have deleted the message.
            (_, Ok(Recorded::AlreadyHeld)) | (NextStatus::Held, Ok(Recorded::Done)) => {
                MessageAction::Acknowledge(AckReason::Held)
            }
            // Without the record, the event still stands in the replay's list, which would bring it again at once.
            (_, Err(Unavailable)) if self.is_replayed() => return Err(Unavailable),
            // The receiver has the event, whatever the ledger says.
            (NextStatus::Delivered, _) => MessageAction::Acknowledge(AckReason::Delivered),
            (NextStatus::Held, Err(Unavailable)) => return Err(Unavailable),
            _ if self.brought_back_by == BroughtBackBy::NewMessage => MessageAction::Acknowledge(AckReason::SentAgain),
            (NextStatus::Unchanged | NextStatus::GivenUp, _) => MessageAction::Acknowledge(AckReason::Unchanged),
            (NextStatus::Retrying(at), _) => MessageAction::ReturnAt(at),
            (NextStatus::Failed, _) => MessageAction::ReturnSpent,
        })
    }

    /// Whether the event is brought by the replay step that is under way, or by no replay at all.
    fn is_of_this_replay(&self, health: &Health) -> bool {
        match self.trigger {
            Trigger::Replay { replay, step, .. } => {
                health.running_replay(replay).is_some_and(|known| known.step == step)
            }
            _ => true,
        }
    }

    /// Whether the event is the probe and a replay of a range brings it.
    fn is_probe_of_range(&self, health: &Health) -> bool {
        self.brought_back_by == BroughtBackBy::Range && health.is_probe(self.event)
    }

    fn is_replayed(&self) -> bool {
        matches!(self.trigger, Trigger::Replay { .. })
    }
}

/// Whether a change has effects: the replay or the notices differ.
fn has_effects(before: &Health, after: &Health) -> bool {
    before.replay != after.replay || before.range != after.range || before.notices != after.notices
}

impl Ended {
    fn with(action: MessageAction) -> Self {
        Self { action, replay: ReplayGoesOn::AtOnce }
    }
}
