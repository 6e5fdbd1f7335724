//! Actions: the single steps from one state of the world to the next, and which of them are possible in a state.
//!
//! Each action is one thing that one participant does: a worker does its task, the queue hands out a message, the endpoint
//! answers, a fault strikes, the owner presses a button, time passes. The checker tries every possible action in every
//! state, and so every order in which the participants can come.

use std::time::Duration;

use domain::endpoint::State;
use jiff::Timestamp;

use crate::scenario::Scenario;
use crate::worker::{Body, Status, Task, event};
use crate::world::{Running, World};

/// The longest time that a worker takes: less than the minute for which no other worker tries.
const ALMOST_A_MINUTE: Duration = Duration::from_secs(59);

/// One step of the model. A worker is named by its place in the list, a message by its id, an event by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The call service publishes the next event.
    Publish,
    /// The call service publishes the last event again.
    PublishAgain,
    /// The owner sends an event again.
    Resend(usize),
    /// A worker receives a visible message.
    Receive(u8),
    /// A worker receives a message that another worker has.
    ReceiveDuplicate(u8),
    /// A worker does its task.
    DoTask(usize),
    /// The endpoint answers a worker's attempt.
    Answer(usize, Answer),
    /// A worker's task fails, and is not done.
    Fail(usize),
    /// A worker's task is done, but the worker hears that it failed.
    LoseReply(usize),
    /// A worker reads that as many attempts as may be in flight are waiting for an answer.
    ReadAtCapacity(usize),
    /// A worker has no time left for its attempt.
    HaveNoTime(usize),
    /// A worker dies before its task.
    Crash(usize),
    /// The attempts under way take almost a minute.
    SlowAttempts,
    /// Time passes although a message could be received.
    DelayMessages(Timestamp),
    /// Time passes until something can happen.
    PassTime(Timestamp),
    /// The owner pauses the endpoint.
    Pause,
    /// The owner sets another URL.
    ChangeUrl,
    /// The owner resumes a paused endpoint.
    Resume,
    /// The owner asks to send all again that has arrived or failed.
    ReplayAll,
    /// `sweep` runs.
    Sweep,
    /// Another system writes the settings item with a `PutItem`, which wipes the health.
    Wipe,
    /// The body of an event's record cannot be read any more.
    Unreadable(usize),
}

/// The endpoint's answer to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Success,
    Failure,
    /// The endpoint answers 410.
    Gone,
}

impl Scenario {
    /// Gives all actions that are possible next.
    ///
    /// While a worker is at a task that nobody else can observe, only this worker acts: the other orders would lead to the
    /// same states.
    pub(crate) fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        if let Some(place) = world.workers.iter().position(|running| is_unobservable(running, world)) {
            return worker_actions(world, place, actions);
        }
        (0..world.workers.len()).for_each(|place| worker_actions(world, place, actions));
        self.queue_actions(world, actions);
        owner_actions(world, actions);
        table_actions(world, actions);
        time_actions(world, actions);
        if world.budget.sweeps > 0 {
            actions.push(Action::Sweep);
        }
    }

    fn queue_actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.budget.events > 0 {
            actions.push(Action::Publish);
        }
        if world.budget.published_twice > 0 && world.published > 0 {
            actions.push(Action::PublishAgain);
        }
        if world.workers.iter().filter(|running| running.message.is_some()).count() == self.workers {
            return;
        }
        for (id, message) in &world.queue {
            if world.is_visible(message) {
                actions.push(Action::Receive(*id));
            } else if world.budget.duplicates > 0 && world.workers.iter().any(|running| running.message == Some(*id)) {
                actions.push(Action::ReceiveDuplicate(*id));
            }
        }
    }

    /// Does an action, whose cost has been taken away.
    pub(crate) fn act(&self, world: &mut World, action: Action) {
        match action {
            Action::Publish => world.publish(),
            Action::PublishAgain => world.send(Body::published(event(world.published), false), None),
            Action::Resend(number) => world.send_again(&event(number)),
            Action::Receive(id) | Action::ReceiveDuplicate(id) => world.receive(id, &self.schedule),
            Action::DoTask(place) => world.do_task(place, Answer::Success, &self.schedule),
            Action::Answer(place, answer) => world.do_task(place, answer, &self.schedule),
            Action::Fail(place) => world.fail_task(place),
            Action::LoseReply(place) => world.do_task_and_lose_the_reply(place, &self.schedule),
            Action::ReadAtCapacity(place) => world.read_at_capacity(place),
            Action::HaveNoTime(place) => world.have_no_time(place),
            Action::Crash(place) => drop(world.workers.remove(place)),
            Action::SlowAttempts => {
                world.now += ALMOST_A_MINUTE;
                world.workers.iter_mut().for_each(|running| running.is_slow = true);
            }
            Action::DelayMessages(time) | Action::PassTime(time) => world.now = time,
            Action::Pause => world.pause(),
            Action::ChangeUrl => world.change_url(),
            Action::Resume => world.resume(&self.schedule),
            Action::ReplayAll => world.begin(&Body::ReplayAll),
            Action::Sweep => world.begin(&Body::Sweep),
            Action::Wipe => world.wipe(),
            Action::Unreadable(number) => {
                world.tables.without_body.insert(event(number).as_str().to_owned());
            }
        }
    }
}

