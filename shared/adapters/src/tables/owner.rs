//! A business's settings as its owner sees and changes them.
//!
//! What `deliver` reads to send is in `settings`; here nothing is judged that is stored, only cleaned in the same way, so
//! that an owner can see and correct what another system has written.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::attributes::{cleaned, n, number, s, text};
use super::settings::endpoint_id;
use super::{Item, TableError, Tables, Written, condition_failed, health};
use domain::endpoint::{EndpointId, Health};
use domain::event::BusinessId;
use domain::request::signature::SigningSecret;

/// How many tests the counter of a minute has room for.
const TESTS_A_MINUTE_BELOW: i64 = 1_000;

/// What a business has set, and how its endpoint does.
#[derive(Clone, Default)]
pub struct OwnerSettings {
    /// The owner's URL, cleaned; None: nothing is to be sent.
    pub url: Option<String>,
    /// What tells that endpoint from another.
    pub endpoint: Option<EndpointId>,
    /// The name of the owner's own header, if it has a value too.
    pub static_header_name: Option<String>,
    /// The `whsec_` secret.
    pub signing_secret: Option<String>,
    /// Until when the secret before it is valid; None: it is not.
    pub previous_secret_until: Option<Timestamp>,
    /// How the endpoint does.
    pub health: Health,
}

/// What becomes of the owner's own header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange<'a> {
    /// It stays.
    Keep,
    /// There is none any more.
    Clear,
    /// This one, which has been vetted.
    Set {
        /// Its name.
        name: &'a str,
        /// Its value.
        value: &'a str,
    },
}

/// What becomes of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlChange<'a> {
    /// It stays.
    Keep,
    /// This one, which has been cleaned and vetted; None: there is none any more.
    Set(Option<&'a str>),
}

impl OwnerSettings {
    /// How the endpoint does that is set now.
    #[must_use]
    pub fn here(&self, now: Timestamp) -> Health {
        match &self.endpoint {
            Some(endpoint) => self.health.at(endpoint, now),
            None => self.health.clone(),
        }
    }

    fn from_item(item: &Item, now: Timestamp) -> Result<Self, TableError> {
        let set = |name| Ok::<_, TableError>(text(item, name)?.filter(|text| !text.trim().is_empty()));
        let until = number::<f64>(item, "previous_signing_secret_expires_at")?;
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second does not matter")]
        let until = until.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
        Ok(Self {
            url: cleaned(item, "generic_webhook_url")?,
            endpoint: endpoint_id(item)?,
            static_header_name: cleaned(item, "static_header_value")?.and(cleaned(item, "static_header_name")?),
            signing_secret: set("signing_secret")?.map(ToOwned::to_owned),
            previous_secret_until: until.filter(|until| *until > now && item.contains_key("previous_signing_secret")),
            health: health::from_item(item)?,
        })
    }
}

