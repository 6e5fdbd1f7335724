//! A record, as far as a delivery reads it.

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
    /// The attributes that [`Self::from_item`] reads, and the one by which the records of a read are told apart.
    pub(crate) const ATTRIBUTES: &'static [&'static str] =
        &["event_id", "status", "attempts", "delivered_at", "last_delivered_at"];

    /// Reads an item, which is empty if there is no record.
    pub(crate) fn of(item: &Item) -> Result<Option<Self>, TableError> {
        (!item.is_empty()).then(|| Self::from_item(item)).transpose()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, TableError> {
        Ok(Self {
            status: Status::of(item)?,
            attempts: number(item, "attempts")?.unwrap_or(0),
            // A record that was delivered by its first write has only the first success.
            last_delivered: match time(item, "last_delivered_at")? {
                None => time(item, "delivered_at")?,
                last => last,
            },
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

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// For how many days SQS keeps a message at most (Amazon SQS quotas), as the events queue does.
const LONGEST_MESSAGE_DAYS: u16 = 14;

/// How many days a record is kept after its last change, unless the event is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(pub u16);

impl Retention {
    /// The retention that a business has chosen, where this one is the stack's. None: the business has chosen none, or
    /// one that does not count, since a business cannot have its records kept for longer than the stack keeps them.
    #[must_use]
    pub fn chosen(self, days: Option<u16>) -> Option<Self> {
        days.filter(|days| (1..=self.0).contains(days)).map(Self)
    }

    /// The retention of a business's records, where this one is the stack's.
    #[must_use]
    pub fn of_business(self, days: Option<u16>) -> Self {
        self.chosen(days).unwrap_or(self)
    }

    /// The retention of the record of an event that is on its way. Its messages may refer to the record, which must not
    /// expire before them, however short the retention is. The next write, or the last one, sets the business's own.
    pub(super) fn while_retrying(self) -> Self {
        Self(self.0.max(LONGEST_MESSAGE_DAYS))
    }

    /// When a record expires that is changed at the time `now`, in Unix seconds.
    pub(super) fn end(self, now: Timestamp) -> i64 {
        now.as_second() + i64::from(self.0) * SECONDS_OF_A_DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_may_choose_fewer_days_than_the_stack_and_never_more() {
        let stack = Retention(30);
        for (days, expected) in [
            (Some(1), 1),
            (Some(29), 29),
            (Some(30), 30),
            (Some(31), 30),
            (Some(0), 30),
            (Some(u16::MAX), 30),
            (None, 30),
        ] {
            assert_eq!(stack.of_business(days), Retention(expected), "{days:?}");
        }
        assert_eq!([Some(30), Some(31), Some(0), None].map(|days| stack.chosen(days)), [Some(stack), None, None, None]);
        let now = Timestamp::from_second(1_000).expect("a time");
        assert_eq!((Retention(1).end(now), Retention(3650).end(now)), (87_400, 315_361_000));
    }
}
