//! What becomes of a state when nothing goes wrong any more: the promise that is checked in every quiet state.

use domain::endpoint::{LOST_AFTER, State as HealthState};
use domain::schedule::Schedule;

use crate::Deliveries;
use crate::state::{Answer, World};
use crate::world::{Body, Status};

/// More than any run of the model takes.
const STEPS: usize = 20_000;

impl World {
    /// Whether each event arrives once faults are over and the receiver is well. Nothing helps but `sweep`: no further call,
    /// no owner unless the endpoint is paused, no operator unless something is in the dead-letter queue.
    pub(crate) fn heals(&self, model: &Deliveries) -> bool {
        let mut world = self.clone();
        world.work_off(&model.schedule);
        world.resume_if_paused(&model.schedule);
        if !world.dead.is_empty() {
            world.redrive();
            world.work_off(&model.schedule);
            world.resume_if_paused(&model.schedule);
        }
        world.all_arrived(self.published, model.shares_messages) && world.tables.health.notices.is_empty()
    }

    fn all_arrived(&self, published: usize, shares_messages: bool) -> bool {
        self.published().take(published).all(|event| {
            let failed = shares_messages && self.tables.says(&event, Status::Failed);
            failed || self.arrived.contains(event.as_str())
        })
    }

    fn resume_if_paused(&mut self, schedule: &Schedule) {
        if matches!(self.tables.health.state, HealthState::Paused { .. }) {
            self.begin(&Body::Resume);
            self.work_off(schedule);
        }
    }

    /// The operator is not that quick.
    fn redrive(&mut self) {
        self.now += LOST_AFTER;
        for body in std::mem::take(&mut self.dead) {
            self.send(body, None);
        }
    }

    /// Everything in the queue is worked on until it is gone, one after the other; where nothing is left to do, `sweep` runs.
    fn work_off(&mut self, schedule: &Schedule) {
        let mut is_swept = false;
        for _ in 0..STEPS {
            if !self.workers.is_empty() {
                self.perform(0, Answer::Success, schedule);
            } else if let Some(id) = self.first_visible() {
                self.receive(id, schedule);
                is_swept = false;
            } else if !is_swept {
                self.begin(&Body::Sweep);
                is_swept = true;
            } else if let Some(time) = self.next_message().into_iter().chain(self.overdue_at()).min() {
                self.now = self.now.max(time);
                is_swept = false;
            } else {
                return;
            }
        }
        panic!("it never ends: {self:?}");
    }

    fn first_visible(&self) -> Option<u8> {
        self.queue.iter().find(|(_, message)| self.is_visible(message)).map(|(id, _)| *id)
    }

    fn next_message(&self) -> Option<domain::Timestamp> {
        self.queue.values().map(|message| message.visible_at).min()
    }
}
