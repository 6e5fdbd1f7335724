//! The write of a record: its new status, and the attempt that led to it.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::Event;
use domain::request::traceparent::Traceparent;
use jiff::Timestamp;

use super::attempt::{AttemptRecord, printable, slot, slots};
use super::title::title;
use super::{Record, Retention, Status, clue};
use crate::body::Compressed;
use crate::dynamodb::Item;
use crate::dynamodb::attributes::{ms, n, s};
use crate::dynamodb::update_expression::UpdateExpression;

/// The values that a write puts into the record of an event.
pub struct RecordUpdate<'a> {
    /// The event.
    pub event: &'a Event,
    /// The publisher's place in a trace. The record keeps it for the attempts that no message of the publisher's brings:
    /// those of a replay and of a resend.
    pub traceparent: Option<&'a Traceparent>,
    /// The event's compressed body, to be kept; None: the record has it already, or the body is too large to be kept.
    pub body: Option<&'a Compressed>,
    /// The record as it was read; None: there was none, or it could not be read.
    pub before: Option<Record>,
    /// The event's new status.
    pub status: Status,
    /// The attempt that led to this status; None: the event is held without an attempt.
    pub attempt: Option<&'a AttemptRecord>,
    /// The time of the next attempt; None: none is planned.
    pub next_attempt: Option<Timestamp>,
    /// The time of the event's first publishing.
    pub occurred: Timestamp,
    /// The time of this write.
    pub now: Timestamp,
    /// How long the record is kept from now on, unless the event is held.
    pub retention: Retention,
    /// Whether the write may change a record that says `delivered`. Only a resend may.
    pub over_delivered: bool,
    /// Whether the record said `held` when it was read, or the event has been given a message of its own since.
    pub was_held: bool,
}

