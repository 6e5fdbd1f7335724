//! The summary of the last days.

use domain::summary::{Day, Summary};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};

use super::rfc3339;
use crate::api::summary::MOST_DAYS;
use crate::use_cases::SUMMARY_DAYS;

/// Which days are wanted. An empty parameter counts as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct SummaryQuery {
    /// How many days; the last one is today.
    #[param(schema_with = days_schema)]
    pub(in crate::api) days: Option<String>,
}

/// A number from 1 to 31, or empty.
fn days_schema() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST_DAYS));
    let empty = ObjectBuilder::new().schema_type(Type::String).max_length(Some(0));
    OneOfBuilder::new().item(number.default(Some(SUMMARY_DAYS.into()))).item(empty).into()
}

/// The deliveries of the last days, counted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DeliverySummaryOfDays {
    /// All days, oldest first, those without deliveries included. The last one is today.
    #[schema(min_items = 1, max_items = 31)]
    days: Vec<DayOfSummary>,
    /// delivered / (delivered + failed); null: there are neither delivered nor failed ones.
    #[schema(required, minimum = 0, maximum = 1)]
    delivered_share: Option<f64>,
    /// The median of the delays from publishing to the first successful answer, in milliseconds; null: nothing was
    /// delivered.
    #[schema(required)]
    median_delay_ms: Option<u64>,
    /// When the oldest event of these days that is `retrying` or `held` was first published, in RFC 3339; null: there is
    /// none.
    #[schema(required, format = DateTime)]
    oldest_waiting_at: Option<String>,
    /// Whether all deliveries of these days were counted. The newest are counted first, up to five megabytes of the log.
    complete: bool,
}

/// One day.
#[derive(Debug, Serialize, ToSchema)]
struct DayOfSummary {
    /// The date in Israel.
    #[schema(format = Date, example = "2026-03-01")]
    date: String,
    /// How many have arrived.
    delivered: u32,
    /// How many are to be tried again.
    retrying: u32,
    /// How many are held.
    held: u32,
    /// How many have failed.
    failed: u32,
}

impl From<Summary> for DeliverySummaryOfDays {
    fn from(summary: Summary) -> Self {
        Self {
            days: summary.days.into_iter().map(DayOfSummary::from).collect(),
            delivered_share: summary.delivered_share,
            median_delay_ms: summary.median_delay_ms,
            oldest_waiting_at: summary.oldest_waiting_at.map(rfc3339),
            complete: summary.complete,
        }
    }
}

impl From<Day> for DayOfSummary {
    fn from(Day { date, counts }: Day) -> Self {
        Self {
            date: date.to_string(),
            delivered: counts.delivered,
            retrying: counts.retrying,
            held: counts.held,
            failed: counts.failed,
        }
    }
}
