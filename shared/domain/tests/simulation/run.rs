//! One run: virtual time, driven by what happens next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{Attempted, Health, State};
use domain::event::EventId;
use domain::outcome::{Cause, Failure};
use domain::schedule::Schedule;
use fastrand::Rng;
use jiff::Timestamp;

use crate::business::{Business, Manner, Visit};
use crate::queue::{DAY, HOUR, MINUTE, Message, Queue, Received, SECOND};
use crate::trouble::Trouble;
use crate::world::{Body, Leave, Reply, Status, Task, Worker, event};

/// When a message comes back for which there was no time or no place.
const SOON: i64 = 30 * SECOND;
/// How often `sweep` runs.
const SWEEP_EVERY: i64 = 5 * MINUTE;
/// So long after the trouble's end `sweep` goes on: longer than any schedule.
const SWEPT_FOR: i64 = 7 * DAY;
const FUNCTION_TIMEOUT: i64 = MINUTE;
/// A replay's step begins no further delivery after that.
const TIME_TO_BEGIN: i64 = 20 * SECOND;
const ATTEMPT_TIMEOUT: i64 = 30 * SECOND;
/// So much before its time a replay may go on.
const EARLY: i64 = 5 * SECOND;

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Call(usize),
    OwnerVisits(usize),
    Visible(u64),
    Sweep(usize),
    Duplicate(u64),
    Task(u64),
    TroubleEnds,
}

/// A worker in some environment.
#[derive(Debug)]
struct Running {
    /// None: no message has brought it.
    message: Option<u64>,
    business: usize,
    received: u32,
    worker: Worker,
    started: i64,
    skew: i64,
    /// How the attempt that is under way will end.
    outcome: Option<Manner>,
    /// The attempt was claimed, since the endpoint is failing.
    claimed: bool,
}

impl Running {
    /// The number of the attempt: of the message, or of the event in its replay.
    fn attempt(&self) -> u32 {
        if self.worker.replay().is_some() { self.worker.failures + 1 } else { self.received }
    }
}

fn made(attempted: Attempted) -> Posted {
    Posted::Made { attempted, not_before: None, is_rate_limit: false }
}

pub(crate) struct Run {
    pub(crate) rng: Rng,
    pub(crate) now: i64,
    until: i64,
    pub(crate) businesses: Vec<Business>,
    pub(crate) queue: Queue,
    pub(crate) trouble: Trouble,
    pub(crate) is_calm: bool,
    schedule: Schedule,
    workers: BTreeMap<u64, Running>,
    last_worker: u64,
    happenings: BinaryHeap<Reverse<(i64, u64, Happening)>>,
    order: u64,
    /// Of each business's replay: its id and the last event that went.
    replayed: BTreeMap<usize, (u64, String)>,
    pub(crate) replayed_out_of_order: usize,
    /// Of each business: a replay and until when its receiver wished for nothing.
    rests: BTreeMap<usize, (u64, i64)>,
    pub(crate) rests_disturbed: usize,
    pub(crate) resent_in_vain: usize,
    pub(crate) tried_together: usize,
    pub(crate) died_unspent: usize,
    pub(crate) attempts: usize,
    pub(crate) crashes: usize,
    pub(crate) held: usize,
    pub(crate) replays: usize,
    pub(crate) sweeps: usize,
    pub(crate) pauses: usize,
}

impl Run {
    pub(crate) fn new(seed: u64, weeks: i64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let until = weeks * 7 * DAY;
        let is_calm = rng.u8(0..4) == 0;
        let trouble = if is_calm { Trouble::default() } else { Trouble::draw(&mut rng, until) };
        let businesses = (0..4).map(|_| Business::draw(&mut rng, until)).collect();
        let mut run = Self {
            rng,
            now: 0,
            until,
            businesses,
            queue: Queue::default(),
            trouble,
            is_calm,
            schedule: Schedule::parse("5,30,120,600,1800,3600,7200,14400,28800,37800", 16).expect("the published one"),
            workers: BTreeMap::new(),
            last_worker: 0,
            happenings: BinaryHeap::new(),
            order: 0,
            replayed: BTreeMap::new(),
            replayed_out_of_order: 0,
            rests: BTreeMap::new(),
            rests_disturbed: 0,
            resent_in_vain: 0,
            died_unspent: 0,
            tried_together: 0,
            attempts: 0,
            crashes: 0,
            held: 0,
            replays: 0,
            sweeps: 0,
            pauses: 0,
        };
        for business in 0..run.businesses.len() {
            let first = run.rng.i64(0..HOUR);
            run.after(first, Happening::Call(business));
            run.after(DAY, Happening::OwnerVisits(business));
            run.after(SWEEP_EVERY, Happening::Sweep(business));
        }
        run.after(until, Happening::TroubleEnds);
        run
    }

