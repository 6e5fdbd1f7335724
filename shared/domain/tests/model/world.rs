//! One state of the model: the tables, the queue, the workers, and what may still go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{Attempted, EndpointId, Health, IDLE_AFTER, LOST_AFTER, State as HealthState};
use domain::event::EventId;
use domain::outcome::{Cause, Failure};
use domain::schedule::Schedule;
use jiff::Timestamp;

use crate::action::Answer;
use crate::budget::Budget;
use crate::worker::{Body, Finish, Reply, Status, Tables, Task, Worker, event};

/// How long a received message stays invisible.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(6);

/// The time of every quiet state, since only differences of time matter.
pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A message in the queue, visible or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) body: Body,
    pub(crate) visible_at: Timestamp,
    pub(crate) received: u32,
}

/// A worker in some environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Running {
    /// None: no message has started the worker.
    pub(crate) message: Option<u8>,
    pub(crate) attempt: u32,
    pub(crate) worker: Arc<Worker>,
    /// Whether the worker has done nothing yet.
    pub(crate) is_fresh: bool,
    /// Whether the worker has been at work for almost a minute, which is as long as it may take.
    pub(crate) is_slow: bool,
    /// Whether the worker has claimed its attempt, because the endpoint is failing.
    pub(crate) has_claimed: bool,
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) tables: Tables,
    pub(crate) queue: BTreeMap<u8, Message>,
    /// The dead-letter queue, as far as SQS fills it.
    pub(crate) dead: Vec<Body>,
    /// The events of which a reference has been copied to the dead-letter queue, since the ledger has no body.
    pub(crate) set_aside: BTreeSet<String>,
    pub(crate) workers: Vec<Running>,
    /// How many events there are.
    pub(crate) published: usize,
    /// The events that the endpoint has.
    pub(crate) arrived: BTreeSet<String>,
    /// Whether the health has been wiped, so that its versions have begun anew.
    pub(crate) is_wiped: bool,
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
            set_aside: BTreeSet::new(),
            workers: Vec::new(),
            published: 0,
            arrived: BTreeSet::new(),
            is_wiped: false,
            budget,
        }
    }

    /// With an event that arrived before the endpoint's failures began.
    pub(crate) fn with_delivered(mut self) -> Self {
        self.published += 1;
        let event = event(self.published).as_str().to_owned();
        self.tables.records.insert(event.clone(), Status::Delivered);
        self.arrived.insert(event);
        self
    }

    pub(crate) fn published(&self) -> impl Iterator<Item = EventId> {
        (1..=self.published).map(event)
    }

    /// Whether an event has arrived, or can still be found: in a message, in the dead-letter queue, or among the held
    /// events of the ledger.
    pub(crate) fn has(&self, event: &EventId, failed_is_enough: bool) -> bool {
        let mut bodies = self.queue.values().map(|message| &message.body).chain(&self.dead);
        self.arrived.contains(event.as_str())
            || self.set_aside.contains(event.as_str())
            || self.tables.says(event, Status::Held)
            || (failed_is_enough && self.tables.says(event, Status::Failed))
            || bodies.any(|body| body.event() == Some(event))
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.workers.is_empty()
    }

    /// The time to which the clock may go while nobody is at work: when the next message is visible, when an event may make
    /// an early attempt, when something is overdue.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        let mut times: Vec<_> = self.queue.values().map(|message| message.visible_at).collect();
        if let HealthState::Failing { last_attempt, .. } = self.tables.health.state {
            times.push(last_attempt + IDLE_AFTER);
        }
        times.extend(self.overdue_at());
        times.into_iter().filter(|time| *time > self.now).min()
    }

    pub(crate) fn overdue_at(&self) -> Option<Timestamp> {
        self.tables.health.due().map(|due| due + LOST_AFTER)
    }
}

/// The queue.
impl World {
    pub(crate) fn publish(&mut self) {
        self.published += 1;
        let is_too_large = self.budget.too_large > 0;
        self.budget.too_large = self.budget.too_large.saturating_sub(1);
        self.send(Body::published(event(self.published), is_too_large), None);
    }

    pub(crate) fn send(&mut self, body: Body, at: Option<Timestamp>) {
        let is_used =
            |id: &u8| self.queue.contains_key(id) || self.workers.iter().any(|running| running.message == Some(*id));
        let id = (0..u8::MAX).find(|id| !is_used(id)).expect("the model has few messages");
        let visible_at = at.unwrap_or(self.now);
        self.queue.insert(id, Message { body, visible_at, received: 0 });
    }

    pub(crate) fn has_visible(&self) -> bool {
        self.queue.values().any(|message| self.is_visible(message))
    }

    pub(crate) fn is_visible(&self, message: &Message) -> bool {
        message.visible_at <= self.now
    }

    /// Hands a message to a new worker, or moves the message to the dead-letter queue.
    pub(crate) fn receive(&mut self, id: u8, schedule: &Schedule) {
        let visible_at = self.now + VISIBILITY_TIMEOUT;
        let Some(message) = self.queue.get_mut(&id) else { return };
        if message.received == schedule.max_attempts() {
            self.dead.extend(self.queue.remove(&id).map(|message| message.body));
            return;
        }
        message.received += 1;
        message.visible_at = visible_at;
        let attempt = message.received;
        let body = message.body.clone();
        message.body.note_received();
        let instead_of_holding = match schedule.delay_after(attempt, None, 0.0) {
            Some(delay) => NextStatus::Retrying(self.now + delay),
            None => NextStatus::Failed,
        };
        let worker = Worker::start(&body, instead_of_holding, &message_name(id), self.now);
        self.workers.push(Running::fresh(worker, Some(id), attempt));
    }

