//! Journals: the calls that [`crate::delivery`] and [`crate::replay`] make of the world, each with its reply, as data.
//!
//! [`deliver`] and [`run_step`] run the pure code in a decorator that writes one [`Entry`] for each call. [`check`] runs
//! the same pure code once more with the written replies, and compares each call that the code makes with the written
//! one. So a journal of the real function shows that its decisions are those of the code that the model checker has explored,
//! from replies that AWS really gives. A journal does not show that each call did what its reply says: the tests look at
//! the receivers and the tables for that.
//!
//! - An entry has all that the code branches on: states, versions, times, ids, kinds of results. It has nothing of a
//!   request or an answer, and no body, URL, header or phone number.
//! - The ids of endpoints are hashes of URLs, by which a person could confirm a guess. So a journal has numbers instead,
//!   the same number for the same hash.
//! - A run that was killed leaves the beginning of a journal. Such a journal is checked as far as it goes.

mod recorder;
mod check;

pub use check::{Checked, Deviation, check};
pub use recorder::{deliver, run_step};

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::{Ended, NextStatus, Posted, Recorded, Snapshot, Stored, Trigger};
use crate::endpoint::{Health, Notice, RangeReplay};
use crate::event::EventId;
use crate::replay::{Listed, StepAction};

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The place of the entry in its journal, from 0.
    pub place: usize,
    /// The times that the code has read from the clock since the entry before.
    pub clock: Vec<Timestamp>,
    /// The content of the entry.
    pub content: Content,
}

/// The entry as JSON, in one line.
impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// The code begins with this work. It is the first entry of a journal.
    Begins(Work),
    /// The code has made a call, and this is the reply.
    Calls(Call, Reply),
    /// The code has returned. It is the last entry of a journal, unless the process was killed.
    Ends(End),
}

/// The work of a journal: the arguments of the function that the code begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// A delivery: [`crate::delivery::deliver`].
    Delivery {
        /// The event.
        event: EventId,
        /// The message or command that brings the event.
        trigger: Trigger,
        /// The status of an event whose body does not fit the ledger, in place of held.
        instead_of_holding: Option<NextStatus>,
    },
    /// A step of a replay: [`crate::replay::run_step`].
    Step {
        /// The replay's id.
        replay: u64,
        /// The number of the step.
        step: u64,
        /// The id of the message that brings the step.
        message: String,
    },
}

/// A call of [`crate::endpoint::EndpointIo`], [`crate::delivery::DeliveryIo`] or [`crate::replay::ReplayIo`]. A reading
/// of the clock is no call of its own: it stands in the next entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call {
    /// Reads the state and the event's record.
    Read,
    /// Stores a state.
    Store(Box<Health>),
    /// Sends the message of a replay's step.
    SendStep {
        /// The replay's id.
        replay: u64,
        /// The number of the step.
        step: u64,
        /// When the message comes.
        at: Option<Timestamp>,
    },
    /// Gives a notice.
    Announce(Notice),
    /// Makes the attempt.
    Post,
    /// Sends a new message for the event, which comes at this time.
    SendAgain(Timestamp),
    /// Writes the event's record.
    Record {
        /// The event's next status.
        status: NextStatus,
        /// Whether the delivery knew that the event was held.
        was_held: bool,
    },
    /// Lists the next events of a replay.
    List(Option<Box<RangeReplay>>),
    /// Delivers a listed event. The delivery has a journal of its own.
    Deliver {
        /// The event.
        event: EventId,
        /// The replay that brings the event.
        trigger: Trigger,
    },
}

/// The reply to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Call::Read`].
    Read(Box<Snapshot>),
    /// To [`Call::Store`].
    Stored(Stored),
    /// To a call that sends something.
    Done,
    /// To [`Call::Post`].
    Posted(Posted),
    /// To [`Call::Record`].
    Recorded(Recorded),
    /// To [`Call::List`].
    Listed(Listed),
    /// To [`Call::Deliver`].
    Ended(Ended),
    /// A fault of this system or of AWS, to any call but [`Call::Deliver`].
    Unavailable,
}

/// The value that the code has returned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// Of a delivery.
    Delivery(Ended),
    /// Of a step.
    Step(StepAction),
}

#[cfg(test)]
mod tests;
