//! One run: weeks in virtual time, driven by the happening that comes next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use domain::schedule::Schedule;
use fastrand::Rng;
use jiff::Timestamp;

use crate::business::Business;
use crate::invocation::Invocation;
use crate::outage::Drill;
use crate::queue::{DAY, HOUR, MINUTE, Queue, Received, SECOND};
use crate::trouble::Trouble;
use crate::watch::Watch;
use crate::worker::{Body, event};

/// How often `sweep` runs.
const SWEEP_EVERY: i64 = 5 * MINUTE;

/// So long after the trouble's end `sweep` goes on: longer than any schedule.
const SWEPT_FOR: i64 = 7 * DAY;

/// Out of so many calls one is followed at once by others.
const CALLS_TO_A_BURST: u8 = 50;

/// Out of so many events one is too large for the ledger, and one is published twice.
const EVENTS_TO_AN_ODD_ONE: u8 = 100;

/// A happening of a run. A business is named by its place in the list; the other numbers are ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    /// A call of a business ends.
    Call(usize),
    /// An owner looks after the endpoint.
    OwnerVisits(usize),
    /// Another system writes to a business's items.
    OtherSystemWrites(usize),
    /// A message that has become visible is received.
    Visible(u64),
    /// A message is received although it is invisible.
    Duplicate(u64),
    /// `sweep` runs for a business.
    Sweep(usize),
    /// The task of an invocation ends.
    Task(u64),
    TroubleEnds,
}

pub(crate) struct Run {
    pub(crate) rng: Rng,
    /// Milliseconds since the run's beginning.
    pub(crate) now: i64,
    /// When trouble ends.
    until: i64,
    pub(crate) businesses: Vec<Business>,
    pub(crate) queue: Queue,
    pub(crate) trouble: Trouble,
    /// Whether this run has no faults of this system.
    pub(crate) is_calm: bool,
    pub(crate) schedule: Schedule,
    /// The invocations under way.
    pub(crate) invocations: BTreeMap<u64, Invocation>,
    last_invocation: u64,
    happenings: BinaryHeap<Reverse<(i64, u64, Happening)>>,
    /// Of two happenings at one time the one that was planned first comes first.
    order: u64,
    pub(crate) watch: Watch,
    pub(crate) drill: Drill,
}

impl Run {
    pub(crate) fn new(seed: u64, weeks: i64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let until = weeks * 7 * DAY;
        let is_calm = rng.u8(0..4) == 0;
        let trouble = if is_calm { Trouble::default() } else { Trouble::draw(&mut rng, until) };
        let businesses = (0..4).map(|_| Business::draw(&mut rng, until)).collect();
        let mut run = Self { trouble, is_calm, ..Self::empty(rng, until, businesses) };
        for business in 0..run.businesses.len() {
            let first = run.rng.i64(0..HOUR);
            run.after(first, Happening::Call(business));
            run.after(DAY, Happening::OwnerVisits(business));
            run.after(SWEEP_EVERY, Happening::Sweep(business));
            run.after(DAY, Happening::OtherSystemWrites(business));
        }
        run.after(until, Happening::TroubleEnds);
        run
    }

    /// A business whose owner sends so many events again, a tenth of which have failed, while invocations are killed.
    pub(crate) fn of_range(seed: u64, events: usize) -> Self {
        let mut run = Self::empty(Rng::with_seed(seed), DAY, vec![Business::with_events(events)]);
        run.trouble = Trouble::killing();
        run.after(SWEEP_EVERY, Happening::Sweep(0));
        run.after(DAY, Happening::TroubleEnds);
        run.invoke_without_message(0, &Body::ReplayAll);
        run
    }

    /// The day on which DynamoDB has no address. Of ten businesses, one has a receiver with outages of its own.
    pub(crate) fn of_outage(seed: u64, businesses: usize) -> Self {
        const UNTIL: i64 = 3 * DAY;
        let mut rng = Rng::with_seed(seed);
        let business =
            |number: usize| if number.is_multiple_of(10) { Business::draw(&mut rng, UNTIL) } else { Business::well() };
        let businesses = (0..businesses).map(business).collect();
        let mut run = Self { trouble: Trouble::of_outage(), ..Self::empty(rng, UNTIL, businesses) };
        for business in 0..run.businesses.len() {
            let first = run.rng.i64(0..HOUR);
            run.after(first, Happening::Call(business));
            run.after(SWEEP_EVERY, Happening::Sweep(business));
        }
        run.after(UNTIL, Happening::TroubleEnds);
        run
    }

    fn empty(rng: Rng, until: i64, businesses: Vec<Business>) -> Self {
        Self {
            rng,
            now: 0,
            until,
            businesses,
            queue: Queue::default(),
            trouble: Trouble::default(),
            is_calm: false,
            schedule: Schedule::parse("5,30,120,600,1800,3600,7200,14400,28800,37800", 16).expect("the published one"),
            invocations: BTreeMap::new(),
            last_invocation: 0,
            happenings: BinaryHeap::new(),
            order: 0,
            watch: Watch::default(),
            drill: Drill::default(),
        }
    }

