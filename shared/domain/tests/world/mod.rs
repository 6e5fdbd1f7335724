//! What the model checker and the simulation share: the two tables as one business sees them, and one worker that says
//! what it would do to the world next.
//!
//! A worker runs the production code: a delivery, a step of a replay, a sweep. The code is asynchronous and what stands
//! behind it here answers from a list of replies; where the list ends, the worker waits, and what it has asked for is its
//! task. Once the task has a reply, the code runs again from its beginning with the longer list. So a worker can be
//! copied, compared and stopped at any step.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use domain::delivery::{
    AckReason, DeliveryIo, Ended, MessageAction, NextStatus, Posted, Record, Recorded, ReplayGoesOn, Snapshot, Stored,
    Trigger, Unavailable, deliver,
};
use domain::endpoint::{EndpointId, EndpointIo, Found, Health, Notice, State, follow};
use domain::event::EventId;
use domain::replay::{ReplayIo, StepAction, carry_on};
use domain::sweep::{SweepIo, sweep};
use jiff::Timestamp;

/// The event of a number; a greater number happened later.
pub(crate) fn event(number: usize) -> EventId {
    EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
}

/// What a ledger record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Delivered,
    Retrying,
    Held,
    Failed,
}

/// A business's settings item and its ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tables {
    pub(crate) url: Option<EndpointId>,
    pub(crate) health: Health,
    pub(crate) records: BTreeMap<String, Status>,
    /// Of the events with a record, those whose bodies are not kept.
    pub(crate) too_large: Vec<String>,
    /// How often the owner has asked that an event be sent again.
    pub(crate) asked: BTreeMap<String, u8>,
    /// Of each event that has arrived: how often that had been asked by then.
    pub(crate) delivered_after: BTreeMap<String, u8>,
}

impl Tables {
    pub(crate) fn says(&self, event: &EventId, status: Status) -> bool {
        self.records.get(event.as_str()) == Some(&status)
    }

    /// That an event is asked for once more, and how often it has been then.
    pub(crate) fn ask(&mut self, event: &EventId) -> u8 {
        let asked = self.asked.entry(event.as_str().to_owned()).or_default();
        *asked += 1;
        *asked
    }

    pub(crate) fn has_arrived_since(&self, event: &EventId, asked: u8) -> bool {
        asked == 0 || self.delivered_after.get(event.as_str()).is_some_and(|after| *after >= asked)
    }

    /// `asked`: the event is sent again since the owner has asked for it that often; 0: for another reason.
    fn read(&self, event: Option<&EventId>, asked: u8) -> Snapshot {
        let says = |status| event.is_some_and(|event| self.says(event, status));
        let since = event.is_some_and(|event| self.has_arrived_since(event, asked));
        let record = match () {
            () if says(Status::Delivered) && since => Record::Delivered,
            () if says(Status::Held) => Record::Held,
            () if says(Status::Retrying) => Record::Retrying,
            () => Record::Nothing,
        };
        Snapshot { health: self.health.clone(), endpoint: self.url.clone(), record, is_at_capacity: false }
    }

    /// Whether the version before this state was the stored one, so that it is stored now.
    pub(crate) fn store(&mut self, health: &Health) -> bool {
        let follows = self.health.version + 1 == health.version;
        if follows {
            self.health = health.clone();
        }
        follows
    }

    /// Only a resend may write over a record that says delivered.
    fn record(&mut self, event: &EventId, (status, was_held): (NextStatus, bool), is_resend: bool) -> Reply {
        if !is_resend && self.says(event, Status::Delivered) {
            return Reply::AlreadyDelivered;
        }
        let goes_on = matches!(status, NextStatus::Retrying(_) | NextStatus::Failed);
        if goes_on && !was_held && self.says(event, Status::Held) {
            return Reply::AlreadyHeld;
        }
        let status = match status {
            NextStatus::Delivered => Status::Delivered,
            NextStatus::Retrying(_) => Status::Retrying,
            NextStatus::Held => Status::Held,
            NextStatus::Failed => Status::Failed,
        };
        self.records.insert(event.as_str().to_owned(), status);
        if status == Status::Delivered {
            let asked = self.asked.get(event.as_str()).copied().unwrap_or(0);
            self.delivered_after.insert(event.as_str().to_owned(), asked);
        }
        Reply::Done
    }