    fn finish(&mut self, id: u8, finish: Finish, schedule: &Schedule) {
        match finish {
            Finish::Delete | Finish::DeleteNotConfigured => drop(self.queue.remove(&id)),
            Finish::ReturnAt(at) => self.set_visible_at(id, at),
            Finish::ReturnSpent => self.set_visible_at(id, self.now),
            // A step's message is not needed in the dead-letter queue: `sweep` sends another one.
            Finish::ReturnAfterFault if self.is_spent_step(id, schedule) => drop(self.queue.remove(&id)),
            // The message comes back after the visibility timeout.
            Finish::ReturnAfterFault => {}
            Finish::ReturnUnattempted => match self.queue.get(&id) {
                Some(message) if message.received < schedule.max_attempts() => self.set_visible_at(id, self.now),
                Some(message) if message.body.event().is_some() => {
                    let body = message.body.clone();
                    self.queue.remove(&id);
                    self.send(body, None);
                }
                _ => {}
            },
        }
    }

    fn is_spent_step(&self, id: u8, schedule: &Schedule) -> bool {
        let is_spent = |message: &Message| message.received == schedule.max_attempts();
        self.queue.get(&id).is_some_and(|message| is_spent(message) && matches!(message.body, Body::Step { .. }))
    }

    fn set_visible_at(&mut self, id: u8, at: Timestamp) {
        if let Some(message) = self.queue.get_mut(&id) {
            message.visible_at = at.max(self.now);
        }
    }
}

/// The workers.
impl World {
    /// Starts a worker that no message brings.
    pub(crate) fn begin(&mut self, body: &Body) {
        let worker = Worker::start(body, NextStatus::Held, "none", self.now);
        self.workers.push(Running::fresh(worker, None, 0));
    }

    /// Does a worker's task. If the task is an attempt, this is the endpoint's answer.
    pub(crate) fn do_task(&mut self, place: usize, answer: Answer, schedule: &Schedule) {
        if let Some(reply) = self.reply_to_task(place, answer, schedule) {
            self.take_reply(place, reply);
        }
    }

    pub(crate) fn fail_task(&mut self, place: usize) {
        self.take_reply(place, Reply::Unavailable);
    }

    pub(crate) fn do_task_and_lose_the_reply(&mut self, place: usize, schedule: &Schedule) {
        if self.reply_to_task(place, Answer::Success, schedule).is_some() {
            self.take_reply(place, Reply::Unavailable);
        }
    }

    pub(crate) fn read_at_capacity(&mut self, place: usize) {
        let reply = self.workers[place].worker.do_on_tables(&mut self.tables).at_capacity();
        self.take_reply(place, reply);
    }

    pub(crate) fn have_no_time(&mut self, place: usize) {
        self.take_reply(place, Reply::Posted(Posted::NoTime));
    }

    fn take_reply(&mut self, place: usize, reply: Reply) {
        let running = &mut self.workers[place];
        let has_stored = matches!(running.worker.task, Task::Store(_)) && reply == Reply::Done;
        running.is_fresh = false;
        Arc::make_mut(&mut running.worker).take(reply, self.now);
        running.has_claimed = has_stored && matches!(running.worker.task, Task::Post(_));
    }

    /// None: the worker has finished, and is gone.
    fn reply_to_task(&mut self, place: usize, answer: Answer, schedule: &Schedule) -> Option<Reply> {
        let Running { message, attempt, worker, .. } = self.workers[place].clone();
        match &worker.task {
            Task::Send(body, at) => self.send(body.clone(), *at),
            Task::SetAside(event) => drop(self.set_aside.insert(event.as_str().to_owned())),
            Task::Post(event) => {
                // In a replay the attempts count that have failed in the replay.
                let attempt = if worker.replay().is_some() { worker.failures + 1 } else { attempt };
                let attempted = self.attempt(event, answer, attempt, schedule);
                let (not_before, is_rate_limit) = (None, false);
                return Some(Reply::Posted(Posted::Made { attempted, not_before, is_rate_limit }));
            }
            Task::Finish(finish) => {
                if let Some(message) = message {
                    self.finish(message, *finish, schedule);
                }
                self.workers.remove(place);
                return None;
            }
            _ => {}
        }
        Some(worker.do_on_tables(&mut self.tables))
    }

    fn attempt(&mut self, event: &EventId, answer: Answer, attempt: u32, schedule: &Schedule) -> Attempted {
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
}

/// The owner, and other systems.
impl World {
    pub(crate) fn send_again(&mut self, event: &EventId) {
        if let Some(body) = self.tables.send_again(event) {
            self.send(body, None);
        }
    }

    pub(crate) fn pause(&mut self) {
        self.tables.health = self.tables.health.pause(self.now).next_version();
    }

    pub(crate) fn change_url(&mut self) {
        let other = if self.tables.url == Some(EndpointId("a".into())) { "b" } else { "a" };
        self.tables.url = Some(EndpointId(other.into()));
    }

    /// The owner's page reads and stores in one step here. In production a write in between makes the page try again.
    pub(crate) fn resume(&mut self, schedule: &Schedule) {
        self.begin(&Body::Resume);
        for _ in 0..2 {
            self.do_task(self.workers.len() - 1, Answer::Success, schedule);
        }
    }

    pub(crate) fn wipe(&mut self) {
        self.tables.wipe_health();
        self.is_wiped = true;
    }
}

impl Running {
    fn fresh(worker: Worker, message: Option<u8>, attempt: u32) -> Self {
        let worker = Arc::new(worker);
        Self { message, attempt, worker, is_fresh: true, is_slow: false, has_claimed: false }
    }
}

/// The id of a message, by which a replay knows which message has claimed its step.
pub(crate) fn message_name(id: u8) -> String {
    format!("m{id}")
}
