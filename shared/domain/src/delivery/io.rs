//! The interface between a delivery and the world: the requests of [`DeliveryIo`], their answers, and the result of a
//! delivery.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Attempted, EndpointId, EndpointIo, Health};

/// A fault of this system or of AWS: a step was not done, or its answer was lost. The implementation has logged the
/// fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unavailable;

/// The stored state of a business's endpoint and of one of its events, as read at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// The endpoint's state.
    pub health: Health,
    /// The endpoint to which events go. None: there is no URL.
    pub endpoint: Option<EndpointId>,
    /// The event's status in the ledger, as far as a delivery needs it.
    pub ledger_status: LedgerStatus,
    /// Whether as many attempts as may be in flight at once are waiting for the endpoint's answer.
    pub is_at_capacity: bool,
}

/// The status of an event in the ledger, as far as a delivery needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LedgerStatus {
    /// The event has no record, or one that does not matter to a delivery.
    #[default]
    Nothing,
    /// The event has arrived. For a resend, it has arrived since the owner asked for it.
    Delivered,
    /// The event had arrived before the owner asked to send it again, and has not arrived since.
    DeliveredBefore,
    /// The event is held.
    Held,
    /// The event has been tried, and is tried again.
    Retrying,
}

/// Whether a state was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stored {
    /// The state was stored.
    Done,
    /// The state was not stored, because another version is stored already.
    Conflict,
}

/// The result of asking for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Posted {
    /// The attempt was made.
    Made {
        /// Whether the attempt delivered the event.
        attempted: Attempted,
        /// The time before which the receiver asks for no request (Retry-After). None: it asks for nothing.
        not_before: Option<Timestamp>,
        /// Whether the receiver only limits its rate, and is not failing (429 with Retry-After).
        is_rate_limit: bool,
    },
    /// No attempt was made, because the invocation would have ended before the attempt.
    NoTime,
}

/// Whether a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Recorded {
    /// The record was written.
    Done,
    /// The record was not written, because the ledger says that the event has arrived.
    AlreadyDelivered,
    /// The record was not written, because the ledger says that the event is held. Another copy of the message has held
    /// it since the record was read.
    AlreadyHeld,
}

/// The event's next status in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NextStatus {
    /// The event has arrived.
    Delivered,
    /// The event is tried again at this time.
    Retrying(Timestamp),
    /// The event waits in the ledger.
    Held,
    /// The event's schedule is spent.
    Failed,
    /// The status stays as it was, delivered or failed. A replay of a range has tried the event, and tries it again.
    Unchanged,
    /// The status stays as it was, delivered or failed. A replay of a range has tried the event for the last time.
    GivenUp,
}

/// What happens to the message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageAction {
    /// The message is deleted.
    Acknowledge(AckReason),
    /// The message comes back at this time, by the event's schedule.
    ReturnAt(Timestamp),
    /// The message comes back soon, without an attempt: too many attempts are waiting for the endpoint's answer, or the
    /// invocation has no time left for an attempt.
    ReturnUnattempted,
    /// The message comes back by its schedule after a fault of this system, which may have kept the attempt from being
    /// made.
    ReturnAfterFault,
    /// The message comes back at once, only so that SQS moves it to the dead-letter queue.
    ReturnSpent,
}

/// Why a message is no longer needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AckReason {
    /// The event has arrived by this delivery.
    Delivered,
    /// The event had arrived before.
    Duplicate,
    /// The event waits in the ledger.
    Held,
    /// The event has another message.
    SentAgain,
    /// The event's record keeps its status: a replay of a range has tried the event, or has no body of it.
    Unchanged,
    /// The business has no URL.
    NotConfigured,
}

/// The message or command that brings the event to its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// The event's own message, which comes back unless it is acknowledged.
    Message,
    /// A command to send the event again, since the owner asked for it: the event is sent although it has arrived
    /// before.
    Resend,
    /// A command of `sweep`, received for the first time: the event is a probe whose message is taken for lost.
    Restart,
    /// A replay, which has listed the event.
    Replay {
        /// The replay's id.
        replay: u64,
        /// The events that the replay sends.
        source: ReplaySource,
        /// The number of the replay's step.
        step: u64,
        /// How many attempts on the event have failed in this replay.
        failures: u32,
    },
}

/// The events that a replay sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplaySource {
    /// The held events.
    Held,
    /// The events of a range of time that have arrived or failed.
    Range {
        /// When the owner asked for the replay. An event that has arrived since then is not sent again.
        asked_at: Timestamp,
    },
}

/// The result of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ended {
    /// What happens to the message in the queue.
    pub action: MessageAction,
    /// What the replay does next, if a replay has brought the event.
    pub replay: ReplayGoesOn,
}

/// What a replay does after the delivery of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplayGoesOn {
    /// The replay goes on with the next event.
    AtOnce,
    /// The replay goes on with the next event, but not before this time, since the receiver asked for it (Retry-After).
    At(Timestamp),
    /// The replay goes on with the same event at this time: the attempt has failed, and the event keeps its place.
    WithTheSame(Timestamp),
}

/// The requests of a delivery to the world, beside the access to the endpoint's state.
pub trait DeliveryIo: EndpointIo {
    /// Makes the attempt: one POST of the event.
    fn post(&self) -> impl Future<Output = Result<Posted, Unavailable>> + Send;

    /// Sends a new message for the event, which comes at this time.
    fn send_again(&self, at: Timestamp) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Writes the event's record. A record that says delivered is only written over by a resend. A record that says
    /// held is not written over by "tried again" or "failed", unless `was_held`: the delivery knew that the event was
    /// held.
    fn record(&self, status: NextStatus, was_held: bool) -> impl Future<Output = Result<Recorded, Unavailable>> + Send;
}
