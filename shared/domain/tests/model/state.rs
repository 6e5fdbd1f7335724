//! One state of the model: the tables, the queue, the workers, and what may still go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use domain::endpoint::{
    Attempted, EndpointId, Fate, Health, OVERDUE_AFTER, PROBE_AFTER, STALE_AFTER, State as HealthState,
};
use domain::event::EventId;
use domain::outcome::{Cause, Failure};
use domain::schedule::Schedule;
use jiff::Timestamp;

use crate::world::{Body, Leave, Reply, Status, Tables, Task, Worker, event};

/// How long a received message stays invisible.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(6);

/// When every quiet state is, since only differences of time matter.
pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A message in the queue, whether it can be seen or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) body: Body,
    pub(crate) visible_at: Timestamp,
    pub(crate) received: u32,
}

/// A worker in some environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Running {
    pub(crate) message: u8,
    pub(crate) attempt: u32,
    pub(crate) worker: Worker,
    /// It has done nothing yet.
    pub(crate) fresh: bool,
    /// A minute, which is as long as it may take, is over.
    pub(crate) late: bool,
    /// It has claimed its attempt, since the endpoint is failing.
    pub(crate) claimed: bool,
}

/// What may still happen besides the regular course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Events to be published.
    pub(crate) events: u8,
    /// Of these, so many are published twice.
    pub(crate) twice: u8,
    /// Times that the owner sends an event again.
    pub(crate) resends: u8,
    /// Of the events, so many are too large to be held.
    pub(crate) large: u8,
    /// Workers that die before a task.
    pub(crate) crashes: u8,
    /// Tasks that are refused, or done without that becoming known.
    pub(crate) faults: u8,
    /// Messages that are handed out although somebody has them.
    pub(crate) duplicates: u8,
    /// Looks that find many attempts waiting for the endpoint's answer, and attempts for which no time is left.
    pub(crate) crowds: u8,
    /// Answers of 410.
    pub(crate) gone: u8,
    /// Times that the clock goes on although a message could be received.
    pub(crate) lags: u8,
    /// Times that it goes on during an attempt.
    pub(crate) tarries: u8,
    /// Wishes of the owner, other than resuming.
    pub(crate) wishes: u8,
    /// Times that the owner resumes.
    pub(crate) resumes: u8,
}

impl Budget {
    pub(crate) const NOTHING: Self = Self {
        events: 0,
        twice: 0,
        resends: 0,
        large: 0,
        crashes: 0,
        faults: 0,
        duplicates: 0,
        crowds: 0,
        gone: 0,
        lags: 0,
        tarries: 0,
        wishes: 0,
        resumes: 0,
    };
}

/// What the owner's page is about to do after it has stored a resumed state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resuming {
    Send(Health),
    Flush(Health),
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) tables: Tables,
    pub(crate) queue: BTreeMap<u8, Message>,
    pub(crate) dead: Vec<Body>,
    pub(crate) workers: Vec<Running>,
    pub(crate) resuming: Option<Resuming>,
    pub(crate) published: usize,
    pub(crate) arrived: BTreeSet<String>,
    pub(crate) budget: Budget,
}

impl World {
    pub(crate) fn new(failures: u32, budget: Budget) -> Self {
        let url = Some(EndpointId("a".into()));
        let state = HealthState::Active { failures };
        let health = Health { version: 2, endpoint: url.clone(), state, ..Health::default() };
        Self {
            now: NOW,
            tables: Tables { url, health, ..Tables::default() },
            queue: BTreeMap::new(),
            dead: Vec::new(),
            workers: Vec::new(),
            resuming: None,
            published: 0,
            arrived: BTreeSet::new(),
            budget,
        }
    }

    pub(crate) fn publish(&mut self) {
        self.published += 1;
        let too_large = self.budget.large > 0;
        self.budget.large = self.budget.large.saturating_sub(1);
        self.send(Body::Event { event: event(self.published), asked: 0, too_large }, None);
    }

    /// An event that arrived before the endpoint's failures began.
    pub(crate) fn with_delivered(mut self) -> Self {
        self.published += 1;
        let event = event(self.published).as_str().to_owned();
        self.tables.records.insert(event.clone(), Status::Delivered);
        self.arrived.insert(event);
        self
    }

    pub(crate) fn resend(&mut self, event: EventId) {
        let asked = self.tables.ask(&event);
        self.send(Body::Event { event, asked, too_large: false }, None);
    }

