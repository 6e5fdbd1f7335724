//! Delivers one event: the implementation of [`DeliveryIo`] on AWS and on the receivers, for
//! [`domain::delivery`].

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::deliveries_table::{AttemptRecord, Record, RecordUpdate, Status};
use adapters::dynamodb::Written;
use adapters::process::clock;
use adapters::settings_table::{InFlight, Settings, SettingsItem};
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::{DeliveryIo, Ended, LedgerStatus, NextStatus, Posted, Recorded, Snapshot, Stored, Unavailable};
use domain::endpoint::{Attempted, EndpointIo, Health, Notice};
use domain::event::BusinessId;
use domain::journal::deliver;
use domain::outcome::{Outcome, Verdict};
use domain::request::Sending;
use tokio::time::Instant;

use crate::batch::AT_ONCE;
use crate::fault::Fault;
use crate::handle_message::{Deliver, Delivery, OUR_OWN_TIME};
use crate::message_action::from_now;
use crate::report;
use crate::tally;

/// An attempt that has had no answer for this long is stored as in flight, for the other environments to see. Most
/// receivers answer sooner, and a delivery to them keeps to its one write.
const SLOW_AFTER: Duration = Duration::from_millis(500);

/// The pause between a failed write of the record and the next try.
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// How long a message is kept at most for removing the entry of its attempt in flight.
const REMOVE_WITHIN: Duration = Duration::from_millis(500);

/// A delivery under way.
struct Running<'a> {
    deliver: &'a Deliver,
    delivery: &'a Delivery<'a>,
    /// Whether the settings and the record have been read.
    has_read: AtomicBool,
    progress: Mutex<Progress>,
}

/// The results of the reads and steps that the delivery has done so far.
#[derive(Clone, Default)]
struct Progress {
    settings: Settings,
    record: Option<Record>,
    attempt: Option<(Attempt, Timestamp)>,
    status: Option<NextStatus>,
    /// The attempts in flight at the endpoint, as they were read.
    in_flight: InFlight,
    /// This attempt's entry among the attempts in flight: the time by which the attempt will have ended. None: the
    /// attempt has no entry.
    in_flight_until: Option<Timestamp>,
}

impl Progress {
    /// Gives when the event has arrived for the first time. None: it has not arrived, or had arrived before.
    fn first_arrival(&self) -> Option<Timestamp> {
        let (attempt, at) = self.attempt.as_ref()?;
        let had_arrived = self.record.is_some_and(|record| record.last_delivered.is_some());
        (attempt.verdict == Verdict::Delivered && !had_arrived).then_some(*at)
    }
}

impl Deliver {
    /// Delivers an event, and logs and counts the result.
    pub(crate) async fn run_delivery(&self, delivery: &Delivery<'_>) -> Ended {
        let running = Running { deliver: self, delivery, has_read: AtomicBool::new(false), progress: Mutex::default() };
        let instead_of_holding = (!self.compressor.can_keep(delivery.event.body()))
            .then(|| running.next_attempt(None).map_or(NextStatus::Failed, NextStatus::Retrying));
        // Its states would make the future of a whole batch too large for a stack.
        let journal = report::journal(delivery.message);
        let ended = deliver(&running, journal, delivery.event.id(), delivery.trigger, instead_of_holding);
        let ended = Box::pin(ended).await;
        running.remove_in_flight().await;
        let progress = running.progress();
        let attempt = progress.attempt.as_ref().map(|(attempt, _)| attempt);
        report::ended(delivery, attempt, progress.status, ended.action);
        tally::ended(delivery.trigger, attempt, progress.status, ended.action);
        if let Some(at) = progress.first_arrival() {
            tally::arrived(delivery.event, at);
        }
        drop(progress);
        ended
    }

    /// Gives a notice to the operator, with the number of held events.
    pub(crate) async fn announce(&self, business_id: &BusinessId, notice: &Notice) -> Result<(), Fault> {
        // A notice without the number is better than no notice.
        let held = self.tables.deliveries.count_held(business_id).await.ok();
        self.notices.announce(business_id, notice, held).await?;
        Ok(())
    }
}