/// Whether no other worker can observe the running worker's task, or change the reply to it.
fn is_unobservable(running: &Running, world: &World) -> bool {
    match &running.worker.task {
        _ if running.is_fresh => true,
        Task::Announce | Task::SetAside(_) | Task::Finish(_) => true,
        Task::Fetch(_) => world.budget.unreadable == 0,
        _ => false,
    }
}

fn worker_actions(world: &World, place: usize, actions: &mut Vec<Action>) {
    let (task, budget) = (&world.workers[place].worker.task, &world.budget);
    if matches!(task, Task::Post(_)) {
        actions.extend([Answer::Success, Answer::Failure].map(|answer| Action::Answer(place, answer)));
        if budget.gone > 0 {
            actions.push(Action::Answer(place, Answer::Gone));
        }
        if budget.turned_away > 0 {
            actions.push(Action::HaveNoTime(place));
        }
    } else {
        actions.push(Action::DoTask(place));
    }
    if budget.turned_away > 0 && *task == Task::Read {
        actions.push(Action::ReadAtCapacity(place));
    }
    if budget.crashes > 0 {
        actions.push(Action::Crash(place));
    }
    if budget.faults > 0 && !matches!(task, Task::Post(_) | Task::Finish(_)) {
        actions.push(Action::Fail(place));
        let changes_something = match task {
            Task::Store(_) | Task::Record(..) | Task::Send(..) | Task::Abandon(_) | Task::SetAside(_) => true,
            // A notice that has been given is of no consequence here.
            _ => false,
        };
        if changes_something {
            actions.push(Action::LoseReply(place));
        }
    }
}

fn owner_actions(world: &World, actions: &mut Vec<Action>) {
    if world.budget.resends > 0 {
        let has_body = |number: &usize| world.tables.has_body(&event(*number));
        actions.extend((1..=world.published).filter(has_body).map(Action::Resend));
    }
    if world.budget.ranges > 0 && world.published > 0 {
        actions.push(Action::ReplayAll);
    }
    if world.budget.owner_changes > 0 {
        actions.extend([Action::Pause, Action::ChangeUrl]);
    }
    if world.budget.resumes > 0 && matches!(world.tables.health.state, State::Paused { .. }) {
        actions.push(Action::Resume);
    }
}

/// What happens to the tables from outside.
fn table_actions(world: &World, actions: &mut Vec<Action>) {
    if world.budget.wipes > 0 {
        actions.push(Action::Wipe);
    }
    if world.budget.unreadable > 0 {
        let waits = |number: &usize| {
            let id = event(*number);
            world.tables.has_body(&id) && !world.tables.says(&id, Status::Delivered)
        };
        actions.extend((1..=world.published).filter(waits).map(Action::Unreadable));
    }
}

fn time_actions(world: &World, actions: &mut Vec<Action>) {
    if !world.is_quiet() {
        // An attempt is what takes time.
        let attempts = world.workers.iter().any(|running| matches!(running.worker.task, Task::Post(_)));
        if world.budget.slow_attempts > 0 && attempts && world.workers.iter().all(|running| !running.is_slow) {
            actions.push(Action::SlowAttempts);
        }
        return;
    }
    match world.next_time() {
        Some(time) if !world.has_visible() => actions.push(Action::PassTime(time)),
        Some(time) if world.budget.late_messages > 0 => actions.push(Action::DelayMessages(time)),
        _ => {}
    }
}
