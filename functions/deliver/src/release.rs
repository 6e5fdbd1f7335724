//! Carries a release on by one token: does what [`ReleaseStep`] says is next, and tells it what came of it.

use std::time::Duration;

use shared::clock;
use shared::command::Command;
use shared::event::{BusinessId, EventId};
use shared::flow::{Done, End, Vehicle};
use shared::queue::Reason;
use shared::release::{ReleaseStep, Reply, Step, Token};
use shared::tables::{Written, endpoint_id};
use tokio::time::Instant;

use crate::delivery::{Deliver, Delivery, Disposition, Fault, NOT_KEPT};
use crate::message::Message;
use crate::report;

/// The time between two steps: with the ten events of a step, the receiver gets about ten a second.
const BETWEEN_STEPS: Duration = Duration::from_secs(1);

impl Deliver {
    /// Does the step that a token stands for.
    pub(crate) async fn release(
        &self,
        message: &Message,
        business_id: &BusinessId,
        run: u64,
        step: u64,
        deadline: Instant,
    ) -> Disposition {
        let (mut machine, mut next) = ReleaseStep::start(run, step, &message.id);
        loop {
            if let Step::Finish(token) = next {
                return match token {
                    Token::Acknowledge => Disposition::Acknowledge,
                    Token::Return => self.after_fault(message).await,
                };
            }
            let reply = self.release_step(message, business_id, next, deadline).await.unwrap_or_else(|fault| {
                report::command_fault(message, business_id, &fault);
                Reply::Unavailable
            });
            next = machine.next(reply, clock::now());
        }
    }

    async fn release_step(
        &self,
        message: &Message,
        business_id: &BusinessId,
        step: Step,
        deadline: Instant,
    ) -> Result<Reply, Fault> {
        Ok(match step {
            Step::Look => {
                let looked = self.tables.look(business_id, None, clock::now()).await?;
                Reply::Looked { health: looked.health, endpoint: looked.settings.url.as_deref().map(endpoint_id) }
            }
            Step::Store(health) => match self.tables.store(business_id, &health).await? {
                Written::Done => Reply::Done,
                Written::ConditionFailed => Reply::Conflict,
            },
            Step::SendToken { run, step } => {
                let command = Command::Release { business_id: business_id.clone(), run, step };
                self.queues.send(&command, BETWEEN_STEPS).await?;
                Reply::Done
            }
            Step::List => Reply::Listed(self.tables.held(business_id).await?),
            // What there is no time for stays held, for the next step.
            Step::Deliver(_) if !self.has_time(deadline) => Reply::Ended(End::Acknowledge(Done::Held)),
            Step::Deliver(event_id) => Reply::Ended(self.released(message, business_id, &event_id, deadline).await?),
            Step::Finish(_) => Reply::Done,
        })
    }

    async fn released(
        &self,
        message: &Message,
        business_id: &BusinessId,
        event_id: &EventId,
        deadline: Instant,
    ) -> Result<End, Fault> {
        let Some(kept) = self.tables.kept(business_id, event_id).await? else {
            return self.give_up(message, business_id, event_id).await;
        };
        let (event, occurred) = (&kept.event, kept.occurred);
        let delivery = Delivery { message, event, occurred, vehicle: Vehicle::Release, number: 1, deadline };
        Ok(self.carry(&delivery).await)
    }

    /// A held event whose body is gone must not keep back those behind it: a reference to it is set aside, and it is no
    /// longer held. In this order, so that what interrupts the two loses neither.
    async fn give_up(&self, message: &Message, business_id: &BusinessId, event_id: &EventId) -> Result<End, Fault> {
        report::not_kept(message, business_id, event_id);
        let command = Command::Deliver { business_id: business_id.clone(), event_id: event_id.clone(), resend: false };
        self.queues.copy_to_dead_letters(&command.to_string(), Reason::NotKept, NOT_KEPT).await?;
        self.tables.abandon(business_id, event_id, self.retention, clock::now()).await?;
        Ok(End::Acknowledge(Done::Duplicate))
    }
}
