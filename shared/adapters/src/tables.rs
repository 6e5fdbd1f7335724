//! The two tables together, and the one read that needs both.
//!
//! A delivery reads a business's settings and an event's record in one round trip, and on the happy path writes once.
//! Every read here is strongly consistent. The callers decide what a failed read or write means.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_types::SdkConfig;
use domain::event::{BusinessId, EventId};
use jiff::Timestamp;

use crate::deliveries_table::{self, DeliveriesTable, Record};
use crate::dynamodb::{Item, TableError};
use crate::settings_table::{self, SettingsItem, SettingsTable};

/// The waits before a read asks again for the part that DynamoDB left out, one for each try.
const UNPROCESSED_RETRIES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

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
        let record_request = (self.deliveries.name.clone(), request(record_key, Some(Record::ATTRIBUTES)));
        let request = HashMap::from([self.settings_request(business_id), record_request]);
        let mut found = self.batch_get(request).await?;
        let record = found.remove(&self.deliveries.name).filter(|item| !item.is_empty());
        Ok((self.settings_of(&mut found, now)?, record.map(|item| Record::from_item(&item)).transpose()?))
    }

    fn settings_request(&self, business_id: &BusinessId) -> (String, KeysAndAttributes) {
        (self.settings.name.clone(), request(settings_table::key(business_id), None))
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

/// A consistent read of one item, or of some of its attributes.
fn request(key: Item, attributes: Option<&[&str]>) -> KeysAndAttributes {
    let mut request = KeysAndAttributes::builder().keys(key).consistent_read(true);
    if let Some(attributes) = attributes {
        let names: Vec<String> = (0..attributes.len()).map(|number| format!("#a{number}")).collect();
        request = request.projection_expression(names.join(", "));
        for (name, attribute) in names.into_iter().zip(attributes) {
            request = request.expression_attribute_names(name, *attribute);
        }
    }
    request.build().expect("a key is given")
}