    /// All of it until trouble ends; `check` is called then, and the aftermath follows.
    pub(crate) fn play(&mut self, check: impl Fn(&Self)) {
        while let Some(Reverse((at, _, happening))) = self.happenings.pop() {
            self.now = at;
            match happening {
                Happening::Call(business) => self.call(business),
                Happening::OwnerVisits(business) => self.visit(business),
                Happening::Visible(id) => self.receive(id, false),
                Happening::Sweep(business) => self.sweep(business),
                Happening::Duplicate(id) => self.receive(id, true),
                Happening::Task(id) => self.task(id),
                Happening::TroubleEnds => {
                    check(self);
                    self.end_trouble();
                }
            }
        }
    }

    fn after(&mut self, delay: i64, happening: Happening) {
        self.order += 1;
        self.happenings.push(Reverse((self.now + delay, self.order, happening)));
    }

    fn is_troubled(&self) -> bool {
        self.now < self.until
    }

    fn end_trouble(&mut self) {
        self.trouble = Trouble::default();
        for business in 0..self.businesses.len() {
            self.businesses[business].heal();
            self.after(HOUR, Happening::OwnerVisits(business));
        }
    }

    fn call(&mut self, business: usize) {
        let calls = if self.rng.u8(0..50) == 0 { self.rng.u8(2..40) } else { 1 };
        (0..calls).for_each(|_| self.publish(business));
        if self.is_troubled() {
            let delay = Business::until_next_call(&mut self.rng, self.now);
            self.after(delay, Happening::Call(business));
        }
    }

    fn publish(&mut self, business: usize) {
        self.businesses[business].published += 1;
        let body = Body::Event {
            event: event(self.businesses[business].published),
            asked: 0,
            too_large: self.rng.u8(0..100) == 0,
            restarted: false,
        };
        let published_twice = !self.is_calm && self.rng.u8(0..100) == 0;
        for _ in 0..=u8::from(published_twice) {
            self.send(business, body.clone(), self.now);
        }
    }

    fn send(&mut self, business: usize, body: Body, at: i64) {
        let (id, visible_at) = self.queue.send(business, body, at, self.now);
        self.will_be_visible(id, visible_at);
    }

    fn will_be_visible(&mut self, id: u64, visible_at: i64) {
        let lateness = self.trouble.lateness(&mut self.rng, visible_at);
        self.after(visible_at + lateness - self.now, Happening::Visible(id));
    }

    fn receive(&mut self, id: u64, anyway: bool) {
        let message = match self.queue.receive(id, self.schedule.max_attempts(), anyway, self.now) {
            Received::Message(message) => message,
            Received::Dead => return self.note_death(),
            Received::Nothing => return,
        };
        self.will_be_visible(id, message.visible_at);
        if self.rng.u32(0..1_000) < self.trouble.duplicates {
            let delay = self.rng.i64(0..20 * SECOND);
            self.after(delay, Happening::Duplicate(id));
        }
        self.start(id, &message);
    }

    fn start(&mut self, id: u64, message: &Message) {
        let skew = self.trouble.skew(&mut self.rng);
        let instead = match self.schedule.delay_after(message.received, None, 0.0) {
            Some(delay) => NextStatus::Retrying(self.clock(skew) + delay),
            None => NextStatus::Failed,
        };
        let running = Running {
            message: Some(id),
            business: message.business,
            received: message.received,
            worker: Worker::start(&message.body, instead, &id.to_string(), self.clock(skew)),
            started: self.now,
            skew,
            outcome: None,
            claimed: false,
        };
        self.run(running);
    }