    pub(crate) fn held(&self) -> impl Iterator<Item = EventId> {
        let held = self.records.iter().filter(|(_, status)| **status == Status::Held);
        held.map(|(event, _)| EventId::parse(event).expect("it was written from one"))
    }

    fn found(&self) -> Found {
        let probe_is_kept = match &self.health.state {
            State::Failing { probe: Some(probe), .. } => {
                let id = probe.event.as_str().to_owned();
                self.records.contains_key(&id) && !self.too_large.contains(&id)
            }
            _ => false,
        };
        Found { first_held: self.held().next(), probe_is_kept }
    }
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Body {
    /// `asked`: how often the owner had asked for it when this was sent; 0: it is no resend.
    Event {
        event: EventId,
        asked: u8,
        too_large: bool,
        /// `sweep` has sent it, for a probe, and it has not been received yet.
        restarted: bool,
    },
    Step {
        replay: u64,
        step: u64,
    },
    /// No message: what the schedule runs every five minutes.
    Sweep,
    /// No message: the owner's page, on which "resume" was pressed.
    Resume,
}

impl Body {
    /// Once it has come back, a message that `sweep` has sent is like any other.
    pub(crate) fn is_received(&mut self) {
        if let Self::Event { restarted, .. } = self {
            *restarted = false;
        }
    }

    pub(crate) fn plain(event: EventId) -> Self {
        Self::Event { event, asked: 0, too_large: false, restarted: false }
    }
}

/// What a worker would do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    Read,
    Store(Health),
    Send(Body, Option<Timestamp>),
    Announce,
    Post(EventId),
    /// Whether it was held before.
    Record(EventId, NextStatus, bool),
    List,
    Find,
    Leave(Leave),
}

/// What it does with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leave {
    Delete,
    /// The same: the business has no URL.
    Dismiss,
    ReturnAt(Timestamp),
    ReturnNow,
    AsItIs,
    /// It comes back soon; should that be one receive too many, another takes its place.
    Soon,
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    Read(Snapshot),
    Done,
    Conflict,
    AlreadyDelivered,
    AlreadyHeld,
    Listed(Vec<EventId>),
    Found(Found),
    Posted(Posted),
    Unavailable,
}

impl Reply {
    /// The same, when as many attempts as may be in flight are waiting for the endpoint's answer.
    pub(crate) fn at_capacity(mut self) -> Self {
        if let Self::Read(seen) = &mut self {
            seen.is_at_capacity = true;
        }
        self
    }
}

/// One message being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    body: Body,
    message: String,
    instead_of_holding: NextStatus,
    started: Timestamp,
    replies: Vec<Heard>,
    pub(crate) task: Task,
    /// The event that it is at.
    event: Option<EventId>,
    /// How many attempts on it have failed in a replay.
    pub(crate) failures: u32,
    /// It has no time to begin another delivery.
    pub(crate) is_late: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Heard {
    reply: Reply,
    at: Timestamp,
    is_late: bool,
}

