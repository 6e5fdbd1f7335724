//! Does a step of a replay: the implementation of [`ReplayIo`] on AWS, for [`domain::replay`].
//!
//! A step has ten events, or one if its receiver is a chat.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapters::dynamodb::Written;
use adapters::process::clock;
use adapters::process::metrics::{Metric, count};
use adapters::queue::Reason;
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::{
    AckReason, Ended, MessageAction, ReplayGoesOn, ReplaySource, Snapshot, Stored, Trigger, Unavailable,
};
use domain::endpoint::{EndpointIo, Health, Notice, RangeReplay};
use domain::event::{BusinessId, EventId};
use domain::format::Format;
use domain::journal::run_step;
use domain::replay::{Listed, ReplayIo, StepAction};
use tokio::time::Instant;

use crate::fault::Fault;
use crate::handle_message::{Deliver, Delivery, Disposition, NOT_KEPT};
use crate::message::Message;
use crate::message_action::from_now;
use crate::report;

/// The time between two steps. A step has ten events, so the receiver gets about ten events a second. A chat allows one
/// message a second, so there a step has one event.
const BETWEEN_STEPS: Duration = Duration::from_secs(1);

/// A step under way.
struct Running<'a> {
    deliver: &'a Deliver,
    message: &'a Message,
    business_id: &'a BusinessId,
    deadline: Instant,
    /// Whether the receiver is a chat, by the settings that were read last.
    is_chat: AtomicBool,
}

impl Deliver {
    /// Does the step that a message brings.
    pub(crate) async fn run_replay(
        &self,
        message: &Message,
        business_id: &BusinessId,
        (replay, step): (u64, u64),
        deadline: Instant,
    ) -> Disposition {
        let running = Running { deliver: self, message, business_id, deadline, is_chat: AtomicBool::new(false) };
        match run_step(&running, report::journal(message), replay, step, &message.id).await {
            StepAction::Acknowledge => Disposition::Acknowledge,
            StepAction::ReturnAt(at) => self.step_later(message, from_now(at)).await,
            StepAction::ReturnAfterFault => {
                let delay = self.schedule.delay_after(message.receive_count, None, fastrand::f64());
                self.step_later(message, delay.unwrap_or_default()).await
            }
        }
    }
}

impl Running<'_> {
    fn known<T>(&self, result: Result<T, Fault>) -> Result<T, Unavailable> {
        result.map_err(|fault| {
            report::command_fault(self.message, self.business_id, &fault);
            Unavailable
        })
    }

    async fn replayed(&self, event_id: &EventId, trigger: Trigger) -> Result<Ended, Fault> {
        let Some(kept) = self.deliver.tables.deliveries.stored_event(self.business_id, event_id).await? else {
            // An event of a range has arrived or failed already. Nothing waits for it, and it counts as failed.
            if matches!(trigger, Trigger::Replay { source: ReplaySource::Range { .. }, .. }) {
                return Ok(ended(MessageAction::Acknowledge(AckReason::Unchanged)));
            }
            self.give_up(event_id).await?;
            return Ok(ended(MessageAction::Acknowledge(AckReason::Duplicate)));
        };
        let delivery = Delivery {
            message: self.message,
            event: &kept.event,
            traceparent: kept.traceparent.as_ref(),
            occurred: kept.occurred,
            trigger,
            resend: asked_at(trigger),
            number: attempt_of(trigger),
            read: None,
            deadline: self.deadline,
        };
        Ok(self.deliver.run_delivery(&delivery).await)
    }

    /// Gives up a held event whose body the ledger does not have, so that it does not keep back the events behind it.
    /// First a reference to the event is copied to the dead-letter queue, then its record says failed: in this order an
    /// interruption loses nothing.
    async fn give_up(&self, event_id: &EventId) -> Result<(), Fault> {
        report::not_kept(self.message, self.business_id, event_id);
        let (business_id, event_id) = (self.business_id.clone(), event_id.clone());
        let command = Command::Deliver { business_id, event_id: event_id.clone(), resend: None, at_once: false };
        self.deliver.queues.copy_to_dead_letters(&command.to_string(), Reason::NotKept, NOT_KEPT, None).await?;
        self.deliver.abandon(self.business_id, &event_id).await?;
        Ok(())
    }
}

/// Gives the number of an attempt in a replay, from 1.
fn attempt_of(trigger: Trigger) -> u32 {
    match trigger {
        Trigger::Replay { failures, .. } => failures + 1,
        _ => 1,
    }
}

/// Gives the time since when an arrival of the event counts. None: any arrival counts.
fn asked_at(trigger: Trigger) -> Option<Timestamp> {
    match trigger {
        Trigger::Replay { source: ReplaySource::Range { asked_at }, .. } => Some(asked_at),
        _ => None,
    }
}

fn ended(action: MessageAction) -> Ended {
    Ended { action, replay: ReplayGoesOn::AtOnce }
}

impl EndpointIo for Running<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        let read = self.deliver.tables.read_settings(self.business_id, clock::now()).await;
        let read = self.known(read.map_err(Fault::from))?;
        self.is_chat.store(read.settings.resolved_format().is_some_and(Format::is_chat), Ordering::Relaxed);
        Ok(Snapshot { health: read.health, endpoint: read.settings.endpoint, ..Snapshot::default() })
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        let written = self.deliver.tables.settings.store_health(self.business_id, health).await;
        self.known(written.map_err(Fault::from)).map(Written::into)
    }

    async fn send_step(&self, replay: u64, step: u64, at: Option<Timestamp>) -> Result<(), Unavailable> {
        let command = Command::Replay { business_id: self.business_id.clone(), replay, step };
        let sent = self.deliver.queues.send(&command, at.map_or(BETWEEN_STEPS, from_now)).await;
        self.known(sent.map_err(Fault::from))
    }

    async fn announce(&self, notice: &Notice) -> Result<(), Unavailable> {
        self.known(self.deliver.announce(self.business_id, notice).await)
    }
}

impl ReplayIo for Running<'_> {
    async fn list(&self, range: Option<&RangeReplay>) -> Result<Listed, Unavailable> {
        // A step lists its events once it has claimed the state.
        count(Metric::ReplaySteps);
        let listed = async {
            let deliveries = &self.deliver.tables.deliveries;
            let listed = match range {
                None => deliveries.first_held(self.business_id).await?,
                Some(range) => deliveries.next_of_range(self.business_id, range).await?,
            };
            // If the ledger takes no writes, the step ends here: an event whose record cannot be written would be sent
            // each time that the message comes back.
            if let Some((first, _)) = listed.events.first() {
                deliveries.check_writable(self.business_id, first).await?;
            }
            Ok(if self.is_chat.load(Ordering::Relaxed) { listed.only_first() } else { listed })
        };
        self.known(listed.await)
    }

    async fn deliver(&self, event: &EventId, trigger: Trigger) -> Ended {
        if !self.deliver.has_time(self.deadline) {
            return ended(MessageAction::ReturnUnattempted);
        }
        let replayed = self.replayed(event, trigger).await;
        self.known(replayed).unwrap_or(ended(MessageAction::ReturnAfterFault))
    }
}
