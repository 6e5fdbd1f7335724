//! Nothing waits for luck: what should be going on at an endpoint and is not is started again.
//!
//! `sweep` runs every few minutes, for the endpoints of which something is overdue or has held events. It reads, changes
//! the state conditionally, and then sends or tells what the state says. Two at once start nothing twice, since one of
//! them finds that another version is stored.

use std::future::Future;

use crate::delivery::{Stored, Unavailable};
use crate::endpoint::{EndpointIo, Found, Health, Restart, tell};
use crate::event::EventId;

/// What a sweep asks of the world, beside the endpoint's state.
pub trait SweepIo: EndpointIo {
    /// What the ledger says, as far as it matters for this state.
    fn find(&self, health: &Health) -> impl Future<Output = Result<Found, Unavailable>> + Send;

    /// Sends the message of a probe.
    fn send_probe(&self, event: &EventId) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// What was started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restarted {
    /// Probes.
    pub probes: usize,
    /// Steps of a replay, or replays.
    pub replays: usize,
    /// Notices.
    pub notices: usize,
}

/// Looks after one endpoint.
///
/// # Errors
///
/// [`Unavailable`]: a fault of ours. What was stored by then and not done is overdue again in a few minutes.
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
