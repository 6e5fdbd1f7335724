//! What the model checker and the simulation share: the two tables as one business sees them, and the two machines as
//! one worker that says what it would do to the world next.
//!
//! The machines are the production ones. What stands here takes the place of the code that executes their steps, so
//! it does exactly what that code is specified to do, and nothing clever.

use std::collections::BTreeMap;

use domain::delivery::{self, Done, End, Flow, Vehicle};
use domain::endpoint::{Attempted, EndpointId, Fate, Health};
use domain::event::EventId;
use domain::replay::{self, ReleaseStep};
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
    fn look(&self, event: Option<&EventId>, asked: u8) -> Reply {
        let says = |status| event.is_some_and(|event| self.says(event, status));
        let since = event.is_some_and(|event| self.has_arrived_since(event, asked));
        let (delivered, held, retrying) = (says(Status::Delivered), says(Status::Held), says(Status::Retrying));
        Reply::Looked {
            health: self.health.clone(),
            endpoint: self.url.clone(),
            delivered: delivered && since,
            held,
            retrying,
            crowded: false,
        }
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
    fn record(&mut self, event: &EventId, fate: Fate, is_resend: bool) -> Reply {
        if !is_resend && self.says(event, Status::Delivered) {
            return Reply::AlreadyDelivered;
        }
        let status = match fate {
            Fate::Delivered => Status::Delivered,
            Fate::Retry(_) => Status::Retrying,
            Fate::Hold => Status::Held,
            Fate::Fail => Status::Failed,
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
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Body {
    /// `asked`: how often the owner had asked for it when this was sent; 0: it is no resend.
    Event {
        event: EventId,
        asked: u8,
        too_large: bool,
    },
    Token {
        run: u64,
        step: u64,
    },
}

impl Body {
    pub(crate) fn plain(event: EventId) -> Self {
        Self::Event { event, asked: 0, too_large: false }
    }
}

/// What a worker would do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    Look,
    Store(Health),
    Send(Body, Option<Timestamp>),
    Announce,
    Post(EventId),
    Record(EventId, Fate),
    List,
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
    /// It comes back soon; should that be one receive too many, a message that refers to its event does.
    Soon,
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "there is one of it at a time, for a moment")]
pub(crate) enum Reply {
    Looked { health: Health, endpoint: Option<EndpointId>, delivered: bool, held: bool, retrying: bool, crowded: bool },
    Done,
    Conflict,
    AlreadyDelivered,
    Listed(Vec<EventId>),
    Posted(Attempted),
    NoTime,
    Unavailable,
}

impl Reply {
    /// The same, when as many attempts as may be under way are waiting for the endpoint's answer.
    pub(crate) fn in_a_crowd(mut self) -> Self {
        if let Self::Looked { crowded, .. } = &mut self {
            *crowded = true;
        }
        self
    }
}

/// One message being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    run: Option<u64>,
    /// How often the owner had asked for the event when its message was sent; 0: it is no resend.
    pub(crate) asked: u8,
    release: Option<ReleaseStep>,
    flow: Option<(EventId, Flow)>,
    pub(crate) task: Task,
    /// It has no time to begin another delivery.
    pub(crate) is_late: bool,
    /// What the receiver has wished for with its last answer.
    pub(crate) not_before: Option<Timestamp>,
}

impl Worker {
    /// `message` is the id of the message that brings it.
    pub(crate) fn start(body: &Body, instead_of_holding: Fate, message: &str) -> Self {
        let mut worker =
            Self { run: None, asked: 0, release: None, flow: None, task: Task::Look, is_late: false, not_before: None };
        match body {
            Body::Event { event, asked, too_large } => {
                worker.asked = *asked;
                let vehicle = if *asked > 0 { Vehicle::Resend } else { Vehicle::Message };
                worker.start_flow(event, vehicle, too_large.then_some(instead_of_holding));
            }
            Body::Token { run, step } => {
                let (release, _look) = ReleaseStep::start(*run, *step, message);
                worker.run = Some(*run);
                worker.release = Some(release);
            }
        }
        worker
    }

    /// The event that it is at.
    pub(crate) fn event(&self) -> Option<&EventId> {
        self.flow.as_ref().map(|(event, _)| event)
    }

    /// The release that it carries on.
    pub(crate) fn run(&self) -> Option<u64> {
        self.run
    }

    /// Does the task, as far as it concerns the tables.
    pub(crate) fn perform(&self, tables: &mut Tables) -> Reply {
        match &self.task {
            Task::Look => tables.look(self.event(), self.asked),
            Task::Store(health) if tables.store(health) => Reply::Done,
            Task::Store(_) => Reply::Conflict,
            Task::Record(event, fate) => tables.record(event, *fate, self.asked > 0),
            Task::List => Reply::Listed(tables.held().take(crate::LISTED).collect()),
            Task::Send(..) | Task::Announce | Task::Post(_) | Task::Leave(_) => Reply::Done,
        }
    }

