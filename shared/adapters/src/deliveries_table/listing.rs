//! The list of a business's deliveries.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::event::BusinessId;
use jiff::Timestamp;

use super::phone::digits;
use super::range::start_behind;
use super::{Cursor, DeliveriesTable, Status, Summary, unreadable};
use crate::dynamodb::TableError;
use crate::dynamodb::attributes::s;

/// How many parts of the ledger, a megabyte each, one call searches for rare deliveries. Together they hold about
/// 15,000 records. Then the caller is told where the list goes on.
const PARTS: usize = 5;

/// The deliveries that a caller wants.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only deliveries of this status; None: of any.
    pub status: Option<Status>,
    /// Only deliveries whose subject or title contains this text, or whose phone number ends with its digits. The text
    /// is cleaned.
    pub search: Option<String>,
    /// Only events that were published at this time or later.
    pub from: Option<Timestamp>,
    /// Only events that were published at this time or earlier.
    pub to: Option<Timestamp>,
    /// How many deliveries at most.
    pub limit: usize,
    /// Only deliveries behind this place, that is, older ones.
    pub after: Option<Cursor>,
}

/// A part of the list.
pub struct Listed {
    /// The deliveries, newest first.
    pub deliveries: Vec<Summary>,
    /// The place behind which older deliveries may stand, even if this part has none; None: there are no older ones.
    pub next: Option<Cursor>,
}

impl Wanted {
    /// The first and the last value of `occurred` in the wanted range: a time, `#`, an id.
    fn bounds(&self) -> (String, String) {
        let (from, to) = (self.from.unwrap_or(Timestamp::MIN), self.to.unwrap_or(Timestamp::MAX));
        // `$` is the character behind `#`.
        (format!("{from:.3}"), format!("{to:.3}$"))
    }
}

impl DeliveriesTable {
    /// Lists a business's deliveries, newest first.
    ///
    /// # Errors
    ///
    /// [`TableError`]. A record that cannot be read is no error: it is logged, and left out.
    pub async fn list(&self, business_id: &BusinessId, wanted: &Wanted) -> Result<Listed, TableError> {
        let mut deliveries = Vec::new();
        let (oldest, newest) = wanted.bounds();
        // DynamoDB refuses a start beyond the range. A cursor above the range means its beginning, one below it its
        // end.
        let mut start = wanted.after.clone().filter(|cursor| cursor.occurred <= newest);
        if oldest > newest || start.as_ref().is_some_and(|cursor| cursor.occurred < oldest) {
            return Ok(Listed { deliveries, next: None });
        }
        for _ in 0..PARTS {
            let answer = self.part(business_id, wanted, start.as_ref()).await?;
            for item in answer.items() {
                if deliveries.len() == wanted.limit {
                    // There is at least one more. The next part begins behind the last delivery of this one.
                    return Ok(Listed { next: start, deliveries });
                }
                start = Cursor::of(item);
                // One record that cannot be read must not hide all others.
                match Summary::from_item(item) {
                    Ok(summary) => deliveries.push(summary),
                    Err(error) => unreadable(&error),
                }
            }
            start = answer.last_evaluated_key.as_ref().and_then(Cursor::of);
            if start.is_none() {
                break;
            }
        }
        Ok(Listed { deliveries, next: start })
    }

    async fn part(
        &self,
        business_id: &BusinessId,
        wanted: &Wanted,
        start: Option<&Cursor>,
    ) -> Result<QueryOutput, TableError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("by_time")
            .consistent_read(true)
            .scan_index_forward(false)
            .expression_attribute_values(":business", s(business_id.as_str()));
        query = if wanted.from.is_none() && wanted.to.is_none() {
            query.key_condition_expression("business_id = :business")
        } else {
            let (oldest, newest) = wanted.bounds();
            query
                .key_condition_expression("business_id = :business AND occurred BETWEEN :oldest AND :newest")
                .expression_attribute_values(":oldest", s(oldest))
                .expression_attribute_values(":newest", s(newest))
        };
        Ok(filtered(start_behind(query, business_id, start), wanted).send().await?)
    }
}

/// Adds the filter by status and search, or, without one, the limit: DynamoDB counts a limit before it filters.
fn filtered(mut query: QueryFluentBuilder, wanted: &Wanted) -> QueryFluentBuilder {
    let mut filters = Vec::new();
    if let Some(status) = wanted.status {
        filters.push("#status = :status");
        query = query
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", s(status.as_str()));
    }
    if let Some(search) = &wanted.search {
        query = query.expression_attribute_values(":search", s(search));
        match digits(search) {
            Some(digits) => {
                filters.push(
                    "(contains(subject, :search) OR contains(title, :search) OR contains(phone_last_digits, :digits))",
                );
                query = query.expression_attribute_values(":digits", s(digits));
            }
            None => filters.push("(contains(subject, :search) OR contains(title, :search))"),
        }
    }
    match filters.as_slice() {
        // One more than is wanted tells whether there are more.
        [] => query.limit(i32::try_from(wanted.limit + 1).unwrap_or(i32::MAX)),
        filters => query.filter_expression(filters.join(" AND ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_its_ends() {
        let wanted = |from: &str, to: &str| {
            Wanted { from: from.parse().ok(), to: to.parse().ok(), ..Wanted::default() }.bounds()
        };
        let within = |(oldest, newest): (String, String), at: &str| {
            let occurred = format!("{at}#evt_0123456789abcdef0123456789abcdef");
            oldest <= occurred && occurred <= newest
        };
        let hour = wanted("2026-03-01T10:00:00Z", "2026-03-01T13:00:00.500+02:00");
        for (at, expected) in [
            ("2026-03-01T09:59:59.999Z", false),
            ("2026-03-01T10:00:00.000Z", true),
            ("2026-03-01T11:00:00.500Z", true),
            ("2026-03-01T11:00:00.501Z", false),
        ] {
            assert_eq!(within(hour.clone(), at), expected, "{at}");
            assert!(within(wanted("", ""), at));
        }
    }
}
