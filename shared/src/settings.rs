//! A business's settings, as they stand in the settings table at the moment of an attempt.
//!
//! Nothing is cached: the URL is read anew at each attempt, so that an owner's correction heals what is pending. The
//! item is written by the portal, and its URL also by the dashboard's backend, so every attribute is judged on reading.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::event::BusinessId;
use crate::request::{Credentials, StaticHeader};
use crate::signature::SigningSecret;

/// Where a business's deliveries go, and what they carry.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The owner's URL as it was typed; None: nothing is to be sent.
    pub url: Option<String>,
    /// What deliveries are signed and marked with.
    pub credentials: Credentials,
}

/// A fault of ours: the receiver has no part in it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The table did not answer.
    #[error("the settings could not be read")]
    Read(#[source] Box<aws_sdk_dynamodb::Error>),
    /// An attribute holds what it cannot hold. Sending without it would be a delivery that looks forged.
    #[error("the settings' attribute {0} is invalid")]
    Invalid(&'static str),
}

/// The settings table.
#[derive(Clone, Debug)]
pub struct SettingsTable {
    client: Client,
    name: String,
}

impl SettingsTable {
    /// A table by its name.
    #[must_use]
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Reads a business's settings; one that is not in the table has none.
    ///
    /// # Errors
    ///
    /// [`SettingsError`].
    pub async fn read(&self, business_id: &BusinessId, now: Timestamp) -> Result<Settings, SettingsError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("business_id", AttributeValue::S(business_id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| SettingsError::Read(Box::new(error.into())))?;
        Settings::from_item(&answer.item.unwrap_or_default(), now)
    }
}

impl Settings {
    /// Reads an item; `now` decides whether the previous signing secret still counts.
    fn from_item(item: &HashMap<String, AttributeValue>, now: Timestamp) -> Result<Self, SettingsError> {
        let mut signing_secrets = Vec::new();
        if let Some(secret) = text(item, "signing_secret")? {
            signing_secrets.push(signing_secret("signing_secret", secret)?);
        }
        if expiry(item)?.is_some_and(|expiry| now.as_second() < expiry)
            && let Some(previous) = text(item, "previous_signing_secret")?
        {
            signing_secrets.push(signing_secret("previous_signing_secret", previous)?);
        }
        let static_header = match (text(item, "static_header_name")?, text(item, "static_header_value")?) {
            (Some(name), Some(value)) => {
                Some(StaticHeader::parse(name, value).map_err(|_| SettingsError::Invalid("static_header_name"))?)
            }
            _ => None,
        };
        let url = text(item, "generic_webhook_url")?.filter(|url| !url.trim().is_empty()).map(ToOwned::to_owned);
        Ok(Self { url, credentials: Credentials { signing_secrets, static_header } })
    }
}

/// A string attribute; absent, NULL and empty are all None.
fn text<'a>(item: &'a HashMap<String, AttributeValue>, name: &'static str) -> Result<Option<&'a str>, SettingsError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value.as_str()).filter(|value| !value.is_empty())),
        Some(_) => Err(SettingsError::Invalid(name)),
    }
}

fn expiry(item: &HashMap<String, AttributeValue>) -> Result<Option<i64>, SettingsError> {
    let name = "previous_signing_secret_expires_at";
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::N(seconds)) => seconds.parse().map(Some).map_err(|_| SettingsError::Invalid(name)),
        Some(_) => Err(SettingsError::Invalid(name)),
    }
}

fn signing_secret(name: &'static str, text: &str) -> Result<SigningSecret, SettingsError> {
    SigningSecret::parse(text).map_err(|_| SettingsError::Invalid(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OLDER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn settings(attributes: &[(&str, AttributeValue)]) -> Result<Settings, SettingsError> {
        let item = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Settings::from_item(&item, Timestamp::from_second(1_000).expect("a time"))
    }

    fn s(value: &str) -> AttributeValue {
        AttributeValue::S(value.to_owned())
    }

    #[test]
    fn absent_null_and_empty_urls_mean_send_nothing() {
        for item in [
            vec![],
            vec![("generic_webhook_url", AttributeValue::Null(true))],
            vec![("generic_webhook_url", s(""))],
            vec![("generic_webhook_url", s("  "))],
        ] {
            assert_eq!(settings(&item).expect("readable").url, None);
        }
    }

    #[test]
    fn the_previous_secret_counts_until_it_expires() {
        let with_expiry = |seconds: &str| {
            settings(&[
                ("signing_secret", s(SECRET)),
                ("previous_signing_secret", s(OLDER)),
                ("previous_signing_secret_expires_at", AttributeValue::N(seconds.to_owned())),
            ])
            .expect("readable")
            .credentials
            .signing_secrets
        };
        let both = [SECRET, OLDER].map(|text| SigningSecret::parse(text).expect("a secret"));
        assert_eq!(with_expiry("1001"), both);
        assert_eq!(with_expiry("1000"), both[..1]);
    }

    #[test]
    fn what_an_attribute_cannot_hold_is_a_fault_that_names_it() {
        for (name, value) in [
            ("generic_webhook_url", AttributeValue::N("1".into())),
            ("signing_secret", s("whsec_short")),
            ("previous_signing_secret_expires_at", s("1")),
        ] {
            let error = settings(&[(name, value)]).err().expect("a fault");
            assert_eq!(error.to_string(), format!("the settings' attribute {name} is invalid"));
        }
        assert!(settings(&[("static_header_name", s("Host")), ("static_header_value", s("x"))]).is_err());
    }
}
