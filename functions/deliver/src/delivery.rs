//! One message's way: read, look up, attempt, and leave the rest to the queue.
//!
//! Nothing here waits for a retry: a message that is to come back is given its delay and handed back. A receiver's
//! failure is an ordinary outcome; only a fault of ours is an error, and then the message comes back by itself.

use std::time::Duration;

use shared::attempt::{Attempt, Attempter};
use shared::clock;
use shared::event::{Event, MalformedEvent};
use shared::internal_secret::{InternalSecretError, InternalSecretSource};
use shared::queue::{QueueError, Queues};
use shared::schedule::Schedule;
use shared::settings::{SettingsError, SettingsTable};
use shared::verdict::Verdict;

use crate::message::Message;
use crate::report;

/// What becomes of a message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It is deleted.
    Acknowledge,
    /// It comes back, or goes to the dead-letter queue if it has been received too often.
    Return,
}

/// A fault of ours, which says nothing about the receiver.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    InternalSecret(#[from] InternalSecretError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What every delivery needs; made once per process.
pub(crate) struct Deliver {
    pub(crate) settings: SettingsTable,
    pub(crate) internal_secret: InternalSecretSource,
    pub(crate) attempter: Attempter,
    pub(crate) queues: Queues,
    pub(crate) schedule: Schedule,
}

impl Deliver {
    /// Delivers one message, or says that it must come back.
    pub(crate) async fn message(&self, message: &Message) -> Disposition {
        let event = match Event::parse(&message.body) {
            Ok(event) => event,
            Err(malformed) => return self.malformed(message, &malformed).await,
        };
        match self.event(message, &event).await {
            Ok(disposition) => disposition,
            Err(fault) => {
                report::fault(message, &event, &fault);
                Disposition::Return
            }
        }
    }

    async fn event(&self, message: &Message, event: &Event) -> Result<Disposition, Fault> {
        let settings = async { Ok::<_, Fault>(self.settings.read(event.business_id(), clock::now()).await?) };
        let secret = async { Ok::<_, Fault>(self.internal_secret.get().await?) };
        let (settings, secret) = tokio::try_join!(settings, secret)?;
        let Some(url) = settings.url else {
            report::not_configured(message, event);
            return Ok(Disposition::Acknowledge);
        };
        let attempt = self.attempter.attempt(event, &url, &settings.credentials, &secret, message.receive_count).await;
        self.follow(message, event, &attempt).await
    }

    async fn follow(&self, message: &Message, event: &Event, attempt: &Attempt) -> Result<Disposition, Fault> {
        let Verdict::Retry { cause, not_before } = attempt.verdict else {
            report::delivered(message, event, attempt);
            return Ok(Disposition::Acknowledge);
        };
        let delay = self.schedule.delay_after(message.receive_count, not_before, fastrand::f64());
        report::failed(message, event, attempt, cause, delay);
        // After the last attempt it comes back at once, only for the queue to move it to the dead-letter queue.
        self.queues.return_after(&message.receipt_handle, delay.unwrap_or(Duration::ZERO)).await?;
        Ok(Disposition::Return)
    }

    /// A malformed event would fail in the same way every time, so it goes to the dead-letter queue at once. If the
    /// copy cannot be made (its attributes would exceed a message's size) the queue's own redrive takes it there.
    async fn malformed(&self, message: &Message, malformed: &MalformedEvent) -> Disposition {
        match self.queues.copy_to_dead_letters(&message.body, malformed).await {
            Ok(()) => {
                report::malformed(message, malformed);
                Disposition::Acknowledge
            }
            Err(error) => {
                report::malformed_not_copied(message, malformed, &error);
                Disposition::Return
            }
        }
    }
}