impl Worker {
    /// `message` is the id of the message that brings it.
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
            is_late: false,
        };
        worker.run();
        worker
    }

    pub(crate) fn event(&self) -> Option<&EventId> {
        self.event.as_ref()
    }

    /// The replay that it carries on.
    pub(crate) fn replay(&self) -> Option<u64> {
        match self.body {
            Body::Step { replay, .. } => Some(replay),
            _ => None,
        }
    }

    pub(crate) fn asked(&self) -> u8 {
        match self.body {
            Body::Event { asked, .. } => asked,
            _ => 0,
        }
    }

    /// Does the task, as far as it concerns the tables.
    pub(crate) fn perform(&self, tables: &mut Tables) -> Reply {
        match &self.task {
            Task::Read => Reply::Read(tables.read(self.event(), self.asked())),
            Task::Store(health) if tables.store(health) => Reply::Done,
            Task::Store(_) => Reply::Conflict,
            Task::Record(event, status, was_held) => {
                if matches!(self.body, Body::Event { too_large: true, .. }) {
                    tables.too_large.push(event.as_str().to_owned());
                    tables.too_large.dedup();
                }
                tables.record(event, (*status, *was_held), self.asked() > 0)
            }
            Task::List => Reply::Listed(tables.held().take(crate::LISTED).collect()),
            Task::Find => Reply::Found(tables.found()),
            Task::Send(..) | Task::Announce | Task::Post(_) | Task::Leave(_) => Reply::Done,
        }
    }

    /// Takes what came of the task, and has the next one.
    pub(crate) fn go_on(&mut self, reply: Reply, now: Timestamp) {
        self.replies.push(Heard { reply, at: now, is_late: self.is_late });
        self.run();
    }

    fn run(&mut self) {
        let script = Script { worker: self, state: Mutex::default() };
        let leave = {
            let mut way = pin!(script.play());
            match way.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(leave) => Some(leave),
                Poll::Pending => None,
            }
        };
        let Position { task, event, failures, .. } = script.state.into_inner().expect("nobody has panicked");
        self.task = leave.map(Task::Leave).or(task).expect("it waits for something or has ended");
        (self.event, self.failures) = (event, failures);
    }
}

/// The replies that a worker has heard, as the world behind the production code.
struct Script<'a> {
    worker: &'a Worker,
    state: Mutex<Position>,
}

/// How far it has come.
#[derive(Default)]
struct Position {
    heard: usize,
    task: Option<Task>,
    event: Option<EventId>,
    failures: u32,
}

impl Script<'_> {
    async fn play(&self) -> Leave {
        match &self.worker.body {
            Body::Event { event, asked, too_large, restarted } => {
                self.position(|position| position.event = Some(event.clone()));
                let trigger = match (*asked, *restarted) {
                    (0, true) => Trigger::Restart,
                    (0, false) => Trigger::Message,
                    _ => Trigger::Resend,
                };
                let instead_of_holding = too_large.then_some(self.worker.instead_of_holding);
                leave(deliver(self, event, trigger, instead_of_holding).await.action)
            }
            Body::Step { replay, step } => match carry_on(self, *replay, *step, &self.worker.message).await {
                StepAction::Acknowledge => Leave::Delete,
                StepAction::ReturnAt(at) => Leave::ReturnAt(at),
                StepAction::ReturnAfterFault => Leave::AsItIs,
            },
            Body::Sweep => {
                let _ = sweep(self).await;
                Leave::Delete
            }
            Body::Resume => {
                let _ = self.resume().await;
                Leave::Delete
            }
        }
    }

    async fn resume(&self) -> Result<(), Unavailable> {
        let seen = self.read().await?;
        let health = seen.health.resume(self.now()).next_version();
        if self.store(&health).await? == Stored::Done {
            follow(self, &seen.health, &health).await;
        }
        Ok(())
    }

    fn position<T>(&self, of: impl FnOnce(&mut Position) -> T) -> T {
        of(&mut self.state.lock().expect("nobody has panicked"))
    }

    /// The reply to a task. Where none has been heard, the worker stops here.
    async fn ask(&self, task: Task) -> Reply {
        let heard = self.position(|position| {
            let heard = self.worker.replies.get(position.heard);
            position.heard += 1;
            position.task = heard.is_none().then_some(task);
            heard
        });
        match heard {
            Some(heard) => heard.reply.clone(),
            None => pending().await,
        }
    }

    async fn done(&self, task: Task) -> Result<(), Unavailable> {
        match self.ask(task).await {
            Reply::Done => Ok(()),
            _ => Err(Unavailable),
        }
    }

    fn at(&self) -> Option<&Heard> {
        let heard = self.position(|position| position.heard);
        heard.checked_sub(1).and_then(|last| self.worker.replies.get(last))
    }

    fn event(&self) -> EventId {
        self.position(|position| position.event.clone()).expect("it is at one")
    }
}

