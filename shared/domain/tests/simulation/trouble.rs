//! The faults of this system and of AWS in one run: invocations that die, tables and a queue that do not answer or are
//! slow, wrong clocks, late messages. They are drawn from the seed; a calm run has none.

use fastrand::Rng;

use crate::outage;
use crate::queue::{DAY, HOUR, MINUTE, SECOND};
use crate::worker::Task;

/// From when until when a fault strikes, and how often out of a thousand.
type Window = (i64, i64, u32);

#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Out of a hundred thousand tasks, those at which the invocation dies.
    crashes: u32,
    crash_windows: Vec<Window>,
    tables_down: Vec<Window>,
    queue_down: Vec<Window>,
    late: Vec<Window>,
    /// When tables and the queue are slow.
    slow: Vec<Window>,
    /// Out of a thousand messages, those that are handed out twice.
    pub(crate) duplicates: u32,
    /// Out of a thousand reads, those that find as many attempts waiting for an answer as may be in flight.
    at_capacity: u32,
    /// How wrong a clock may be, in milliseconds.
    skew: i64,
    /// Whether DynamoDB has no address for a day.
    has_outage: bool,
}

impl Trouble {
    pub(crate) fn draw(rng: &mut Rng, until: i64) -> Self {
        Self {
            crashes: rng.u32(0..200),
            crash_windows: windows(rng, until, 3, HOUR),
            tables_down: windows(rng, until, 4, 2 * HOUR),
            queue_down: windows(rng, until, 2, HOUR),
            late: windows(rng, until, 3, 2 * HOUR),
            slow: windows(rng, until, 2, 2 * HOUR),
            duplicates: rng.u32(0..5),
            at_capacity: rng.u32(0..200),
            skew: if rng.u8(0..4) == 0 { 10 * MINUTE } else { 0 },
            has_outage: false,
        }
    }

    /// About one event in thirty is under way when its invocation is killed.
    pub(crate) fn killing() -> Self {
        Self { crashes: 800, ..Self::default() }
    }

    pub(crate) fn of_outage() -> Self {
        Self { has_outage: true, ..Self::default() }
    }

    pub(crate) fn kills(&self, rng: &mut Rng, now: i64) -> bool {
        rng.u32(0..100_000) < self.crashes || strikes(rng, &self.crash_windows, now)
    }

    /// Whether the table or the queue that the task needs does not answer.
    pub(crate) fn fails(&self, rng: &mut Rng, task: &Task, now: i64) -> bool {
        if self.has_outage {
            return outage::fails(rng, task, now);
        }
        match task {
            Task::Read
            | Task::Store(_)
            | Task::Record(..)
            | Task::List(_)
            | Task::Find
            | Task::Fetch(_)
            | Task::Abandon(_) => strikes(rng, &self.tables_down, now),
            Task::Send(..) | Task::SetAside(_) | Task::Finish(_) => strikes(rng, &self.queue_down, now),
            Task::Announce => strikes(rng, &self.queue_down, now) || strikes(rng, &self.tables_down, now),
            Task::Post(_) => false,
        }
    }

    /// Whether a call that fails is done all the same, and only its answer is lost. Without an address, no call is done.
    pub(crate) fn loses_answer(&self, rng: &mut Rng) -> bool {
        !self.has_outage && rng.u8(0..3) == 0
    }

    /// Whether SQS has taken a message, and only its answer is lost.
    pub(crate) fn loses_queues_answer(&self, rng: &mut Rng, now: i64) -> bool {
        self.has_outage && outage::loses_queues_answer(rng, now)
    }

    /// Whether Lambda refuses to run the function for a message that SQS has handed out.
    pub(crate) fn refuses(&self, rng: &mut Rng, now: i64) -> bool {
        self.has_outage && outage::refuses(rng, now)
    }

    pub(crate) fn is_at_capacity(&self, rng: &mut Rng) -> bool {
        rng.u32(0..1_000) < self.at_capacity
    }

    /// How long a visible message waits until it is received.
    pub(crate) fn lateness(&self, rng: &mut Rng, now: i64) -> i64 {
        if strikes(rng, &self.late, now) { rng.i64(0..30 * MINUTE) } else { rng.i64(5..200) }
    }

    /// How long a task lasts that is no attempt.
    pub(crate) fn lasts(&self, rng: &mut Rng, now: i64) -> i64 {
        if self.has_outage {
            return rng.i64(1..20) + outage::slows(rng, now);
        }
        if strikes(rng, &self.slow, now) { rng.i64(20..15 * SECOND) } else { rng.i64(1..20) }
    }

    /// How wrong the clock of an invocation is, in milliseconds.
    pub(crate) fn skew(&self, rng: &mut Rng) -> i64 {
        if self.skew > 0 && rng.u8(0..5) == 0 { rng.i64(-self.skew..self.skew) } else { 0 }
    }

    pub(crate) fn has_true_clocks(&self) -> bool {
        self.skew == 0
    }
}

fn windows(rng: &mut Rng, until: i64, count: usize, longest: i64) -> Vec<Window> {
    let count = rng.usize(0..=count);
    let mut window = || {
        let start = rng.i64(DAY / 2..until);
        (start, start + rng.i64(10 * SECOND..longest), rng.u32(50..=1_000))
    };
    (0..count).map(|_| window()).collect()
}

fn strikes(rng: &mut Rng, windows: &[Window], now: i64) -> bool {
    windows.iter().any(|(start, end, often)| (*start..*end).contains(&now) && rng.u32(0..1_000) < *often)
}
