//! The attempts in flight at an endpoint, as the attribute `in_flight` of the settings item: a set of numbers.
//!
//! Each number belongs to an attempt that has had no answer for a while. The number is the Unix microsecond by which
//! the attempt will have ended. The set bounds, across environments, how many attempts are in flight at one endpoint
//! before five of them have failed and the endpoint's health says so. An endpoint that answers at once costs nothing of
//! this: the set is read with the settings, and only a slow attempt writes to it. These entries only limit concurrency.
//! An entry that cannot be read is ignored, and an entry that a crash left behind expires.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::BusinessId;
use jiff::Timestamp;

use super::SettingsTable;
use crate::dynamodb::{self, Item, TableError};

/// No attempt lasts longer than a function runs. An entry that claims more comes from a wrong clock, and must not keep
/// events back.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(1);

/// The attempts in flight at an endpoint, each as the time by which it will have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlight(Vec<Timestamp>);

impl InFlight {
    pub(super) fn from_item(item: &Item) -> Self {
        let Some(AttributeValue::Ns(numbers)) = item.get("in_flight") else {
            return Self::default();
        };
        let time = |number: &String| Timestamp::from_microsecond(number.parse().ok()?).ok();
        Self(numbers.iter().filter_map(time).collect())
    }

    /// How many attempts are in flight at the time `now`.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|until| is_in_flight(**until, now)).count()
    }

    /// The entries that have expired and that no attempt has removed.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.0.iter().copied().filter(move |until| !is_in_flight(*until, now))
    }
}

fn is_in_flight(until: Timestamp, now: Timestamp) -> bool {
    now < until && until <= now + LONGEST_ATTEMPT
}

impl SettingsTable {
    /// Adds an attempt that will have ended by `until`, to the microsecond, for the other environments to see.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The entry may be stored all the same.
    pub async fn add_in_flight(&self, business_id: &BusinessId, until: Timestamp) -> Result<(), TableError> {
        self.change_in_flight(business_id, "ADD #in_flight :changed", &BTreeSet::from([until])).await
    }

    /// Removes attempts that have ended, by the times under which they were added.
    ///
    /// # Errors
    ///
    /// [`TableError`]. An entry that stays expires, and the next slow attempt removes it.
    pub async fn remove_in_flight(
        &self,
        business_id: &BusinessId,
        ended: &BTreeSet<Timestamp>,
    ) -> Result<(), TableError> {
        self.change_in_flight(business_id, "DELETE #in_flight :changed", ended).await
    }

    async fn change_in_flight(
        &self,
        business_id: &BusinessId,
        expression: &str,
        changed: &BTreeSet<Timestamp>,
    ) -> Result<(), TableError> {
        let write = self
            .update(business_id)
            .update_expression(expression)
            // A business that has left must not come back as an item with nothing but this attribute.
            .condition_expression("attribute_exists(business_id)")
            .expression_attribute_names("#in_flight", "in_flight")
            .expression_attribute_values(":changed", to_attribute(changed));
        dynamodb::send(write).await.map(drop)
    }
}

/// The attribute for some times, each once: DynamoDB refuses a set that has a number twice.
fn to_attribute(times: &BTreeSet<Timestamp>) -> AttributeValue {
    AttributeValue::Ns(times.iter().map(|time| time.as_microsecond().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microsecond: i64) -> Timestamp {
        Timestamp::from_microsecond(microsecond).expect("a time")
    }

    #[test]
    fn an_attempt_in_flight_counts_until_its_time() {
        let times = [at(1_000_000), at(1_000_001), at(61_000_000), at(61_000_001)];
        let in_flight = InFlight::from_item(&Item::from([("in_flight".to_owned(), to_attribute(&times.into()))]));
        assert_eq!(in_flight, InFlight(times.to_vec()));
        assert_eq!(in_flight.count(at(1_000_000)), 2);
        let expired: Vec<_> = in_flight.expired(at(1_000_000)).collect();
        assert_eq!(expired, [times[0], times[3]], "past, and a wrong clock's");
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_ignored() {
        let numbers = ["", "x", "1.5", "99999999999999999999"].map(ToOwned::to_owned).to_vec();
        for value in [AttributeValue::Ns(numbers), AttributeValue::Null(true), AttributeValue::N("1".to_owned())] {
            let item = Item::from([("in_flight".to_owned(), value)]);
            assert_eq!(InFlight::from_item(&item), InFlight::default());
        }
        assert_eq!(InFlight::from_item(&Item::new()), InFlight::default());
    }
}
