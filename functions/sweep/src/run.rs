//! One run: which businesses are looked after, how many at a time, and for how long.

use std::collections::HashSet;
use std::sync::Arc;

use adapters::notices::Notices;
use adapters::process::clock;
use adapters::queue::Commands;
use adapters::tables::{TableError, Tables};
use domain::endpoint::LOST_AFTER;
use domain::event::BusinessId;
use domain::sweep::Restarted;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::report;

/// So many businesses are looked after in a run. The next run goes on.
const BUSINESSES: usize = 1_000;

/// How many are looked after at the same time.
const AT_ONCE: usize = 20;

/// What a run needs; made once per process.
pub(crate) struct Sweeper {
    pub(crate) tables: Tables,
    pub(crate) commands: Commands,
    pub(crate) notices: Notices,
}

/// How many of each were started again.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Answer {
    probes: usize,
    replays: usize,
    notices: usize,
}

/// A run on its way.
struct Run {
    sweeper: Arc<Sweeper>,
    until: Instant,
    seen: HashSet<BusinessId>,
    answer: Answer,
}

impl Sweeper {
    /// Looks after what is overdue, the longest first, and then after the businesses that have held events, until there is no
    /// time left.
    pub(crate) async fn run(self: &Arc<Self>, until: Instant) -> Result<Answer, TableError> {
        let mut run = Run { sweeper: Arc::clone(self), until, seen: HashSet::new(), answer: Answer::default() };
        let limit = i32::try_from(BUSINESSES).unwrap_or(i32::MAX);
        run.look_after(self.tables.overdue(clock::now() - LOST_AFTER, limit).await?.0).await;

        let begin = self.tables.sweep_goes_on().await?;
        let mut after = begin.clone();
        loop {
            let (businesses, next) = self.tables.with_held(after).await?;
            let are_all = run.look_after(businesses).await;
            match next {
                // On a healthy stack nothing is written.
                None if begin.is_none() => break,
                None => {
                    self.tables.sweep_stopped(None).await?;
                    break;
                }
                Some(key) if !are_all || run.is_over() => {
                    self.tables.sweep_stopped(Some(key)).await?;
                    break;
                }
                next => after = next,
            }
        }
        report::done(&run.answer);
        Ok(run.answer)
    }
}

impl Run {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.seen.len() >= BUSINESSES
    }

    /// Whether there was time for all of them.
    async fn look_after(&mut self, businesses: Vec<BusinessId>) -> bool {
        let new: Vec<_> = businesses.into_iter().filter(|business| !self.seen.contains(business)).collect();
        for some in new.chunks(AT_ONCE) {
            if self.is_over() {
                return false;
            }
            self.seen.extend(some.iter().cloned());
            let mut sweeping = JoinSet::new();
            for business_id in some {
                let (sweeper, business_id) = (Arc::clone(&self.sweeper), business_id.clone());
                sweeping.spawn(async move { sweeper.look_after(&business_id).await });
            }
            while let Some(swept) = sweeping.join_next().await {
                self.answer.add(swept.unwrap_or_default());
            }
        }
        true
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