    pub(crate) fn send(&mut self, body: Body, at: Option<Timestamp>) {
        let is_known =
            |id: &u8| self.queue.contains_key(id) || self.workers.iter().any(|running| running.message == *id);
        let id = (0..u8::MAX).find(|id| !is_known(id)).expect("the model has few messages");
        let visible_at = at.unwrap_or(self.now);
        self.queue.insert(id, Message { body, visible_at, received: 0 });
    }

    pub(crate) fn has_visible(&self) -> bool {
        self.queue.values().any(|message| self.is_visible(message))
    }

    pub(crate) fn is_visible(&self, message: &Message) -> bool {
        message.visible_at <= self.now
    }

    /// Hands a message out, or moves it to the dead-letter queue.
    pub(crate) fn receive(&mut self, id: u8, schedule: &Schedule) {
        let visible_at = self.now + VISIBILITY_TIMEOUT;
        let Some(message) = self.queue.get_mut(&id) else { return };
        if message.received == schedule.max_attempts() {
            return self.bury(id);
        }
        message.received += 1;
        message.visible_at = visible_at;
        let attempt = message.received;
        let instead_of_holding = match schedule.delay_after(attempt, None, 0.0) {
            Some(delay) => Fate::Retry(self.now + delay),
            None => Fate::Fail,
        };
        let worker = Worker::start(&message.body, instead_of_holding, &name(id));
        self.workers.push(Running { message: id, attempt, worker, fresh: true, late: false, claimed: false });
    }

    fn bury(&mut self, id: u8) {
        self.dead.extend(self.queue.remove(&id).map(|message| message.body));
    }

    /// Does a worker's task, with this answer should it be an attempt.
    pub(crate) fn perform(&mut self, place: usize, answer: Answer, schedule: &Schedule) {
        let reply = self.do_task(place, answer, schedule);
        if let Some(reply) = reply {
            self.go_on(place, reply);
        }
    }

    /// Looks, and finds many attempts waiting for the endpoint's answer.
    pub(crate) fn look_into_a_crowd(&mut self, place: usize) {
        let reply = self.workers[place].worker.perform(&mut self.tables).in_a_crowd();
        self.go_on(place, reply);
    }

    /// Does it, without the worker learning so.
    pub(crate) fn perform_unknown(&mut self, place: usize, schedule: &Schedule) {
        if self.do_task(place, Answer::Success, schedule).is_some() {
            self.go_on(place, Reply::Unavailable);
        }
    }

    pub(crate) fn go_on(&mut self, place: usize, reply: Reply) {
        let running = &mut self.workers[place];
        let claims = matches!(running.worker.task, Task::Store(_)) && reply == Reply::Done;
        running.fresh = false;
        running.worker.go_on(reply, self.now);
        running.claimed = claims && matches!(running.worker.task, Task::Post(_));
    }

    /// None: the worker is done.
    fn do_task(&mut self, place: usize, answer: Answer, schedule: &Schedule) -> Option<Reply> {
        let Running { message, attempt, worker, .. } = self.workers[place].clone();
        match &worker.task {
            Task::Send(body, at) => self.send(body.clone(), *at),
            Task::Post(event) => {
                // A release's own attempt is the first of the message that the event then gets.
                let attempt = if worker.run().is_some() { 1 } else { attempt };
                return Some(Reply::Posted(self.answer(event, answer, attempt, schedule)));
            }
            Task::Leave(leave) => {
                self.leave(message, *leave, schedule);
                self.workers.remove(place);
                return None;
            }
            _ => {}
        }
        Some(worker.perform(&mut self.tables))
    }

    fn answer(&mut self, event: &EventId, answer: Answer, attempt: u32, schedule: &Schedule) -> Attempted {
        let next = schedule.delay_after(attempt, None, 0.0).map(|delay| self.now + delay);
        match answer {
            Answer::Success => {
                self.arrived.insert(event.as_str().to_owned());
                Attempted::Succeeded
            }
            Answer::Failure => Attempted::Failed { cause: Cause::Failed(Failure::Refused), next },
            Answer::Gone => Attempted::Failed { cause: Cause::Gone, next },
        }
    }

    fn leave(&mut self, id: u8, leave: Leave, schedule: &Schedule) {
        match leave {
            Leave::Delete | Leave::Dismiss => {
                self.queue.remove(&id);
            }
            Leave::ReturnAt(at) => self.set_visible_at(id, at),
            Leave::ReturnNow => self.set_visible_at(id, self.now),
            Leave::AsItIs => {}
            Leave::Soon => match self.queue.get(&id) {
                Some(message) if message.received < schedule.max_attempts() => self.set_visible_at(id, self.now),
                Some(Message { body: body @ Body::Event { .. }, .. }) => {
                    let body = body.clone();
                    self.queue.remove(&id);
                    self.send(body, None);
                }
                _ => {}
            },
        }
    }