impl RecordUpdate<'_> {
    /// Whether an item has this attempt already, from a write whose answer was lost.
    pub(super) fn is_in(&self, item: &Item) -> bool {
        let id = self.attempt.map(|attempt| n(attempt.id));
        id.is_some_and(|id| slots(item).any(|attempt| attempt.get("id") == Some(&id)))
    }

    /// Whether the attempt failed.
    fn has_failed(&self) -> bool {
        self.attempt.is_some_and(|attempt| attempt.cause.is_some())
    }

    /// Whether the write must not change a record that says `held`. Another message has then held the event since the
    /// record was read.
    pub(super) fn spares_held(&self) -> bool {
        matches!(self.status, Status::Retrying | Status::Failed) && !self.was_held
    }

    /// The update of a record that counts `before` attempts; None: there is no record. With an attempt, the update's
    /// condition is that the stored record counts as many.
    pub(super) fn to_expression(&self, before: Option<u32>) -> UpdateExpression {
        let mut update = UpdateExpression::default();
        update.set("status", s(self.status.as_str()));
        update.set("updated_at", ms(self.now));
        if self.status == Status::Delivered && !self.has_failed() {
            let at = ms(self.attempt.map_or(self.now, |attempt| attempt.at));
            // The first success; a resend adds later ones.
            update.set_once("delivered_at", at.clone());
            update.set("last_delivered_at", at);
        }
        update.set_or_remove("next_attempt_at", self.next_attempt.map(ms));
        self.set_event(&mut update);
        self.set_place_and_expiry(&mut update);
        self.set_attempt(&mut update, before);
        self.add_conditions(&mut update, before);
        update
    }

    /// Sets the attributes that describe the event itself. Only the record's first write sets them.
    fn set_event(&self, update: &mut UpdateExpression) {
        update.set_once("event_type", s(self.event.event_type().as_str()));
        update.set_once("created_at", s(format!("{:.3}", self.occurred)));
        if self.before.is_none() {
            // The owner recognises the event by these in a list, which has no bodies.
            let subject = self.event.subject().map(s);
            let phone_ending = self.event.phone_ending().map(s);
            let title = title(self.event).map(s);
            let traceparent = self.traceparent.map(|traceparent| s(traceparent.as_str()));
            for (name, value) in [
                ("subject", subject),
                ("phone_last_digits", phone_ending),
                ("title", title),
                (Traceparent::NAME, traceparent),
            ] {
                if let Some(value) = value {
                    update.set_once(name, value);
                }
            }
        }
        if let Some(Compressed(bytes)) = self.body {
            update.set_once("body", AttributeValue::B(Blob::new(bytes.clone())));
        }
    }

    /// The event's place among the business's events, and when the record expires.
    fn set_place_and_expiry(&self, update: &mut UpdateExpression) {
        let occurred = s(format!("{:.3}#{}", self.occurred, self.event.id()));
        update.set_once("occurred", occurred.clone());
        if self.status == Status::Held {
            // The index of held events keeps the place that the record's first write gave it. A held record does not
            // expire: the event would be lost while its endpoint is paused.
            update.set_from("held", "occurred", occurred);
            update.remove("expires_at");
        } else {
            update.remove("held");
            let retention =
                if self.status == Status::Retrying { self.retention.while_retrying() } else { self.retention };
            update.set("expires_at", n(retention.end(self.now)));
        }
    }

    fn set_attempt(&self, update: &mut UpdateExpression, before: Option<u32>) {
        let Some(attempt) = self.attempt else {
            update.set_once("attempts", n(0));
            return;
        };
        let number = before.unwrap_or(0) + 1;
        update.set("attempts", n(number));
        update.set(&slot(number), attempt.to_attribute(number));
        if self.status == Status::Delivered && self.has_failed() {
            // A replay has tried an event that had arrived: what the record says of its arrival stays.
            return;
        }
        update.set_or_remove("cause", attempt.cause.map(|cause| s(cause.as_str())));
        update.set_or_remove("status_code", attempt.status_code.map(n));
        update.set_or_remove("format", attempt.format.map(|format| s(format.as_str())));
        for (name, word) in clue::to_words(attempt.clue) {
            update.set_or_remove(name, word.map(s));
        }
        update.set_or_remove("response_snippet", printable(&attempt.snippet, usize::MAX).map(s));
    }

    fn add_conditions(&self, update: &mut UpdateExpression, before: Option<u32>) {
        if self.attempt.is_some() {
            // Of two attempts that end at the same moment, both must not become the third.
            let attempts = update.name("attempts");
            let condition = match before {
                None => format!("attribute_not_exists({attempts})"),
                Some(before) => {
                    let before = update.value("before", n(before));
                    format!("(attribute_not_exists({attempts}) OR {attempts} = {before})")
                }
            };
            update.only_if(condition);
        }
        if !self.over_delivered {
            let (status, delivered) = (update.name("status"), update.value("delivered", s(Status::Delivered.as_str())));
            update.only_if(format!("(attribute_not_exists({status}) OR {status} <> {delivered})"));
        }
        if self.spares_held() {
            let held = update.name("held");
            update.only_if(format!("attribute_not_exists({held})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    fn change(event: &Event, status: Status, before: Option<Record>) -> UpdateExpression {
        let body = before.is_none().then(|| body::Compressor::new().compress(event.body())).flatten();
        RecordUpdate {
            event,
            traceparent: None,
            body: body.as_ref(),
            before,
            status,
            attempt: None,
            next_attempt: None,
            occurred: "2026-03-01T10:00:00.5Z".parse().expect("a time"),
            now: Timestamp::from_second(1_000).expect("a time"),
            retention: Retention(1),
            over_delivered: false,
            was_held: false,
        }
        .to_expression(before.map(|record| record.attempts))
    }

    #[test]
    fn only_held_records_stand_in_the_index_of_held_ones_and_the_body_is_written_once() {
        let event = Event::parse(r#"{"event_type":"a.b","business_id":"b"}"#).expect("well-formed");
        let held = change(&event, Status::Held, None);
        assert!(held.text().contains("#held = if_not_exists(#occurred, :held)"), "{}", held.text());
        assert!(held.value_of(":body").is_some());
        let known = Some(Record { status: Status::Held, attempts: 0, last_delivered: None });
        let retrying = change(&event, Status::Retrying, known);
        let removed = retrying.text().split_once("REMOVE").map(|(_, removed)| removed.contains("#held"));
        assert!(removed == Some(true) && retrying.value_of(":body").is_none());
        let removed = held.text().split_once("REMOVE").map(|(_, removed)| removed.contains("#expires_at"));
        assert_eq!(removed, Some(true), "a held record does not expire");
        let occurred = s(format!("2026-03-01T10:00:00.500Z#{}", event.id()));
        assert_eq!(held.value_of(":occurred"), Some(&occurred));
    }

    #[test]
    fn a_record_expires_by_its_retention_but_not_before_the_messages_of_an_event_that_is_on_its_way() {
        let event = Event::parse(r#"{"event_type":"a.b","business_id":"b"}"#).expect("well-formed");
        for (status, days) in [(Status::Delivered, 1), (Status::Failed, 1), (Status::Retrying, 14)] {
            let written = change(&event, status, None);
            assert_eq!(written.value_of(":expires_at"), Some(&n(1_000 + days * 86_400)), "{status:?}");
        }
    }

    #[test]
    fn the_title_is_written_with_the_first_record_and_never_again() {
        let text = r#"{"event_type":"a.b","business_id":"b","summary":"a \n summary"}"#;
        let event = Event::parse(text).expect("well-formed");
        let first = change(&event, Status::Retrying, None);
        assert_eq!(first.value_of(":title"), Some(&s("a summary")));
        assert!(first.text().contains("#title = if_not_exists(#title, :title)"), "{}", first.text());
        let known = Some(Record { status: Status::Retrying, attempts: 1, last_delivered: None });
        assert_eq!(change(&event, Status::Delivered, known).value_of(":title"), None);
    }

    #[test]
    fn delivered_at_is_the_first_success_and_last_delivered_at_the_last_one() {
        let event = Event::parse(r#"{"event_type":"a.b","business_id":"b"}"#).expect("well-formed");
        let delivered = change(&event, Status::Delivered, None);
        let text = delivered.text();
        assert!(text.contains("#delivered_at = if_not_exists(#delivered_at, :delivered_at)"), "{text}");
        assert!(text.contains("#last_delivered_at = :last_delivered_at"), "{text}");
        assert_eq!(delivered.value_of(":delivered_at"), Some(&n(1_000_000)), "Unix milliseconds");
        for status in [Status::Retrying, Status::Held, Status::Failed] {
            assert_eq!(change(&event, status, None).value_of(":delivered_at"), None);
        }
    }
}
