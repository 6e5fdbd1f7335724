//! The two tables: what a business has set, how its endpoint does, and what became of each of its events.
//!
//! A delivery reads both items in one round trip, and on the happy path writes once. Everything that decides is read
//! consistently. What a read or a write that fails costs is the caller's to decide; here it is only told.

mod attributes;
mod settings;
mod health;
mod overdue;
mod waiting;
mod clue;
mod record;
mod owner;
mod phone;
mod listing;

pub use listing::{Cursor, Details, Listed, PastAttempt, Summary, Wanted};
pub use overdue::HeldKey;
pub use owner::{HeaderChange, OwnerSettings, UrlChange};
pub use record::{AttemptRecord, LOCATION_CHARS, Record, RecordUpdate, Retention, Status, StoredEvent, printable};
pub use settings::Settings;
pub use waiting::Waiting;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_types::SdkConfig;
use jiff::Timestamp;

use attributes::{ms, s};
use domain::delivery::{Recorded, Stored};
use domain::endpoint::Health;
use domain::event::{BusinessId, EventId};

use crate::process::clock;

type Item = HashMap<String, AttributeValue>;

/// How often a part of a read that DynamoDB left out is asked for again, and after how long each time.
const UNPROCESSED_RETRIES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// How often a record is written anew because another message of its event was faster.
const RECORD_TRIES: usize = 5;

/// So far held events are counted, and this many stand for more: a million of them must not keep a notice from going out.
pub const HELD_COUNTED: u64 = 1_000;

/// The one value of the attribute `unwell`, the hash key of the index of what is overdue.
const UNWELL: &str = "unwell";

/// How many held events a step of a replay takes: at one step a second, about 10 events a second.
const HELD_AT_A_TIME: i32 = 10;

/// A fault of ours: a table was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table did not answer, or not with what was asked.
    #[error("a table did not answer")]
    Unavailable(#[source] Box<aws_sdk_dynamodb::Error>),
    /// DynamoDB left the settings out of its answer, however often it was asked.
    #[error("the settings were not read for lack of throughput")]
    Throttled,
    /// An attribute holds what it cannot hold. Sending without it would be a delivery that looks forged.
    #[error("the attribute {0} is invalid")]
    Invalid(&'static str),
    /// Others wrote the same record each time in between.
    #[error("a record was changed by others each time it was to be written")]
    Contended,
}

impl<E> From<aws_sdk_dynamodb::error::SdkError<E>> for TableError
where
    aws_sdk_dynamodb::Error: From<aws_sdk_dynamodb::error::SdkError<E>>,
{
    fn from(error: aws_sdk_dynamodb::error::SdkError<E>) -> Self {
        Self::Unavailable(Box::new(error.into()))
    }
}

/// The settings table and the deliveries table.
#[derive(Clone, Debug)]
pub struct Tables {
    client: Client,
    settings: String,
    deliveries: String,
}

/// What was read about a business and one of its events.
pub struct Snapshot {
    /// What the business has set.
    pub settings: Settings,
    /// How its endpoint does.
    pub health: Health,
    /// Which attempts are waiting for its answer.
    pub waiting: Waiting,
    /// What became of the event so far; None: nothing is known.
    pub record: Option<Record>,
}

/// Whether a conditional write was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was.
    Done,
    /// Its condition did not hold.
    ConditionFailed,
}

impl From<Written> for Stored {
    fn from(written: Written) -> Self {
        match written {
            Written::Done => Self::Done,
            Written::ConditionFailed => Self::Conflict,
        }
    }
}