    fn set_visible_at(&mut self, id: u8, at: Timestamp) {
        if let Some(message) = self.queue.get_mut(&id) {
            message.visible_at = at.max(self.now);
        }
    }

    /// The owner's page: what it stores is conditional like everything.
    pub(crate) fn resume(&mut self) {
        let health = self.tables.health.resume(self.now).next_version();
        self.tables.store(&health);
        self.resuming = Some(Resuming::Send(health));
    }

    pub(crate) fn go_on_resuming(&mut self) {
        match self.resuming.take() {
            Some(Resuming::Send(health)) => {
                let run = health.release.as_ref().map_or(0, |release| release.run);
                self.send(Body::Token { run, step: 0 }, None);
                self.resuming = Some(Resuming::Flush(health));
            }
            Some(Resuming::Flush(health)) => {
                self.tables.store(&health.flushed().next_version());
            }
            None => {}
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.workers.is_empty() && self.resuming.is_none()
    }

    /// The time to which the clock may jump while nobody is at work: when the next message can be seen, or the next
    /// event may try. Whoever can already be seen may have to wait.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        let mut times: Vec<_> = self.queue.values().map(|message| message.visible_at).collect();
        if let HealthState::Failing { pilot_due, last_attempt, .. } = self.tables.health.state {
            times.extend([pilot_due + OVERDUE_AFTER, last_attempt + PROBE_AFTER]);
        }
        times.extend(self.tables.health.release.as_ref().map(|release| release.at + STALE_AFTER));
        times.into_iter().filter(|time| *time > self.now).min()
    }

    /// The same state for all that follows, in its simplest form: interchangeable things in one order, and, while
    /// nobody remembers a time or a version, these counted from the same start.
    pub(crate) fn normal(mut self) -> Self {
        self.workers.sort_by_cached_key(hash);
        if self.is_quiet() {
            self.forget_times();
            self.forget_versions();
            self.forget_order();
        }
        self
    }

    fn forget_times(&mut self) {
        let now = self.now;
        let since = |time: Timestamp| NOW + time.duration_since(now);
        for message in self.queue.values_mut() {
            message.visible_at = since(message.visible_at.max(now));
        }
        if let Some(notice) = &mut self.tables.health.outbox.notice {
            notice.since = NOW;
        }
        if let Some(release) = &mut self.tables.health.release {
            release.at = since(release.at.max(now - STALE_AFTER));
        }
        match &mut self.tables.health.state {
            HealthState::Active { .. } => {}
            HealthState::Failing { since: start, pilot_due, last_attempt, .. } => {
                *start = NOW;
                *pilot_due = since((*pilot_due).max(now - OVERDUE_AFTER));
                *last_attempt = since((*last_attempt).max(now - PROBE_AFTER));
            }
            HealthState::Paused { since, .. } => *since = NOW,
        }
        self.now = NOW;
    }

    /// A token of a release that is over is like any other such token.
    fn forget_versions(&mut self) {
        let current = self.tables.health.release.as_ref().map(|release| release.run);
        let renumber = |run: &mut u64| *run = u64::from(current == Some(*run));
        let queued = self.queue.values_mut().map(|message| &mut message.body);
        for body in queued.chain(&mut self.dead) {
            if let Body::Token { run, .. } = body {
                renumber(run);
            }
        }
        if let Some(release) = &mut self.tables.health.release {
            release.run = 1;
        }
        self.tables.health.version = 2;
    }

    fn forget_order(&mut self) {
        let mut messages: Vec<_> = std::mem::take(&mut self.queue).into_iter().collect();
        messages.sort_by_cached_key(|(_, message)| hash(message));
        if let Some(holder) = self.tables.health.release.as_mut().and_then(|release| release.holder.as_mut()) {
            // The message that holds the step is known by another number from now on, or is no more.
            let place = messages.iter().position(|(id, _)| *holder == name(*id));
            *holder = place.map_or_else(|| "gone".to_owned(), |place| format!("m{place}"));
        }
        self.queue = (0..).zip(messages.into_iter().map(|(_, message)| message)).collect();
        self.dead.sort_by_cached_key(hash);
    }

    pub(crate) fn published(&self) -> impl Iterator<Item = EventId> {
        (1..=self.published).map(event)
    }

    pub(crate) fn has_held(&self) -> bool {
        self.tables.records.values().any(|status| *status == Status::Held)
    }
}

/// What a receiver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Success,
    Failure,
    Gone,
}

/// For an order that is the same in every run and means nothing.
fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The id of a message, by which a release knows its token.
fn name(id: u8) -> String {
    format!("m{id}")
}
