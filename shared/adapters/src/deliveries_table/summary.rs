//! The deliveries of the last days, counted.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::event::BusinessId;
use domain::summary::{Counter, Delivery, Status as CountedStatus, Summary};
use jiff::Timestamp;

use super::range::start_behind;
use super::{Cursor, DeliveriesTable, Status, unreadable};
use crate::dynamodb::attributes::{required, s, text, time};
use crate::dynamodb::{Item, TableError};

/// How many parts of the index, a megabyte each, are counted. Together they hold about 15,000 records.
const PARTS: usize = 5;

/// The attributes that [`counted`] reads. `status` is a reserved word of DynamoDB.
const ATTRIBUTES: &str = "created_at, #status, delivered_at";

impl DeliveriesTable {
    /// Counts a business's deliveries of the last `days` days, the day of `now` being the last. The newest deliveries
    /// are counted first. If they come to five megabytes of the index, the older ones are left out, and the summary is
    /// not complete.
    ///
    /// # Errors
    ///
    /// [`TableError`]. A record that cannot be read is no error: it is logged, and left out.
    pub async fn summary(&self, business_id: &BusinessId, days: u8, now: Timestamp) -> Result<Summary, TableError> {
        let mut counter = Counter::new(days, now);
        let mut start = None;
        for _ in 0..PARTS {
            let query = start_behind(self.days_query(business_id, counter.from()), business_id, start.as_ref());
            let answer = query.send().await?;
            for item in answer.items() {
                match counted(item) {
                    Ok(delivery) => delivery.iter().for_each(|delivery| counter.count(delivery)),
                    Err(error) => unreadable(&error),
                }
            }
            start = answer.last_evaluated_key.as_ref().and_then(Cursor::of);
            if start.is_none() {
                break;
            }
        }
        Ok(counter.summary(start.is_none()))
    }

    fn days_query(&self, business_id: &BusinessId, from: Timestamp) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .index_name("by_time")
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("business_id = :business AND occurred >= :oldest")
            .projection_expression(ATTRIBUTES)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":business", s(business_id.as_str()))
            .expression_attribute_values(":oldest", s(format!("{from:.3}")))
    }
}

/// The part of a record that is counted; None: the record has a status that only a newer version of this system knows.
fn counted(item: &Item) -> Result<Option<Delivery>, TableError> {
    let status = match Status::of(item)? {
        Status::Delivered => CountedStatus::Delivered { at: time(item, "delivered_at")? },
        Status::Retrying => CountedStatus::Retrying,
        Status::Held => CountedStatus::Held,
        Status::Failed => CountedStatus::Failed,
        Status::Other => return Ok(None),
    };
    let created_at = required(text(item, "created_at")?.and_then(|at| at.parse().ok()), "created_at")?;
    Ok(Some(Delivery { created_at, status }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::attributes::n;

    fn record(status: &str) -> Item {
        Item::from([
            ("created_at".to_owned(), s("2026-03-01T10:00:00.500Z")),
            ("status".to_owned(), s(status)),
            ("delivered_at".to_owned(), n(1_772_359_202_000_u64)),
        ])
    }

    #[test]
    fn a_record_is_counted_by_its_status_and_an_unknown_status_is_not() {
        let status = |name| counted(&record(name)).expect("readable").map(|delivery| delivery.status);
        let at = "2026-03-01T10:00:02Z".parse().ok();
        assert_eq!(status("delivered"), Some(CountedStatus::Delivered { at }));
        assert_eq!(status("retrying"), Some(CountedStatus::Retrying));
        assert_eq!(status("held"), Some(CountedStatus::Held));
        assert_eq!(status("failed"), Some(CountedStatus::Failed));
        assert_eq!(status("lost"), None);
    }

    #[test]
    fn a_record_without_its_times_is_unreadable_and_one_without_a_success_is_not() {
        for name in ["created_at", "status"] {
            let mut item = record("delivered");
            item.remove(name);
            assert!(counted(&item).is_err(), "{name}");
        }
        let mut item = record("delivered");
        item.remove("delivered_at");
        let delivery = counted(&item).expect("readable").expect("counted");
        assert_eq!(delivery.status, CountedStatus::Delivered { at: None });
    }
}