impl Tables {
    /// The tables by their names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, settings: String, deliveries: String) -> Self {
        Self { client: Client::new(sdk), settings, deliveries }
    }

    /// Reads a business's item and, if an event is given, its record, in one round trip.
    ///
    /// # Errors
    ///
    /// [`TableError`]. A record that could not be read is no error: the event then counts as never seen, and is at
    /// worst delivered twice.
    pub async fn look(
        &self,
        business_id: &BusinessId,
        event_id: Option<&EventId>,
        now: Timestamp,
    ) -> Result<Snapshot, TableError> {
        let business = AttributeValue::S(business_id.to_string());
        let settings_key = HashMap::from([("business_id".to_owned(), business.clone())]);
        let mut request = HashMap::from([(self.settings.clone(), keys(settings_key, None))]);
        if let Some(event_id) = event_id {
            let record_key = key(business_id, event_id);
            request.insert(self.deliveries.clone(), keys(record_key, Some(Record::ATTRIBUTES)));
        }
        let mut found = self.batch_get(request).await?;
        let item = found.remove(&self.settings).ok_or(TableError::Throttled)?;
        let record = found.remove(&self.deliveries).filter(|item| !item.is_empty());
        Ok(Snapshot {
            settings: Settings::from_item(&item, now)?,
            health: health::from_item(&item)?,
            waiting: Waiting::from_item(&item),
            record: record.map(|item| Record::from_item(&item)).transpose()?,
        })
    }

    /// The items by table; an item that does not exist is empty, one that DynamoDB would not read is absent.
    async fn batch_get(
        &self,
        mut request: HashMap<String, KeysAndAttributes>,
    ) -> Result<HashMap<String, Item>, TableError> {
        let mut found = HashMap::new();
        for pause in UNPROCESSED_RETRIES.into_iter().map(Some).chain([None]) {
            let asked: Vec<String> = request.keys().cloned().collect();
            let answer = self.client.batch_get_item().set_request_items(Some(request)).send().await?;
            let mut responses = answer.responses.unwrap_or_default();
            request = answer.unprocessed_keys.unwrap_or_default();
            for table in asked.into_iter().filter(|table| !request.contains_key(table)) {
                let item = responses.remove(&table).and_then(|mut items| items.pop()).unwrap_or_default();
                found.insert(table, item);
            }
            match pause {
                Some(pause) if !request.is_empty() => tokio::time::sleep(pause).await,
                _ => break,
            }
        }
        Ok(found)
    }

    /// Stores a state of health, if the version before it is the stored one.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been stored all the same.
    pub async fn store(&self, business_id: &BusinessId, health: &Health) -> Result<Written, TableError> {
        let write = self
            .client
            .update_item()
            .table_name(&self.settings)
            .key("business_id", AttributeValue::S(business_id.to_string()))
            .expression_attribute_names("#health", "health")
            .expression_attribute_values(":health", health::to_attribute(health));
        // What an index over the items that need looking after is made of: a healthy endpoint is not in it.
        let write = match health.due() {
            None => write.update_expression("SET #health = :health REMOVE unwell, due_at"),
            Some(due) => write
                .update_expression("SET #health = :health, unwell = :unwell, due_at = :due")
                .expression_attribute_values(":unwell", s(UNWELL))
                .expression_attribute_values(":due", ms(due)),
        };
        let write = match health.version {
            0 | 1 => write
                .condition_expression("attribute_not_exists(#health) OR attribute_type(#health, :null)")
                .expression_attribute_values(":null", s("NULL")),
            version => write
                .condition_expression("#health.#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", AttributeValue::N((version - 1).to_string())),
        };
        written(write).await
    }

    /// Tells the other environments of an attempt that waits for its answer, and will have ended by then.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been told all the same.
    pub async fn begin_waiting(&self, business_id: &BusinessId, until: Timestamp) -> Result<(), TableError> {
        self.change_waiting(business_id, "ADD #waiting :waiting", &BTreeSet::from([until])).await
    }

    /// Takes attempts back that have ended.
    ///
    /// # Errors
    ///
    /// [`TableError`]. What stays is over by its time, and taken back by another.
    pub async fn end_waiting(&self, business_id: &BusinessId, over: &BTreeSet<Timestamp>) -> Result<(), TableError> {
        self.change_waiting(business_id, "DELETE #waiting :waiting", over).await
    }

    async fn change_waiting(
        &self,
        business_id: &BusinessId,
        expression: &str,
        changed: &BTreeSet<Timestamp>,
    ) -> Result<(), TableError> {
        let write = self
            .client
            .update_item()
            .table_name(&self.settings)
            .key("business_id", AttributeValue::S(business_id.to_string()))
            .update_expression(expression)
            // A business that has left is not to come back as an item of nothing else.
            .condition_expression("attribute_exists(business_id)")
            .expression_attribute_names("#waiting", "waiting")
            .expression_attribute_values(":waiting", waiting::to_attribute(changed));
        written(write).await.map(drop)
    }

    /// Writes what became of an event, unless the ledger says that it has arrived or is held (see [`RecordUpdate`]).
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been written all the same, and to write it again does no harm then.
    pub async fn record(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        change: &RecordUpdate<'_>,
    ) -> Result<Recorded, TableError> {
        let mut before = change.before.map(|record| record.attempts);
        for _ in 0..RECORD_TRIES {
            let update = change.to_update(before);
            let write = self
                .update_record(business_id, event_id)
                .update_expression(update.expression)
                .set_condition_expression(update.condition)
                .set_expression_attribute_names(Some(update.names))
                .set_expression_attribute_values(Some(update.values));
            match write.send().await {
                Ok(_) => return Ok(Recorded::Done),
                Err(error) => condition_failed(error)?,
            };
            // Another message of the event was faster, or the answer to a try of this very write was lost.
            let item = self.item(business_id, event_id).await?.unwrap_or_default();
            if change.is_in(&item) {
                return Ok(Recorded::Done);
            }
            let record = Some(item).filter(|item| !item.is_empty()).map(|item| Record::from_item(&item)).transpose()?;
            if !change.over_delivered && record.is_some_and(|record| record.status == Status::Delivered) {
                return Ok(Recorded::AlreadyDelivered);
            }
            if change.spares_held() && record.is_some_and(|record| record.status == Status::Held) {
                return Ok(Recorded::AlreadyHeld);
            }
            before = record.map(|record| record.attempts);
        }
        Err(TableError::Contended)
    }

    /// A write to a record, of which the rest is still to be said.
    fn update_record(&self, business_id: &BusinessId, event_id: &EventId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.deliveries).set_key(Some(key(business_id, event_id)))
    }

    /// A record, with all that it has.
    async fn item(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Option<Item>, TableError> {
        let request = self.client.get_item().table_name(&self.deliveries);
        let answer = request.set_key(Some(key(business_id, event_id))).consistent_read(true).send().await?;
        Ok(answer.item)
    }

    /// Gives a held event up that cannot be read any more: it has failed, and expires like any other that does not wait.
    /// A record that is no longer held stays as it is, and one that is gone stays away.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been given up all the same.
    pub async fn abandon(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        retention: Retention,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let update = record::abandoned(retention, now);
        let write = self
            .update_record(business_id, event_id)
            .update_expression(update.expression)
            .set_condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values));
        written(write).await.map(drop)
    }

    /// Reads the event that a record has kept; None if there is none that can be read.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn kept(&self, business_id: &BusinessId, event_id: &EventId) -> Result<Option<StoredEvent>, TableError> {
        let item = self.item(business_id, event_id).await?;
        Ok(item.and_then(|item| StoredEvent::from_item(&item, event_id)))
    }

    /// The first few held events, in the order in which they happened.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn held(&self, business_id: &BusinessId) -> Result<Vec<EventId>, TableError> {
        let answer = self.held_query(business_id).limit(HELD_AT_A_TIME).send().await?;
        answer.items().iter().map(attributes::event_id).collect()
    }

    /// Writes into a record when it was last tried to write there, which nobody reads: whether the ledger takes any write.
    /// One that changes nothing could not tell. Where a business's items have come to 10 GB, the bound of a table with
    /// local indexes, DynamoDB refuses only what makes an item grow, as the first such write does.
    ///
    /// # Errors
    ///
    /// [`TableError`]: it does not.
    pub async fn try_writing(&self, business_id: &BusinessId, event_id: &EventId) -> Result<(), TableError> {
        let write = self
            .update_record(business_id, event_id)
            .update_expression("SET checked_at = :now")
            // Without its condition it would make a record where there is none.
            .condition_expression("attribute_exists(event_id)")
            .expression_attribute_values(":now", attributes::ms(clock::now()));
        written(write).await.map(drop)
    }

    /// How many events are held, counted to 1,000 and no further, with one request: of so many, all keys fit one answer.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn count_held(&self, business_id: &BusinessId) -> Result<u64, TableError> {
        let query = self.held_query(business_id).select(aws_sdk_dynamodb::types::Select::Count);
        let query = query.limit(i32::try_from(HELD_COUNTED).unwrap_or(i32::MAX));
        Ok(u64::try_from(query.send().await?.count).unwrap_or_default())
    }

    /// The index of held events is a local one, because only such a one can be read consistently: a replay must not
    /// miss an event that was held a moment ago.
    fn held_query(&self, business_id: &BusinessId) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.deliveries)
            .index_name("held")
            .consistent_read(true)
            .key_condition_expression("business_id = :business")
            .expression_attribute_values(":business", AttributeValue::S(business_id.to_string()))
    }
}

