//! Deliveries, replays and sweeps under a model checker: the production code, in every order of its steps, with crashes and
//! faults at each of them, and a receiver and an owner who do what they like.
//!
//! A scenario gives the world a budget of what may go wrong and visits every state that can follow from an endpoint with
//! four failures behind it. In every state:
//!
//! - a failing endpoint gets one attempt at a time, of those that began when it was failing;
//! - a replay has one attempt in flight, however many messages there are for its step;
//! - there is no replay while events are held back.
//!
//! And in every quiet state, in which all workers have ended or died: let faults end and the receiver be well, let `sweep`
//! run, and every event arrives and every notice is given. No further call is needed for that, no owner unless the endpoint
//! is paused, and no operator unless something is in the dead-letter queue. An event that is held and forgotten,
//! acknowledged and forgotten, or waits for a probe that nobody restarts, would not arrive.
//!
//! `MODEL=deep` gives larger budgets.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "../world/mod.rs"]
mod world;

mod drain;
mod state;

use std::fmt::Write as _;
use std::time::Duration;

use domain::delivery::Posted;
use domain::endpoint::{EndpointId, Health, State as HealthState};
use domain::schedule::Schedule;
use jiff::Timestamp;
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path, Property};

use crate::state::{Answer, Budget, Running, World};
use crate::world::{Body, Reply, Status, Task, event};

/// How long a list of held events is; the shorter, the more steps a replay has.
const LISTED: usize = 1;

/// As long as a worker takes at most: less than the minute for which nobody else tries.
const ALMOST_A_MINUTE: Duration = Duration::from_secs(59);

/// A scenario.
#[derive(Clone, Debug)]
struct Deliveries {
    /// The failures in a row that lie behind the endpoint.
    failures: u32,
    /// How many workers there are at most.
    workers: usize,
    schedule: Schedule,
    /// Whether two workers may have one message. Either may then delete it, so that a record that says failed is enough
    /// without a copy in the dead-letter queue, and both may have a replay's step.
    shares_messages: bool,
    /// Whether each event has one message, so that a failing endpoint gets one attempt at a time.
    one_tries: bool,
    /// So many steps are taken at the most, those of the shortest ways first: not every scenario's states fit into memory.
    most_steps: usize,
    budget: Budget,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Publish,
    PublishAgain,
    Resend(usize),
    Receive(u8),
    ReceiveAgain(u8),
    Perform(usize),
    Answer(usize, Answer),
    Refuse(usize),
    PerformUnknown(usize),
    LookIntoACrowd(usize),
    RunOutOfTime(usize),
    Crash(usize),
    Tarry,
    Lag(Timestamp),
    Jump(Timestamp),
    Pause,
    ChangeUrl,
    Resume,
    Sweep,
}

impl Model for Deliveries {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let world = World::new(self.failures, self.budget);
        vec![if self.budget.resends > 0 { world.with_delivered() } else { world }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if let Some(place) = world.workers.iter().position(is_nobodys_business) {
            return worker_actions(world, place, actions);
        }
        (0..world.workers.len()).for_each(|place| worker_actions(world, place, actions));
        self.queue_actions(world, actions);
        actions_without_a_message(world, actions);
        if world.is_quiet() {
            let lags = world.has_visible();
            let time = world.next_time().filter(|_| !lags || world.budget.lags > 0);
            actions.extend(time.map(|time| if lags { Action::Lag(time) } else { Action::Jump(time) }));
        } else if may_tarry(world) {
            actions.push(Action::Tarry);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        match action {
            Action::Publish => world.budget.events -= 1,
            Action::PublishAgain => world.budget.twice -= 1,
            Action::Resend(_) => world.budget.resends -= 1,
            Action::ReceiveAgain(_) => world.budget.duplicates -= 1,
            Action::LookIntoACrowd(_) | Action::RunOutOfTime(_) => world.budget.crowds -= 1,
            Action::Answer(_, Answer::Gone) => world.budget.gone -= 1,
            Action::Refuse(_) | Action::PerformUnknown(_) => world.budget.faults -= 1,
            Action::Crash(_) => world.budget.crashes -= 1,
            Action::Sweep => world.budget.sweeps -= 1,
            Action::Pause | Action::ChangeUrl => world.budget.wishes -= 1,
            Action::Lag(_) => world.budget.lags -= 1,
            Action::Tarry => world.budget.tarries -= 1,
            Action::Resume => world.budget.resumes -= 1,
            _ => {}
        }
        self.act(&mut world, action);
        Some(world.normal())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every event arrives once nothing goes wrong any more", |model: &Self, world: &World| {
                !world.is_quiet() || world.heals(model)
            }),
            Property::always("a failing endpoint gets one attempt at a time", |model: &Self, world: &World| {
                !model.one_tries || one_tries(world)
            }),
            Property::always("a replay gets one attempt at a time", |model: &Self, world: &World| {
                model.shares_messages || one_is_replayed(world)
            }),
            Property::always("no state promises what it cannot keep", |_, world: &World| {
                holds_together(&world.tables.health)
            }),
            Property::sometimes("failing", |_, world: &World| {
                matches!(world.tables.health.state, HealthState::Failing { .. })
            }),
            Property::sometimes("held", |_, world: &World| world.has_held()),
            Property::sometimes("a replay under way", |_, world: &World| world.tables.health.replay.is_some()),
            Property::sometimes("all replayed", |_, world: &World| {
                let delivered = |number| world.tables.says(&event(number), Status::Delivered);
                world.budget.events == 0 && (1..=world.published).all(delivered) && world.queue.is_empty()
            }),
        ]
    }
}