impl EndpointIo for Script<'_> {
    fn now(&self) -> Timestamp {
        self.at().map_or(self.worker.started, |heard| heard.at)
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        match self.ask(Task::Read).await {
            Reply::Read(seen) => Ok(seen),
            _ => Err(Unavailable),
        }
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        match self.ask(Task::Store(health.clone())).await {
            Reply::Done => Ok(Stored::Done),
            Reply::Conflict => Ok(Stored::Conflict),
            _ => Err(Unavailable),
        }
    }

    async fn send_step(&self, replay: u64, step: u64, at: Option<Timestamp>) -> Result<(), Unavailable> {
        self.done(Task::Send(Body::Step { replay, step }, at)).await
    }

    async fn announce(&self, _notice: &Notice) -> Result<(), Unavailable> {
        self.done(Task::Announce).await
    }
}

impl DeliveryIo for Script<'_> {
    async fn post(&self) -> Result<Posted, Unavailable> {
        match self.ask(Task::Post(self.event())).await {
            Reply::Posted(posted) => Ok(posted),
            _ => Err(Unavailable),
        }
    }

    async fn send_again(&self, at: Timestamp) -> Result<(), Unavailable> {
        self.done(Task::Send(Body::plain(self.event()), Some(at))).await
    }

    async fn record(&self, status: NextStatus, was_held: bool) -> Result<Recorded, Unavailable> {
        match self.ask(Task::Record(self.event(), status, was_held)).await {
            Reply::Done => Ok(Recorded::Done),
            Reply::AlreadyDelivered => Ok(Recorded::AlreadyDelivered),
            Reply::AlreadyHeld => Ok(Recorded::AlreadyHeld),
            _ => Err(Unavailable),
        }
    }
}

impl ReplayIo for Script<'_> {
    async fn list(&self) -> Result<Vec<EventId>, Unavailable> {
        match self.ask(Task::List).await {
            Reply::Listed(events) => Ok(events),
            _ => Err(Unavailable),
        }
    }

    async fn deliver(&self, event: &EventId, trigger: Trigger) -> Ended {
        if self.at().is_some_and(|heard| heard.is_late) {
            return Ended { action: MessageAction::ReturnUnattempted, replay: ReplayGoesOn::AtOnce };
        }
        let Trigger::Replay { failures, .. } = trigger else { panic!("a replay brings it") };
        self.position(|position| (position.event, position.failures) = (Some(event.clone()), failures));
        let ended = deliver(self, event, trigger, None).await;
        self.position(|position| position.event = None);
        ended
    }
}

impl SweepIo for Script<'_> {
    async fn find(&self, _health: &Health) -> Result<Found, Unavailable> {
        match self.ask(Task::Find).await {
            Reply::Found(found) => Ok(found),
            _ => Err(Unavailable),
        }
    }

    async fn send_probe(&self, event: &EventId) -> Result<(), Unavailable> {
        let body = Body::Event { event: event.clone(), asked: 0, too_large: false, restarted: true };
        self.done(Task::Send(body, None)).await
    }
}

fn leave(action: MessageAction) -> Leave {
    match action {
        MessageAction::Acknowledge(AckReason::NotConfigured) => Leave::Dismiss,
        MessageAction::Acknowledge(_) => Leave::Delete,
        MessageAction::ReturnAt(at) => Leave::ReturnAt(at),
        MessageAction::ReturnSpent => Leave::ReturnNow,
        MessageAction::ReturnAfterFault => Leave::AsItIs,
        MessageAction::ReturnUnattempted => Leave::Soon,
    }
}
