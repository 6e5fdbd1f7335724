//! Scenarios: how the world begins, what may go wrong in it, and the check of all that can follow.

use std::fmt::Write as _;
use std::time::Instant;

use domain::schedule::Schedule;
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use crate::action::Action;
use crate::budget::Budget;
use crate::world::World;

/// How many threads visit states.
const THREADS: usize = 2;

/// A scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// How many failures in a row the endpoint has had at the beginning.
    pub(crate) failures: u32,
    /// How many messages are worked on at once at most.
    pub(crate) workers: usize,
    pub(crate) schedule: Schedule,
    /// Whether two workers may have one message. Either may then delete it, so a record that says failed is enough
    /// without a message in the dead-letter queue. Both may have a replay's step, so a replay may make two attempts at once.
    pub(crate) shares_messages: bool,
    /// Whether two workers may attempt one event at once: the event has two messages, or the claim of one is wiped.
    pub(crate) shares_events: bool,
    pub(crate) budget: Budget,
}

impl Scenario {
    /// One failure before the endpoint is failing: two workers, three attempts for each event.
    pub(crate) fn with(budget: Budget) -> Self {
        Self {
            failures: 4,
            workers: 2,
            schedule: Schedule::parse("120", 3).expect("one step is a schedule"),
            shares_messages: false,
            shares_events: false,
            budget,
        }
    }

    pub(crate) fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    pub(crate) fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// With so many attempts for each event.
    pub(crate) fn attempts(self, max_attempts: u32) -> Self {
        Self { schedule: Schedule::parse("120", max_attempts).expect("one step is a schedule"), ..self }
    }

    pub(crate) fn sharing_events(self) -> Self {
        Self { shares_events: true, ..self }
    }

    pub(crate) fn sharing_messages(self) -> Self {
        Self { shares_messages: true, shares_events: true, ..self }
    }

    /// Visits every state, and prints how many there were. A panic names the property that does not hold, and the actions
    /// that led there.
    ///
    /// The search goes depth first, which keeps few states in memory that are still to be visited.
    pub(crate) fn check(self, name: &str) {
        #[expect(clippy::disallowed_methods, reason = "a test may tell how long it took")]
        let began = Instant::now();
        let search = self.clone().checker().threads(THREADS).finish_when(HasDiscoveries::AnyFailures);
        let checker = search.spawn_dfs().join();
        println!(
            "{name:<22}{:>11} states{:>11} unique{:>5} deep{:>8.1} s",
            checker.state_count(),
            checker.unique_state_count(),
            checker.max_depth(),
            began.elapsed().as_secs_f64()
        );
        for property in self.properties() {
            match (property.expectation, checker.discovery(property.name)) {
                (Expectation::Sometimes, None) => panic!("{name}: never seen: {}", property.name),
                (Expectation::Always, Some(_)) => {
                    panic!("{name}: not so: {}\n{}", property.name, self.shortest_trace(property.name))
                }
                _ => {}
            }
        }
        assert!(checker.is_done(), "{name}: some states were not visited");
    }

    /// The shortest way to a state in which the property does not hold.
    fn shortest_trace(self, property: &'static str) -> String {
        let search = self.checker().threads(THREADS).finish_when(HasDiscoveries::AnyOf([property].into()));
        trace(search.spawn_bfs().join().discovery(property).expect("there is such a state"))
    }
}

/// The way to a state, three lines a step: what is known of the endpoint, what is under way, and the next action.
fn trace(path: Path<World, Action>) -> String {
    let mut text = String::new();
    for (world, action) in path.into_vec() {
        let tasks: Vec<_> = world.workers.iter().map(|running| (running.message, &running.worker.task)).collect();
        let queue: Vec<_> =
            world.queue.iter().map(|(id, message)| (id, &message.body, message.received, message.visible_at)).collect();
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
