//! The deliveries of a range of time, for a replay: in the order in which they happened, and counted.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use domain::endpoint::{Position, Range, RangeReplay};
use domain::event::{BusinessId, EventId};
use domain::replay::Listed;
use jiff::Timestamp;

use super::{Cursor, DeliveriesTable, Status};
use crate::dynamodb::TableError;
use crate::dynamodb::attributes::s;

/// How many events a step of a replay takes.
const EVENTS_PER_STEP: usize = 10;

/// How many places of the index a query reads if it lists events that have arrived. Most events have arrived, so few
/// places are read in vain.
const PLACES_PER_PART: i32 = 20;

/// How many parts of the index, of a megabyte at most, a step searches for its events. Then the step ends, and the next
/// step goes on.
const PARTS: usize = 5;

/// The number up to which the events of a replay are counted.
pub const COUNTED: u64 = 10_000;

impl DeliveriesTable {
    /// The next events of a replay of a range, at most ten, in the order in which they happened.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn next_of_range(&self, business_id: &BusinessId, replay: &RangeReplay) -> Result<Listed, TableError> {
        let mut events: Vec<(EventId, Position)> = Vec::new();
        let mut start = replay.position.as_ref().and_then(Cursor::of_position);
        // An event that was published since is not one that the owner has asked for.
        let range = Range { to: replay.range.to.min(replay.asked_at), ..replay.range.clone() };
        let places = range.statuses.has_delivered().then_some(PLACES_PER_PART);
        for _ in 0..PARTS {
            let query = self.range_query(business_id, &range).set_limit(places);
            let answer = start_behind(query, business_id, start.as_ref()).send().await?;
            for cursor in answer.items().iter().filter_map(Cursor::of) {
                if events.len() == EVENTS_PER_STEP {
                    let read_to = events.last().map(|(_, position)| position.clone());
                    return Ok(Listed { events, read_to });
                }
                events.push((cursor.event_id.clone(), cursor.position()));
            }
            start = answer.last_evaluated_key.as_ref().and_then(Cursor::of);
            if start.is_none() {
                break;
            }
        }
        Ok(Listed { events, read_to: start.map(Cursor::position) })
    }

    /// Counts the events that a replay of a range would send. None: there are more than 10,000, or the range has so
    /// many other events that the count did not reach its end.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn count_range(&self, business_id: &BusinessId, range: &Range) -> Result<Option<u64>, TableError> {
        counted(self.range_query(business_id, range)).await
    }

    fn range_query(&self, business_id: &BusinessId, range: &Range) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("by_time")
            .consistent_read(true)
            .key_condition_expression("business_id = :business AND occurred BETWEEN :oldest AND :newest")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":business", s(business_id.as_str()))
            .expression_attribute_values(":oldest", s(format!("{:.3}", range.from.unwrap_or(Timestamp::MIN))))
            // `$` is the character behind `#`, which follows the time.
            .expression_attribute_values(":newest", s(format!("{:.3}$", range.to)));
        let delivered = range.statuses.has_delivered().then_some((":delivered", Status::Delivered));
        let failed = range.statuses.has_failed().then_some((":failed", Status::Failed));
        let statuses: Vec<_> = delivered.into_iter().chain(failed).collect();
        let names: Vec<_> = statuses.iter().map(|(name, _)| *name).collect();
        let query = query.filter_expression(format!("#status IN ({})", names.join(", ")));
        statuses
            .into_iter()
            .fold(query, |query, (name, status)| query.expression_attribute_values(name, s(status.as_str())))
    }
}

/// Counts the events that a query finds. None: there are more than 10,000, or the range has so many other events that
/// the count did not reach its end.
pub(super) async fn counted(query: QueryFluentBuilder) -> Result<Option<u64>, TableError> {
    let query = query.select(Select::Count);
    let (mut count, mut start) = (0, None);
    for _ in 0..PARTS {
        let answer = query.clone().set_exclusive_start_key(start).send().await?;
        count += u64::try_from(answer.count).unwrap_or_default();
        start = answer.last_evaluated_key;
        if start.is_none() || count > COUNTED {
            break;
        }
    }
    Ok((start.is_none() && count <= COUNTED).then_some(count))
}

/// Lets a query of the index by time begin behind a place.
pub(super) fn start_behind(
    query: QueryFluentBuilder,
    business_id: &BusinessId,
    start: Option<&Cursor>,
) -> QueryFluentBuilder {
    match start {
        None => query,
        Some(Cursor { occurred, event_id }) => query
            .exclusive_start_key("business_id", s(business_id.as_str()))
            .exclusive_start_key("event_id", s(event_id.as_str()))
            .exclusive_start_key("occurred", s(occurred)),
    }
}
