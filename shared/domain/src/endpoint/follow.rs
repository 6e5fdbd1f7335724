//! The effects of a change of an endpoint's state: a replay's message and notices. The code that has stored the change
//! tries each effect once; `sweep` does those that fail.

use std::future::Future;

use jiff::Timestamp;

use super::{Health, Notice};
use crate::delivery::{Snapshot, Stored, Unavailable};

/// How often the removal of given notices is stored, if another change of the state comes first each time.
const STORE_TRIES: usize = 3;

/// Access to an endpoint's stored state, for a delivery, a replay, an owner's change and `sweep`.
pub trait EndpointIo: Sync {
    /// Gives the present time.
    fn now(&self) -> Timestamp;

    /// Reads the stored state of the endpoint, its settings and, for a delivery, the event's record.
    fn read(&self) -> impl Future<Output = Result<Snapshot, Unavailable>> + Send;

    /// Stores a state, on the condition that the stored version is the one before it.
    fn store(&self, health: &Health) -> impl Future<Output = Result<Stored, Unavailable>> + Send;

    /// Sends the message of a replay's step, which comes at the time `at`. None: it comes as soon as the next step may.
    fn send_step(
        &self,
        replay: u64,
        step: u64,
        at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Gives a notice to the operator.
    fn announce(&self, notice: &Notice) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Does the effects of a change from `before` to `stored`: sends the message of a replay that begins or that need not wait
/// any more, and gives all notices if there is a new one.
pub async fn follow<I: EndpointIo>(io: &I, before: &Health, stored: &Health) {
    if let Some(replay) = stored.replay.as_ref().filter(|replay| replay.id == stored.version) {
        // The implementation has logged the fault, and `sweep` restarts the replay in a few minutes.
        let _ = io.send_step(replay.id, replay.step, None).await;
    }
    if let (None, Some(range)) = (before.running_range(), stored.running_range()) {
        let _ = io.send_step(range.steps.id, range.steps.step, None).await;
    }
    if stored.notices.iter().any(|notice| !before.notices.contains(notice)) {
        tell(io, stored).await;
    }
}

/// Gives all notices of a stored state, the oldest first, and then removes them from the state. Returns how many were
/// given.
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