impl Tables {
    /// Reads what a business has set.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn owned(&self, business_id: &BusinessId, now: Timestamp) -> Result<OwnerSettings, TableError> {
        let request = self.client.get_item().table_name(&self.settings).set_key(Some(key(business_id)));
        let answer = request.consistent_read(true).send().await?;
        OwnerSettings::from_item(&answer.item.unwrap_or_default(), now)
    }

    /// Stores a URL, or that there is none, and the owner's own header. Both have been vetted. What stays is not written.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been stored all the same.
    pub async fn save(
        &self,
        business_id: &BusinessId,
        url: UrlChange<'_>,
        header: HeaderChange<'_>,
    ) -> Result<(), TableError> {
        let mut write = self.client.update_item().table_name(&self.settings).set_key(Some(key(business_id)));
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        if let UrlChange::Set(url) = url {
            sets.push("generic_webhook_url = :url");
            write = write.expression_attribute_values(":url", url.map_or(AttributeValue::Null(true), s));
        }
        match header {
            HeaderChange::Keep => {}
            HeaderChange::Clear => removes.push("static_header_name, static_header_value"),
            HeaderChange::Set { name, value } => {
                sets.push("static_header_name = :name, static_header_value = :value");
                write =
                    write.expression_attribute_values(":name", s(name)).expression_attribute_values(":value", s(value));
            }
        }
        let clause = |word: &str, parts: &[&str]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &sets) + &clause("REMOVE", &removes);
        if !expression.is_empty() {
            write.update_expression(expression).send().await?;
        }
        Ok(())
    }

    /// Counts a test of the calendar minute of `now`, unless `limit` have been counted in it already.
    ///
    /// The counter is one number, the minute and its count behind it: a later minute is a larger number, so that one
    /// condition tells whether the minute is new and another whether it is full.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been counted all the same.
    pub async fn count_test(
        &self,
        business_id: &BusinessId,
        limit: u32,
        now: Timestamp,
    ) -> Result<Written, TableError> {
        let begin = now.as_second().div_euclid(60) * TESTS_A_MINUTE_BELOW;
        let (first, full) = (n(begin + 1), n(begin + i64::from(limit)));
        let write = || {
            let write = self.client.update_item().table_name(&self.settings).set_key(Some(key(business_id)));
            write.expression_attribute_names("#tests", "tests").expression_attribute_values(":first", first.clone())
        };
        let fresh = write()
            .update_expression("SET #tests = :first")
            .condition_expression("attribute_not_exists(#tests) OR #tests < :first");
        if counted(fresh.send().await)? == Written::Done {
            return Ok(Written::Done);
        }
        let another = write()
            .update_expression("ADD #tests :one")
            .condition_expression("#tests >= :first AND #tests < :full")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":full", full);
        counted(another.send().await)
    }

    /// Replaces the signing secret, if it is still `current`; that one is then valid until `until`, unless nothing could be
    /// signed with it. Without a current one this makes the first.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may have been replaced all the same.
    pub async fn replace_secret(
        &self,
        business_id: &BusinessId,
        current: Option<&str>,
        new: &str,
        until: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .client
            .update_item()
            .table_name(&self.settings)
            .set_key(Some(key(business_id)))
            .expression_attribute_values(":new", s(new));
        let write = match current {
            Some(current) if SigningSecret::parse(current).is_err() => write
                .update_expression(
                    "SET signing_secret = :new REMOVE previous_signing_secret, previous_signing_secret_expires_at",
                )
                .condition_expression("signing_secret = :current")
                .expression_attribute_values(":current", s(current)),
            Some(current) => write
                .update_expression(
                    "SET signing_secret = :new, previous_signing_secret = :current, \
                     previous_signing_secret_expires_at = :until",
                )
                .condition_expression("signing_secret = :current")
                .expression_attribute_values(":current", s(current))
                .expression_attribute_values(":until", AttributeValue::N(until.as_second().to_string())),
            None => write
                .update_expression("SET signing_secret = :new")
                .condition_expression(
                    "attribute_not_exists(signing_secret) OR attribute_type(signing_secret, :null) \
                     OR signing_secret = :empty",
                )
                .expression_attribute_values(":null", s("NULL"))
                .expression_attribute_values(":empty", s("")),
        };
        match write.send().await {
            Ok(_) => Ok(Written::Done),
            Err(error) => condition_failed(error),
        }
    }
}

fn counted<T, E>(sent: Result<T, aws_sdk_dynamodb::error::SdkError<E>>) -> Result<Written, TableError>
where
    aws_sdk_dynamodb::Error: From<aws_sdk_dynamodb::error::SdkError<E>>,
{
    sent.map_or_else(condition_failed, |_| Ok(Written::Done))
}

fn key(business_id: &BusinessId) -> Item {
    Item::from([("business_id".to_owned(), s(business_id.as_str()))])
}

#[cfg(test)]
mod tests {
    use super::*;

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
