//! What a delivery asks of the world, what the world answers, and how a delivery ends.

use std::future::Future;

use jiff::Timestamp;

use crate::endpoint::{Attempted, EndpointId, EndpointIo, Health};

/// A fault of ours kept a step from being done, or from being known to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unavailable;

/// What is stored about a business and one of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// How the endpoint does.
    pub health: Health,
    /// Where events go. None: there is no URL.
    pub endpoint: Option<EndpointId>,
    /// What the ledger says of the event.
    pub record: Record,
    /// Whether as many attempts as may be in flight at once are waiting for the endpoint's answer.
    pub is_at_capacity: bool,
}

/// What the ledger says of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Record {
    /// Nothing that matters to a delivery.
    #[default]
    Nothing,
    /// The event has arrived; of a resend: since the owner asked for it.
    Delivered,
    /// The event is held.
    Held,
    /// The event is tried again.
    Retrying,
}

/// Whether a state was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stored {
    /// It was.
    Done,
    /// Another version is stored.
    Conflict,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Posted {
    /// It was made.
    Made {
        /// How it went.
        attempted: Attempted,
        /// Before when the receiver wishes for nothing (Retry-After).
        not_before: Option<Timestamp>,
        /// Whether the receiver is well and only takes no more at once (429 with Retry-After).
        is_rate_limit: bool,
    },
    /// The invocation would end before the attempt does, so none was made.
    NoTime,
}

/// Whether a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recorded {
    /// It was.
    Done,
    /// The ledger says that the event has arrived.
    AlreadyDelivered,
    /// The ledger says that the event is held, which was not known: another copy of the message has held it.
    AlreadyHeld,
}

/// What the ledger is to say of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextStatus {
    /// It has arrived.
    Delivered,
    /// It is tried again at this time.
    Retrying(Timestamp),
    /// It waits in the ledger.
    Held,
    /// Its schedule is spent.
    Failed,
}

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageAction {
    /// It is deleted.
    Acknowledge(AckReason),
    /// It comes back at this time, by the event's schedule.
    ReturnAt(Timestamp),
    /// It comes back soon, without an attempt: too many attempts are waiting for the endpoint's answer, or the invocation
    /// has no time left for one.
    ReturnUnattempted,
    /// It comes back by its schedule, without an attempt: a fault of ours.
    ReturnAfterFault,
    /// It comes back at once, only to be moved to the dead-letter queue.
    ReturnSpent,
}

/// Why a message is not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckReason {
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
pub enum Trigger {
    /// A message of its own, which comes back unless it is acknowledged.
    Message,
    /// The same, since the owner asked for it: the event is sent although it has arrived before.
    Resend,
    /// The same, sent by `sweep` and received for the first time: the event is a probe whose message is taken for lost.
    Restart,
    /// A replay, in whose list of held events it stands.
    Replay {
        /// Which.
        replay: u64,
        /// Its step.
        step: u64,
        /// How many attempts on it have failed in this replay.
        failures: u32,
    },
}

/// How an event's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    /// What becomes of the message.
    pub action: MessageAction,
    /// What the replay does next, if one has brought the event.
    pub replay: ReplayGoesOn,
}

/// What a replay does after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplayGoesOn {
    /// It goes on with the next event.
    AtOnce,
    /// It goes on with the next event, not before this time: the receiver wishes so.
    At(Timestamp),
    /// It goes on with the same event at this time: the attempt has failed, and the event keeps its place.
    WithTheSame(Timestamp),
}

/// What a delivery asks of the world, beside the endpoint's state.
pub trait DeliveryIo: EndpointIo {
    /// Attempts the delivery.
    fn post(&self) -> impl Future<Output = Result<Posted, Unavailable>> + Send;

    /// Gives the event a message of its own, that comes at this time.
    fn send_again(&self, at: Timestamp) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Writes the ledger record, unless the record says delivered and this is no resend. That the event is tried again or
    /// has failed is not written over a record that says held either, unless that `was_held` before.
    fn record(&self, status: NextStatus, was_held: bool) -> impl Future<Output = Result<Recorded, Unavailable>> + Send;
}
