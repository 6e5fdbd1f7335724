//! The owner's last test, as the attribute `last_test` of the settings item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::endpoint::EndpointId;
use domain::event::BusinessId;
use jiff::Timestamp;

use super::SettingsTable;
use crate::dynamodb::attributes::{map, ms, s, text, time};
use crate::dynamodb::{self, Item, TableError};

/// The last test of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastTest {
    /// The time of the test, in whole milliseconds.
    pub at: Timestamp,
    /// Whether the test was delivered.
    pub was_delivered: bool,
}

impl LastTest {
    /// Gives the last test of this endpoint. None: the endpoint has had no test, or the attribute cannot be read. A
    /// test of another URL says nothing about this one.
    pub(super) fn of(item: &Item, endpoint: Option<&EndpointId>) -> Option<Self> {
        let test = map(item, "last_test").ok()??;
        let EndpointId(tested) = endpoint?;
        let at = time(test, "at").ok()??;
        let was_delivered = test.get("delivered")?.as_bool().ok().copied()?;
        (text(test, "endpoint").ok()? == Some(tested)).then_some(Self { at, was_delivered })
    }
}

impl SettingsTable {
    /// Stores the last test of an endpoint.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The test may be stored all the same.
    pub async fn store_last_test(
        &self,
        business_id: &BusinessId,
        endpoint: &EndpointId,
        test: LastTest,
    ) -> Result<(), TableError> {
        let EndpointId(endpoint) = endpoint;
        let value = HashMap::from([
            ("at".to_owned(), ms(test.at)),
            ("delivered".to_owned(), AttributeValue::Bool(test.was_delivered)),
            ("endpoint".to_owned(), s(endpoint)),
        ]);
        let write = self.update(business_id).update_expression("SET last_test = :test");
        dynamodb::send(write.expression_attribute_values(":test", AttributeValue::M(value))).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_counts_for_the_endpoint_that_was_tested() {
        let at = Timestamp::from_millisecond(1_772_359_200_123).expect("a time");
        let test = |delivered| {
            let members =
                [("at".to_owned(), ms(at)), ("delivered".to_owned(), delivered), ("endpoint".to_owned(), s("a.b"))];
            Item::from([("last_test".to_owned(), AttributeValue::M(HashMap::from(members)))])
        };
        let [tested, other] = ["a.b", "a.c"].map(|id| EndpointId(id.to_owned()));
        let stored = test(AttributeValue::Bool(true));
        assert_eq!(LastTest::of(&stored, Some(&tested)), Some(LastTest { at, was_delivered: true }));
        assert_eq!(LastTest::of(&stored, Some(&other)), None);
        assert_eq!(LastTest::of(&stored, None), None);
        assert_eq!(LastTest::of(&Item::new(), Some(&tested)), None);
        assert_eq!(LastTest::of(&test(s("yes")), Some(&tested)), None);
    }
}
