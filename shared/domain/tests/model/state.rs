//! One state of the model: the tables, the queue, the workers, and what may still go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{Attempted, EndpointId, Health, IDLE_AFTER, LOST_AFTER, Notice, State as HealthState};
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
    /// None: no message has brought it.
    pub(crate) message: Option<u8>,
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
    /// Times that `sweep` runs.
    pub(crate) sweeps: u8,
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
        sweeps: 0,
    };
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) tables: Tables,
    pub(crate) queue: BTreeMap<u8, Message>,
    pub(crate) dead: Vec<Body>,
    pub(crate) workers: Vec<Running>,
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
            published: 0,
            arrived: BTreeSet::new(),
            budget,
        }
    }

    pub(crate) fn publish(&mut self) {
        self.published += 1;
        let too_large = self.budget.large > 0;
        self.budget.large = self.budget.large.saturating_sub(1);
        self.send(Body::Event { event: event(self.published), asked: 0, too_large, restarted: false }, None);
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
        self.send(Body::Event { event, asked, too_large: false, restarted: false }, None);
    }

    pub(crate) fn send(&mut self, body: Body, at: Option<Timestamp>) {
        let is_known =
            |id: &u8| self.queue.contains_key(id) || self.workers.iter().any(|running| running.message == Some(*id));
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
            Some(delay) => NextStatus::Retrying(self.now + delay),
            None => NextStatus::Failed,
        };
        let body = message.body.clone();
        message.body.is_received();
        let worker = Worker::start(&body, instead_of_holding, &name(id), self.now);
        self.workers.push(Running { message: Some(id), attempt, worker, fresh: true, late: false, claimed: false });
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
        let reply = self.workers[place].worker.perform(&mut self.tables).at_capacity();
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
                // Of a replay, by what has failed in it.
                let attempt = if worker.replay().is_some() { worker.failures + 1 } else { attempt };
                let attempted = self.answer(event, answer, attempt, schedule);
                let (not_before, is_rate_limit) = (None, false);
                return Some(Reply::Posted(Posted::Made { attempted, not_before, is_rate_limit }));
            }
            Task::Leave(leave) => {
                if let Some(message) = message {
                    self.leave(message, *leave, schedule);
                }
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
            // Nothing is lost with a step's message, which is sent anew.
            Leave::AsItIs if self.is_spent_step(id, schedule) => drop(self.queue.remove(&id)),
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

    fn is_spent_step(&self, id: u8, schedule: &Schedule) -> bool {
        let is_spent = |message: &Message| message.received == schedule.max_attempts();
        self.queue.get(&id).is_some_and(|message| is_spent(message) && matches!(message.body, Body::Step { .. }))
    }

    fn set_visible_at(&mut self, id: u8, at: Timestamp) {
        if let Some(message) = self.queue.get_mut(&id) {
            message.visible_at = at.max(self.now);
        }
    }

    /// Starts what no message brings.
    pub(crate) fn begin(&mut self, body: &Body) {
        let worker = Worker::start(body, NextStatus::Held, "none", self.now);
        self.workers.push(Running { message: None, attempt: 0, worker, fresh: true, late: false, claimed: false });
    }

    /// The owner's page reads and stores at once here: what another stores in between makes it try again, or nothing.
    pub(crate) fn resume(&mut self, schedule: &Schedule) {
        self.begin(&Body::Resume);
        for _ in 0..2 {
            self.perform(self.workers.len() - 1, Answer::Success, schedule);
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.workers.is_empty()
    }

    /// The time to which the clock may jump while nobody is at work: when the next message can be seen, when the next
    /// event may try, when something is overdue. Whoever can already be seen may have to wait.
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
        for Notice { since: start, at, .. } in &mut self.tables.health.notices {
            *start = NOW;
            *at = since((*at).max(now - LOST_AFTER));
        }
        if let Some(replay) = &mut self.tables.health.replay {
            replay.due = since(replay.due.max(now - LOST_AFTER));
            replay.restarts = 0;
        }
        match &mut self.tables.health.state {
            HealthState::Active { .. } => {}
            HealthState::Failing { since: start, probe, last_attempt, .. } => {
                *start = NOW;
                if let Some(probe) = probe {
                    probe.due = since(probe.due.max(now - LOST_AFTER));
                    // A sweep that comes as often as ever is the worse case of one that lets a message more time.
                    probe.restarts = 0;
                }
                *last_attempt = since((*last_attempt).max(now - IDLE_AFTER));
            }
            HealthState::Paused { since, .. } => *since = NOW,
        }
        self.now = NOW;
    }

    /// A step of a replay that is over is like any other such step.
    fn forget_versions(&mut self) {
        let current = self.tables.health.replay.as_ref().map(|replay| replay.id);
        let renumber = |id: &mut u64| *id = u64::from(current == Some(*id));
        let queued = self.queue.values_mut().map(|message| &mut message.body);
        for body in queued.chain(&mut self.dead) {
            if let Body::Step { replay, .. } = body {
                renumber(replay);
            }
        }
        if let Some(replay) = &mut self.tables.health.replay {
            replay.id = 1;
        }
        self.tables.health.version = 2;
    }

    fn forget_order(&mut self) {
        let mut messages: Vec<_> = std::mem::take(&mut self.queue).into_iter().collect();
        messages.sort_by_cached_key(|(_, message)| hash(message));
        if let Some(claim) = self.tables.health.replay.as_mut().and_then(|replay| replay.claimed_by.as_mut()) {
            // The message that has claimed the step is known by another number from now on, or is no more.
            let place = messages.iter().position(|(id, _)| *claim == name(*id));
            *claim = place.map_or_else(|| "gone".to_owned(), |place| format!("m{place}"));
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

/// The id of a message, by which a replay knows whose its step is.
fn name(id: u8) -> String {
    format!("m{id}")
}
