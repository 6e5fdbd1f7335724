//! A record, as far as a delivery reads it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::{Event, EventId};
use domain::request::traceparent::Traceparent;
use jiff::Timestamp;

use super::Status;
use crate::body;
use crate::dynamodb::attributes::{number, text, time};
use crate::dynamodb::{Item, TableError};

/// The part of a record that a delivery decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The event's status.
    pub status: Status,
    /// How many attempts were made.
    pub attempts: u32,
    /// The time of the last success; None: there was none. A resend can bring more than one.
    pub last_delivered: Option<Timestamp>,
}

impl Record {
    /// The attributes that [`Self::from_item`] reads.
    pub(crate) const ATTRIBUTES: &'static [&'static str] = &["status", "attempts", "last_delivered_at"];

    pub(crate) fn from_item(item: &Item) -> Result<Self, TableError> {
        Ok(Self {
            status: Status::of(item)?,
            attempts: number(item, "attempts")?.unwrap_or(0),
            last_delivered: time(item, "last_delivered_at")?,
        })
    }
}

/// An event as its record has kept it.
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// The time of its first publishing.
    pub occurred: Timestamp,
    /// The publisher's place in a trace; None: the publisher gave none.
    pub traceparent: Option<Traceparent>,
    /// The time of its next attempt; None: now, or never.
    pub next_attempt: Option<Timestamp>,
}

impl StoredEvent {
    /// Reads the event. None: the record has no body, or none that can be read; trying again would change nothing. The
    /// event keeps the id of its record, even if a later version would derive another id from the body.
    pub(super) fn from_item(item: &Item, id: &EventId) -> Option<Self> {
        Some(Self {
            event: Event::parse(&stored_body(item)?).ok()?.with_id(id.clone()),
            occurred: text(item, "created_at").ok()??.parse().ok()?,
            traceparent: text(item, Traceparent::NAME).ok().flatten().and_then(Traceparent::parse),
            next_attempt: time(item, "next_attempt_at").ok().flatten(),
        })
    }
}

/// The exact body that a record has kept; None: the body was too large to be kept, or cannot be read.
pub(super) fn stored_body(item: &Item) -> Option<String> {
    match item.get("body") {
        Some(AttributeValue::B(compressed)) => body::decompress(compressed.as_ref()),
        _ => None,
    }
}

/// How long a record is kept after its last change, unless the event is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(pub Duration);

impl Retention {
    /// When a record expires that is changed at the time `now`, in Unix seconds.
    pub(super) fn end(self, now: Timestamp) -> i64 {
        now.as_second() + i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX / 2)
    }
}
