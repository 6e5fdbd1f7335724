//! The replay of a range of time, and the replay that the owner is shown.

use std::time::Duration;

use adapters::deliveries_table::{COUNTED, HELD_COUNTED};
use adapters::process::clock;
use adapters::settings_table::OwnerSettings;
use domain::Timestamp;
use domain::delivery::Stored;
use domain::endpoint::{Health, Range, RangeEnd, RangeReplay, RangeStatuses, Replay, State, follow};
use domain::event::BusinessId;

use super::health::{Changing, TRIES};
use super::{Fault, Resent, UseCaseError, UseCases};
use crate::report;

/// How long the page shows a replay after the replay's end.
const LATELY: Duration = Duration::from_hours(24);

/// The replay that the owner is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplayView {
    pub(crate) kind: ReplayKind,
    /// The range's beginning. None: the range has no ends, or the replay sends held events.
    pub(crate) from: Option<Timestamp>,
    /// The range's end; None as with `from`.
    pub(crate) to: Option<Timestamp>,
    /// How many events are done, the failed ones included; at most a step behind.
    pub(crate) done: u64,
    /// How many of the done events the endpoint did not take.
    pub(crate) failed: u64,
    /// How many events the replay has. None: too many to be counted.
    pub(crate) total: Option<u64>,
    pub(crate) state: ReplayState,
}

/// The events that a replay sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayKind {
    Held,
    Range,
}

/// Whether a replay goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayState {
    Running,
    /// The replay goes on when the endpoint is active and no event is held any more.
    Waiting,
    Done,
    /// The owner has paused the endpoint, which ended the replay.
    Ended,
}

impl UseCases {
    /// Begins the replay of all events that have failed.
    pub(crate) async fn replay_failed(&self, business_id: &BusinessId) -> Result<Resent, UseCaseError> {
        let range = Range { from: None, to: clock::now(), statuses: RangeStatuses::Failed };
        self.replay_range(business_id, range).await
    }

    /// Begins the replay of a range. A range without events is done at once.
    pub(crate) async fn replay_range(&self, business_id: &BusinessId, range: Range) -> Result<Resent, UseCaseError> {
        let now = clock::now();
        let mut counted = None;
        let mut written: Option<(Health, Health)> = None;
        for _ in 0..TRIES {
            let owned = self.tables.settings.read_for_owner(business_id, now).await?;
            if owned.url.is_none() {
                return Err(UseCaseError::NoUrl);
            }
            if let Some((before, stored)) = written.as_ref().filter(|(_, stored)| *stored == owned.health) {
                // The state was stored, but the answer to the write was lost.
                return self.begun(business_id, before, stored).await;
            }
            let here = owned.here(now);
            if here.pending_range().is_some() {
                return Err(UseCaseError::RangeUnderWay);
            }
            let total = match counted {
                Some(total) => total,
                None => self.tables.deliveries.count_range(business_id, &range).await?,
            };
            counted = Some(total);
            let begun = here.with_range(range.clone(), total, now).ok_or(UseCaseError::RangeUnderWay)?.next_version();
            if Stored::from(self.tables.settings.store_health(business_id, &begun).await?) == Stored::Done {
                return self.begun(business_id, &owned.health, &begun).await;
            }
            written = Some((owned.health, begun));
        }
        Err(UseCaseError::Fault(Fault::Contended))
    }

    /// Sends the messages that follow from a stored state in which a range has begun.
    async fn begun(&self, business_id: &BusinessId, before: &Health, stored: &Health) -> Result<Resent, UseCaseError> {
        follow(&Changing { use_cases: self, business_id }, before, stored).await;
        let replay = stored.range.as_ref().map(|range| ReplayView::of_range(range, stored, true));
        let total = replay.as_ref().and_then(|replay| replay.total);
        report::range_begun(business_id, total);
        Ok(Resent { count: total.unwrap_or(COUNTED), more: total.is_none(), replay })
    }

    /// Gives the replay that the owner is shown: the replay of a range until the next one begins, or otherwise the
    /// replay of held events while it runs. `held` is how many events are held.
    pub(crate) async fn replay(
        &self,
        business_id: &BusinessId,
        owned: &OwnerSettings,
        held: u64,
    ) -> Result<Option<ReplayView>, UseCaseError> {
        let health = owned.here(clock::now());
        match &health.range {
            Some(range) => Ok(Some(ReplayView::of_range(range, &health, owned.url.is_some()))),
            None => self.held_replay(business_id, &health, held).await,
        }
    }

