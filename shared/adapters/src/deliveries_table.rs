//! The deliveries table, the ledger: one record for each event, with its status, its attempts and its exact body.
//!
//! A record's first write has the body, compressed, and is a `PutItem`. Later writes are updates, which change the rest.
//! `occurred` sorts a business's events in the order in which they happened: the time of publishing, then the event id.
//! The attribute `held` has the same value and stands only in records that are held, so that an index over it lists just
//! those.

mod status;
mod clue;
mod phone;
mod attempt;
mod record;
mod record_update;
mod held;
mod delivery;
mod cursor;
mod listing;
mod range;
mod summary;
mod resend;
#[cfg(test)]
mod item_size;

pub use attempt::{AttemptRecord, LOCATION_CHARS, PastAttempt, printable};
pub use cursor::Cursor;
pub use delivery::{Details, Summary};
pub use domain::endpoint::HELD_COUNTED;
pub use held::HeldKey;
pub use listing::{Listed, Wanted};
pub use range::COUNTED;
pub use record::{Record, Retention, StoredEvent};
pub use record_update::RecordUpdate;
pub use status::Status;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::delivery::Recorded;
use domain::event::{BusinessId, EventId};
use jiff::Timestamp;

use crate::dynamodb::attributes::{ms, n, s};
use crate::dynamodb::update_expression::UpdateExpression;
use crate::dynamodb::{self, Item, TableError, Written};
use crate::process::clock;
use crate::process::log::error_chain;
use crate::process::metrics::{Metric, count};

/// How often a record is written before this gives up, when another message of its event is faster each time.
const RECORD_TRIES: usize = 5;

/// The deliveries table.
#[derive(Clone, Debug)]
pub struct DeliveriesTable {
    client: Client,
    pub(crate) name: String,
}

impl DeliveriesTable {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Writes the new status of an event, with the attempt that led to it, unless the record says that the event has
    /// been delivered or is held (see [`RecordUpdate`]).
    ///
    /// If no record was read, the record is put whole, on the condition that there is none: it may not have been read
    /// for lack of throughput.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The record may be written all the same, and writing it again does no harm then.
    pub async fn record(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        update: &RecordUpdate<'_>,
    ) -> Result<Recorded, TableError> {
        let mut before = update.before.map(|record| record.attempts);
        for _ in 0..RECORD_TRIES {
            let written = match before {
                None => dynamodb::put(self.first_record(update.to_item(key(business_id, event_id)))).await?,
                Some(before) => {
                    dynamodb::send(update.to_expression(before).apply(self.update(business_id, event_id))).await?
                }
            };
            if written == Written::Done {
                return Ok(Recorded::Done);
            }
            // Another message of the event was faster, or the answer to an earlier try of this very write was lost.
            let item = self.item(business_id, event_id).await?.unwrap_or_default();
            if update.is_in(&item) {
                return Ok(Recorded::Done);
            }
            let record = Some(item).filter(|item| !item.is_empty()).map(|item| Record::from_item(&item)).transpose()?;
            if !update.over_delivered && record.is_some_and(|record| record.status == Status::Delivered) {
                return Ok(Recorded::AlreadyDelivered);
            }
            if update.spares_held() && record.is_some_and(|record| record.status == Status::Held) {
                return Ok(Recorded::AlreadyHeld);
            }
            before = record.map(|record| record.attempts);
        }
        Err(TableError::Contended)
    }

    /// Reads the event that a record has kept; None: there is no record, or no body in it that can be read.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn stored_event(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
    ) -> Result<Option<StoredEvent>, TableError> {
        let item = self.item(business_id, event_id).await?;
        Ok(item.and_then(|item| StoredEvent::from_item(&item, event_id)))
    }

    /// Gives up a held event whose body cannot be read any more: its status becomes `failed`, and the record expires
    /// like any other that is not held. A record that is no longer held stays as it is, and none is made where there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The event may be given up all the same.
    pub async fn abandon(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        retention: Retention,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let mut update = UpdateExpression::default();
        update.set("status", s(Status::Failed.as_str()));
        update.set("updated_at", ms(now));
        update.set("expires_at", n(retention.end(now)));
        update.remove("next_attempt_at");
        update.remove("held");
        update.only_if("attribute_exists(#held)".to_owned());
        dynamodb::send(update.apply(self.update(business_id, event_id))).await.map(drop)
    }

    /// Checks that the ledger takes writes, by writing the present time into a record as `checked_at`, which nothing
    /// reads.
    ///
    /// A write that changes nothing would not show it. When a business's items have come to 10 GB, the limit of a table
    /// with local indexes, DynamoDB refuses only writes that make an item grow, and the first write of `checked_at`
    /// does.
    ///
    /// # Errors
    ///
    /// [`TableError`]: the ledger takes no writes.
    pub async fn check_writable(&self, business_id: &BusinessId, event_id: &EventId) -> Result<(), TableError> {
        let write = self
            .update(business_id, event_id)
            .update_expression("SET checked_at = :now")
            // Without the condition, this would make a record where there is none.
            .condition_expression("attribute_exists(event_id)")
            .expression_attribute_values(":now", ms(clock::now()));
        dynamodb::send(write).await.map(drop)
    }

    /// The write of a whole record, where there is none.
    fn first_record(&self, item: Item) -> PutItemFluentBuilder {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        put.condition_expression("attribute_not_exists(event_id)")
    }

    /// A write to a record, of which the expression is still to be given.
    fn update(&self, business_id: &BusinessId, event_id: &EventId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key(business_id, event_id)))
    }

    /// A record with all its attributes.
    async fn item(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Option<Item>, TableError> {
        let request = self.client.get_item().table_name(&self.name);
        let answer = request.set_key(Some(key(business_id, event_id))).consistent_read(true).send().await?;
        Ok(answer.item)
    }
}

/// The key of an event's record.
pub(crate) fn key(business_id: &BusinessId, event_id: &EventId) -> Item {
    Item::from([("business_id".to_owned(), s(business_id.as_str())), ("event_id".to_owned(), s(event_id.as_str()))])
}

/// Logs and counts a record that cannot be read, and is left out of what its owner sees.
fn unreadable(error: &TableError) {
    count(Metric::Faults);
    tracing::error!(error = error_chain(error), "unreadable_record");
}
