//! The settings table as `sweep` reads it: the endpoints of which something is overdue, and the place of `sweep`
//! itself.
//!
//! The index is a sparse global one. On a healthy stack it is empty, and reading it costs next to nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::BusinessId;
use jiff::Timestamp;

use super::{SettingsTable, UNWELL};
use crate::deliveries_table::HeldKey;
use crate::dynamodb::attributes::{self, map, ms, s};
use crate::dynamodb::{self, Item, TableError};

/// The settings item under which `sweep` keeps its place. No business has such an id: it holds a control character.
const SWEEP: &str = "\u{1}sweep";

impl SettingsTable {
    /// The businesses of which something was due at `due` or before, longest overdue first, at most `limit` of them.
    /// The index is read with eventual consistency, so each business is a candidate only.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn overdue(&self, due: Timestamp, limit: i32) -> Result<Vec<BusinessId>, TableError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("overdue")
            .key_condition_expression("unwell = :unwell AND due_at <= :due")
            .expression_attribute_values(":unwell", s(UNWELL))
            .expression_attribute_values(":due", ms(due))
            .limit(limit)
            .send()
            .await?;
        Ok(answer.items().iter().filter_map(attributes::business_id).collect())
    }

    /// The key behind which the scan of held events goes on. None: the last run read all of them, or the stored key
    /// cannot be read.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn sweep_position(&self) -> Result<Option<HeldKey>, TableError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(sweep_key()));
        let item = request.consistent_read(true).send().await?.item.unwrap_or_default();
        Ok(map(&item, "held_after").ok().flatten().cloned().map(HeldKey))
    }

    /// Stores the key behind which the next run goes on with the scan of held events. None: this run read all of them.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The key may be stored all the same.
    pub async fn store_sweep_position(&self, position: Option<HeldKey>) -> Result<(), TableError> {
        let write = self.client.update_item().table_name(&self.name).set_key(Some(sweep_key()));
        let write = match position {
            Some(HeldKey(key)) => write
                .update_expression("SET held_after = :key")
                .expression_attribute_values(":key", AttributeValue::M(key)),
            None => write.update_expression("REMOVE held_after").condition_expression("attribute_exists(held_after)"),
        };
        dynamodb::send(write).await.map(drop)
    }
}

fn sweep_key() -> Item {
    Item::from([("business_id".to_owned(), s(SWEEP))])
}