impl Running<'_> {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().expect("nobody panics while it is held")
    }

    fn business_id(&self) -> &BusinessId {
        self.delivery.event.business_id()
    }

    fn known<T>(&self, result: Result<T, Fault>) -> Result<T, Unavailable> {
        result.map_err(|fault| {
            report::fault(self.delivery, &fault);
            Unavailable
        })
    }

    /// Reads the settings and the record, the first time by the read that was made for the whole batch. Otherwise the
    /// internal secret is fetched at the same time, for the attempt that most likely follows.
    async fn read_settings_and_record(&self) -> Result<Snapshot, Fault> {
        let delivery = self.delivery;
        let (business_id, event_id) = (self.business_id(), delivery.event.id());
        let read = delivery.read.filter(|_| !self.has_read.swap(true, Ordering::Relaxed));
        let read = if let Some(read) = read.and_then(|read| read.of(business_id, event_id, clock::now())) {
            read
        } else {
            let read = self.deliver.tables.read_settings_and_record(business_id, event_id, clock::now());
            tokio::join!(read, self.deliver.internal_secret.get()).0
        };
        let (SettingsItem { settings, health, in_flight }, record) = read?;
        let snapshot = Snapshot {
            health,
            endpoint: settings.endpoint.clone(),
            ledger_status: ledger_status(record, delivery),
            is_at_capacity: !delivery.message.ignores_capacity(clock::now())
                && in_flight.count(clock::now()) >= AT_ONCE,
        };
        let mut progress = self.progress();
        progress.settings = settings;
        progress.record = record;
        progress.in_flight = in_flight;
        Ok(snapshot)
    }

    async fn attempt(&self) -> Result<Posted, Fault> {
        let secret = self.deliver.internal_secret.get().await?;
        let settings = self.progress().settings.clone();
        let url = settings.url.as_deref().unwrap_or_default();
        let Delivery { event, traceparent, number, .. } = *self.delivery;
        let sending = Sending { event, attempt: number, traceparent };
        let (format, credentials) = (&settings.format, &settings.credentials);
        let attempt = self.deliver.attempter.attempt(sending, url, format, credentials, &secret);
        let mut attempt = pin!(attempt);
        let attempt = match tokio::time::timeout(SLOW_AFTER, &mut attempt).await {
            Ok(attempt) => attempt,
            Err(_slow) => {
                // Until the attempt's result is stored. Random microseconds tell attempts apart that began together.
                let chance = Duration::from_micros(fastrand::u64(..1_000));
                let until = clock::now() + self.deliver.attempt_timeout + OUR_OWN_TIME + chance;
                self.progress().in_flight_until = Some(until);
                tokio::select! {
                    attempt = &mut attempt => attempt,
                    () = self.add_in_flight(until) => attempt.await,
                }
            }
        };
        let posted = self.posted(&attempt);
        self.progress().attempt = Some((attempt, clock::now()));
        Ok(posted)
    }

    fn posted(&self, attempt: &Attempt) -> Posted {
        let Verdict::Retry { cause, not_before } = attempt.verdict else {
            return Posted::Made { attempted: Attempted::Succeeded, not_before: None, is_rate_limit: false };
        };
        Posted::Made {
            attempted: Attempted::Failed { cause, next: self.next_attempt(not_before) },
            not_before: not_before.map(|wait| clock::now() + wait.min(self.deliver.schedule.longest_step())),
            is_rate_limit: attempt.status_code() == Some(429) && not_before.is_some(),
        }
    }

    async fn add_in_flight(&self, until: Timestamp) {
        if let Err(error) = self.deliver.tables.settings.add_in_flight(self.business_id(), until).await {
            report::in_flight_not_stored(self.delivery, &error);
        }
    }

    /// Removes the entry of this attempt, and the expired entries. This is the last step, after the result is stored: a
    /// failure must count before another attempt takes its place.
    async fn remove_in_flight(&self) {
        let ended: BTreeSet<_> = {
            let progress = self.progress();
            let Some(until) = progress.in_flight_until else { return };
            progress.in_flight.expired(clock::now()).chain([until]).collect()
        };
        let removal = self.deliver.tables.settings.remove_in_flight(self.business_id(), &ended);
        if let Ok(Err(error)) = tokio::time::timeout(REMOVE_WITHIN, removal).await {
            report::in_flight_not_stored(self.delivery, &error);
        }
    }

    fn next_attempt(&self, not_before: Option<Duration>) -> Option<Timestamp> {
        let delay = self.deliver.schedule.delay_after(self.delivery.number, not_before, fastrand::f64())?;
        Some(clock::now() + delay)
    }

    async fn write(&self, status: NextStatus, was_held: bool) -> Result<Recorded, Fault> {
        let delivery = self.delivery;
        let (before, attempt, retention_days) = {
            let mut progress = self.progress();
            progress.status = Some(status);
            let attempt = progress.attempt.as_ref().map(|(attempt, at)| to_record(attempt, *at));
            (progress.record, attempt, progress.settings.retention_days)
        };
        if before.is_none() {
            report::unread_fields(delivery);
        }
        let (status, next_attempt) = match status {
            NextStatus::Delivered => (Status::Delivered, None),
            NextStatus::Retrying(at) => (Status::Retrying, Some(at)),
            NextStatus::Held => (Status::Held, None),
            NextStatus::Failed => (Status::Failed, None),
            NextStatus::Unchanged | NextStatus::GivenUp => {
                (before.map_or(Status::Failed, |before| before.status), None)
            }
        };
        let change = RecordUpdate {
            event: delivery.event,
            traceparent: delivery.traceparent,
            compressor: &self.deliver.compressor,
            before,
            status,
            attempt: attempt.as_ref(),
            next_attempt,
            occurred: delivery.occurred,
            now: clock::now(),
            retention: self.deliver.retention.of_business(retention_days),
            over_delivered: delivery.resend.is_some(),
            was_held,
        };
        self.write_in_time(&change).await
    }

    /// Writes the record. If the event has arrived, a failed write is tried again until the message's time is over,
    /// since only the record keeps the event from being sent again. If the attempt has failed, one write is enough: the
    /// message comes back anyway.
    async fn write_in_time(&self, change: &RecordUpdate<'_>) -> Result<Recorded, Fault> {
        let event = self.delivery.event;
        loop {
            let done = self.deliver.tables.deliveries.record(event.business_id(), event.id(), change).await;
            let again = Instant::now() + BETWEEN_WRITES;
            match done {
                // Only the last failure is logged.
                Err(_) if change.status == Status::Delivered && again + OUR_OWN_TIME <= self.delivery.deadline => {
                    tokio::time::sleep_until(again).await;
                }
                done => return Ok(done?),
            }
        }
    }
}

