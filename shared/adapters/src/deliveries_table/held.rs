//! The held events: of one business in the order in which they happened, and of all businesses for `sweep`.
//!
//! The index of held events is sparse. It is a local one, because only a local index can be read consistently: a replay
//! must not miss an event that was held a moment ago.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use domain::endpoint::{Found, HELD_COUNTED, Position, Probe};
use domain::event::{BusinessId, EventId};
use domain::replay::Listed;

use super::DeliveriesTable;
use super::range::counted;
use crate::dynamodb::attributes::{business_id, event_id, s, text};
use crate::dynamodb::{Item, TableError};

/// How many held events a step of a replay takes: with one step a second, about 10 events a second.
const EVENTS_PER_STEP: i32 = 10;

/// How many keys of held events one read of the scan takes.
const KEYS_PER_SCAN: i32 = 1_000;

/// A place in the scan of all held events: the scan goes on behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldKey(pub(crate) Item);

impl DeliveriesTable {
    /// The first held events of a business, at most ten, in the order in which they happened.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn first_held(&self, business_id: &BusinessId) -> Result<Listed, TableError> {
        let answer = self.held_query(business_id).limit(EVENTS_PER_STEP).send().await?;
        let listed = |item: &Item| {
            let position = text(item, "held")?.unwrap_or_default().to_owned();
            Ok((event_id(item)?, Position(position)))
        };
        let events = answer.items().iter().map(listed).collect::<Result<_, TableError>>()?;
        Ok(Listed { events, read_to: None })
    }

    /// How many events of a business are held, counted up to [`HELD_COUNTED`]. This takes one request, since one answer
    /// has room for that many keys.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn count_held(&self, business_id: &BusinessId) -> Result<u64, TableError> {
        let query = self.held_query(business_id).select(Select::Count);
        let query = query.limit(i32::try_from(HELD_COUNTED).unwrap_or(i32::MAX));
        Ok(u64::try_from(query.send().await?.count).unwrap_or_default())
    }

    /// How many events of a business are held. None: more than 10,000.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn count_all_held(&self, business_id: &BusinessId) -> Result<Option<u64>, TableError> {
        counted(self.held_query(business_id)).await
    }

    fn held_query(&self, business_id: &BusinessId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .index_name("held")
            .consistent_read(true)
            .key_condition_expression("business_id = :business")
            .expression_attribute_values(":business", s(business_id.as_str()))
    }

    /// Gives the businesses that have held events among the next 1,000 keys behind `after`. With each business comes
    /// the key behind which the next business stands. The boolean tells whether there are more keys.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn businesses_with_held(
        &self,
        after: Option<HeldKey>,
    ) -> Result<(Vec<(BusinessId, HeldKey)>, bool), TableError> {
        let answer = self
            .client
            .scan()
            .table_name(&self.name)
            .index_name("held")
            .set_exclusive_start_key(after.map(|HeldKey(key)| key))
            .limit(KEYS_PER_SCAN)
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

    /// The facts of the ledger by which `sweep` decides about an endpoint: the first held event, and whether the ledger
    /// has the body of this probe.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn found(&self, business_id: &BusinessId, probe: Option<&Probe>) -> Result<Found, TableError> {
        let probe = probe.map(|probe| &probe.event);
        let (held, probe_is_kept) = tokio::join!(self.first_held(business_id), self.is_kept(business_id, probe));
        let first_held = held?.events.into_iter().next().map(|(event, _)| event);
        Ok(Found { first_held, probe_is_kept: probe_is_kept? })
    }

    async fn is_kept(&self, business_id: &BusinessId, event: Option<&EventId>) -> Result<bool, TableError> {
        let Some(event) = event else { return Ok(false) };
        Ok(self.stored_event(business_id, event).await?.is_some())
    }
}
