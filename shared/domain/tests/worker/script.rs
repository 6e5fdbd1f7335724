//! Implements the production code's I/O in a worker by a list of replies.
//!
//! What `functions/deliver` does itself, outside `domain`, is repeated here in a few lines: a reference fetches its event
//! from the ledger, and an event without a body is set aside (`delivery.rs` and `run_replay.rs` there).

use std::future::pending;
use std::sync::Mutex;

use domain::delivery::{
    AckReason, DeliveryIo, Ended, MessageAction, NextStatus, Posted, Recorded, ReplayGoesOn, ReplaySource, Snapshot,
    Stored, Trigger, Unavailable, deliver,
};
use domain::endpoint::{EndpointIo, Found, Health, Notice, Range, RangeReplay, RangeStatuses, follow};
use domain::event::EventId;
use domain::replay::{Listed, ReplayIo, StepAction, run_step};
use domain::sweep::{SweepIo, sweep};
use jiff::Timestamp;

use super::{Body, Finish, Received, Reply, Task, Worker};

/// The replies that a worker has, as the outside of the production code.
pub(super) struct Script<'a> {
    worker: &'a Worker,
    position: Mutex<Position>,
}

/// How far the code has come.
#[derive(Default)]
pub(super) struct Position {
    /// How many requests the code has made.
    requests: usize,
    /// The request that has no reply.
    pub(super) task: Option<Task>,
    pub(super) event: Option<EventId>,
    pub(super) failures: u32,
    pub(super) is_of_range: bool,
}

impl<'a> Script<'a> {
    pub(super) fn new(worker: &'a Worker) -> Self {
        Self { worker, position: Mutex::default() }
    }

    pub(super) fn into_position(self) -> Position {
        self.position.into_inner().expect("nobody has panicked")
    }

    /// Runs the code that the message stands for.
    pub(super) async fn play(&self) -> Finish {
        match &self.worker.body {
            Body::Event { event, is_too_large } => {
                let instead_of_holding = is_too_large.then_some(self.worker.instead_of_holding);
                self.deliver_event(event, Trigger::Message, instead_of_holding).await
            }
            Body::Reference { event, asked, is_restart } => {
                let trigger = match (*asked, *is_restart) {
                    (0, true) => Trigger::Restart,
                    (0, false) => Trigger::Message,
                    _ => Trigger::Resend,
                };
                self.deliver_reference(event, trigger).await.unwrap_or(Finish::ReturnAfterFault)
            }
            Body::Step { replay, step } => match run_step(self, *replay, *step, &self.worker.message).await {
                StepAction::Acknowledge => Finish::Delete,
                StepAction::ReturnAt(at) => Finish::ReturnAt(at),
                StepAction::ReturnAfterFault => Finish::ReturnAfterFault,
            },
            Body::Sweep => {
                let _ = sweep(self).await;
                Finish::Delete
            }
            Body::Resume => {
                let _ = self.change(|health, now| Some(health.resume(now))).await;
                Finish::Delete
            }
            Body::ReplayAll => {
                let _ = self.change(replay_all).await;
                Finish::Delete
            }
        }
    }

    async fn deliver_event(&self, event: &EventId, trigger: Trigger, instead: Option<NextStatus>) -> Finish {
        self.position(|position| position.event = Some(event.clone()));
        finish(deliver(self, event, trigger, instead).await.action)
    }

    /// An event without a body is abandoned first, and then set aside: until both are done, the message comes back.
    async fn deliver_reference(&self, event: &EventId, trigger: Trigger) -> Result<Finish, Unavailable> {
        if self.fetch(event).await? {
            return Ok(self.deliver_event(event, trigger, None).await);
        }
        self.done(Task::Abandon(event.clone())).await?;
        self.done(Task::SetAside(event.clone())).await?;
        Ok(Finish::Delete)
    }

    /// An event without a body is set aside first, and then abandoned: until both are done, the next step lists the event.
    async fn deliver_replayed(&self, event: &EventId, trigger: Trigger) -> Result<Ended, Unavailable> {
        if self.fetch(event).await? {
            return Ok(deliver(self, event, trigger, None).await);
        }
        if matches!(trigger, Trigger::Replay { source: ReplaySource::Range { .. }, .. }) {
            return Ok(ended(MessageAction::Acknowledge(AckReason::Unchanged)));
        }
        self.done(Task::SetAside(event.clone())).await?;
        self.done(Task::Abandon(event.clone())).await?;
        Ok(ended(MessageAction::Acknowledge(AckReason::Duplicate)))
    }

