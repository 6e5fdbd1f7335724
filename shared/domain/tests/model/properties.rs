//! The model for the checker: the first state, the next states, and the properties of every state.

use domain::endpoint::{Health, RangeEnd, State as HealthState};
use stateright::{Model, Property};

use crate::action::Action;
use crate::scenario::Scenario;
use crate::worker::{Status, Task, event};
use crate::world::{Running, World};

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let world = World::new(self.failures, self.budget);
        vec![if self.budget.resends > 0 { world.with_delivered() } else { world }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.possible(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        world.budget.spend(action);
        self.act(&mut world, action);
        Some(world.normal())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("no event is both acknowledged and forgotten", |scenario: &Self, world: &World| {
                world.published().all(|event| world.has(&event, scenario.shares_messages))
            }),
            Property::always(
                "every event arrives once nothing goes wrong any more",
                |scenario: &Self, world: &World| !world.is_quiet() || world.heals(scenario),
            ),
            Property::always("a failing endpoint gets one attempt at a time", |scenario: &Self, world: &World| {
                scenario.shares_events || one_event_is_attempted(world)
            }),
            Property::always("a replay gets one attempt at a time", |scenario: &Self, world: &World| {
                scenario.shares_messages || scenario.budget.wipes > 0 || one_event_is_replayed(world)
            }),
            Property::always("nothing is replayed while events are held", |_, world: &World| {
                holds_or_replays(&world.tables.health)
            }),
            Property::sometimes("failing", |_, world: &World| {
                matches!(world.tables.health.state, HealthState::Failing { .. })
            }),
            Property::sometimes("held", |_, world: &World| world.tables.held().next().is_some()),
            Property::sometimes("a replay under way", |_, world: &World| world.tables.health.replay.is_some()),
            Property::sometimes("all delivered", |_, world: &World| {
                let delivered = |number| world.tables.says(&event(number), Status::Delivered);
                world.budget.events == 0 && (1..=world.published).all(delivered) && world.queue.is_empty()
            }),
        ];
        if self.budget.ranges > 0 {
            properties.push(Property::sometimes("a range is done", |_, world: &World| {
                world.tables.health.range.as_ref().is_some_and(|range| range.end == Some(RangeEnd::Done))
            }));
            properties.push(Property::sometimes("a range waits", |_, world: &World| {
                let health = &world.tables.health;
                health.pending_range().is_some() && health.running_range().is_none()
            }));
            properties.push(Property::sometimes("a range brings the probe", |_, world: &World| {
                world.tables.health.probe().is_some_and(|probe| probe.is_of_range)
            }));
        }
        if self.budget.wipes > 0 {
            properties.push(Property::sometimes("wiped while events are held", |_, world: &World| {
                world.tables.health.version == 0 && world.tables.held().next().is_some()
            }));
        }
        if self.budget.unreadable > 0 {
            properties
                .push(Property::sometimes("an event is set aside", |_, world: &World| !world.set_aside.is_empty()));
        }
        properties
    }
}

fn one_event_is_attempted(world: &World) -> bool {
    let mut attempted =
        world.workers.iter().filter(|running| running.has_claimed).filter_map(|running| running.worker.event());
    let first = attempted.next();
    attempted.all(|event| Some(event) == first)
}

fn one_event_is_replayed(world: &World) -> bool {
    let posts = |running: &&Running| running.worker.replay().is_some() && matches!(running.worker.task, Task::Post(_));
    world.workers.iter().filter(posts).count() <= 1
}

fn holds_or_replays(health: &Health) -> bool {
    matches!(health.state, HealthState::Active { .. }) || health.replay.is_none()
}
