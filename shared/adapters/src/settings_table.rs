//! The settings table: one item for each business.
//!
//! The item has three parts. The owner sets the first (URL, header, secret, address for mails, days of retention). The
//! functions keep the second, the health of the business's endpoint. The third is the set of attempts in flight at that
//! endpoint. Other systems write the item too, so each reader here judges each attribute. Every write here is an
//! `UpdateItem` that names the attributes it changes.

mod settings;
mod health;
mod in_flight;
mod owner;
mod owner_changes;
mod test_counter;
mod last_test;
mod mail_claims;
mod overdue;

pub use in_flight::InFlight;
pub use last_test::LastTest;
pub use mail_claims::MailClaim;
pub use owner::OwnerSettings;
pub use owner_changes::{EmailChange, FormatChange, HeaderChange, RetentionChange, TemplateChange, UrlChange};
pub use settings::Settings;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_types::SdkConfig;
use domain::endpoint::Health;
use domain::event::BusinessId;
use jiff::Timestamp;

use crate::dynamodb::attributes::{ms, n, s};
use crate::dynamodb::update_expression::UpdateExpression;
use crate::dynamodb::{self, Item, TableError, Written};

/// The one value of the attribute `unwell`, the hash key of the index of overdue endpoints.
const UNWELL: &str = "unwell";

/// The settings table.
#[derive(Clone, Debug)]
pub struct SettingsTable {
    client: Client,
    pub(crate) name: String,
}

/// A business's item as a delivery needs it.
pub struct SettingsItem {
    /// The owner's settings.
    pub settings: Settings,
    /// The state of the endpoint as it was stored last, perhaps for another URL.
    pub health: Health,
    /// The attempts that have been in flight at the endpoint for a while.
    pub in_flight: InFlight,
}

impl SettingsItem {
    pub(crate) fn from_item(item: &Item, now: Timestamp) -> Result<Self, TableError> {
        Ok(Self {
            settings: Settings::from_item(item, now)?,
            health: health::from_item(item)?,
            in_flight: InFlight::from_item(item),
        })
    }
}

impl SettingsTable {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// The table of this name, for a function that needs no other.
    #[must_use]
    pub fn open(sdk: &SdkConfig, name: String) -> Self {
        Self::new(Client::new(sdk), name)
    }

    /// Stores a state of health, if the stored state has the version before it. [`Written::ConditionFailed`]: it does
    /// not.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The state may be stored all the same.
    pub async fn store_health(&self, business_id: &BusinessId, health: &Health) -> Result<Written, TableError> {
        let mut update = UpdateExpression::default();
        update.set("health", health::to_attribute(health));
        // The sparse index of overdue endpoints is over these two. A healthy endpoint is not in the index.
        let due = health.due();
        update.set_or_remove("unwell", due.map(|_| s(UNWELL)));
        update.set_or_remove("due_at", due.map(ms));
        let stored = update.name("health");
        let condition = match health.version {
            0 | 1 => {
                let null = update.value("null", s("NULL"));
                format!("(attribute_not_exists({stored}) OR attribute_type({stored}, {null}))")
            }
            version => {
                let (name, before) = (update.name("version"), update.value("before", n(version - 1)));
                format!("{stored}.{name} = {before}")
            }
        };
        update.only_if(condition);
        dynamodb::send(update.apply(self.update(business_id))).await
    }

    /// A write to a business's item, of which the expression is still to be given.
    fn update(&self, business_id: &BusinessId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key(business_id)))
    }
}

/// The key of a business's item.
pub(crate) fn key(business_id: &BusinessId) -> Item {
    Item::from([("business_id".to_owned(), s(business_id.as_str()))])
}