    fn run(&mut self, running: Running) {
        self.last_worker += 1;
        self.workers.insert(self.last_worker, running);
        let read = self.rng.i64(1..20);
        self.after(read, Happening::Task(self.last_worker));
    }

    fn clock(&self, skew: i64) -> Timestamp {
        Timestamp::from_millisecond(1_750_000_000_000 + self.now + skew).expect("within jiff's range")
    }

    fn by_clock(&self, at: Timestamp, skew: i64) -> i64 {
        // A visibility timeout is a number of seconds from now, by the worker's clock.
        let wait = Duration::try_from(at.duration_since(self.clock(skew))).unwrap_or_default();
        self.now + i64::try_from(wait.as_secs()).unwrap_or(0) * SECOND + i64::from(wait.subsec_nanos() > 0) * SECOND
    }

    /// The task that has been under way ends, unless the worker does.
    fn task(&mut self, id: u64) {
        let Some(mut running) = self.workers.remove(&id) else { return };
        if self.now > running.started + FUNCTION_TIMEOUT || self.trouble.kills(&mut self.rng, self.now) {
            self.crashes += 1;
            if self.rng.bool() {
                self.perform(&mut running);
            }
            return;
        }
        let refused = self.trouble.refuses(&mut self.rng, &running.worker.task, self.now);
        let done = !refused || self.rng.u8(0..3) == 0;
        let mut reply = if done { self.perform(&mut running) } else { Some(Reply::Unavailable) };
        if matches!(running.worker.task, Task::Leave(_)) {
            return;
        }
        if refused && reply.is_some() {
            reply = Some(Reply::Unavailable);
        }
        let Some(mut reply) = reply else { return };
        if self.trouble.crowds(&mut self.rng) {
            reply = reply.at_capacity();
        }
        let claims = matches!(running.worker.task, Task::Store(_)) && reply == Reply::Done;
        running.worker.is_late = self.now > running.started + TIME_TO_BEGIN;
        running.worker.go_on(reply, self.clock(running.skew));
        while running.worker.is_late && matches!(running.worker.task, Task::Post(_)) {
            running.worker.go_on(Reply::Posted(Posted::NoTime), self.clock(running.skew));
        }
        running.claimed = claims;
        let lasts = self.begin(&mut running);
        self.workers.insert(id, running);
        self.after(lasts, Happening::Task(id));
    }

    /// How long the next task takes.
    fn begin(&mut self, running: &mut Running) -> i64 {
        let Task::Post(event) = &running.worker.task else { return self.trouble.lasts(&mut self.rng, self.now) };
        self.attempts += 1;
        let business = &self.businesses[running.business];
        let manner = match business.manner(self.now) {
            Manner::Flaps | Manner::Limits if self.rng.bool() => Manner::Well,
            Manner::Flaps => Manner::Refuses,
            manner => manner,
        };
        running.outcome = Some(manner);
        self.note_claimed(running, event);
        self.note_order(running, event);
        self.note_rest(running);
        self.note_resend(running, event);
        match manner {
            Manner::Hangs => ATTEMPT_TIMEOUT,
            _ => self.rng.i64(20..3_000),
        }
    }

    /// Two events must not try one failing endpoint at once, unless a clock is wrong, or one of them has two messages (its
    /// copies do not know of each other), or the probe comes early, since its worker died after storing when it is due.
    fn note_claimed(&mut self, running: &Running, event: &EventId) {
        let business = running.business;
        let is_expected = match &self.businesses[business].tables.health.state {
            State::Failing { probe: Some(probe), .. } => probe.event != *event || self.clock(0) >= probe.due,
            _ => false,
        };
        if !running.claimed || !is_expected || !self.trouble.has_true_clocks() || self.copies(business, event) > 1 {
            return;
        }
        let others = self.workers.values().filter(|other| other.business == business && other.claimed);
        let is_other = |task: &Task| match task {
            Task::Post(other) => other != event && self.copies(business, other) == 1,
            _ => false,
        };
        if others.filter(|other| is_other(&other.worker.task)).count() > 0 {
            self.tried_together += 1;
        }
    }

