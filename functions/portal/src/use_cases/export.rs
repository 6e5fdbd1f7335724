//! Reads the delivery log for a file, up to the largest number of rows.

use std::time::Duration;

use adapters::deliveries_table::{Summary, Wanted};
use domain::event::BusinessId;
use tokio::time::Instant;

use super::{UseCaseError, UseCases};

/// How many deliveries a file has at most.
const ROWS: usize = 10_000;

/// How long a search for rare deliveries goes on. A read that begins before that ends within the function's 29 seconds.
const SEARCH_LASTS: Duration = Duration::from_secs(12);

/// The deliveries that were read for a file.
pub(crate) struct Exported {
    /// The deliveries, newest first.
    pub(crate) deliveries: Vec<Summary>,
    /// Why older deliveries are left out. None: these are all deliveries.
    pub(crate) left_out: Option<LeftOut>,
}

/// Why deliveries are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// There are more deliveries than a file takes, so the older ones are left out.
    Older,
    /// The search ran out of time before it reached the end of the log. There may be older deliveries.
    Unsearched,
}

impl UseCases {
    /// Reads the newest 10,000 of the wanted deliveries. The limit and the place in `wanted` do not count.
    pub(crate) async fn export(&self, business_id: &BusinessId, wanted: Wanted) -> Result<Exported, UseCaseError> {
        let until = Instant::now() + SEARCH_LASTS;
        let mut deliveries = Vec::new();
        let mut wanted = Wanted { after: None, ..wanted };
        loop {
            // One more than a file takes tells whether there are older ones.
            wanted.limit = ROWS + 1 - deliveries.len();
            let mut listed = self.tables.deliveries.list(business_id, &wanted).await?;
            deliveries.append(&mut listed.deliveries);
            wanted.after = listed.next;
            let left_out = if deliveries.len() > ROWS {
                Some(LeftOut::Older)
            } else if wanted.after.is_none() {
                None
            } else if Instant::now() > until {
                Some(LeftOut::Unsearched)
            } else {
                continue;
            };
            deliveries.truncate(ROWS);
            return Ok(Exported { deliveries, left_out });
        }
    }
}
