//! The two tables of one business: its settings item with the endpoint's health, and the ledger of its events.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::{LedgerStatus, NextStatus, Snapshot};
use domain::endpoint::{EndpointId, Found, Health, Position, RangeReplay, State};
use domain::event::EventId;
use domain::replay::Listed;
use jiff::Timestamp;

use super::{Body, Reply};

/// The status in a ledger record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Delivered,
    Retrying,
    Held,
    Failed,
}

/// A business's settings item and its ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tables {
    pub(crate) url: Option<EndpointId>,
    pub(crate) health: Health,
    pub(crate) records: BTreeMap<String, Status>,
    /// The events with a record, but without a body that can be read: it was too large, or has been lost.
    pub(crate) without_body: BTreeSet<String>,
    /// How often the owner has asked that an event be sent again.
    pub(crate) asked: BTreeMap<String, u8>,
    /// How often the owner had asked for each event when it arrived.
    pub(crate) delivered_after: BTreeMap<String, u8>,
    /// The events that have arrived since the owner asked for a replay of a range.
    pub(crate) arrived_since_range: BTreeSet<String>,
}

impl Tables {
    pub(crate) fn says(&self, event: &EventId, status: Status) -> bool {
        self.records.get(event.as_str()) == Some(&status)
    }

    /// Whether a reference to the event is enough to deliver it.
    pub(crate) fn has_body(&self, event: &EventId) -> bool {
        self.records.contains_key(event.as_str()) && !self.without_body.contains(event.as_str())
    }

    /// The held events, in the order in which they happened.
    pub(crate) fn held(&self) -> impl Iterator<Item = EventId> {
        let held = self.records.iter().filter(|(_, status)| **status == Status::Held);
        held.map(|(event, _)| EventId::parse(event).expect("the key was written from an id"))
    }

    /// The next events of a replay: of a range, or of the held ones. An event's id is its place, since a greater number
    /// happened later.
    pub(super) fn list(&self, range: Option<&RangeReplay>, count: usize) -> Listed {
        let Some(range) = range else {
            let events = self.held().take(count).map(|event| (event.clone(), Position(event.to_string()))).collect();
            return Listed { events, read_to: None };
        };
        let is_in = |status: &Status| match status {
            Status::Delivered => range.range.statuses.has_delivered(),
            Status::Failed => range.range.statuses.has_failed(),
            Status::Held | Status::Retrying => false,
        };
        let is_next = |event: &String| range.position.as_ref().is_none_or(|Position(done)| event > done);
        let mut next = self.records.iter().filter(|(event, status)| is_next(event) && is_in(status));
        let events: Vec<_> = next
            .by_ref()
            .take(count)
            .map(|(event, _)| (EventId::parse(event).expect("the key was written from an id"), Position(event.clone())))
            .collect();
        let read_to = next.next().and_then(|_| events.last()).map(|(_, position)| position.clone());
        Listed { events, read_to }
    }

    /// Whether `sweep` would look after this business: something is overdue, or events are held. These are the two indexes
    /// that `functions/sweep` reads.
    pub(crate) fn are_found_by_sweep(&self, now: Timestamp) -> bool {
        self.held().next().is_some() || self.health.is_overdue(now)
    }

    /// Another system writes the settings item with a `PutItem`, and with it wipes the health.
    pub(crate) fn wipe_health(&mut self) {
        self.health = Health::default();
    }

    /// The message that the owner's page sends for an event that is to be sent again. None: the ledger has no body. As in
    /// `functions/portal`, only what has arrived is sent although it has arrived.
    pub(crate) fn send_again(&mut self, event: &EventId) -> Option<Body> {
        if !self.has_body(event) {
            return None;
        }
        if self.says(event, Status::Delivered) {
            let asked = self.asked.entry(event.as_str().to_owned()).or_default();
            *asked += 1;
            return Some(Body::resend(event.clone(), *asked));
        }
        if self.says(event, Status::Failed) {
            self.records.insert(event.as_str().to_owned(), Status::Retrying);
        }
        Some(Body::reference(event.clone()))
    }

    /// Whether an event has arrived since the owner asked for it for the `asked`th time.
    pub(crate) fn has_arrived_since(&self, event: &EventId, asked: u8) -> bool {
        asked == 0 || self.delivered_after.get(event.as_str()).is_some_and(|after| *after >= asked)
    }

    /// `asked`: the event is sent again because the owner has asked for it that often; 0: for another reason.
    /// `is_of_range`: a replay of a range sends the event again.
    pub(super) fn read(&self, event: Option<&EventId>, asked: u8, is_of_range: bool) -> Snapshot {
        let status = event.and_then(|event| self.records.get(event.as_str()));
        let has_arrived = event.is_some_and(|event| {
            if is_of_range {
                self.arrived_since_range.contains(event.as_str())
            } else {
                self.has_arrived_since(event, asked)
            }
        });
        let ledger_status = match status {
            Some(Status::Delivered) if has_arrived => LedgerStatus::Delivered,
            Some(Status::Delivered) => LedgerStatus::DeliveredBefore,
            Some(Status::Held) => LedgerStatus::Held,
            Some(Status::Retrying) => LedgerStatus::Retrying,
            _ => LedgerStatus::Nothing,
        };
        Snapshot { health: self.health.clone(), endpoint: self.url.clone(), ledger_status, is_at_capacity: false }
    }

    /// Whether the version before this state was the stored one, so that this state is stored now.
    pub(crate) fn store(&mut self, health: &Health) -> bool {
        let follows = self.health.version + 1 == health.version;
        let range = |health: &Health| health.range.as_ref().map(|range| range.steps.id);
        if follows && range(&self.health) != range(health) {
            self.arrived_since_range.clear();
        }
        if follows {
            self.health = health.clone();
        }
        follows
    }

    /// Only a resend may write over a record that says delivered.
    pub(super) fn record(&mut self, event: &EventId, status: NextStatus, was_held: bool, is_resend: bool) -> Reply {
        if !is_resend && self.says(event, Status::Delivered) {
            return Reply::AlreadyDelivered;
        }
        let keeps = matches!(status, NextStatus::Unchanged | NextStatus::GivenUp);
        let goes_on = keeps || matches!(status, NextStatus::Retrying(_) | NextStatus::Failed);
        if goes_on && !was_held && self.says(event, Status::Held) {
            return Reply::AlreadyHeld;
        }
        let status = match status {
            NextStatus::Delivered => Status::Delivered,
            NextStatus::Retrying(_) => Status::Retrying,
            NextStatus::Held => Status::Held,
            NextStatus::Failed => Status::Failed,
            NextStatus::Unchanged | NextStatus::GivenUp => return Reply::Done,
        };
        self.records.insert(event.as_str().to_owned(), status);
        if status == Status::Delivered {
            let asked = self.asked.get(event.as_str()).copied().unwrap_or(0);
            self.delivered_after.insert(event.as_str().to_owned(), asked);
            self.arrived_since_range.insert(event.as_str().to_owned());
        }
        Reply::Done
    }

    /// An event without a body is no longer held. A record that is not held stays as it is.
    pub(super) fn abandon(&mut self, event: &EventId) -> Reply {
        if let Some(status @ Status::Held) = self.records.get_mut(event.as_str()) {
            *status = Status::Failed;
        }
        Reply::Done
    }

    pub(super) fn found(&self) -> Found {
        let probe_is_kept = match &self.health.state {
            State::Failing { probe: Some(probe), .. } => self.has_body(&probe.event),
            _ => false,
        };
        Found { first_held: self.held().next(), probe_is_kept }
    }
}
