//! Journals of the code conform, whole or cut; a changed journal does not.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::delivery::{AckReason, DeliveryIo, LedgerStatus, MessageAction, ReplayGoesOn, ReplaySource, Unavailable};
use crate::endpoint::{Attempted, EndpointId, EndpointIo, Position, Probe, Replay, State};
use crate::outcome::{Cause, Failure};
use crate::replay::ReplayIo;

const HASHES: [&str; 3] = ["5f0c9a", "77b1e2", "c0ffee"];

fn event(number: u32) -> EventId {
    EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_750_000_000_000 + milliseconds).expect("within jiff's range")
}

/// A business whose endpoint always gives the same answer. Each reading of the clock is a millisecond later.
struct World {
    stored: Mutex<Health>,
    url: Option<EndpointId>,
    posted: Result<Posted, Unavailable>,
    now: Mutex<i64>,
}

impl World {
    fn new(health: Health, posted: Result<Posted, Unavailable>) -> Self {
        Self { stored: Mutex::new(health), url: Some(id(0, 1)), posted, now: Mutex::new(0) }
    }
}

fn id(url: usize, header: usize) -> EndpointId {
    EndpointId(format!("{}.{}", HASHES[url], HASHES[header]))
}

impl EndpointIo for World {
    fn now(&self) -> Timestamp {
        let mut now = self.now.lock().expect("nobody panics");
        *now += 1;
        at(*now)
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        let health = self.stored.lock().expect("nobody panics").clone();
        Ok(Snapshot {
            health,
            endpoint: self.url.clone(),
            ledger_status: LedgerStatus::Retrying,
            is_at_capacity: false,
        })
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        *self.stored.lock().expect("nobody panics") = health.clone();
        Ok(Stored::Done)
    }

    async fn send_step(&self, _: u64, _: u64, _: Option<Timestamp>) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn announce(&self, _: &Notice) -> Result<(), Unavailable> {
        Err(Unavailable)
    }
}

impl DeliveryIo for World {
    async fn post(&self) -> Result<Posted, Unavailable> {
        self.posted
    }

    async fn send_again(&self, _: Timestamp) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn record(&self, _: NextStatus, _: bool) -> Result<Recorded, Unavailable> {
        Ok(Recorded::Done)
    }
}

impl ReplayIo for World {
    async fn list(&self, _: Option<&RangeReplay>) -> Result<Listed, Unavailable> {
        let events = (1..=3).map(|number| (event(number), Position(number.to_string()))).collect();
        Ok(Listed { events, read_to: None })
    }

    async fn deliver(&self, _: &EventId, _: Trigger) -> Ended {
        Ended { action: MessageAction::Acknowledge(AckReason::Delivered), replay: ReplayGoesOn::AtOnce }
    }
}

fn finished<T>(code: impl Future<Output = T>) -> T {
    match pin!(code).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the world answers at once"),
    }
}

fn delivered(world: &World, trigger: Trigger) -> Vec<Entry> {
    let entries = Mutex::new(Vec::new());
    let write = |entry: &Entry| entries.lock().expect("nobody panics").push(entry.clone());
    finished(deliver(world, Some(write), &event(1), trigger, None));
    entries.into_inner().expect("nobody panics")
}

fn stepped(world: &World) -> Vec<Entry> {
    let entries = Mutex::new(Vec::new());
    let write = |entry: &Entry| entries.lock().expect("nobody panics").push(entry.clone());
    finished(run_step(world, Some(write), 7, 0, "m1"));
    entries.into_inner().expect("nobody panics")
}

fn failure() -> Posted {
    let attempted = Attempted::Failed { cause: Cause::Failed(Failure::Timeout), next: Some(at(60_000)) };
    Posted::Made { attempted, not_before: None, is_rate_limit: false }
}

fn success() -> Posted {
    Posted::Made { attempted: Attempted::Succeeded, not_before: None, is_rate_limit: false }
}

fn healthy() -> Health {
    Health { endpoint: Some(id(0, 1)), ..Health::default() }
}

/// Four failures before the one that makes the endpoint failing.
fn weak() -> Health {
    Health { version: 4, state: State::Active { failures: 4 }, ..healthy() }
}

/// Failing, with the event as the probe, which is due, at another endpoint.
fn failing_elsewhere() -> Health {
    let probe = Some(Probe { event: event(1), due: at(0), restarts: 0, is_of_range: false });
    let state = State::Failing { since: at(-9_000), cause: Cause::Status, probe, last_attempt: at(-5_000) };
    Health { version: 6, endpoint: Some(id(2, 1)), state, ..Health::default() }
}

fn replaying() -> Health {
    let replay = Replay { id: 7, step: 0, claimed_by: None, due: at(0), failures: 0, restarts: 0, done: 0, failed: 0 };
    Health { version: 7, replay: Some(replay), ..healthy() }
}

