//! Carries one event along its way: does what [`Flow`] says is next, and tells it what came of it.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::process::clock;
use adapters::tables::{Change, Record, Settings, Status, Try, Waiting, Written};
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::{End, Flow, Reply, Step};
use domain::endpoint::{Attempted, Fate, Notice};
use domain::outcome::{Outcome, Verdict};
use tokio::time::Instant;

use crate::batch::AT_ONCE;
use crate::delivery::{Deliver, Delivery, Fault, OUR_OWN_TIME, from_now};
use crate::report;

/// An attempt that has had no answer for so long tells the other environments that it waits. Most receivers answer
/// sooner, which keeps a delivery to them at its one write.
const SLOW_AFTER: Duration = Duration::from_millis(500);

/// How long a write that failed is waited with before the next.
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// How long a message may be kept for telling that its attempt waits no more.
const TELLING: Duration = Duration::from_millis(500);

/// What has been learnt on the way.
#[derive(Default)]
struct Learnt {
    settings: Settings,
    record: Option<Record>,
    attempt: Option<(Attempt, Timestamp)>,
    fate: Option<Fate>,
    /// Who waits for an answer of the endpoint.
    waiting: Waiting,
    /// Until when the attempt has told that it waits at the longest.
    waits_until: Option<Timestamp>,
    /// Before when the receiver wishes for nothing.
    not_before: Option<Timestamp>,
}

/// How an event's way ended.
pub(crate) struct Carried {
    /// What becomes of its message.
    pub(crate) end: End,
    /// The receiver wishes for nothing before this time (`Retry-After`).
    pub(crate) not_before: Option<Timestamp>,
}

impl Deliver {
    /// Carries an event to the end of its way.
    pub(crate) async fn carry(&self, delivery: &Delivery<'_>) -> Carried {
        let instead_of_holding = (!self.compressor.can_keep(delivery.event.body()))
            .then(|| self.next_attempt(delivery.number, None).map_or(Fate::Fail, Fate::Retry));
        let mut learnt = Learnt::default();
        let (mut flow, mut step) = Flow::start(delivery.event.id().clone(), delivery.vehicle, instead_of_holding);
        loop {
            if let Step::Finish(end) = step {
                report::ended(delivery, learnt.attempt.as_ref().map(|(attempt, _)| attempt), learnt.fate, end);
                self.end_waiting(delivery, &learnt).await;
                return Carried { end, not_before: learnt.not_before };
            }
            let reply = self.step(delivery, &mut learnt, step).await.unwrap_or_else(|fault| {
                report::fault(delivery, &fault);
                Reply::Unavailable
            });
            step = flow.next(reply, clock::now());
        }
    }

    async fn step(&self, delivery: &Delivery<'_>, learnt: &mut Learnt, step: Step) -> Result<Reply, Fault> {
        let business_id = delivery.event.business_id();
        Ok(match step {
            Step::Look => self.look(delivery, learnt).await?,
            Step::Store(health) => written(self.tables.store(business_id, &health).await?, Reply::Conflict),
            Step::SendToken { run, step } => {
                let command = Command::Release { business_id: business_id.clone(), run, step, holder: None };
                self.queues.send(&command, Duration::ZERO).await?;
                Reply::Done
            }
            Step::Announce(notice) => self.announce(delivery, &notice).await?,
            // What came before may have taken its time.
            Step::Post if !self.has_time(delivery.deadline) => Reply::NoTime,
            Step::Post => Reply::Posted(self.post(delivery, learnt).await?),
            Step::SendAgain(at) => {
                let event_id = delivery.event.id().clone();
                let command = Command::Deliver { business_id: business_id.clone(), event_id, resend: None };
                self.queues.send(&command, from_now(at)).await?;
                Reply::Done
            }
            Step::Record(fate) => {
                learnt.fate = Some(fate);
                self.record(delivery, learnt, fate).await?
            }
            Step::Finish(_) => Reply::Done,
        })
    }

    /// The internal secret is fetched alongside, for the attempt that most likely follows; it is kept.
    async fn look(&self, delivery: &Delivery<'_>, learnt: &mut Learnt) -> Result<Reply, Fault> {
        let event = delivery.event;
        let look = self.tables.look(event.business_id(), Some(event.id()), clock::now());
        let (looked, _) = tokio::join!(look, self.internal_secret.get());
        let looked = looked?;
        learnt.settings = looked.settings;
        learnt.record = looked.record;
        learnt.waiting = looked.waiting;
        Ok(Reply::Looked {
            health: looked.health,
            endpoint: learnt.settings.endpoint.clone(),
            delivered: looked.record.is_some_and(|record| has_arrived(record, delivery.resend)),
            held: looked.record.is_some_and(|record| record.status == Status::Held),
            // One whose record is missing or was not read has been tried if its message has been here before.
            retrying: looked.record.map_or(delivery.number > 1, |record| record.status == Status::Retrying),
            crowded: !delivery.message.has_been_patient(clock::now()) && learnt.waiting.count(clock::now()) >= AT_ONCE,
        })
    }

    async fn announce(&self, delivery: &Delivery<'_>, notice: &Notice) -> Result<Reply, Fault> {
        let business_id = delivery.event.business_id();
        // To tell it without the number is better than not to tell it.
        let held = self.tables.count_held(business_id).await.ok();
        self.notices.announce(business_id, notice, held).await?;
        report::announced(business_id, notice, held);
        Ok(Reply::Done)
    }

