//! The changes that an owner makes to the settings.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::BusinessId;
use domain::format::PayloadFormat;
use domain::mail::EmailAddress;
use domain::request::signature::SigningSecret;
use jiff::Timestamp;

use super::SettingsTable;
use crate::dynamodb::attributes::{n, s};
use crate::dynamodb::update_expression::UpdateExpression;
use crate::dynamodb::{self, TableError, Written};

/// A change of the owner's own header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange<'a> {
    /// The stored header stays.
    Keep,
    /// The stored header is removed.
    Clear,
    /// This header replaces the stored one. The caller has checked it.
    Set {
        /// The header's name.
        name: &'a str,
        /// The header's value.
        value: &'a str,
    },
}

/// A change of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlChange<'a> {
    /// The stored URL stays.
    Keep,
    /// This URL replaces the stored one. The caller has cleaned and checked it. None: from now on there is no URL.
    Set(Option<&'a str>),
}

/// A change of the format and of the owner's template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatChange<'a> {
    /// The format that replaces the stored one. None: the stored one stays.
    pub format: Option<PayloadFormat>,
    /// The change of the template.
    pub template: TemplateChange<'a>,
}

/// A change of the owner's template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TemplateChange<'a> {
    /// The stored template stays.
    #[default]
    Keep,
    /// This template replaces the stored one. The caller has cleaned and checked it. None: from now on there is none.
    Set(Option<&'a str>),
}

/// A change of the address for mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailChange {
    /// The stored address stays.
    Keep,
    /// This address replaces the stored one. None: from now on there is no address.
    Set(Option<EmailAddress>),
}

/// A change of how long the business's records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionChange {
    /// The stored number of days stays.
    Keep,
    /// Records are kept for so many days, from the next write of each record on. The caller has checked the number.
    /// None: for as many days as the stack keeps them.
    Set(Option<u16>),
}

impl SettingsTable {
    /// Stores a change of the URL, of the owner's own header, of the format, of the address for mails, and of how long
    /// records are kept. An attribute that stays is not written.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The change may be stored all the same.
    pub async fn save(
        &self,
        business_id: &BusinessId,
        url: UrlChange<'_>,
        header: HeaderChange<'_>,
        format: FormatChange<'_>,
        email: &EmailChange,
        retention: RetentionChange,
    ) -> Result<(), TableError> {
        let mut update = UpdateExpression::default();
        if let UrlChange::Set(url) = url {
            update.set("generic_webhook_url", url.map_or(AttributeValue::Null(true), s));
        }
        match header {
            HeaderChange::Keep => {}
            HeaderChange::Clear => {
                update.remove("static_header_name");
                update.remove("static_header_value");
            }
            HeaderChange::Set { name, value } => {
                update.set("static_header_name", s(name));
                update.set("static_header_value", s(value));
            }
        }
        if let Some(format) = format.format {
            update.set("payload_format", s(format.as_str()));
        }
        if let TemplateChange::Set(template) = format.template {
            update.set_or_remove("payload_template", template.map(s));
        }
        if let EmailChange::Set(email) = email {
            update.set_or_remove("notify_email", email.as_ref().map(|email| s(email.as_str())));
        }
        if let RetentionChange::Set(days) = retention {
            update.set_or_remove("retention_days", days.map(n));
        }
        if !update.is_empty() {
            dynamodb::send(update.apply(self.update(business_id))).await?;
        }
        Ok(())
    }

    /// Replaces the signing secret, if the stored one is still `current`. [`Written::ConditionFailed`]: it is another.
    ///
    /// The secret `current` stays valid until `until`, to the second, unless it is one that nothing can be signed with.
    /// Without a current secret, this stores the business's first one.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The secret may be replaced all the same.
    pub async fn replace_secret(
        &self,
        business_id: &BusinessId,
        current: Option<&str>,
        new: &str,
        until: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self.update(business_id).expression_attribute_values(":new", s(new));
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
                .expression_attribute_values(":until", n(until.as_second())),
            None => write
                .update_expression("SET signing_secret = :new")
                .condition_expression(
                    "attribute_not_exists(signing_secret) OR attribute_type(signing_secret, :null) \
                     OR signing_secret = :empty",
                )
                .expression_attribute_values(":null", s("NULL"))
                .expression_attribute_values(":empty", s("")),
        };
        dynamodb::send(write).await
    }
}
