//! One worker alone, from its first request to its last, and the tables that it begins with.

use std::time::Duration;

use domain::delivery::{NextStatus, Posted};
use domain::endpoint::{Attempted, EndpointId, Health, Probe, Replay, State};
use domain::outcome::{Cause, Failure};
use jiff::Timestamp;

use crate::worker::{Body, Finish, Reply, Status, Tables, Task, Worker, event};

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_750_000_000 + seconds)
}

pub(crate) const NOW: u64 = 0;

fn made(attempted: Attempted, not_before: Option<u64>) -> Posted {
    Posted::Made { attempted, not_before: not_before.map(at), is_rate_limit: false }
}

pub(crate) fn success() -> Posted {
    made(Attempted::Succeeded, None)
}

pub(crate) fn failure(next: Option<u64>) -> Posted {
    let cause = Cause::Failed(Failure::Refused);
    made(Attempted::Failed { cause, next: next.map(at) }, None)
}

pub(crate) fn gone() -> Posted {
    made(Attempted::Failed { cause: Cause::Gone, next: Some(at(5)) }, None)
}

/// 429 with Retry-After.
pub(crate) fn rate_limit(until: u64) -> Posted {
    let attempted = Attempted::Failed { cause: Cause::Status, next: Some(at(until)) };
    Posted::Made { attempted, not_before: Some(at(until)), is_rate_limit: true }
}

fn endpoint() -> EndpointId {
    EndpointId("a".to_owned())
}

fn tables(state: State, replay: Option<Replay>) -> Tables {
    let health = Health { version: 7, endpoint: Some(endpoint()), state, replay, ..Health::default() };
    Tables { url: Some(endpoint()), health, ..Tables::default() }
}

pub(crate) fn active(failures: u32) -> Tables {
    tables(State::Active { failures }, None)
}

/// Event 9 is the probe, which tries again in ten minutes.
pub(crate) fn failing() -> Tables {
    failing_until(600)
}

pub(crate) fn failing_until(due: u64) -> Tables {
    let probe = Some(Probe { event: event(9), due: at(due), restarts: 0, is_of_range: false });
    let (since, cause) = (Timestamp::UNIX_EPOCH, Cause::Status);
    tables(State::Failing { since, cause, probe, last_attempt: since }, None)
}

/// Step 2 of replay 5 is due, and events 1 to 3 are held. So many attempts on the first have failed in the replay, and so
/// many attempts in a row altogether.
pub(crate) fn replaying(in_the_replay: u32, in_a_row: u32) -> Tables {
    let (due, failures) = (at(NOW), in_the_replay);
    let replay = Replay { id: 5, step: 2, claimed_by: None, due, failures, restarts: 0, done: 0, failed: 0 };
    let mut tables = tables(State::Active { failures: in_a_row }, Some(replay));
    tables.records = (1..=3).map(|number| (event(number).to_string(), Status::Held)).collect();
    tables
}

/// The tasks of a worker from its first request to its last.
pub(crate) struct Path {
    /// The tasks, in order; those that only read are left out.
    pub(crate) tasks: Vec<Task>,
    pub(crate) finish: Finish,
}

impl Path {
    /// The numbers of the events that were attempted.
    pub(crate) fn posts(&self) -> Vec<usize> {
        let number = |task: &Task| match task {
            Task::Post(posted) => (1..=9).find(|number| event(*number) == *posted),
            _ => None,
        };
        self.tasks.iter().filter_map(number).collect()
    }

    /// The messages that were sent, and when they come.
    pub(crate) fn sent(&self) -> Vec<(Body, Option<Timestamp>)> {
        let sent = |task: &Task| match task {
            Task::Send(body, at) => Some((body.clone(), *at)),
            _ => None,
        };
        self.tasks.iter().filter_map(sent).collect()
    }

    /// The place of the first such task.
    pub(crate) fn place_of(&self, is: impl Fn(&Task) -> bool) -> usize {
        self.tasks.iter().position(is).expect("the task was done")
    }
}

/// Runs a worker to its end. `posts` are the answers to its attempts, and `fails` tells which tasks fail.
pub(crate) fn run(tables: &mut Tables, body: &Body, posts: &[Posted], fails: impl Fn(&Task) -> bool) -> Path {
    let mut posts = posts.iter();
    let mut worker = Worker::start(body, NextStatus::Retrying(at(30)), "m1", at(NOW));
    let mut tasks = Vec::new();
    loop {
        let task = worker.task.clone();
        if let Task::Finish(finish) = task {
            return Path { tasks, finish };
        }
        let reply = match &task {
            task if fails(task) => Reply::Unavailable,
            Task::Post(_) => Reply::Posted(*posts.next().expect("no further attempt")),
            _ => worker.do_on_tables(tables),
        };
        if !matches!(task, Task::Read | Task::List(_) | Task::Fetch(_)) {
            tasks.push(task);
        }
        worker.take(reply, at(NOW));
    }
}

pub(crate) fn is_store(task: &Task) -> bool {
    matches!(task, Task::Store(_))
}
