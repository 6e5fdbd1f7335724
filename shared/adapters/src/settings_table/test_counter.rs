//! Counts a business's tests in each calendar minute, as the attribute `tests` of the settings item.

use domain::event::BusinessId;
use jiff::Timestamp;

use super::SettingsTable;
use crate::dynamodb::attributes::n;
use crate::dynamodb::{self, TableError, Written};

/// How many tests of one minute the counter has room for.
const ROOM_PER_MINUTE: i64 = 1_000;

impl SettingsTable {
    /// Counts a test in the calendar minute of `now`. [`Written::ConditionFailed`]: that minute has `limit` tests
    /// already.
    ///
    /// The counter is one number: the minute, followed by three digits of its count. A later minute is a larger number,
    /// so one condition tells whether the minute is new, and another whether the minute is full.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The test may be counted all the same.
    pub async fn count_test(
        &self,
        business_id: &BusinessId,
        limit: u32,
        now: Timestamp,
    ) -> Result<Written, TableError> {
        let begin = now.as_second().div_euclid(60) * ROOM_PER_MINUTE;
        let (first, full) = (n(begin + 1), n(begin + i64::from(limit)));
        let write = || {
            let write = self.update(business_id);
            write.expression_attribute_names("#tests", "tests").expression_attribute_values(":first", first.clone())
        };
        let first_of_minute = write()
            .update_expression("SET #tests = :first")
            .condition_expression("attribute_not_exists(#tests) OR #tests < :first");
        if dynamodb::send(first_of_minute).await? == Written::Done {
            return Ok(Written::Done);
        }
        let another = write()
            .update_expression("ADD #tests :one")
            .condition_expression("#tests >= :first AND #tests < :full")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":full", full);
        dynamodb::send(another).await
    }
}
