//! Carries a release on by one token: does what [`ReleaseStep`] says is next, and tells it what came of it.

use std::time::Duration;

use adapters::process::clock;
use adapters::queue::Reason;
use adapters::tables::Written;
use domain::command::Command;
use domain::delivery::{Done, End, Vehicle};
use domain::event::{BusinessId, EventId};
use domain::replay::{ReleaseStep, Reply, Step, Token};
use tokio::time::Instant;

use crate::carry::Carried;
use crate::delivery::{Deliver, Delivery, Disposition, Fault, NOT_KEPT, from_now};
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
        (run, step, holder): (u64, u64, Option<&str>),
        deadline: Instant,
    ) -> Disposition {
        let (mut machine, mut next) = ReleaseStep::start(run, step, holder.unwrap_or(&message.id));
        loop {
            if let Step::Finish(token) = next {
                let delay = match token {
                    Token::Acknowledge => return Disposition::Acknowledge,
                    Token::ReturnAt(at) => from_now(at),
                    Token::Return => self
                        .schedule
                        .delay_after(message.receive_count, None, fastrand::f64())
                        .unwrap_or_else(|| self.schedule.longest_step()),
                };
                return self.release_later(message, business_id, (run, step, holder), delay).await;
            }
            let reply = self.release_step(message, business_id, next, deadline).await.unwrap_or_else(|fault| {
                report::command_fault(message, business_id, &fault);
                Reply::Unavailable
            });
            next = machine.next(reply, clock::now());
        }
    }

    /// A token that cannot be used now comes back. At its last receive another takes its place, and with it the step that
    /// this one may have claimed: in the dead-letter queue it would carry nothing on.
    pub(crate) async fn release_later(
        &self,
        message: &Message,
        business_id: &BusinessId,
        (run, step, holder): (u64, u64, Option<&str>),
        delay: Duration,
    ) -> Disposition {
        if !self.is_last_receive(message) {
            return self.return_after(message, delay).await;
        }
        let holder = Some(holder.unwrap_or(&message.id).to_owned());
        let token = Command::Release { business_id: business_id.clone(), run, step, holder };
        match self.queues.send(&token, delay).await {
            Ok(()) => Disposition::Acknowledge,
            Err(error) => {
                report::command_fault(message, business_id, &error.into());
                Disposition::Return
            }
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
                Reply::Looked { health: looked.health, endpoint: looked.settings.endpoint }
            }
            Step::Store(health) => match self.tables.store(business_id, &health).await? {
                Written::Done => Reply::Done,
                Written::ConditionFailed => Reply::Conflict,
            },
            Step::SendToken { run, step, at } => {
                let command = Command::Release { business_id: business_id.clone(), run, step, holder: None };
                self.queues.send(&command, at.map_or(BETWEEN_STEPS, from_now)).await?;
                Reply::Done
            }
            Step::List => {
                let held = self.tables.held(business_id).await?;
                // An event whose record cannot be written would be sent each time that the token comes back.
                if let Some(first) = held.first() {
                    self.tables.try_writing(business_id, first).await?;
                }
                Reply::Listed(held)
            }
            // What there is no time for stays held, for the next step.
            Step::Deliver(_) if !self.has_time(deadline) => {
                Reply::Ended { end: End::Acknowledge(Done::Held), not_before: None }
            }
            Step::Deliver(event_id) => self.released(message, business_id, &event_id, deadline).await?,
            Step::Finish(_) => Reply::Done,
        })
    }

    async fn released(
        &self,
        message: &Message,
        business_id: &BusinessId,
        event_id: &EventId,
        deadline: Instant,
    ) -> Result<Reply, Fault> {
        let Some(kept) = self.tables.kept(business_id, event_id).await? else {
            return self.give_up(message, business_id, event_id).await;
        };
        let (event, occurred) = (&kept.event, kept.occurred);
        let delivery =
            Delivery { message, event, occurred, vehicle: Vehicle::Release, resend: None, number: 1, deadline };
        let Carried { end, not_before } = self.carry(&delivery).await;
        Ok(Reply::Ended { end, not_before })
    }

    /// A held event whose body is gone must not keep back those behind it: a reference to it is set aside, and it is no
    /// longer held. In this order, so that what interrupts the two loses neither.
    async fn give_up(&self, message: &Message, business_id: &BusinessId, event_id: &EventId) -> Result<Reply, Fault> {
        report::not_kept(message, business_id, event_id);
        let command = Command::Deliver { business_id: business_id.clone(), event_id: event_id.clone(), resend: None };
        self.queues.copy_to_dead_letters(&command.to_string(), Reason::NotKept, NOT_KEPT).await?;
        self.tables.abandon(business_id, event_id, self.retention, clock::now()).await?;
        Ok(Reply::Ended { end: End::Acknowledge(Done::Duplicate), not_before: None })
    }
}
