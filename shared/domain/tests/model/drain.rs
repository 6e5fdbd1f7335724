//! What becomes of a state when nothing goes wrong any more: the promise that is checked in every quiet state.

use domain::endpoint::{STALE_AFTER, State as HealthState};
use domain::schedule::Schedule;
use jiff::Timestamp;

use crate::Deliveries;
use crate::state::{Answer, World};
use crate::world::Status;

/// More than any run of the model takes.
const STEPS: usize = 20_000;

/// What may be needed besides waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Help {
    /// Nothing.
    None,
    /// The operator moves the dead-letter queue back, and the owner resumes an endpoint that the page shows as failing
    /// or paused.
    Hands,
    /// That, and further calls.
    Calls,
}

impl World {
    /// Whether each event arrives once faults are over and the receiver is well.
    pub(crate) fn heals(&self, model: &Deliveries) -> bool {
        let mut world = self.clone();
        world.work_off(&model.schedule);
        if model.help != Help::None {
            let is_seen = !world.dead.is_empty();
            world.resume_if(is_seen, &model.schedule);
            world.redrive();
            world.work_off(&model.schedule);
            world.resume_if(is_seen, &model.schedule);
        }
        if model.help == Help::Calls {
            world.publish();
            world.work_off(&model.schedule);
        }
        world.all_arrived(self.published, model.shares_messages)
    }

    fn all_arrived(&self, published: usize, shares_messages: bool) -> bool {
        self.published().take(published).all(|event| {
            let failed = shares_messages && self.tables.says(&event, Status::Failed);
            failed || self.arrived.contains(event.as_str())
        })
    }

    /// A pause is announced; that an endpoint stays failing is seen by its event in the dead-letter queue.
    fn resume_if(&mut self, is_seen: bool, schedule: &Schedule) {
        let resumes = match self.tables.health.state {
            HealthState::Active { .. } => false,
            HealthState::Failing { .. } => is_seen,
            HealthState::Paused { .. } => true,
        };
        if resumes {
            self.resume();
            self.work_off(schedule);
        }
    }

    /// The operator is not that quick: by then, a release whose token was lost is known to be.
    fn redrive(&mut self) {
        self.now += STALE_AFTER;
        for body in std::mem::take(&mut self.dead) {
            self.send(body, None);
        }
    }

    /// Everything in the queue is worked on until it is gone, one after the other.
    fn work_off(&mut self, schedule: &Schedule) {
        for _ in 0..STEPS {
            if self.resuming.is_some() {
                self.go_on_resuming();
            } else if !self.workers.is_empty() {
                self.perform(0, Answer::Success, schedule);
            } else if let Some(id) = self.first_visible() {
                self.receive(id, schedule);
            } else if let Some(time) = self.next_message() {
                self.now = time;
            } else {
                return;
            }
        }
        panic!("it never ends: {self:?}");
    }

    fn first_visible(&self) -> Option<u8> {
        self.queue.iter().find(|(_, message)| self.is_visible(message)).map(|(id, _)| *id)
    }

    fn next_message(&self) -> Option<Timestamp> {
        self.queue.values().map(|message| message.visible_at).min()
    }
}