impl Deliveries {
    fn queue_actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.budget.events > 0 {
            actions.push(Action::Publish);
        }
        if world.budget.twice > 0 && world.published > 0 {
            actions.push(Action::PublishAgain);
        }
        if world.budget.resends > 0 {
            actions.extend((1..=world.published).map(Action::Resend));
        }
        if world.workers.iter().filter(|running| running.message.is_some()).count() == self.workers {
            return;
        }
        for (id, message) in &world.queue {
            if world.is_visible(message) {
                actions.push(Action::Receive(*id));
            } else if world.budget.duplicates > 0 && world.workers.iter().any(|running| running.message == Some(*id)) {
                actions.push(Action::ReceiveAgain(*id));
            }
        }
    }

    fn act(&self, world: &mut World, action: Action) {
        match action {
            Action::Publish => world.publish(),
            Action::PublishAgain => world.send(Body::plain(event(world.published)), None),
            Action::Resend(number) => world.resend(event(number)),
            Action::Receive(id) | Action::ReceiveAgain(id) => world.receive(id, &self.schedule),
            Action::Perform(place) => world.perform(place, Answer::Success, &self.schedule),
            Action::Answer(place, answer) => world.perform(place, answer, &self.schedule),
            Action::Refuse(place) => world.go_on(place, Reply::Unavailable),
            Action::PerformUnknown(place) => world.perform_unknown(place, &self.schedule),
            Action::LookIntoACrowd(place) => world.look_into_a_crowd(place),
            Action::RunOutOfTime(place) => world.go_on(place, Reply::Posted(Posted::NoTime)),
            Action::Crash(place) => {
                world.workers.remove(place);
            }
            Action::Tarry => {
                world.now += ALMOST_A_MINUTE;
                world.workers.iter_mut().for_each(|running| running.late = true);
            }
            Action::Lag(time) | Action::Jump(time) => world.now = time,
            Action::Pause => {
                world.tables.health = world.tables.health.pause(world.now).next_version();
            }
            Action::ChangeUrl => {
                let other = if world.tables.url == Some(EndpointId("a".into())) { "b" } else { "a" };
                world.tables.url = Some(EndpointId(other.into()));
            }
            Action::Resume => world.resume(&self.schedule),
            Action::Sweep => world.begin(&Body::Sweep),
        }
    }

    fn check(self, name: &str) {
        let most = self.most_steps;
        let checker = self.checker().threads(2).target_state_count(most);
        let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let cut = if checker.state_count() < most { "" } else { ", and there are more" };
        println!("{name}: {} states, {} steps deep{cut}", checker.unique_state_count(), checker.max_depth());
        for property in checker.model().properties() {
            let path = checker.discovery(property.name);
            match (property.expectation, path) {
                (Expectation::Sometimes, None) => panic!("{name}: never seen: {}", property.name),
                (Expectation::Always, Some(path)) => panic!("{name}: not so: {}\n{}", property.name, story(path)),
                _ => {}
            }
        }
    }
}

