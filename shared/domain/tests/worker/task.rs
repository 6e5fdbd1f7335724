//! The requests of the production code, and the replies to them.

use domain::delivery::{NextStatus, Posted, Snapshot};
use domain::endpoint::{Found, Health, RangeReplay};
use domain::event::EventId;
use domain::replay::Listed;
use jiff::Timestamp;

use super::Body;

/// The next request of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// Reads the endpoint's health and the event's record.
    Read,
    /// Stores the endpoint's health, if the version before it is the stored one.
    Store(Box<Health>),
    /// Sends a message that comes at this time; None: now.
    Send(Body, Option<Timestamp>),
    /// Gives a notice to the operator.
    Announce,
    /// Attempts the delivery of an event.
    Post(EventId),
    /// Writes an event's record, and says whether the event was held before.
    Record(EventId, NextStatus, bool),
    /// Lists the next events of a replay of a range; None: the first held events.
    List(Option<Box<RangeReplay>>),
    /// Finds what `sweep` needs of the ledger.
    Find,
    /// Fetches an event's body from the ledger.
    Fetch(EventId),
    /// Copies a reference to an event without a body to the dead-letter queue.
    SetAside(EventId),
    /// Writes that an event without a body is no longer held.
    Abandon(EventId),
    /// The code has returned: the worker leaves its message.
    Finish(Finish),
}

/// How a worker leaves its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Finish {
    Delete,
    /// The message is deleted because the business has no URL.
    DeleteNotConfigured,
    ReturnAt(Timestamp),
    /// The schedule is spent: the next receive moves the message to the dead-letter queue.
    ReturnSpent,
    ReturnAfterFault,
    /// The message comes back soon. Where that would be one receive too many, another message takes its place.
    ReturnUnattempted,
}

/// The result of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    Read(Box<Snapshot>),
    Done,
    /// Another version of the health is stored.
    Conflict,
    AlreadyDelivered,
    AlreadyHeld,
    Listed(Listed),
    Found(Found),
    /// Whether the ledger has the body.
    Fetched(bool),
    Posted(Posted),
    /// A fault of this system: the task was not done, or was done without the worker knowing it.
    Unavailable,
}

impl Reply {
    /// The same reply while as many attempts as may be in flight wait for the endpoint's answer.
    pub(crate) fn at_capacity(mut self) -> Self {
        if let Self::Read(snapshot) = &mut self {
            snapshot.is_at_capacity = true;
        }
        self
    }
}
