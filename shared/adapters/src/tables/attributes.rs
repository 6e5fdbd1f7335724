//! Reading attributes. Absent, NULL and, for texts, empty are all None; another type is an error that names it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{Item, TableError};
use domain::event::EventId;
use domain::pasted;

pub(super) fn text<'a>(item: &'a Item, name: &'static str) -> Result<Option<&'a str>, TableError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value.as_str()).filter(|value| !value.is_empty())),
        Some(_) => Err(TableError::Invalid(name)),
    }
}

/// What somebody has pasted or another system has written, cleaned; None if nothing is left.
pub(super) fn cleaned(item: &Item, name: &'static str) -> Result<Option<String>, TableError> {
    Ok(text(item, name)?.map(pasted::cleaned).filter(|text| !text.is_empty()))
}

pub(super) fn number<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<Option<T>, TableError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::N(value)) => value.parse().map(Some).map_err(|_| TableError::Invalid(name)),
        Some(_) => Err(TableError::Invalid(name)),
    }
}

/// A time in Unix milliseconds.
pub(super) fn time(item: &Item, name: &'static str) -> Result<Option<Timestamp>, TableError> {
    let milliseconds = number(item, name)?;
    milliseconds.map(Timestamp::from_millisecond).transpose().map_err(|_| TableError::Invalid(name))
}

pub(super) fn map<'a>(
    item: &'a Item,
    name: &'static str,
) -> Result<Option<&'a HashMap<String, AttributeValue>>, TableError> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::M(value)) => Ok(Some(value)),
        Some(_) => Err(TableError::Invalid(name)),
    }
}

pub(super) fn event_id(item: &Item) -> Result<EventId, TableError> {
    required(text(item, "event_id")?.and_then(EventId::parse), "event_id")
}

pub(super) fn required<T>(value: Option<T>, name: &'static str) -> Result<T, TableError> {
    value.ok_or(TableError::Invalid(name))
}

pub(super) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn n(value: impl ToString + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A time as Unix milliseconds.
pub(super) fn ms(time: Timestamp) -> AttributeValue {
    n(time.as_millisecond())
}
