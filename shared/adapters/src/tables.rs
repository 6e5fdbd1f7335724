//! The two tables together, and the reads that need both.
//!
//! The settings and the records of a batch's events are read in one round trip, and so are those of one event where the
//! batch's read does not count. On the happy path a delivery writes once.
//! Every read here is strongly consistent. The callers decide what a failed read or write means.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_types::SdkConfig;
use domain::event::{BusinessId, EventId};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::deliveries_table::{self, DeliveriesTable, Record};
use crate::dynamodb::attributes::text;
use crate::dynamodb::{Item, TableError};
use crate::settings_table::{self, SettingsItem, SettingsTable};

/// The waits before a read asks again for the part that DynamoDB left out, one for each try.
const UNPROCESSED_RETRIES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// The most events of one read: each asks for two items, and DynamoDB gives at most 100 (API Reference, `BatchGetItem`).
const READ_TOGETHER: usize = 50;

/// The settings table and the deliveries table.
#[derive(Clone, Debug)]
pub struct Tables {
    client: Client,
    /// One item for each business.
    pub settings: SettingsTable,
    /// One record for each event.
    pub deliveries: DeliveriesTable,
}

impl Tables {
    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, settings: String, deliveries: String) -> Self {
        let client = Client::new(sdk);
        Self {
            settings: SettingsTable::new(client.clone(), settings),
            deliveries: DeliveriesTable::new(client.clone(), deliveries),
            client,
        }
    }

    /// Reads a business's item as a delivery needs it; `now` decides whether the previous signing secret still counts.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn read_settings(&self, business_id: &BusinessId, now: Timestamp) -> Result<SettingsItem, TableError> {
        let request = HashMap::from([self.settings_request(business_id)]);
        self.settings_of(&mut self.batch_get(request).await?, now)
    }

    /// Reads a business's item and the record of one of its events, in one round trip. The record is None if there is
    /// none, or if DynamoDB did not read it for lack of throughput: the event then counts as never seen, and is at
    /// worst delivered twice.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn read_settings_and_record(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        now: Timestamp,
    ) -> Result<(SettingsItem, Option<Record>), TableError> {
        let record_key = deliveries_table::key(business_id, event_id);
        let record_request = (self.deliveries.name.clone(), request(vec![record_key], Some(Record::ATTRIBUTES)));
        let request = HashMap::from([self.settings_request(business_id), record_request]);
        let mut found = self.batch_get(request).await?;
        let record = found.remove(&self.deliveries.name).unwrap_or_default();
        Ok((self.settings_of(&mut found, now)?, Record::of(&record)?))
    }

    /// Reads the same for several events, in one round trip. Of more than 50 events, the first 50 are read.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn read_together<'a>(
        &self,
        events: impl IntoIterator<Item = (&'a BusinessId, &'a EventId)>,
    ) -> Result<ReadTogether, TableError> {
        let events: HashSet<_> = events.into_iter().take(READ_TOGETHER).collect();
        let businesses: HashSet<_> = events.iter().map(|(business_id, _)| *business_id).collect();
        let settings = businesses.iter().map(|business_id| settings_table::key(business_id)).collect();
        let records =
            events.iter().map(|(business_id, event_id)| deliveries_table::key(business_id, event_id)).collect();
        let asked = HashMap::from([
            (self.settings.name.clone(), request(settings, None)),
            (self.deliveries.name.clone(), request(records, Some(Record::ATTRIBUTES))),
        ]);
        let at = Instant::now();
        let answer = self.client.batch_get_item().set_request_items(Some(asked)).send().await?;
        let mut responses = answer.responses.unwrap_or_default();
        let mut unread = answer.unprocessed_keys.unwrap_or_default();
        let mut keys = |table: &str| unread.remove(table).map(|unread| unread.keys).unwrap_or_default();
        let unread_settings: HashSet<_> = by(keys(&self.settings.name), BUSINESS).map(|(id, _)| id).collect();
        let unread_records: HashSet<_> = by(keys(&self.deliveries.name), EVENT).map(|(id, _)| id).collect();
        let mut found =
            |table: &str, name| by(responses.remove(table).unwrap_or_default(), name).collect::<HashMap<_, _>>();
        let (mut settings, mut records) = (found(&self.settings.name, BUSINESS), found(&self.deliveries.name, EVENT));
        // What does not exist is known too: it is an empty item.
        for id in businesses.into_iter().map(BusinessId::as_str).filter(|id| !unread_settings.contains(*id)) {
            settings.entry(id.to_owned()).or_default();
        }
        for id in events.into_iter().map(|(_, id)| id.as_str()).filter(|id| !unread_records.contains(*id)) {
            records.entry(id.to_owned()).or_default();
        }
        Ok(ReadTogether { at, settings, records })
    }

    fn settings_request(&self, business_id: &BusinessId) -> (String, KeysAndAttributes) {
        (self.settings.name.clone(), request(vec![settings_table::key(business_id)], None))
    }

    fn settings_of(&self, found: &mut HashMap<String, Item>, now: Timestamp) -> Result<SettingsItem, TableError> {
        SettingsItem::from_item(&found.remove(&self.settings.name).ok_or(TableError::Throttled)?, now)
    }

    /// The items by their tables' names. An item that does not exist is empty. An item that DynamoDB left out at each
    /// try is absent.
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
}