fn journals() -> Vec<Vec<Entry>> {
    let replayed = Trigger::Replay { replay: 7, source: ReplaySource::Held, step: 0, failures: 0 };
    let without_url = World { url: None, ..World::new(healthy(), Ok(success())) };
    vec![
        delivered(&World::new(healthy(), Ok(success())), Trigger::Message),
        delivered(&World::new(weak(), Ok(failure())), Trigger::Message),
        delivered(&World::new(failing_elsewhere(), Ok(success())), Trigger::Restart),
        delivered(&World::new(replaying(), Ok(failure())), replayed),
        delivered(&World::new(healthy(), Err(Unavailable)), Trigger::Message),
        delivered(&without_url, Trigger::Message),
        stepped(&World::new(replaying(), Ok(success()))),
    ]
}

#[test]
fn every_journal_of_the_code_conforms_whole_or_cut_off_also_after_it_was_text() {
    for journal in journals() {
        let text = serde_json::to_string(&journal).expect("no map has keys that are no strings");
        let read: Vec<Entry> = serde_json::from_str(&text).expect("it was written so");
        assert_eq!(read, journal);
        assert_eq!(check(&journal), Ok(Checked { calls: journal.len() - 2, has_end: true }));
        for length in 1..journal.len() {
            assert_eq!(check(&journal[..length]), Ok(Checked { calls: length - 1, has_end: false }));
        }
    }
}

#[test]
fn a_journal_has_no_hash_of_a_url_or_a_header() {
    for journal in journals() {
        let text = serde_json::to_string(&journal).expect("no map has keys that are no strings");
        assert!(HASHES.iter().all(|hash| !text.contains(hash)), "{text}");
    }
}

#[test]
fn an_entry_that_is_missing_or_added_or_of_another_journal_is_found() {
    let journals = journals();
    for journal in &journals {
        for place in 0..journal.len() - 1 {
            let mut without = journal.clone();
            without.remove(place);
            assert!(check(&without).is_err(), "a gap at {place}");
            without[place..].iter_mut().for_each(|entry| entry.place -= 1);
            assert!(check(&without).is_err(), "without {:?}", journal[place]);
        }
        let mut longer = journal.clone();
        longer.push(Entry { place: journal.len(), ..journal[1].clone() });
        assert!(check(&longer).is_err(), "an entry behind the end");
    }
    let mut mixed = journals[0].clone();
    mixed[1] = journals[1][1].clone();
    assert!(check(&mixed).is_err(), "the reply of another state, and the calls that followed of this one");
}

#[test]
fn another_call_or_time_or_end_than_the_codes_is_found() {
    let change = |journal: &[Entry], change: &dyn Fn(&mut Entry) -> bool| {
        let mut journal = journal.to_vec();
        let place = journal.iter_mut().position(change).expect("the journal has such an entry");
        check(&journal).map_err(|deviation| (place, deviation.place))
    };
    let weak = &journals()[1];
    let other_status = change(weak, &|entry| match &mut entry.content {
        Content::Calls(Call::Record { status, .. }, _) => {
            *status = NextStatus::Held;
            true
        }
        _ => false,
    });
    assert!(matches!(other_status, Err((place, found)) if place == found), "{other_status:?}");
    let other_version = change(weak, &|entry| match &mut entry.content {
        Content::Calls(Call::Store(health), _) => {
            health.version += 1;
            true
        }
        _ => false,
    });
    assert!(matches!(other_version, Err((place, found)) if place == found), "{other_version:?}");
    let other_time = change(weak, &|entry| {
        let is_store = matches!(entry.content, Content::Calls(Call::Store(_), _));
        entry.clock.iter_mut().for_each(|time| *time += Duration::from_millis(u64::from(is_store)));
        is_store
    });
    assert!(other_time.is_err(), "the stored state has the time");
    let other_count = change(weak, &|entry| {
        entry.clock.push(at(0));
        entry.place > 0
    });
    assert!(other_count.is_err(), "the clock is read as often as the code reads it");
    let other_end = change(weak, &|entry| {
        let Content::Ends(End::Delivery(ended)) = &mut entry.content else { return false };
        ended.action = MessageAction::ReturnSpent;
        true
    });
    assert!(matches!(other_end, Err((place, found)) if place == found), "{other_end:?}");
}

#[test]
fn without_a_writer_the_result_is_the_same() {
    let none: Option<fn(&Entry)> = None;
    let ended = finished(deliver(&World::new(healthy(), Ok(success())), none, &event(1), Trigger::Message, None));
    assert_eq!(ended.action, MessageAction::Acknowledge(AckReason::Delivered));
}