    /// Stores a change that the owner asks for, and does its effects.
    async fn change(&self, changed: impl Fn(&Health, Timestamp) -> Option<Health>) -> Result<(), Unavailable> {
        let before = self.read().await?.health;
        let Some(health) = changed(&before, self.now()) else { return Ok(()) };
        let health = health.next_version();
        if self.store(&health).await? == Stored::Done {
            follow(self, &before, &health).await;
        }
        Ok(())
    }

    fn position<T>(&self, of: impl FnOnce(&mut Position) -> T) -> T {
        of(&mut self.position.lock().expect("nobody has panicked"))
    }

    /// The reply to a request. Where the list has none, the code waits here for ever.
    async fn ask(&self, task: Task) -> Reply {
        let received = self.position(|position| {
            let received = self.worker.replies.get(position.requests);
            position.requests += 1;
            position.task = received.is_none().then_some(task);
            received
        });
        match received {
            Some(received) => received.reply.clone(),
            None => pending().await,
        }
    }

    async fn done(&self, task: Task) -> Result<(), Unavailable> {
        match self.ask(task).await {
            Reply::Done => Ok(()),
            _ => Err(Unavailable),
        }
    }

    async fn fetch(&self, event: &EventId) -> Result<bool, Unavailable> {
        match self.ask(Task::Fetch(event.clone())).await {
            Reply::Fetched(has_body) => Ok(has_body),
            _ => Err(Unavailable),
        }
    }

    /// The reply to the last request; None: the code has made none.
    fn last_reply(&self) -> Option<&Received> {
        let requests = self.position(|position| position.requests);
        requests.checked_sub(1).and_then(|last| self.worker.replies.get(last)).map(AsRef::as_ref)
    }

    fn event(&self) -> EventId {
        self.position(|position| position.event.clone()).expect("an event is being delivered")
    }
}

impl EndpointIo for Script<'_> {
    fn now(&self) -> Timestamp {
        self.last_reply().map_or(self.worker.started, |received| received.at)
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        match self.ask(Task::Read).await {
            Reply::Read(snapshot) => Ok(*snapshot),
            _ => Err(Unavailable),
        }
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        match self.ask(Task::Store(Box::new(health.clone()))).await {
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
        self.done(Task::Send(Body::reference(self.event()), Some(at))).await
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
    async fn list(&self, range: Option<&RangeReplay>) -> Result<Listed, Unavailable> {
        match self.ask(Task::List(range.cloned().map(Box::new))).await {
            Reply::Listed(listed) => Ok(listed),
            _ => Err(Unavailable),
        }
    }

    async fn deliver(&self, event: &EventId, trigger: Trigger) -> Ended {
        if self.last_reply().is_some_and(|received| received.is_late) {
            return ended(MessageAction::ReturnUnattempted);
        }
        let Trigger::Replay { failures, source, .. } = trigger else { panic!("a step of a replay brings the event") };
        self.position(|position| {
            (position.event, position.failures) = (Some(event.clone()), failures);
            position.is_of_range = source != ReplaySource::Held;
        });
        let replayed = self.deliver_replayed(event, trigger).await;
        self.position(|position| (position.event, position.is_of_range) = (None, false));
        replayed.unwrap_or(ended(MessageAction::ReturnAfterFault))
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
        self.done(Task::Send(Body::restart(event.clone()), None)).await
    }
}

/// Of all that has been published by now.
fn replay_all(health: &Health, now: Timestamp) -> Option<Health> {
    health.with_range(Range { from: None, to: now, statuses: RangeStatuses::Both }, None, now)
}

fn ended(action: MessageAction) -> Ended {
    Ended { action, replay: ReplayGoesOn::AtOnce }
}

fn finish(action: MessageAction) -> Finish {
    match action {
        MessageAction::Acknowledge(AckReason::NotConfigured) => Finish::DeleteNotConfigured,
        MessageAction::Acknowledge(_) => Finish::Delete,
        MessageAction::ReturnAt(at) => Finish::ReturnAt(at),
        MessageAction::ReturnSpent => Finish::ReturnSpent,
        MessageAction::ReturnAfterFault => Finish::ReturnAfterFault,
        MessageAction::ReturnUnattempted => Finish::ReturnUnattempted,
    }
}