/// The settings of several businesses and the records of several events, as one read has found them.
#[derive(Debug)]
pub struct ReadTogether {
    at: Instant,
    settings: HashMap<String, Item>,
    records: HashMap<String, Item>,
}

impl ReadTogether {
    /// For how long the read counts. An owner's correction reaches a message that begins later.
    pub const COUNTS_FOR: Duration = Duration::from_secs(1);

    /// Gives what [`Tables::read_settings_and_record`] would give of an event. None: DynamoDB left it out, the event was
    /// not asked for, or the read is too old.
    #[must_use]
    pub fn of(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        now: Timestamp,
    ) -> Option<Result<(SettingsItem, Option<Record>), TableError>> {
        if self.at.elapsed() > Self::COUNTS_FOR {
            return None;
        }
        let (settings, record) = (self.settings.get(business_id.as_str())?, self.records.get(event_id.as_str())?);
        Some(SettingsItem::from_item(settings, now).and_then(|settings| Ok((settings, Record::of(record)?))))
    }
}

/// The attributes by which the items of a read are told apart.
const BUSINESS: &str = "business_id";
const EVENT: &str = "event_id";

/// Gives each item with the text that it has under a name.
fn by(items: Vec<Item>, name: &'static str) -> impl Iterator<Item = (String, Item)> {
    items.into_iter().filter_map(move |item| Some((text(&item, name).ok()??.to_owned(), item)))
}

/// A consistent read of items, or of some of their attributes.
fn request(keys: Vec<Item>, attributes: Option<&[&str]>) -> KeysAndAttributes {
    let mut request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
    if let Some(attributes) = attributes {
        let names: Vec<String> = (0..attributes.len()).map(|number| format!("#a{number}")).collect();
        request = request.projection_expression(names.join(", "));
        for (name, attribute) in names.into_iter().zip(attributes) {
            request = request.expression_attribute_names(name, *attribute);
        }
    }
    request.build().expect("keys are given")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::attributes::{n, s};

    fn business(id: &str) -> BusinessId {
        BusinessId::parse(id).expect("an id")
    }

    fn event(number: u32) -> EventId {
        EventId::parse(&format!("evt_{number:032x}")).expect("an id")
    }

    /// A read of one business with a URL, and of two events, of which the second has a record.
    fn read(age: Duration) -> ReadTogether {
        let url = Item::from([("generic_webhook_url".to_owned(), s("https://a.example/"))]);
        let record = Item::from([("status".to_owned(), s("held")), ("attempts".to_owned(), n(3))]);
        let records = [(event(1), Item::new()), (event(2), record)];
        ReadTogether {
            at: Instant::now().checked_sub(age).expect("the machine runs for longer"),
            settings: HashMap::from([("b".to_owned(), url)]),
            records: records.into_iter().map(|(id, item)| (id.to_string(), item)).collect(),
        }
    }

    #[test]
    fn a_read_gives_what_was_found_and_what_was_found_absent() {
        let read = read(Duration::ZERO);
        let of =
            |id| read.of(&business("b"), &event(id), Timestamp::UNIX_EPOCH).expect("it was read").expect("readable");
        let ((first, absent), (_, record)) = (of(1), of(2));
        assert_eq!(first.settings.url.as_deref(), Some("https://a.example/"));
        assert_eq!((absent, record.map(|record| record.attempts)), (None, Some(3)));
    }

    #[test]
    fn what_was_not_read_is_read_again_and_so_is_everything_after_a_second() {
        let has =
            |read: &ReadTogether, of: &str, id| read.of(&business(of), &event(id), Timestamp::UNIX_EPOCH).is_some();
        let read = read(Duration::ZERO);
        assert!(has(&read, "b", 1) && !has(&read, "another", 1) && !has(&read, "b", 3));
        let old = super::tests::read(ReadTogether::COUNTS_FOR + Duration::from_millis(1));
        assert!(!has(&old, "b", 1));
    }
}
