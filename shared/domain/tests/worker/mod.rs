//! One worker: the work of one invocation on one message. The model checker, the simulation and `paths` share this
//! code.
//!
//! A worker runs the production code: a delivery, a step of a replay, a run of `sweep`. It can be stopped, copied and
//! compared between any two of its requests, since it is nothing but a list of replies:
//!
//! 1. The production code is asynchronous and makes its requests through a trait ([`domain::delivery::DeliveryIo`] and its
//!    like). [`script::Script`] implements the trait. It answers the first request with the first reply of the list, the
//!    second request with the second reply, and so on.
//! 2. At the first request without a reply the code waits for ever. That request is the worker's next [`Task`].
//! 3. The model or the simulation does the task, or fails it, or kills the worker. The result becomes one more [`Reply`].
//! 4. The code runs again from its beginning against the longer list. The code has no state of its own, so it makes the
//!    same requests as before and comes one request further.
//!
//! A delivery that succeeds at once:
//!
//! ```text
//! replies                           task
//! (none)                            Read
//! Read(snapshot)                    Post
//! Read(snapshot), Posted(success)   Record(Delivered)
//! the same, Done                    Finish(Delete): the code has returned
//! ```

mod message;
mod script;
mod tables;
mod task;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use domain::delivery::NextStatus;
use domain::event::EventId;
use jiff::Timestamp;

pub(crate) use message::Body;
pub(crate) use tables::{Status, Tables};
pub(crate) use task::{Finish, Reply, Task};

use script::{Position, Script};

/// The event of a number; a greater number happened later.
pub(crate) fn event(number: usize) -> EventId {
    EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
}

/// One message being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    body: Body,
    /// The id of the message.
    message: String,
    /// The status of an event that is too large for the ledger, where another event would be held.
    instead_of_holding: NextStatus,
    started: Timestamp,
    /// Shared with the copies of the worker, of which a model has millions.
    replies: Vec<Arc<Received>>,
    /// The request that has no reply yet, or how the worker leaves its message.
    pub(crate) task: Task,
    /// The event that is being delivered.
    event: Option<EventId>,
    /// How many attempts on this event have failed in the replay that brings it.
    pub(crate) failures: u32,
    /// Whether a replay of a range brings the event.
    is_of_range: bool,
    /// Whether the worker has no time left to begin another delivery.
    pub(crate) is_late: bool,
}

/// A reply, and what the worker's clock said when the reply came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Received {
    reply: Reply,
    at: Timestamp,
    is_late: bool,
}

impl Worker {
    /// A worker on the message of this id, up to its first task.
    pub(crate) fn start(body: &Body, instead_of_holding: NextStatus, message: &str, now: Timestamp) -> Self {
        let mut worker = Self {
            body: body.clone(),
            message: message.to_owned(),
            instead_of_holding,
            started: now,
            replies: Vec::new(),
            task: Task::Read,
            event: None,
            failures: 0,
            is_of_range: false,
            is_late: false,
        };
        worker.run_from_the_beginning();
        worker
    }

    /// The event that is being delivered.
    pub(crate) fn event(&self) -> Option<&EventId> {
        self.event.as_ref()
    }

    /// The replay that the worker does a step of.
    pub(crate) fn replay(&self) -> Option<u64> {
        match self.body {
            Body::Step { replay, .. } => Some(replay),
            _ => None,
        }
    }

    /// How often the owner had asked for the event when the worker's message was sent; 0: the message is no resend.
    pub(crate) fn asked(&self) -> u8 {
        match self.body {
            Body::Reference { asked, .. } => asked,
            _ => 0,
        }
    }

    /// Does the task as far as it concerns the tables. What else the task does (a message, a POST) is left to the caller.
    pub(crate) fn do_on_tables(&self, tables: &mut Tables) -> Reply {
        match &self.task {
            Task::Read => Reply::Read(Box::new(tables.read(self.event(), self.asked(), self.is_of_range))),
            Task::Store(health) if tables.store(health) => Reply::Done,
            Task::Store(_) => Reply::Conflict,
            Task::Record(event, status, was_held) => {
                let has_body = !matches!(self.body, Body::Event { is_too_large: true, .. });
                if !has_body && !tables.records.contains_key(event.as_str()) {
                    tables.without_body.insert(event.as_str().to_owned());
                }
                tables.record(event, *status, *was_held, self.asked() > 0 || self.is_of_range)
            }
            Task::List(range) => Reply::Listed(tables.list(range.as_deref(), crate::LISTED_AT_A_TIME)),
            Task::Find => Reply::Found(tables.found()),
            Task::Fetch(event) => Reply::Fetched(tables.has_body(event)),
            Task::Abandon(event) => tables.abandon(event),
            Task::Send(..) | Task::Announce | Task::Post(_) | Task::SetAside(_) | Task::Finish(_) => Reply::Done,
        }
    }

    /// Takes the reply to the task, and comes to the next task.
    pub(crate) fn take(&mut self, reply: Reply, now: Timestamp) {
        self.replies.push(Arc::new(Received { reply, at: now, is_late: self.is_late }));
        self.run_from_the_beginning();
    }

    fn run_from_the_beginning(&mut self) {
        let script = Script::new(self);
        let finish = {
            let mut code = pin!(script.play());
            match code.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(finish) => Some(finish),
                Poll::Pending => None,
            }
        };
        let Position { task, event, failures, is_of_range, .. } = script.into_position();
        self.task = finish.map(Task::Finish).or(task).expect("the code has returned or waits for a reply");
        (self.event, self.failures, self.is_of_range) = (event, failures, is_of_range);
    }
}