    /// Gives the replay of held events while it runs.
    pub(super) async fn held_replay(
        &self,
        business_id: &BusinessId,
        health: &Health,
        held: u64,
    ) -> Result<Option<ReplayView>, UseCaseError> {
        let Some(replay) = &health.replay else { return Ok(None) };
        let held =
            if held < HELD_COUNTED { Some(held) } else { self.tables.deliveries.count_all_held(business_id).await? };
        Ok(Some(ReplayView::of_held(replay, held)))
    }
}

impl ReplayView {
    /// Whether the replay is not over.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.state, ReplayState::Running | ReplayState::Waiting)
    }

    /// Gives the replay of a range that is under way, or has ended within the last day.
    pub(crate) fn of_late(owned: &OwnerSettings, now: Timestamp) -> Option<Self> {
        let health = owned.here(now);
        let range = health.range.as_ref().filter(|range| range.end.is_none() || now < range.steps.due + LATELY)?;
        Some(Self::of_range(range, &health, owned.url.is_some()))
    }

    fn of_range(replay: &RangeReplay, health: &Health, has_url: bool) -> Self {
        let is_running = has_url && matches!(health.state, State::Active { .. }) && health.running_range().is_some();
        let range = &replay.range;
        Self {
            kind: ReplayKind::Range,
            from: range.from,
            // A range without a beginning has no end that the owner has named.
            to: range.from.map(|_| range.to),
            done: replay.steps.done,
            failed: replay.steps.failed,
            total: replay.total,
            state: match replay.end {
                Some(RangeEnd::Done) => ReplayState::Done,
                Some(RangeEnd::Ended) => ReplayState::Ended,
                None if is_running => ReplayState::Running,
                None => ReplayState::Waiting,
            },
        }
    }

    /// Gives the replay of held events. `held` is how many events are still held. None: too many to be counted.
    fn of_held(replay: &Replay, held: Option<u64>) -> Self {
        Self {
            kind: ReplayKind::Held,
            from: None,
            to: None,
            done: replay.done,
            failed: replay.failed,
            total: held.map(|held| replay.done + held),
            state: ReplayState::Running,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::endpoint::PausedReason;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).expect("a time")
    }

    fn with_range(from: Option<Timestamp>, total: Option<u64>) -> Health {
        let range = Range { from, to: now(), statuses: RangeStatuses::Both };
        Health::default().with_range(range, total, now()).expect("there is no other").next_version()
    }

    fn shown(health: &Health, has_url: bool) -> ReplayView {
        ReplayView::of_range(health.range.as_ref().expect("a range"), health, has_url)
    }

    #[test]
    fn a_range_runs_waits_is_done_or_has_ended() {
        let running = with_range(Some(now()), Some(3));
        assert_eq!(shown(&running, true).state, ReplayState::Running);
        assert_eq!(shown(&running, false).state, ReplayState::Waiting, "without a URL");
        let paused = State::Paused { since: now(), reason: PausedReason::Gone };
        assert_eq!(shown(&Health { state: paused, ..running.clone() }, true).state, ReplayState::Waiting);
        let behind_held = running.resume(now());
        assert_eq!(shown(&behind_held, true).state, ReplayState::Waiting, "what is held goes first");
        assert_eq!(shown(&running.pause(now()), true).state, ReplayState::Ended);
        assert_eq!(shown(&with_range(None, Some(0)), true).state, ReplayState::Done, "nothing is to be done");
    }

    #[test]
    fn a_range_without_ends_shows_none() {
        let view = |from| shown(&with_range(from, None), true);
        assert_eq!((view(None).from, view(None).to, view(None).total), (None, None, None));
        assert_eq!((view(Some(now())).from, view(Some(now())).to), (Some(now()), Some(now())));
    }

    #[test]
    fn the_total_of_held_events_is_what_is_done_and_what_is_still_held() {
        let replay = Replay { done: 20, failed: 1, ..Health::default().resume(now()).replay.expect("it begins") };
        let view = ReplayView::of_held(&replay, Some(7));
        assert_eq!((view.done, view.failed, view.total), (20, 1, Some(27)));
        assert_eq!(ReplayView::of_held(&replay, None).total, None);
    }
}