    /// Plays the run to its end. `check` is called when trouble ends; the aftermath follows.
    pub(crate) fn play(&mut self, check: impl Fn(&Self)) {
        while let Some(Reverse((at, _, happening))) = self.happenings.pop() {
            self.now = at;
            match happening {
                Happening::Call(business) => self.call(business),
                Happening::OwnerVisits(business) => self.owner_visits(business),
                Happening::OtherSystemWrites(business) => self.other_system_writes(business),
                Happening::Visible(id) => self.receive(id, false),
                Happening::Duplicate(id) => self.receive(id, true),
                Happening::Sweep(business) => self.sweep(business),
                Happening::Task(id) => self.end_task(id),
                Happening::TroubleEnds => {
                    check(self);
                    self.end_trouble();
                }
            }
        }
    }

    pub(crate) fn after(&mut self, delay: i64, happening: Happening) {
        self.order += 1;
        self.happenings.push(Reverse((self.now + delay, self.order, happening)));
    }

    pub(crate) fn is_troubled(&self) -> bool {
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
        let calls = if self.rng.u8(0..CALLS_TO_A_BURST) == 0 { self.rng.u8(2..40) } else { 1 };
        (0..calls).for_each(|_| self.publish(business));
        if self.is_troubled() {
            let delay = Business::until_next_call(&mut self.rng, self.now);
            self.after(delay, Happening::Call(business));
        }
    }

    fn publish(&mut self, business: usize) {
        self.businesses[business].published += 1;
        let is_too_large = self.rng.u8(0..EVENTS_TO_AN_ODD_ONE) == 0;
        let event = event(self.businesses[business].published);
        self.businesses[business].published_at.insert(event.as_str().to_owned(), self.now);
        let body = Body::published(event, is_too_large);
        let is_published_twice = !self.is_calm && self.rng.u8(0..EVENTS_TO_AN_ODD_ONE) == 0;
        for _ in 0..=u8::from(is_published_twice) {
            self.send(business, body.clone(), self.now);
        }
    }

    pub(crate) fn send(&mut self, business: usize, body: Body, at: i64) {
        let (id, visible_at) = self.queue.send(business, body, at, self.now);
        self.will_be_visible(id, visible_at);
    }

    pub(crate) fn will_be_visible(&mut self, id: u64, visible_at: i64) {
        let lateness = self.trouble.lateness(&mut self.rng, visible_at);
        self.after(visible_at + lateness - self.now, Happening::Visible(id));
    }

    fn receive(&mut self, id: u64, as_duplicate: bool) {
        let message = match self.queue.receive(id, self.schedule.max_attempts(), as_duplicate, self.now) {
            Received::Message(message) => message,
            Received::Dead => return self.watch_death(),
            Received::Nothing => return,
        };
        self.will_be_visible(id, message.visible_at);
        if self.rng.u32(0..1_000) < self.trouble.duplicates {
            let delay = self.rng.i64(0..20 * SECOND);
            self.after(delay, Happening::Duplicate(id));
        }
        if self.trouble.refuses(&mut self.rng, self.now) {
            return;
        }
        let skew = self.trouble.skew(&mut self.rng);
        let invocation = Invocation::of_message(id, &message, self.now, skew, &self.schedule);
        self.invoke(invocation);
    }

    /// The schedule runs `sweep` until nothing can be overdue any more.
    fn sweep(&mut self, business: usize) {
        if self.businesses[business].tables.are_found_by_sweep(self.clock(0)) {
            self.watch.sweeps += 1;
            self.invoke_without_message(business, &Body::Sweep);
        }
        if self.now < self.until + SWEPT_FOR {
            self.after(SWEEP_EVERY, Happening::Sweep(business));
        }
    }

    pub(crate) fn invoke_without_message(&mut self, business: usize, body: &Body) {
        let skew = self.trouble.skew(&mut self.rng);
        self.invoke(Invocation::without_message(business, body, self.now, skew));
    }

    fn invoke(&mut self, invocation: Invocation) {
        self.last_invocation += 1;
        self.invocations.insert(self.last_invocation, invocation);
        let read = self.rng.i64(1..20);
        self.after(read, Happening::Task(self.last_invocation));
    }

    /// Gives the present time by a clock that is wrong by this much.
    pub(crate) fn clock(&self, skew: i64) -> Timestamp {
        clock(self.now, skew)
    }
}

/// Gives a time by a clock that is wrong by this much.
pub(crate) fn clock(now: i64, skew: i64) -> Timestamp {
    Timestamp::from_millisecond(1_750_000_000_000 + now + skew).expect("within jiff's range")
}
