//! One run of `sweep`: the businesses that the run looks after, how many at a time, and for how long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use adapters::dynamodb::TableError;
use adapters::notices::Notices;
use adapters::process::clock;
use adapters::queue::Commands;
use adapters::tables::Tables;
use domain::endpoint::LOST_AFTER;
use domain::event::BusinessId;
use domain::sweep::Restarted;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::report;

/// How many businesses one run looks after at most. The next run goes on with the others.
const MAX_BUSINESSES: usize = 1_000;

/// How many businesses are looked after at the same time.
const AT_ONCE: usize = 20;

/// How long one business may take: less than the time that the invocation keeps for its end.
const TIME_PER_BUSINESS: Duration = Duration::from_secs(15);

/// The clients that a run needs, made once per process.
pub(crate) struct Sweeper {
    pub(crate) tables: Tables,
    pub(crate) commands: Commands,
    pub(crate) notices: Notices,
}

/// The function's answer: how many probes, replays and notices the run has restarted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Answer {
    probes: usize,
    replays: usize,
    notices: usize,
}

/// A run under way.
struct Run {
    sweeper: Arc<Sweeper>,
    seen: HashSet<BusinessId>,
    answer: Answer,
}

impl Sweeper {
    /// Looks after the businesses of which something is overdue, the longest overdue first, and then after those that
    /// have held events, until no time is left.
    pub(crate) async fn run(self: &Arc<Self>, until: Instant) -> Result<Answer, TableError> {
        let mut run = Run { sweeper: Arc::clone(self), seen: HashSet::new(), answer: Answer::default() };
        let limit = i32::try_from(MAX_BUSINESSES / 2).unwrap_or(i32::MAX);
        let overdue = self.tables.settings.overdue(clock::now() - LOST_AFTER, limit).await?;
        // The overdue businesses get half of the places and of the time, so that they do not keep the held events of
        // others waiting if they stay overdue or are slow.
        let half = Instant::now() + until.saturating_duration_since(Instant::now()) / 2;
        run.look_after(&overdue, half).await;

        let begin = self.tables.settings.sweep_position().await?;
        let mut after = begin.clone();
        loop {
            let (found, are_more) = self.tables.deliveries.businesses_with_held(after).await?;
            let (businesses, keys): (Vec<_>, Vec<_>) = found.into_iter().unzip();
            let done = run.look_after(&businesses, until).await;
            let last = done.checked_sub(1).and_then(|last| keys.get(last)).cloned();
            if done < businesses.len() || (are_more && run.is_over(until)) {
                // Without a new key, the stored position stays as it is.
                if last.is_some() {
                    self.tables.settings.store_sweep_position(last).await?;
                }
                break;
            }
            if !are_more {
                // On a healthy stack nothing is written.
                if begin.is_some() {
                    self.tables.settings.store_sweep_position(None).await?;
                }
                break;
            }
            after = last;
        }
        report::done(&run.answer);
        Ok(run.answer)
    }
}

impl Run {
    fn is_over(&self, until: Instant) -> bool {
        Instant::now() >= until || self.seen.len() >= MAX_BUSINESSES
    }

    /// Looks after businesses, from the first on, until no time is left. Gives how many it has looked after.
    async fn look_after(&mut self, businesses: &[BusinessId], until: Instant) -> usize {
        let mut done = 0;
        for some in businesses.chunks(AT_ONCE) {
            if self.is_over(until) {
                break;
            }
            let mut sweeping = JoinSet::new();
            for business_id in some.iter().filter(|business_id| self.seen.insert((*business_id).clone())) {
                let (sweeper, business_id) = (Arc::clone(&self.sweeper), business_id.clone());
                sweeping.spawn(async move {
                    let looking = timeout(TIME_PER_BUSINESS, sweeper.look_after(&business_id)).await;
                    looking.unwrap_or_else(|_elapsed| {
                        report::overdue(&business_id);
                        Restarted::default()
                    })
                });
            }
            while let Some(swept) = sweeping.join_next().await {
                // A panic has a line of its own, and counts as nothing restarted.
                self.answer.add(swept.unwrap_or_default());
            }
            done += some.len();
        }
        done
    }
}

impl Answer {
    fn add(&mut self, restarted: Restarted) {
        self.probes += restarted.probes;
        self.replays += restarted.replays;
        self.notices += restarted.notices;
    }

    pub(crate) fn counts(&self) -> [usize; 3] {
        [self.probes, self.replays, self.notices]
    }
}
