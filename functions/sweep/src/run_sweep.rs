//! Sweeps one business: the implementation of [`SweepIo`] on AWS, for [`sweep`].

use std::time::Duration;

use adapters::dynamodb::TableError;
use adapters::notices::NoticeError;
use adapters::process::clock;
use adapters::queue::QueueError;
use domain::Timestamp;
use domain::command::Command;
use domain::delivery::{Snapshot, Stored, Unavailable};
use domain::endpoint::{EndpointIo, Found, Health, Notice};
use domain::event::{BusinessId, EventId};
use domain::sweep::{Restarted, SweepIo, sweep};

use crate::businesses::Sweeper;
use crate::report;

/// A fault of this system or of AWS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
}

struct Sweeping<'a> {
    sweeper: &'a Sweeper,
    business_id: &'a BusinessId,
}

impl Sweeper {
    /// Restarts what is overdue at a business's endpoint, and gives what was restarted. A fault is logged, and the next
    /// run tries again.
    pub(crate) async fn look_after(&self, business_id: &BusinessId) -> Restarted {
        let restarted = sweep(&Sweeping { sweeper: self, business_id }).await.unwrap_or_default();
        report::restarted(business_id, restarted);
        restarted
    }
}

impl Sweeping<'_> {
    fn known<T, E: Into<Fault>>(&self, result: Result<T, E>) -> Result<T, Unavailable> {
        result.map_err(|fault| {
            report::fault(self.business_id, &fault.into());
            Unavailable
        })
    }

    async fn send(&self, command: Command) -> Result<(), Unavailable> {
        self.known(self.sweeper.commands.send(&command, Duration::ZERO).await)
    }
}

impl EndpointIo for Sweeping<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        // The settings are read as `deliver` reads them: with settings that cannot be used, `deliver` could not do what
        // is restarted here.
        let read = self.known(self.sweeper.tables.read_settings(self.business_id, clock::now()).await)?;
        Ok(Snapshot { health: read.health, endpoint: read.settings.endpoint, ..Snapshot::default() })
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        self.known(self.sweeper.tables.settings.store_health(self.business_id, health).await).map(Stored::from)
    }

    async fn send_step(&self, replay: u64, step: u64, _at: Option<Timestamp>) -> Result<(), Unavailable> {
        self.send(Command::Replay { business_id: self.business_id.clone(), replay, step }).await
    }

    async fn announce(&self, notice: &Notice) -> Result<(), Unavailable> {
        let held = self.sweeper.tables.deliveries.count_held(self.business_id).await.ok();
        self.known(self.sweeper.notices.announce(self.business_id, notice, held).await)
    }
}

impl SweepIo for Sweeping<'_> {
    async fn find(&self, health: &Health) -> Result<Found, Unavailable> {
        // The probe's body is looked for only when the probe may have to be restarted.
        let probe = health.probe().filter(|_| health.is_overdue(clock::now()));
        self.known(self.sweeper.tables.deliveries.found(self.business_id, probe).await)
    }

    async fn send_probe(&self, event: &EventId) -> Result<(), Unavailable> {
        let (business_id, event_id) = (self.business_id.clone(), event.clone());
        self.send(Command::Deliver { business_id, event_id, resend: None, at_once: true }).await
    }
}