    async fn post(&self, delivery: &Delivery<'_>, learnt: &mut Learnt) -> Result<Attempted, Fault> {
        let secret = self.internal_secret.get().await?;
        let url = learnt.settings.url.as_deref().unwrap_or_default();
        let credentials = &learnt.settings.credentials;
        let attempt = self.attempter.attempt(delivery.event, url, credentials, &secret, delivery.number);
        let mut attempt = pin!(attempt);
        let attempt = match tokio::time::timeout(SLOW_AFTER, &mut attempt).await {
            Ok(attempt) => attempt,
            Err(_slow) => {
                // Until what it comes to is stored. The microseconds by chance tell attempts apart that began together.
                let chance = Duration::from_micros(fastrand::u64(..1_000));
                let until = clock::now() + self.attempt_timeout + OUR_OWN_TIME + chance;
                learnt.waits_until = Some(until);
                tokio::select! {
                    attempt = &mut attempt => attempt,
                    () = self.begin_waiting(delivery, until) => attempt.await,
                }
            }
        };
        let attempted = match attempt.verdict {
            Verdict::Delivered => Attempted::Succeeded,
            Verdict::Retry { cause, not_before } => {
                let longest = self.schedule.longest_step();
                learnt.not_before = not_before.map(|wait| clock::now() + wait.min(longest));
                Attempted::Failed { cause, next: self.next_attempt(delivery.number, not_before) }
            }
        };
        learnt.attempt = Some((attempt, clock::now()));
        Ok(attempted)
    }

    async fn begin_waiting(&self, delivery: &Delivery<'_>, until: Timestamp) {
        if let Err(error) = self.tables.begin_waiting(delivery.event.business_id(), until).await {
            report::waiting_not_told(delivery, &error);
        }
    }

    /// At the very end, when it is stored what the attempt came to: a failure must count before another takes its place.
    async fn end_waiting(&self, delivery: &Delivery<'_>, learnt: &Learnt) {
        let Some(until) = learnt.waits_until else { return };
        let over: BTreeSet<_> = learnt.waiting.over(clock::now()).chain([until]).collect();
        let telling = self.tables.end_waiting(delivery.event.business_id(), &over);
        if let Ok(Err(error)) = tokio::time::timeout(TELLING, telling).await {
            report::waiting_not_told(delivery, &error);
        }
    }

    fn next_attempt(&self, number: u32, not_before: Option<Duration>) -> Option<Timestamp> {
        let delay = self.schedule.delay_after(number, not_before, fastrand::f64())?;
        Some(clock::now() + delay)
    }

    async fn record(&self, delivery: &Delivery<'_>, learnt: &Learnt, fate: Fate) -> Result<Reply, Fault> {
        let (status, next_attempt) = match fate {
            Fate::Delivered => (Status::Delivered, None),
            Fate::Retry(at) => (Status::Retrying, Some(at)),
            Fate::Hold => (Status::Held, None),
            Fate::Fail => (Status::Failed, None),
        };
        // The body is written with the first record, and never again.
        let body = if learnt.record.is_none() {
            report::unread_fields(delivery);
            self.compressor.compress(delivery.event.body())
        } else {
            None
        };
        let attempt = learnt.attempt.as_ref().map(|(attempt, at)| tried(attempt, *at));
        let change = Change {
            event: delivery.event,
            body: body.as_ref(),
            before: learnt.record,
            status,
            attempt: attempt.as_ref(),
            next_attempt,
            occurred: delivery.occurred,
            now: clock::now(),
            retention: self.retention,
            over_delivered: delivery.resend.is_some(),
        };
        Ok(written(self.write(delivery, &change).await?, Reply::AlreadyDelivered))
    }

    /// That an event has arrived is written again until the message's time is over, since nothing else keeps it from being
    /// sent again. Of what has failed, the message comes back anyway.
    async fn write(&self, delivery: &Delivery<'_>, change: &Change<'_>) -> Result<Written, Fault> {
        let event = delivery.event;
        loop {
            let done = self.tables.record(event.business_id(), event.id(), change).await;
            let again = Instant::now() + BETWEEN_WRITES;
            match done {
                // The last failure is the one that is told.
                Err(_) if change.status == Status::Delivered && again + OUR_OWN_TIME <= delivery.deadline => {
                    tokio::time::sleep_until(again).await;
                }
                done => return Ok(done?),
            }
        }
    }
}

/// Whether an event has arrived; with the owner's wish that it be sent again, since that was asked for.
fn has_arrived(record: Record, resend: Option<Timestamp>) -> bool {
    let since = |asked_at| record.last_delivered.is_some_and(|at| at >= asked_at);
    record.status == Status::Delivered && resend.is_none_or(since)
}

fn written(written: Written, otherwise: Reply) -> Reply {
    match written {
        Written::Done => Reply::Done,
        Written::ConditionFailed => otherwise,
    }
}

fn tried(attempt: &Attempt, at: Timestamp) -> Try {
    let (snippet, location) = match &attempt.outcome {
        Outcome::Answered(answer) => (answer.snippet.clone(), answer.location.clone()),
        Outcome::Failed(_) => (String::new(), None),
    };
    let cause = match attempt.verdict {
        Verdict::Delivered => None,
        Verdict::Retry { cause, .. } => Some(cause),
    };
    Try {
        id: fastrand::u64(..),
        at,
        cause,
        status_code: attempt.status_code(),
        timings: attempt.timings,
        snippet,
        location,
        clue: attempt.clue,
    }
}
