//! Reads and writes attributes.
//!
//! A reader gives None for an attribute that is absent or NULL, and for an empty text. An attribute of another type, or
//! with a value that cannot be read, is [`TableError::Invalid`] with the attribute's name.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{Item, TableError};
use domain::event::{BusinessId, EventId};
use domain::pasted;

pub(crate) fn text<'a>(item: &'a Item, name: &'static str) -> Result<Option<&'a str>, TableError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value.as_str()).filter(|value| !value.is_empty())),
        Some(_) => Err(TableError::Invalid(name)),
    }
}

pub(crate) fn owned(item: &Item, name: &'static str) -> Result<Option<String>, TableError> {
    Ok(text(item, name)?.map(ToOwned::to_owned))
}

/// A text that an owner pasted or another system wrote, cleaned; None if cleaning leaves nothing.
pub(crate) fn cleaned(item: &Item, name: &'static str) -> Result<Option<String>, TableError> {
    Ok(text(item, name)?.map(pasted::cleaned).filter(|text| !text.is_empty()))
}

pub(crate) fn number<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<Option<T>, TableError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::N(value)) => value.parse().map(Some).map_err(|_| TableError::Invalid(name)),
        Some(_) => Err(TableError::Invalid(name)),
    }
}

/// A time, stored as Unix milliseconds.
pub(crate) fn time(item: &Item, name: &'static str) -> Result<Option<Timestamp>, TableError> {
    let milliseconds = number(item, name)?;
    milliseconds.map(Timestamp::from_millisecond).transpose().map_err(|_| TableError::Invalid(name))
}

pub(crate) fn map<'a>(item: &'a Item, name: &'static str) -> Result<Option<&'a Item>, TableError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::M(value)) => Ok(Some(value)),
        Some(_) => Err(TableError::Invalid(name)),
    }
}

/// The event whose record an item is.
pub(crate) fn event_id(item: &Item) -> Result<EventId, TableError> {
    required(text(item, "event_id")?.and_then(EventId::parse), "event_id")
}

/// The business whose item this is; None if the key is no id of a business.
pub(crate) fn business_id(item: &Item) -> Option<BusinessId> {
    BusinessId::parse(text(item, "business_id").ok()??).ok()
}

pub(crate) fn required<T>(value: Option<T>, name: &'static str) -> Result<T, TableError> {
    value.ok_or(TableError::Invalid(name))
}

/// A text.
pub(crate) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number.
pub(crate) fn n(value: impl ToString + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A time as Unix milliseconds.
pub(crate) fn ms(time: Timestamp) -> AttributeValue {
    n(time.as_millisecond())
}
