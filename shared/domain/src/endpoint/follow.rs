//! What follows a change of an endpoint's state, done once by whoever stored it. What fails here is left to `sweep`.

use std::future::Future;

use jiff::Timestamp;

use super::{Health, Notice};
use crate::delivery::{Snapshot, Stored, Unavailable};

/// How often the end of a notice is stored anew because somebody else was faster.
const STORE_TRIES: usize = 3;

/// An endpoint's state and what has to do with it, as a delivery, a replay, an owner and `sweep` reach it.
pub trait EndpointIo: Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Reads what is stored.
    fn read(&self) -> impl Future<Output = Result<Snapshot, Unavailable>> + Send;

    /// Stores a state, if the version before it is the stored one.
    fn store(&self, health: &Health) -> impl Future<Output = Result<Stored, Unavailable>> + Send;

    /// Sends the message that carries a replay on, to come at this time; None: now.
    fn send_step(
        &self,
        replay: u64,
        step: u64,
        at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Tells the operator.
    fn announce(&self, notice: &Notice) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Does what follows `stored`, which came after `before`: sends the message of a replay that begins, and gives the notices
/// if there is a new one.
pub async fn follow<I: EndpointIo>(io: &I, before: &Health, stored: &Health) {
    if let Some(replay) = stored.replay.as_ref().filter(|replay| replay.id == stored.version) {
        // A fault has been logged, and the replay is overdue in a few minutes.
        let _ = io.send_step(replay.id, replay.step, None).await;
    }
    if stored.notices.iter().any(|notice| !before.notices.contains(notice)) {
        tell(io, stored).await;
    }
}

/// Gives all notices of a stored state, the oldest first, and then takes them out of the state.
pub async fn tell<I: EndpointIo>(io: &I, stored: &Health) -> usize {
    let mut given = Vec::new();
    for notice in &stored.notices {
        if io.announce(notice).await.is_err() {
            break;
        }
        given.push(notice.clone());
    }
    let mut health = stored.clone();
    for _ in 0..STORE_TRIES {
        let without = health.without_notices(&given);
        if without.notices == health.notices {
            break;
        }
        if !matches!(io.store(&without.next_version()).await, Ok(Stored::Conflict)) {
            break;
        }
        let Ok(seen) = io.read().await else { break };
        health = seen.health;
    }
    given.len()
}