    /// Takes what came of the task, and has the next one.
    pub(crate) fn go_on(&mut self, reply: Reply, now: Timestamp) {
        if let Some((_, flow)) = &mut self.flow {
            let step = flow.next(of_flow(reply), now);
            self.take_flow_step(step, now);
        } else if let Some(release) = &mut self.release {
            let step = release.next(of_release(reply), now);
            self.take_release_step(step, now);
        }
    }

    fn start_flow(&mut self, event: &EventId, vehicle: Vehicle, instead_of_holding: Option<Fate>) {
        let (flow, _look) = Flow::start(event.clone(), vehicle, instead_of_holding);
        self.flow = Some((event.clone(), flow));
        self.task = Task::Look;
    }

    fn take_flow_step(&mut self, step: delivery::Step, now: Timestamp) {
        let event = self.event().expect("a flow's step is taken while it runs").clone();
        self.task = match step {
            delivery::Step::Look => Task::Look,
            delivery::Step::Store(health) => Task::Store(health),
            delivery::Step::SendToken { run, step } => Task::Send(Body::Token { run, step }, None),
            delivery::Step::Announce(_) => Task::Announce,
            delivery::Step::Post => Task::Post(event),
            delivery::Step::SendAgain(at) => Task::Send(Body::plain(event), Some(at)),
            delivery::Step::Record(fate) => Task::Record(event, fate),
            delivery::Step::Finish(end) => {
                self.flow = None;
                match &mut self.release {
                    None => Task::Leave(leave(end)),
                    Some(release) => {
                        let not_before = self.not_before.take();
                        let step = release.next(replay::Reply::Ended { end, not_before }, now);
                        return self.take_release_step(step, now);
                    }
                }
            }
        };
    }

    fn take_release_step(&mut self, step: replay::Step, now: Timestamp) {
        self.task = match step {
            replay::Step::Look => Task::Look,
            replay::Step::Store(health) => Task::Store(health),
            replay::Step::SendToken { run, step, at } => Task::Send(Body::Token { run, step }, at),
            replay::Step::List => Task::List,
            replay::Step::Deliver(_) if self.is_late => {
                let release = self.release.as_mut().expect("it has just given this step");
                let held = replay::Reply::Ended { end: End::Acknowledge(Done::Held), not_before: None };
                let step = release.next(held, now);
                return self.take_release_step(step, now);
            }
            replay::Step::Deliver(event) => return self.start_flow(&event, Vehicle::Release, None),
            replay::Step::Finish(replay::Token::Acknowledge) => Task::Leave(Leave::Delete),
            replay::Step::Finish(replay::Token::ReturnAt(at)) => Task::Leave(Leave::ReturnAt(at)),
            replay::Step::Finish(replay::Token::Return) => Task::Leave(Leave::AsItIs),
        };
    }
}

fn leave(end: End) -> Leave {
    match end {
        End::Acknowledge(Done::NotConfigured) => Leave::Dismiss,
        End::Acknowledge(_) => Leave::Delete,
        End::ReturnAt(at) => Leave::ReturnAt(at),
        End::ReturnSpent => Leave::ReturnNow,
        End::Fault => Leave::AsItIs,
        End::ReturnNow | End::Crowded | End::Unfinished => Leave::Soon,
    }
}

fn of_flow(reply: Reply) -> delivery::Reply {
    match reply {
        Reply::Looked { health, endpoint, delivered, held, retrying, crowded } => {
            delivery::Reply::Looked { health, endpoint, delivered, held, retrying, crowded }
        }
        Reply::Done => delivery::Reply::Done,
        Reply::Conflict => delivery::Reply::Conflict,
        Reply::AlreadyDelivered => delivery::Reply::AlreadyDelivered,
        Reply::Posted(attempted) => delivery::Reply::Posted(attempted),
        Reply::NoTime => delivery::Reply::NoTime,
        Reply::Listed(_) | Reply::Unavailable => delivery::Reply::Unavailable,
    }
}

fn of_release(reply: Reply) -> replay::Reply {
    match reply {
        Reply::Looked { health, endpoint, .. } => replay::Reply::Looked { health, endpoint },
        Reply::Done => replay::Reply::Done,
        Reply::Conflict => replay::Reply::Conflict,
        Reply::Listed(events) => replay::Reply::Listed(events),
        Reply::AlreadyDelivered | Reply::Posted(_) | Reply::NoTime | Reply::Unavailable => replay::Reply::Unavailable,
    }
}