    /// What goes to the dead-letter queue has spent its schedule, and its record says so.
    fn note_death(&mut self) {
        let Some(Message { business, body: Body::Event { event, .. }, .. }) = self.queue.dead.last() else { return };
        if !self.businesses[*business].tables.says(event, Status::Failed) {
            self.died_unspent += 1;
        }
    }

    /// A replay sends nothing while its receiver rests.
    fn note_rest(&mut self, running: &Running) {
        let Some(replay) = running.worker.replay() else { return };
        let rests =
            self.rests.get(&running.business).is_some_and(|(of, until)| *of == replay && self.now < until - EARLY);
        self.rests_disturbed += usize::from(rests);
    }

    /// What has arrived since the owner asked for it is not sent once more, unless two workers are at it together.
    fn note_resend(&mut self, running: &Running, event: &EventId) {
        let others = self.workers.values().filter(|other| other.business == running.business);
        let is_alone = others.filter(|other| other.worker.event() == Some(event)).count() == 0;
        let (asked, tables) = (running.worker.asked(), &self.businesses[running.business].tables);
        let has_arrived = asked > 0 && tables.says(event, Status::Delivered) && tables.has_arrived_since(event, asked);
        self.resent_in_vain += usize::from(is_alone && has_arrived);
    }

    fn copies(&self, business: usize, event: &EventId) -> usize {
        let of = |body: &Body| matches!(body, Body::Event { event: of, .. } if of == event);
        self.queue.of(business).filter(|message| of(&message.body)).count()
    }

    fn note_order(&mut self, running: &Running, event: &EventId) {
        let Some(replay) = running.worker.replay() else { return };
        let event = event.as_str().to_owned();
        match self.replayed.insert(running.business, (replay, event.clone())) {
            Some((last_replay, last)) if last_replay == replay && last > event => self.replayed_out_of_order += 1,
            _ => {}
        }
    }

    /// None: the worker is done.
    fn perform(&mut self, running: &mut Running) -> Option<Reply> {
        self.count(&running.worker.task);
        match running.worker.task.clone() {
            Task::Send(body, at) => {
                let at = at.map_or(self.now, |at| self.by_clock(at, running.skew));
                self.send(running.business, body, at);
                Some(Reply::Done)
            }
            Task::Post(event) => Some(Reply::Posted(self.answer(running, &event))),
            Task::Leave(leave) => {
                self.leave(running, leave);
                None
            }
            _ => Some(running.worker.perform(&mut self.businesses[running.business].tables)),
        }
    }

    fn count(&mut self, task: &Task) {
        match task {
            Task::Record(_, NextStatus::Held, _) => self.held += 1,
            Task::Send(Body::Step { step: 0, .. }, _) => self.replays += 1,
            Task::Store(Health { state: State::Paused { .. }, notices, .. }) if !notices.is_empty() => self.pauses += 1,
            _ => {}
        }
    }

    fn answer(&mut self, running: &Running, event: &EventId) -> Posted {
        let cause = match running.outcome.unwrap_or(Manner::Hangs) {
            Manner::Well => {
                let arrived = &mut self.businesses[running.business].arrived;
                *arrived.entry(event.as_str().to_owned()).or_default() += 1;
                return made(Attempted::Succeeded);
            }
            Manner::Gone => Cause::Gone,
            Manner::Limits => return self.limit(running),
            Manner::Hangs => Cause::Failed(Failure::Timeout),
            Manner::Refuses | Manner::Flaps => Cause::Failed(Failure::Refused),
        };
        let delay = self.schedule.delay_after(running.attempt(), None, self.rng.f64());
        made(Attempted::Failed { cause, next: delay.map(|delay| self.clock(running.skew) + delay) })
    }

    /// 429 with Retry-After.
    fn limit(&mut self, running: &Running) -> Posted {
        let wait = self.rng.i64(SECOND..HOUR);
        let not_before = self.clock(running.skew) + Duration::from_millis(wait.unsigned_abs());
        if let Some(replay) = running.worker.replay() {
            self.rests.insert(running.business, (replay, self.now + wait));
        }
        let wait = Some(Duration::from_millis(wait.unsigned_abs()));
        let delay = self.schedule.delay_after(running.attempt(), wait, self.rng.f64());
        let next = delay.map(|delay| self.clock(running.skew) + delay);
        let attempted = Attempted::Failed { cause: Cause::Status, next };
        Posted::Made { attempted, not_before: Some(not_before), is_rate_limit: true }
    }