impl EndpointIo for Running<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        self.known(self.read_settings_and_record().await)
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        let written = self.deliver.tables.settings.store_health(self.business_id(), health).await;
        self.known(written.map_err(Fault::from)).map(Written::into)
    }

    async fn send_step(&self, replay: u64, step: u64, at: Option<Timestamp>) -> Result<(), Unavailable> {
        let command = Command::Replay { business_id: self.business_id().clone(), replay, step };
        let sent = self.deliver.queues.send(&command, at.map_or(Duration::ZERO, from_now)).await;
        self.known(sent.map_err(Fault::from))
    }

    async fn announce(&self, notice: &Notice) -> Result<(), Unavailable> {
        self.known(self.deliver.announce(self.business_id(), notice).await)
    }
}

impl DeliveryIo for Running<'_> {
    async fn post(&self) -> Result<Posted, Unavailable> {
        // The reads before may have taken long.
        if !self.deliver.has_time(self.delivery.deadline) {
            return Ok(Posted::NoTime);
        }
        self.known(self.attempt().await)
    }

    async fn send_again(&self, at: Timestamp) -> Result<(), Unavailable> {
        let (business_id, event_id) = (self.business_id().clone(), self.delivery.event.id().clone());
        let command = Command::Deliver { business_id, event_id, resend: None, at_once: false };
        let sent = self.deliver.queues.send(&command, from_now(at)).await;
        self.known(sent.map_err(Fault::from))
    }

    async fn record(&self, status: NextStatus, was_held: bool) -> Result<Recorded, Unavailable> {
        self.known(self.write(status, was_held).await)
    }
}

/// Gives the event's status in the ledger, as far as a delivery needs it.
fn ledger_status(record: Option<Record>, delivery: &Delivery<'_>) -> LedgerStatus {
    match record {
        Some(record) if has_arrived(record, delivery.resend) => LedgerStatus::Delivered,
        Some(Record { status: Status::Delivered, .. }) => LedgerStatus::DeliveredBefore,
        Some(Record { status: Status::Held, .. }) => LedgerStatus::Held,
        Some(Record { status: Status::Retrying, .. }) => LedgerStatus::Retrying,
        // The event has no record, or the record was not read. It has been tried if its message was received before.
        None if delivery.number > 1 => LedgerStatus::Retrying,
        _ => LedgerStatus::Nothing,
    }
}

/// Whether an event has arrived. For a resend, it must have arrived since the owner asked for it.
fn has_arrived(record: Record, resend: Option<Timestamp>) -> bool {
    let since = |asked_at| record.last_delivered.is_some_and(|at| at >= asked_at);
    record.status == Status::Delivered && resend.is_none_or(since)
}

fn to_record(attempt: &Attempt, at: Timestamp) -> AttemptRecord {
    let (snippet, location) = match &attempt.outcome {
        Outcome::Answered(answer) => (answer.snippet.clone(), answer.location.clone()),
        Outcome::Failed(_) => (String::new(), None),
    };
    let cause = match attempt.verdict {
        Verdict::Delivered => None,
        Verdict::Retry { cause, .. } => Some(cause),
    };
    AttemptRecord {
        // An event's attempts are few, and DynamoDB bills each pair of digits.
        id: fastrand::u32(..).into(),
        at,
        cause,
        status_code: attempt.status_code(),
        timings: attempt.timings,
        snippet,
        location,
        format: attempt.format,
        clue: attempt.clue,
    }
}