/// Sends a conditional write.
async fn written(write: UpdateItemFluentBuilder) -> Result<Written, TableError> {
    match write.send().await {
        Ok(_) => Ok(Written::Done),
        Err(error) => condition_failed(error),
    }
}

fn condition_failed<E>(error: aws_sdk_dynamodb::error::SdkError<E>) -> Result<Written, TableError>
where
    aws_sdk_dynamodb::Error: From<aws_sdk_dynamodb::error::SdkError<E>>,
{
    match error.into() {
        aws_sdk_dynamodb::Error::ConditionalCheckFailedException(_) => Ok(Written::ConditionFailed),
        error => Err(TableError::Unavailable(Box::new(error))),
    }
}

fn key(business_id: &BusinessId, event_id: &EventId) -> Item {
    HashMap::from([
        ("business_id".to_owned(), AttributeValue::S(business_id.to_string())),
        ("event_id".to_owned(), AttributeValue::S(event_id.to_string())),
    ])
}

fn keys(key: Item, attributes: Option<&[&str]>) -> KeysAndAttributes {
    let mut keys = KeysAndAttributes::builder().keys(key).consistent_read(true);
    if let Some(attributes) = attributes {
        let names: Vec<String> = (0..attributes.len()).map(|number| format!("#a{number}")).collect();
        keys = keys.projection_expression(names.join(", "));
        for (name, attribute) in names.into_iter().zip(attributes) {
            keys = keys.expression_attribute_names(name, *attribute);
        }
    }
    keys.build().expect("a key is given")
}
