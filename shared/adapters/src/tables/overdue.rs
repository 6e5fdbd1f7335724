//! What `sweep` reads: the businesses of which something is overdue, and those that have held events.
//!
//! Both indexes are sparse. On a healthy stack they are empty, and to read them costs next to nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::attributes::{ms, s, text};
use super::{Item, TableError, Tables, UNWELL, Written, condition_failed};
use domain::endpoint::{Found, State};
use domain::event::{BusinessId, EventId};

/// The settings item under which `sweep` keeps its place. No business has such an id: it holds a control character.
const SWEEP: &str = "\u{1}sweep";

/// How many keys a part of the index of held events has.
const HELD_PART: i32 = 1_000;

/// Where the reading of the held events goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldKey(Item);

impl Tables {
    /// The businesses of which something was due before `due`, the longest overdue first, `limit` at most.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn overdue(&self, due: Timestamp, limit: i32) -> Result<Vec<BusinessId>, TableError> {
        let answer = self
            .client
            .query()
            .table_name(&self.settings)
            .index_name("overdue")
            .key_condition_expression("unwell = :unwell AND due_at <= :due")
            .expression_attribute_values(":unwell", s(UNWELL))
            .expression_attribute_values(":due", ms(due))
            .limit(limit)
            .send()
            .await?;
        Ok(answer.items().iter().filter_map(business_id).collect())
    }

    /// The businesses that have held events, a part of them, each with the key behind which the next one stands. Whether
    /// there are more.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn with_held(&self, after: Option<HeldKey>) -> Result<(Vec<(BusinessId, HeldKey)>, bool), TableError> {
        let answer = self
            .client
            .scan()
            .table_name(&self.deliveries)
            .index_name("held")
            .set_exclusive_start_key(after.map(|HeldKey(key)| key))
            .limit(HELD_PART)
            .send()
            .await?;
        let mut found: Vec<(BusinessId, HeldKey)> = Vec::new();
        for item in answer.items.unwrap_or_default() {
            let Some(business_id) = business_id(&item) else { continue };
            if found.last().is_some_and(|(last, _)| *last == business_id) {
                found.pop();
            }
            found.push((business_id, HeldKey(item)));
        }
        Ok((found, answer.last_evaluated_key.is_some()))
    }

    /// What the ledger says of a business, as far as `sweep` needs it.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn found(&self, business_id: &BusinessId, state: &State) -> Result<Found, TableError> {
        let probe = match state {
            State::Failing { probe: Some(probe), .. } => Some(&probe.event),
            _ => None,
        };
        let (held, probe_is_kept) = tokio::join!(self.held(business_id), self.is_kept(business_id, probe));
        Ok(Found { first_held: held?.into_iter().next(), probe_is_kept: probe_is_kept? })
    }

    async fn is_kept(&self, business_id: &BusinessId, event: Option<&EventId>) -> Result<bool, TableError> {
        let Some(event) = event else { return Ok(false) };
        Ok(self.kept(business_id, event).await?.is_some())
    }

    /// Where the last run stopped, if it could not read all.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn sweep_goes_on(&self) -> Result<Option<HeldKey>, TableError> {
        let request = self.client.get_item().table_name(&self.settings).set_key(Some(sweep_key()));
        let item = request.consistent_read(true).send().await?.item.unwrap_or_default();
        Ok(item.get("held_after").and_then(|key| key.as_m().ok()).cloned().map(HeldKey))
    }

    /// Keeps where this run stopped. None: it has read all.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn sweep_stopped(&self, at: Option<HeldKey>) -> Result<(), TableError> {
        let write = self.client.update_item().table_name(&self.settings).set_key(Some(sweep_key()));
        let write = match at {
            Some(HeldKey(key)) => write
                .update_expression("SET held_after = :key")
                .expression_attribute_values(":key", AttributeValue::M(key)),
            None => write.update_expression("REMOVE held_after").condition_expression("attribute_exists(held_after)"),
        };
        match write.send().await {
            Ok(_) => Ok(()),
            Err(error) => condition_failed(error).map(|_: Written| ()),
        }
    }
}

fn sweep_key() -> Item {
    HashMap::from([("business_id".to_owned(), s(SWEEP))])
}

fn business_id(item: &Item) -> Option<BusinessId> {
    BusinessId::parse(text(item, "business_id").ok()??).ok()
}
