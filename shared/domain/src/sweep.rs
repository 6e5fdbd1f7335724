//! Restarts lost probes and replays and gives overdue notices, for one endpoint.
//!
//! The function `sweep` runs every few minutes, for the endpoints that have something overdue or have held events. A
//! sweep reads the endpoint's state and changes it conditionally. Then it sends the message and gives the notices that
//! the state names. Two sweeps at once restart nothing twice, because one of them finds that another version is stored.

use std::future::Future;

use crate::delivery::{Stored, Unavailable};
use crate::endpoint::{EndpointIo, Found, Health, Restart, tell};
use crate::event::EventId;

/// Access to the ledger and to the events queue for a sweep, beside the endpoint's state.
pub trait SweepIo: EndpointIo {
    /// Reads from the ledger what a sweep of this state needs.
    fn find(&self, health: &Health) -> impl Future<Output = Result<Found, Unavailable>> + Send;

    /// Sends a message for the probe's event.
    fn send_probe(&self, event: &EventId) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// The numbers of restarted probes and replays, and of given notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restarted {
    /// How many probes got a new message.
    pub probes: usize,
    /// How many replays got a message, for a lost step or for their first step.
    pub replays: usize,
    /// How many notices were given.
    pub notices: usize,
}

/// Sweeps one endpoint.
///
/// # Errors
///
/// [`Unavailable`]: a fault of this system or of AWS. If the state was stored and its message was not sent, the message
/// is overdue again in a few minutes.
pub async fn sweep<I: SweepIo>(io: &I) -> Result<Restarted, Unavailable> {
    let mut restarted = Restarted::default();
    let seen = io.read().await?;
    let swept = seen.health.swept(seen.endpoint.as_ref(), &io.find(&seen.health).await?, io.now());
    let mut health = seen.health;
    if !swept.health.says_the_same_as(&health) {
        health = swept.health.next_version();
        if io.store(&health).await? == Stored::Conflict {
            return Ok(restarted);
        }
        let range = health.pending_range().map(|range| &range.steps);
        let replay = match &swept.restart {
            Some(Restart::Probe(event)) => {
                io.send_probe(event).await?;
                restarted.probes += 1;
                None
            }
            Some(Restart::Replay) => health.replay.as_ref(),
            Some(Restart::Range) => range,
            None => None,
        };
        if let Some(replay) = replay {
            io.send_step(replay.id, replay.step, None).await?;
            restarted.replays += 1;
        }
    }
    if swept.tells {
        restarted.notices += tell(io, &health).await;
    }
    Ok(restarted)
}