/// How it came to a state, one line a step.
fn story(path: Path<World, Action>) -> String {
    let mut text = String::new();
    for (world, action) in path.into_vec() {
        let tasks: Vec<_> = world.workers.iter().map(|running| (running.message, &running.worker.task)).collect();
        let queue: Vec<_> =
            world.queue.iter().map(|(id, message)| (id, message.received, message.visible_at)).collect();
        let health = &world.tables.health;
        let _ = writeln!(
            text,
            "{} {:?} {:?} {:?}\n  queue {queue:?} tasks {tasks:?}\n    {action:?}",
            world.now, health.state, health.replay, health.notices
        );
        if action.is_none() {
            let _ = writeln!(text, "{world:?}");
        }
    }
    text
}

/// Whether the worker's task is one that no other worker can notice, so that it need not be tried in every order.
fn is_nobodys_business(running: &Running) -> bool {
    running.fresh || matches!(running.worker.task, Task::Announce | Task::Leave(_))
}

/// An attempt is what takes time.
fn may_tarry(world: &World) -> bool {
    let attempts = world.workers.iter().any(|running| matches!(running.worker.task, Task::Post(_)));
    world.budget.tarries > 0 && attempts && world.workers.iter().all(|running| !running.late)
}

/// What the owner and the schedule do.
fn actions_without_a_message(world: &World, actions: &mut Vec<Action>) {
    if world.budget.sweeps > 0 {
        actions.push(Action::Sweep);
    }
    if world.budget.wishes > 0 {
        actions.extend([Action::Pause, Action::ChangeUrl]);
    }
    let is_paused = matches!(world.tables.health.state, HealthState::Paused { .. });
    if is_paused && world.budget.resumes > 0 {
        actions.push(Action::Resume);
    }
}

fn worker_actions(world: &World, place: usize, actions: &mut Vec<Action>) {
    let task = &world.workers[place].worker.task;
    if matches!(task, Task::Post(_)) {
        actions.extend([Answer::Success, Answer::Failure].map(|answer| Action::Answer(place, answer)));
        if world.budget.gone > 0 {
            actions.push(Action::Answer(place, Answer::Gone));
        }
        if world.budget.crowds > 0 {
            actions.push(Action::RunOutOfTime(place));
        }
    } else {
        actions.push(Action::Perform(place));
    }
    if world.budget.crowds > 0 && *task == Task::Read {
        actions.push(Action::LookIntoACrowd(place));
    }
    if world.budget.crashes > 0 {
        actions.push(Action::Crash(place));
    }
    if world.budget.faults > 0 && !matches!(task, Task::Post(_) | Task::Leave(_)) {
        actions.push(Action::Refuse(place));
        if matches!(task, Task::Store(_) | Task::Record(..) | Task::Send(..)) {
            actions.push(Action::PerformUnknown(place));
        }
    }
}

fn one_tries(world: &World) -> bool {
    let mut trying =
        world.workers.iter().filter(|running| running.claimed).filter_map(|running| running.worker.event());
    let first = trying.next();
    trying.all(|event| Some(event) == first)
}

fn one_is_replayed(world: &World) -> bool {
    let posts = |running: &&Running| running.worker.replay().is_some() && matches!(running.worker.task, Task::Post(_));
    world.workers.iter().filter(posts).count() <= 1
}

fn holds_together(health: &Health) -> bool {
    matches!(health.state, HealthState::Active { .. }) || health.replay.is_none()
}

fn schedule(max_attempts: u32) -> Schedule {
    Schedule::parse("120", max_attempts).expect("one step is a schedule")
}