    fn leave(&mut self, running: &Running, leave: Leave) {
        let Some(message) = running.message else { return };
        let at = match leave {
            Leave::AsItIs => match self.schedule.delay_after(running.received, None, self.rng.f64()) {
                Some(delay) => self.by_clock(self.clock(running.skew) + delay, running.skew),
                // Nothing is lost with a step's message, which is sent anew.
                None if running.worker.replay().is_some() => return self.queue.delete(message),
                None => return,
            },
            Leave::Soon if running.received == self.schedule.max_attempts() => {
                if let Some(body) = self.queue.body(message) {
                    self.send(running.business, body, self.now + SOON);
                }
                return self.queue.delete(message);
            }
            Leave::Soon => self.now + SOON,
            Leave::Delete => return self.queue.delete(message),
            Leave::Dismiss => {
                let business = &mut self.businesses[running.business];
                if let Some(Body::Event { event, .. }) = self.queue.body(message)
                    // What is tried again is not excused by an owner who takes the URL away.
                    && !business.tables.says(&event, Status::Retrying)
                {
                    business.dismissed.insert(event.as_str().to_owned());
                }
                return self.queue.delete(message);
            }
            Leave::ReturnNow => self.now,
            Leave::ReturnAt(at) => self.by_clock(at, running.skew),
        };
        if let Some(visible_at) = self.queue.set_visible_at(message, at, self.now) {
            self.will_be_visible(message, visible_at);
        }
    }

    fn visit(&mut self, number: usize) {
        if self.is_troubled() {
            let next = self.rng.i64(0..12 * HOUR);
            self.after(next, Happening::OwnerVisits(number));
            match self.businesses[number].visit(&mut self.rng, self.now) {
                Visit::Nothing => {}
                Visit::Pauses => self.pause(number),
                Visit::Resumes => self.resume(number),
                Visit::Breaks => self.businesses[number].break_url(),
                Visit::Mends => self.businesses[number].mend(),
                Visit::Corrects => self.businesses[number].correct_header(),
                Visit::Removes => self.businesses[number].tables.url = None,
                Visit::SendsAgain => self.send_again(number),
            }
        } else if matches!(self.businesses[number].tables.health.state, State::Paused { .. }) {
            self.resume(number);
        }
    }

    fn pause(&mut self, number: usize) {
        let health = self.businesses[number].tables.health.pause(self.clock(0)).next_version();
        self.businesses[number].tables.store(&health);
    }

    fn resume(&mut self, number: usize) {
        self.start_without_message(number, &Body::Resume);
    }

    /// The schedule runs it until nothing can be overdue any more.
    fn sweep(&mut self, number: usize) {
        let tables = &self.businesses[number].tables;
        if tables.held().next().is_some() || tables.health.is_overdue(self.clock(0)) {
            self.sweeps += 1;
            self.start_without_message(number, &Body::Sweep);
        }
        if self.now < self.until + SWEPT_FOR {
            self.after(SWEEP_EVERY, Happening::Sweep(number));
        }
    }

    /// Starts what no message brings.
    fn start_without_message(&mut self, business: usize, body: &Body) {
        let skew = self.trouble.skew(&mut self.rng);
        let worker = Worker::start(body, NextStatus::Held, "none", self.clock(skew));
        self.run(Running {
            message: None,
            business,
            received: 0,
            worker,
            started: self.now,
            skew,
            outcome: None,
            claimed: false,
        });
    }

    fn send_again(&mut self, number: usize) {
        let published = self.businesses[number].published;
        if published == 0 {
            return;
        }
        let event = event(self.rng.usize(1..=published));
        let asked = self.businesses[number].tables.ask(&event);
        self.send(number, Body::Event { event, asked, too_large: false, restarted: false }, self.now);
    }

    /// Whether a worker is at it, so that it is not settled yet what becomes of it.
    pub(crate) fn is_at_work(&self, business: usize) -> bool {
        self.workers.values().any(|running| running.business == business)
    }
}
