//! Invocations: workers on their way through virtual time, with what the platform does to them.

use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::schedule::{AfterFault, Schedule};
use jiff::Timestamp;

use crate::business::Manner;
use crate::queue::{MINUTE, Message, SECOND};
use crate::run::{Happening, Run, clock};
use crate::worker::{Body, Finish, Reply, Status, Task, Worker};

/// After how long a message comes back if there was no time for its attempt, or if its endpoint was at capacity.
const UNATTEMPTED: i64 = 30 * SECOND;

/// How long an invocation lasts at most.
const FUNCTION_TIMEOUT: i64 = MINUTE;

/// After so long a replay's step begins no further delivery.
const TIME_TO_BEGIN: i64 = 20 * SECOND;

/// A worker in some environment.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// None: no message has started the worker.
    message: Option<u64>,
    /// Whether this is a run of `sweep`.
    pub(crate) is_sweep: bool,
    pub(crate) business: usize,
    received: u32,
    pub(crate) worker: Worker,
    started: i64,
    /// How wrong the environment's clock is.
    pub(crate) skew: i64,
    /// What the endpoint does with the attempt that is under way.
    pub(crate) manner: Option<Manner>,
    /// Whether the attempt was claimed, because the endpoint is failing.
    pub(crate) has_claimed: bool,
}

impl Invocation {
    pub(crate) fn of_message(id: u64, message: &Message, now: i64, skew: i64, schedule: &Schedule) -> Self {
        let instead_of_holding = match schedule.delay_after(message.received, None, 0.0) {
            Some(delay) => NextStatus::Retrying(clock(now, skew) + delay),
            None => NextStatus::Failed,
        };
        let worker = Worker::start(&message.body, instead_of_holding, &id.to_string(), clock(now, skew));
        let received = message.received;
        Self { message: Some(id), received, ..Self::of(worker, message.business, now, skew) }
    }

    pub(crate) fn without_message(business: usize, body: &Body, now: i64, skew: i64) -> Self {
        let worker = Worker::start(body, NextStatus::Held, "none", clock(now, skew));
        Self { is_sweep: *body == Body::Sweep, ..Self::of(worker, business, now, skew) }
    }

    fn of(worker: Worker, business: usize, now: i64, skew: i64) -> Self {
        Self {
            message: None,
            is_sweep: false,
            business,
            received: 0,
            worker,
            started: now,
            skew,
            manner: None,
            has_claimed: false,
        }
    }

    /// The number of the attempt: of the message, or of the event in its replay.
    pub(crate) fn attempt(&self) -> u32 {
        if self.worker.replay().is_some() { self.worker.failures + 1 } else { self.received }
    }
}

impl Run {
    /// The task that has been under way ends, unless the invocation does.
    pub(crate) fn end_task(&mut self, id: u64) {
        let Some(mut invocation) = self.invocations.remove(&id) else { return };
        if self.now > invocation.started + FUNCTION_TIMEOUT || self.trouble.kills(&mut self.rng, self.now) {
            self.watch.crashes += 1;
            if let Some(event) = invocation.worker.event() {
                let killed_at = (invocation.business, event.as_str().to_owned());
                *self.watch.killed_at.entry(killed_at).or_default() += 1;
            }
            if self.rng.bool() {
                self.do_task(&mut invocation);
            }
            return;
        }
        let fails = self.trouble.fails(&mut self.rng, &invocation.worker.task, self.now);
        self.drill.count(&invocation.worker.task, self.now);
        let is_done = !fails || self.trouble.loses_answer(&mut self.rng);
        let reply = if is_done { self.do_task(&mut invocation) } else { Some(Reply::Unavailable) };
        if matches!(invocation.worker.task, Task::Finish(_)) {
            return;
        }
        let Some(mut reply) = reply else { return };
        if fails {
            reply = Reply::Unavailable;
        }
        if self.trouble.is_at_capacity(&mut self.rng) {
            reply = reply.at_capacity();
        }
        self.take_reply(&mut invocation, reply);
        let lasts = self.begin_task(&mut invocation);
        self.invocations.insert(id, invocation);
        self.after(lasts, Happening::Task(id));
    }

    fn take_reply(&self, invocation: &mut Invocation, reply: Reply) {
        invocation.has_claimed = matches!(invocation.worker.task, Task::Store(_)) && reply == Reply::Done;
        let clock = self.clock(invocation.skew);
        let worker = &mut invocation.worker;
        worker.is_late = self.now > invocation.started + TIME_TO_BEGIN;
        worker.take(reply, clock);
        while worker.is_late && matches!(worker.task, Task::Post(_)) {
            worker.take(Reply::Posted(Posted::NoTime), clock);
        }
    }

