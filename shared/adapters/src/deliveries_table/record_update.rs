//! The write of a record: its new status, and the attempt that led to it.
//!
//! A record's first write is an item, and a later one is an update. Both are made of the same list of attributes.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::Event;
use domain::request::traceparent::Traceparent;
use jiff::Timestamp;

use super::attempt::{self, AttemptRecord, slot, slots};
use super::{Record, Retention, Status, clue};
use crate::body::{Compressed, Compressor};
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
    /// What compresses the event's body, which only the record's first write has.
    pub compressor: &'a Compressor,
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

/// The attributes of a write by their names.
type Writes = Vec<(&'static str, Write)>;

/// What becomes of an attribute.
enum Write {
    /// It gets this value.
    Set(AttributeValue),
    /// It gets this value, unless the record has one.
    Once(AttributeValue),
    /// It gets the value that the record has under this name, or else this value.
    From(&'static str, AttributeValue),
    Remove,
}

impl Write {
    fn set_or_remove(value: Option<AttributeValue>) -> Self {
        value.map_or(Self::Remove, Self::Set)
    }
}

/// How many attributes a write has at most, about.
const ATTRIBUTES: usize = 26;

impl RecordUpdate<'_> {
    /// Whether an item has this attempt already, from a write whose answer was lost.
    pub(super) fn is_in(&self, item: &Item) -> bool {
        let id = self.attempt.map(|attempt| n(attempt.id));
        id.is_some_and(|id| slots(item).any(|attempt| attempt::id(attempt) == Some(&id)))
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

    /// The record of an event that has none, beginning with its key.
    pub(super) fn to_item(&self, mut record: Item) -> Item {
        record.reserve(ATTRIBUTES);
        for (name, write) in self.writes(0, true) {
            match write {
                // A record's first success is its last one too.
                Write::Set(_) if name == "last_delivered_at" => {}
                Write::Set(value) | Write::Once(value) | Write::From(_, value) => {
                    record.insert(name.to_owned(), value);
                }
                Write::Remove => {}
            }
        }
        record
    }

    /// The update of a record that counts `before` attempts. With an attempt, the update's condition is that the stored
    /// record counts as many.
    pub(super) fn to_expression(&self, before: u32) -> UpdateExpression {
        let mut update = UpdateExpression::default();
        for (name, write) in self.writes(before, self.before.is_none()) {
            match write {
                Write::Set(value) => update.set(name, value),
                Write::Once(value) => update.set_once(name, value),
                Write::From(source, value) => update.set_from(name, source, value),
                Write::Remove => update.remove(name),
            }
        }
        self.add_conditions(&mut update, before);
        update
    }

    /// The attributes of the write, with those that describe the event if `describe`.
    fn writes(&self, before: u32, describe: bool) -> Writes {
        let mut writes = Writes::with_capacity(ATTRIBUTES);
        writes.push(("status", Write::Set(s(self.status.as_str()))));
        writes.push(("updated_at", Write::Set(ms(self.now))));
        if self.status == Status::Delivered && !self.has_failed() {
            let at = ms(self.attempt.map_or(self.now, |attempt| attempt.at));
            // The first success; a resend adds later ones.
            writes.push(("delivered_at", Write::Once(at.clone())));
            writes.push(("last_delivered_at", Write::Set(at)));
        }
        writes.push(("next_attempt_at", Write::set_or_remove(self.next_attempt.map(ms))));
        self.add_event(&mut writes, describe);
        self.add_place_and_expiry(&mut writes);
        self.add_attempt(&mut writes, before);
        writes
    }

    /// Adds the attributes that describe the event itself. Only the record's first write sets them.
    fn add_event(&self, writes: &mut Writes, describe: bool) {
        writes.push(("event_type", Write::Once(s(self.event.event_type().as_str()))));
        writes.push(("created_at", Write::Once(s(format!("{:.3}", self.occurred)))));
        if !describe {
            return;
        }
        // The owner recognises the event by the first three in a list, which has no bodies.
        let texts = [
            ("subject", self.event.subject()),
            ("phone_last_digits", self.event.phone_ending()),
            ("title", self.event.title()),
            (Traceparent::NAME, self.traceparent.map(Traceparent::as_str)),
        ];
        writes.extend(texts.into_iter().filter_map(|(name, text)| Some((name, Write::Once(s(text?))))));
        if let Some(Compressed(bytes)) = self.compressor.compress(self.event.body()) {
            writes.push(("body", Write::Once(AttributeValue::B(Blob::new(bytes)))));
        }
    }

    /// Adds the event's place among the business's events, and when the record expires.
    fn add_place_and_expiry(&self, writes: &mut Writes) {
        let occurred = s(format!("{:.3}#{}", self.occurred, self.event.id()));
        if self.status == Status::Held {
            // The index of held events keeps the place that the record's first write gave it. A held record does not
            // expire: the event would be lost while its endpoint is paused.
            writes.push(("held", Write::From("occurred", occurred.clone())));
            writes.push(("expires_at", Write::Remove));
        } else {
            writes.push(("held", Write::Remove));
            let retention =
                if self.status == Status::Retrying { self.retention.while_retrying() } else { self.retention };
            writes.push(("expires_at", Write::Set(n(retention.end(self.now)))));
        }
        writes.push(("occurred", Write::Once(occurred)));
    }

    fn add_attempt(&self, writes: &mut Writes, before: u32) {
        let Some(attempt) = self.attempt else {
            writes.push(("attempts", Write::Once(n(0))));
            return;
        };
        let number = before + 1;
        writes.push(("attempts", Write::Set(n(number))));
        writes.push((slot(number), Write::Set(attempt.to_attribute(number))));
        if self.status == Status::Delivered && self.has_failed() {
            // A replay has tried an event that had arrived: what the record says of its arrival stays.
            return;
        }
        let [clue, refusal] = clue::to_words(attempt.clue).map(|(name, word)| (name, word.map(s)));
        let last = [
            ("cause", attempt.cause.map(|cause| s(cause.as_str()))),
            ("status_code", attempt.status_code.map(n)),
            ("format", attempt.format.map(|format| s(format.as_str()))),
            clue,
            refusal,
            ("response_snippet", attempt.longer_snippet().map(s)),
        ];
        writes.extend(last.map(|(name, value)| (name, Write::set_or_remove(value))));
    }

    fn add_conditions(&self, update: &mut UpdateExpression, before: u32) {
        if self.attempt.is_some() {
            // Of two attempts that end at the same moment, both must not become the third.
            let (attempts, before) = (update.name("attempts"), update.value("before", n(before)));
            update.only_if(format!("(attribute_not_exists({attempts}) OR {attempts} = {before})"));
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
    use crate::deliveries_table::key;

    const KNOWN: Record = Record { status: Status::Held, attempts: 0, last_delivered: None };

    fn event(rest: &str) -> Event {
        Event::parse(&format!(r#"{{"event_type":"a.b","business_id":"b"{rest}}}"#)).expect("well-formed")
    }

    fn with<T>(event: &Event, status: Status, before: Option<Record>, read: impl Fn(&RecordUpdate) -> T) -> T {
        read(&RecordUpdate {
            event,
            traceparent: None,
            compressor: &Compressor::new(),
            before,
            status,
            attempt: None,
            next_attempt: None,
            occurred: "2026-03-01T10:00:00.5Z".parse().expect("a time"),
            now: Timestamp::from_second(1_000).expect("a time"),
            retention: Retention(1),
            over_delivered: false,
            was_held: false,
        })
    }

    fn first(event: &Event, status: Status) -> Item {
        with(event, status, None, |update| update.to_item(key(event.business_id(), event.id())))
    }

    fn later(event: &Event, status: Status, before: Option<Record>) -> UpdateExpression {
        with(event, status, before, |update| update.to_expression(before.map_or(0, |record| record.attempts)))
    }

    #[test]
    fn only_held_records_stand_in_the_index_of_held_ones_and_the_body_is_written_once() {
        let event = event("");
        let place = s(format!("2026-03-01T10:00:00.500Z#{}", event.id()));
        let held = first(&event, Status::Held);
        assert_eq!((held.get("held"), held.get("occurred")), (Some(&place), Some(&place)));
        assert_eq!(held.get("expires_at"), None, "a held record does not expire");
        let Some(AttributeValue::B(body)) = held.get("body") else { panic!("the body") };
        assert_eq!(body::decompress(body.as_ref()).as_deref(), Some(event.body()));
        assert_eq!(first(&event, Status::Retrying).get("held"), None);

        let held = later(&event, Status::Held, Some(KNOWN));
        assert!(held.text().contains("#held = if_not_exists(#occurred, :held)"), "{}", held.text());
        assert_eq!(held.value_of(":occurred"), Some(&place));
        let removes = |update: &UpdateExpression, name| update.text().rsplit("REMOVE").next().map(|r| r.contains(name));
        assert_eq!(removes(&held, "#expires_at"), Some(true));
        let retrying = later(&event, Status::Retrying, Some(KNOWN));
        assert!(removes(&retrying, "#held") == Some(true) && retrying.value_of(":body").is_none());
    }

    #[test]
    fn a_record_expires_by_its_retention_but_not_before_the_messages_of_an_event_that_is_on_its_way() {
        let event = event("");
        for (status, days) in [(Status::Delivered, 1), (Status::Failed, 1), (Status::Retrying, 14)] {
            let end = n(1_000 + days * 86_400);
            assert_eq!(first(&event, status).get("expires_at"), Some(&end), "{status:?}");
            assert_eq!(later(&event, status, Some(KNOWN)).value_of(":expires_at"), Some(&end), "{status:?}");
        }
    }

    #[test]
    fn the_title_is_written_with_the_first_record_and_never_again() {
        let event = event(r#","summary":"a \n summary""#);
        let title = s("a summary");
        assert_eq!(first(&event, Status::Retrying).get("title"), Some(&title));
        assert_eq!(later(&event, Status::Delivered, Some(KNOWN)).value_of(":title"), None);
        // A record that could not be read for lack of throughput keeps the title that it has.
        let unread = later(&event, Status::Retrying, None);
        assert!(unread.text().contains("#title = if_not_exists(#title, :title)"), "{}", unread.text());
    }

    #[test]
    fn delivered_at_is_the_first_success_and_last_delivered_at_a_later_one() {
        let event = event("");
        let at = n(1_000_000);
        let record = first(&event, Status::Delivered);
        assert_eq!((record.get("delivered_at"), record.get("last_delivered_at")), (Some(&at), None));
        let read = Record::from_item(&record).expect("readable").last_delivered;
        assert_eq!(read, Timestamp::from_second(1_000).ok(), "the first success is the last one");
        let delivered = later(&event, Status::Delivered, Some(KNOWN));
        let text = delivered.text();
        assert!(text.contains("#delivered_at = if_not_exists(#delivered_at, :delivered_at)"), "{text}");
        assert!(text.contains("#last_delivered_at = :last_delivered_at"), "{text}");
        assert_eq!(delivered.value_of(":delivered_at"), Some(&at), "Unix milliseconds");
        for status in [Status::Retrying, Status::Held, Status::Failed] {
            assert_eq!(first(&event, status).get("delivered_at"), None);
            assert_eq!(later(&event, status, Some(KNOWN)).value_of(":delivered_at"), None);
        }
    }

    #[test]
    fn a_first_record_and_an_update_have_the_same_attributes() {
        let event = event(r#","summary":"x""#);
        for status in [Status::Delivered, Status::Retrying, Status::Held, Status::Failed] {
            let (record, update) = (first(&event, status), later(&event, status, None));
            for (name, value) in &record {
                let expected = Some(value).filter(|_| name != "business_id" && name != "event_id");
                assert_eq!(update.value_of(&format!(":{name}")), expected, "{status:?} {name}");
            }
            for name in update.attributes().filter(|name| *name != "last_delivered_at") {
                assert!(record.contains_key(name), "{status:?} {name}");
            }
        }
    }
}
