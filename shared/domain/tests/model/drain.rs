//! Plays a state to its end without further faults, and checks the promise of every quiet state.

use std::time::Duration;

use domain::endpoint::{LOST_AFTER, State};
use domain::event::EventId;
use domain::schedule::Schedule;

use crate::action::Answer;
use crate::scenario::Scenario;
use crate::worker::{Body, Status};
use crate::world::World;

/// How often `sweep` runs.
const SWEEP_EVERY: Duration = Duration::from_mins(5);

/// More steps than any run of the model takes.
const STEPS: usize = 20_000;

impl World {
    /// Whether each event arrives, or is set aside for want of a body, once faults are over and the endpoint is well.
    /// Nothing helps but `sweep`: no further call, no owner unless the endpoint is paused, no operator unless a message is
    /// in the dead-letter queue.
    pub(crate) fn heals(&self, scenario: &Scenario) -> bool {
        let mut world = self.clone();
        world.work_off(&scenario.schedule);
        world.resume_if_paused(&scenario.schedule);
        if !world.dead.is_empty() {
            world.redrive();
            world.work_off(&scenario.schedule);
            world.resume_if_paused(&scenario.schedule);
        }
        let is_over = |event: EventId| {
            let may_be_missing = scenario.shares_messages && world.tables.says(&event, Status::Failed);
            may_be_missing || world.arrived.contains(event.as_str()) || world.set_aside.contains(event.as_str())
        };
        let health = &world.tables.health;
        let is_replayed = health.notices.is_empty() && health.pending_range().is_none();
        let nothing_waits = world.tables.held().next().is_none() && is_replayed;
        world.published().all(is_over) && nothing_waits
    }

    fn resume_if_paused(&mut self, schedule: &Schedule) {
        if matches!(self.tables.health.state, State::Paused { .. }) {
            self.begin(&Body::Resume);
            self.work_off(schedule);
        }
    }

    /// The operator is slower than a visibility timeout.
    fn redrive(&mut self) {
        self.now += LOST_AFTER;
        for body in std::mem::take(&mut self.dead) {
            self.send(body, None);
        }
    }

    /// The messages are worked on one after the other until none is left. Where no message is visible, `sweep` runs every
    /// five minutes for as long as it finds this business and changes something; then time passes.
    fn work_off(&mut self, schedule: &Schedule) {
        let mut last_swept = None;
        for _ in 0..STEPS {
            if !self.workers.is_empty() {
                self.do_task(0, Answer::Success, schedule);
            } else if let Some(id) = self.first_visible() {
                self.receive(id, schedule);
                last_swept = None;
            } else if self.tables.are_found_by_sweep(self.now) && last_swept.as_ref() != Some(&self.tables.health) {
                if last_swept.is_some() {
                    self.now += SWEEP_EVERY;
                }
                last_swept = Some(self.tables.health.clone());
                self.begin(&Body::Sweep);
            } else if let Some(time) = self.next_message().into_iter().chain(self.overdue_at()).min() {
                self.now = self.now.max(time);
                last_swept = None;
            } else {
                return;
            }
        }
        panic!("the work never ends: {self:?}");
    }

    fn first_visible(&self) -> Option<u8> {
        self.queue.iter().find(|(_, message)| self.is_visible(message)).map(|(id, _)| *id)
    }

    fn next_message(&self) -> Option<domain::Timestamp> {
        self.queue.values().map(|message| message.visible_at).min()
    }
}