fn scenario(budget: Budget) -> Deliveries {
    Deliveries {
        failures: 4,
        workers: 2,
        schedule: schedule(3),
        shares_messages: false,
        one_tries: true,
        most_steps: usize::MAX,
        budget,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no other door for how long it may take")]
fn is_deep() -> bool {
    std::env::var("MODEL").is_ok_and(|depth| depth == "deep")
}

/// The first by default, both if there is time.
fn check(name: &str, short: Deliveries, deep: Deliveries) {
    short.check(name);
    if is_deep() {
        deep.check(&format!("{name}, deep"));
    }
}

const TWO_EVENTS: Budget = Budget { events: 2, ..Budget::NOTHING };

#[test]
fn nothing_is_lost_and_one_event_tries_when_messages_and_attempts_are_late() {
    let late = Budget { lags: 1, ..TWO_EVENTS };
    check("late", scenario(late), scenario(Budget { tarries: 1, ..late }));
}

#[test]
fn nothing_is_lost_when_workers_die_at_any_step() {
    let crash = scenario(Budget { crashes: 1, ..TWO_EVENTS });
    let twice = Budget { crashes: 2, ..TWO_EVENTS };
    check("crash", crash.clone(), Deliveries { schedule: schedule(2), budget: twice, ..crash });
}

#[test]
fn nothing_is_lost_when_a_table_or_the_queue_fails_at_any_step_even_after_doing_it() {
    let fault = scenario(Budget { faults: 1, ..TWO_EVENTS });
    let faults = Budget { faults: 2, ..TWO_EVENTS };
    check("fault", Deliveries { workers: 1, budget: faults, ..fault.clone() }, fault);
}

#[test]
fn nothing_is_lost_when_the_queue_hands_out_a_message_that_somebody_has() {
    let duplicate = Budget { duplicates: 1, ..TWO_EVENTS };
    let shared = |budget| Deliveries { shares_messages: true, one_tries: false, ..scenario(budget) };
    let crash = Budget { crashes: 1, ..duplicate };
    check("duplicate", shared(duplicate), Deliveries { schedule: schedule(2), ..shared(crash) });
}

#[test]
fn nothing_is_lost_when_events_find_no_time_or_many_others_waiting_for_the_endpoint_s_answer() {
    let crowd = Budget { crowds: 1, ..TWO_EVENTS };
    check("crowd", scenario(crowd), scenario(Budget { crowds: 3, ..crowd }));
}

#[test]
fn nothing_is_lost_when_an_event_is_published_twice() {
    let twice = Deliveries { one_tries: false, ..scenario(Budget { twice: 1, ..TWO_EVENTS }) };
    check("twice", Deliveries { workers: 1, ..twice.clone() }, twice);
}

#[test]
fn nothing_is_lost_when_the_probe_is_an_event_that_has_arrived_before() {
    let resent = Budget { events: 1, resends: 1, ..Budget::NOTHING };
    let deep = scenario(Budget { crashes: 1, ..resent });
    check("resent", Deliveries { one_tries: false, ..scenario(resent) }, Deliveries { one_tries: false, ..deep });
}

#[test]
fn nothing_is_lost_when_an_event_is_too_large_to_be_held() {
    let large = Budget { large: 1, ..TWO_EVENTS };
    check("large", scenario(large), scenario(Budget { crashes: 1, ..large }));
}

#[test]
fn nothing_is_lost_when_the_endpoint_says_that_it_is_gone_and_that_cannot_be_stored() {
    let gone = scenario(Budget { gone: 1, faults: 1, ..TWO_EVENTS });
    check("gone, fault", Deliveries { workers: 1, ..gone.clone() }, gone);
}

#[test]
fn nothing_is_lost_when_the_endpoint_says_that_it_is_gone_and_its_owner_resumes() {
    let gone = scenario(Budget { gone: 1, resumes: 1, ..TWO_EVENTS });
    let deep = Deliveries { schedule: schedule(2), most_steps: 15_000_000, ..gone.clone() };
    check("gone", Deliveries { workers: 1, ..gone }, deep);
}

#[test]
fn nothing_is_lost_when_workers_die_or_tables_fail_around_a_410() {
    let gone = Budget { gone: 1, resumes: 1, crashes: 1, ..TWO_EVENTS };
    let alone = |budget| Deliveries { workers: 1, schedule: schedule(2), ..scenario(budget) };
    check("gone, crash", alone(gone), alone(Budget { faults: 1, ..gone }));
}

#[test]
fn nothing_is_lost_when_the_owner_pauses_resumes_and_changes_the_url_at_any_step() {
    let owner = Deliveries { workers: 1, ..scenario(Budget { wishes: 1, resumes: 1, ..TWO_EVENTS }) };
    let deep = Budget { crashes: 1, ..owner.budget };
    check("owner", owner.clone(), Deliveries { budget: deep, ..owner });
}

#[test]
fn nothing_is_lost_and_nothing_is_started_twice_when_sweep_runs_at_any_step() {
    let sweeps = Budget { sweeps: 1, ..TWO_EVENTS };
    let twice = Budget { sweeps: 2, crashes: 1, ..TWO_EVENTS };
    check("sweep", scenario(sweeps), Deliveries { workers: 3, ..scenario(twice) });
}
