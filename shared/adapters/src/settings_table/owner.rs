//! A business's settings as the owner sees them.
//!
//! `deliver` reads the same attributes by [`super::Settings`], and refuses what nothing can be sent with. This module
//! refuses nothing: it only cleans the texts in the same way, so that an owner sees, and can correct, the texts that
//! another system has written.

use domain::endpoint::{EndpointId, Health};
use domain::event::BusinessId;
use domain::format::{ChosenFormat, PayloadFormat, Template};
use jiff::Timestamp;

use super::last_test::LastTest;
use super::settings::{endpoint_id, payload_format, payload_template, retention_days};
use super::{SettingsTable, health, key};
use crate::dynamodb::attributes::{cleaned, number, owned};
use crate::dynamodb::{Item, TableError};

/// The owner's settings and the health of the endpoint.
///
/// There is no `Debug`: this holds the signing secret.
#[derive(Clone, Default)]
pub struct OwnerSettings {
    /// The owner's URL, cleaned; None: nothing is sent.
    pub url: Option<String>,
    /// The identity of the endpoint that these settings make; None: there is no URL.
    pub endpoint: Option<EndpointId>,
    /// The chosen format.
    pub payload_format: PayloadFormat,
    /// The text of the owner's template, cleaned; None: there is none. It may be one that cannot be read.
    pub payload_template: Option<String>,
    /// The name of the owner's own header; None: there is none, or it has no value.
    pub static_header_name: Option<String>,
    /// The signing secret as it is stored, `whsec_...` if nothing else wrote it; None: there is none yet.
    pub signing_secret: Option<String>,
    /// The end of the time for which the previous signing secret is valid too, in whole seconds; None: it is not valid.
    pub previous_secret_until: Option<Timestamp>,
    /// The address for mails about the endpoint, cleaned. If another system wrote the text, it may be no address. None:
    /// no mails are sent.
    pub notify_email: Option<String>,
    /// How many days the business's records are to be kept, 1 at least. If another system wrote the number, the stack may
    /// keep records for fewer days. None: as many days as the stack keeps them.
    pub retention_days: Option<u16>,
    /// The last test of the endpoint that is set now; None: it has had none.
    pub last_test: Option<LastTest>,
    /// The state of the endpoint as it was stored last, perhaps for another URL.
    pub health: Health,
}

impl OwnerSettings {
    /// The health of the endpoint that is set now. A stored state of another URL does not count.
    #[must_use]
    pub fn here(&self, now: Timestamp) -> Health {
        match &self.endpoint {
            Some(endpoint) => self.health.for_endpoint(endpoint, now),
            None => self.health.clone(),
        }
    }

    /// The format that deliveries have.
    #[must_use]
    pub fn format(&self) -> ChosenFormat {
        let template = self.payload_template.as_deref().and_then(|text| Template::parse(text).ok());
        ChosenFormat { format: self.payload_format, template }
    }

    fn from_item(item: &Item, now: Timestamp) -> Result<Self, TableError> {
        let until = number::<f64>(item, "previous_signing_secret_expires_at")?;
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second does not matter")]
        let until = until.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
        let endpoint = endpoint_id(item)?;
        Ok(Self {
            url: cleaned(item, "generic_webhook_url")?,
            last_test: LastTest::of(item, endpoint.as_ref()),
            endpoint,
            payload_format: payload_format(item),
            payload_template: payload_template(item),
            static_header_name: cleaned(item, "static_header_value")?.and(cleaned(item, "static_header_name")?),
            signing_secret: owned(item, "signing_secret")?.filter(|secret| !secret.trim().is_empty()),
            previous_secret_until: until.filter(|until| *until > now && item.contains_key("previous_signing_secret")),
            // An address that cannot be read must not keep an owner from the page.
            notify_email: cleaned(item, "notify_email").ok().flatten(),
            retention_days: retention_days(item),
            health: health::from_item(item)?,
        })
    }
}

impl SettingsTable {
    /// Reads a business's settings for the owner; `now` decides whether the previous signing secret still counts. A
    /// business without an item has the default settings.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn read_for_owner(&self, business_id: &BusinessId, now: Timestamp) -> Result<OwnerSettings, TableError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key(business_id)));
        let answer = request.consistent_read(true).send().await?;
        OwnerSettings::from_item(&answer.item.unwrap_or_default(), now)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::dynamodb::attributes::{n, s};

    #[test]
    fn an_owner_sees_what_is_stored_even_if_nothing_could_be_sent_with_it() {
        let item = Item::from([
            ("generic_webhook_url".to_owned(), s("\u{200f}ftp://x\n")),
            ("static_header_name".to_owned(), s("Host")),
            ("static_header_value".to_owned(), s("x")),
            ("signing_secret".to_owned(), s("whsec_short")),
            ("previous_signing_secret".to_owned(), s("whsec_older")),
            ("previous_signing_secret_expires_at".to_owned(), n(1_000)),
        ]);
        let at = |second| {
            OwnerSettings::from_item(&item, Timestamp::from_second(second).expect("a time")).expect("readable")
        };
        let owned = at(999);
        assert_eq!(owned.url.as_deref(), Some("ftp://x"));
        assert_eq!(owned.static_header_name.as_deref(), Some("Host"));
        assert_eq!(owned.signing_secret.as_deref(), Some("whsec_short"));
        assert_eq!(owned.previous_secret_until.map(Timestamp::as_second), Some(1_000));
        assert_eq!(at(1_000).previous_secret_until, None);
    }

    #[test]
    fn of_a_business_that_never_saved_nothing_is_set() {
        let null = Item::from([("generic_webhook_url".to_owned(), AttributeValue::Null(true))]);
        for item in [Item::new(), null] {
            let owned = OwnerSettings::from_item(&item, Timestamp::UNIX_EPOCH).expect("readable");
            assert!(owned.url.is_none() && owned.signing_secret.is_none() && owned.health == Health::default());
        }
    }
}