    /// How long the next task lasts.
    fn begin_task(&mut self, invocation: &mut Invocation) -> i64 {
        match invocation.worker.task.clone() {
            Task::Post(event) => self.begin_attempt(invocation, &event),
            _ => self.trouble.lasts(&mut self.rng, self.now),
        }
    }

    /// None: the worker has finished.
    fn do_task(&mut self, invocation: &mut Invocation) -> Option<Reply> {
        self.watch.count(invocation);
        match invocation.worker.task.clone() {
            Task::Send(body, at) => {
                let at = at.map_or(self.now, |at| self.by_clock(at, invocation.skew));
                self.send(invocation.business, body, at);
                Some(Reply::Done)
            }
            Task::SetAside(event) => {
                self.businesses[invocation.business].set_aside.insert(event.as_str().to_owned());
                Some(Reply::Done)
            }
            Task::Post(event) => Some(Reply::Posted(self.end_attempt(invocation, &event))),
            Task::Finish(finish) => {
                self.finish(invocation, finish);
                None
            }
            _ => Some(invocation.worker.do_on_tables(&mut self.businesses[invocation.business].tables)),
        }
    }

    fn finish(&mut self, invocation: &Invocation, finish: Finish) {
        let Some(message) = invocation.message else { return };
        let at = match finish {
            Finish::Delete => return self.queue.delete(message),
            Finish::DeleteNotConfigured => return self.delete_not_configured(message, invocation.business),
            Finish::ReturnAt(at) => self.by_clock(at, invocation.skew),
            Finish::ReturnSpent => self.now,
            Finish::ReturnAfterFault => match self.after_fault(invocation, message) {
                Some(at) => at,
                None => return,
            },
            Finish::ReturnUnattempted if invocation.received == self.schedule.max_attempts() => {
                if let Some(body) = self.queue.body(message) {
                    self.send(invocation.business, body, self.now + UNATTEMPTED);
                }
                return self.queue.delete(message);
            }
            Finish::ReturnUnattempted => self.now + UNATTEMPTED,
        };
        if let Some(visible_at) = self.queue.set_visible_at(message, at, self.now) {
            self.will_be_visible(message, visible_at);
        }
    }

    /// Gives the time at which a message comes back after a fault. None: the message is deleted, sent anew, or comes back
    /// after its visibility timeout.
    fn after_fault(&mut self, invocation: &Invocation, message: u64) -> Option<i64> {
        let (received, jitter) = (invocation.received, self.rng.f64());
        if invocation.worker.replay().is_some() {
            let delay = self.schedule.delay_after(received, None, jitter);
            if delay.is_none() {
                // A step's message is not needed in the dead-letter queue: `sweep` sends another one.
                self.queue.delete(message);
            }
            return delay.map(|delay| self.by_clock(self.clock(invocation.skew) + delay, invocation.skew));
        }
        match self.schedule.after_fault(received, self.queue.age(message, self.now), jitter) {
            AfterFault::ReturnsAfter(delay) => {
                Some(self.by_clock(self.clock(invocation.skew) + delay, invocation.skew))
            }
            AfterFault::IsSentAnew(delay) => {
                let at = self.by_clock(self.clock(invocation.skew) + delay, invocation.skew);
                if let Some((new, visible_at)) = self.queue.send_anew(message, at, self.now) {
                    self.will_be_visible(new, visible_at);
                }
                if self.trouble.loses_queues_answer(&mut self.rng, self.now) {
                    // The function believes that SQS has not taken the new message.
                    self.drill.doubled += 1;
                    let delay = self.schedule.delay_after(received, None, jitter).unwrap_or_default();
                    return Some(self.by_clock(self.clock(invocation.skew) + delay, invocation.skew));
                }
                self.queue.delete(message);
                None
            }
            AfterFault::IsSpent => None,
        }
    }

    fn delete_not_configured(&mut self, message: u64, business: usize) {
        let business = &mut self.businesses[business];
        if let Some(event) = self.queue.body(message).as_ref().and_then(Body::event)
            // What is tried again is not excused by an owner who takes the URL away.
            && !business.tables.says(event, Status::Retrying)
        {
            business.not_configured.insert(event.as_str().to_owned());
        }
        self.queue.delete(message);
    }

    /// Gives the time at which a message really comes back that a worker with a wrong clock has returned until `at`: a
    /// visibility timeout is a number of whole seconds from now.
    fn by_clock(&self, at: Timestamp, skew: i64) -> i64 {
        let wait = Duration::try_from(at.duration_since(self.clock(skew))).unwrap_or_default();
        self.now + i64::try_from(wait.as_secs()).unwrap_or(0) * SECOND + i64::from(wait.subsec_nanos() > 0) * SECOND
    }
}
