//! The code that both tables share: errors, conditional writes, attributes and update expressions.
//!
//! This module knows no table. [`crate::settings_table`] and [`crate::deliveries_table`] know one table each, and
//! [`crate::tables`] reads both in one round trip.

pub(crate) mod attributes;
pub(crate) mod update_expression;

use std::collections::HashMap;

use aws_sdk_dynamodb::Error;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::Stored;

/// An item, or a part of one: its attributes by their names.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A fault of this system: a table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table gave no answer, or an error.
    #[error("a table did not answer")]
    Unavailable(#[source] Box<Error>),
    /// DynamoDB left the settings out of its answer at each try.
    #[error("the settings were not read for lack of throughput")]
    Throttled,
    /// An attribute, named here, has a value that it cannot have. A delivery without this value could look forged.
    #[error("the attribute {0} is invalid")]
    Invalid(&'static str),
    /// Other messages of the event changed the record between each read and the write that followed.
    #[error("a record was changed by others each time it was to be written")]
    Contended,
}

impl<E> From<SdkError<E>> for TableError
where
    Error: From<SdkError<E>>,
{
    fn from(error: SdkError<E>) -> Self {
        Self::Unavailable(Box::new(error.into()))
    }
}

/// Whether DynamoDB carried out a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The condition held, and the item is written.
    Done,
    /// The condition did not hold, and nothing is written.
    ConditionFailed,
}

impl From<Written> for Stored {
    fn from(written: Written) -> Self {
        match written {
            Written::Done => Self::Done,
            Written::ConditionFailed => Self::Conflict,
        }
    }
}

/// Sends a write, most often a conditional one.
///
/// # Errors
///
/// [`TableError::Unavailable`]. DynamoDB may have carried out the write all the same.
pub(crate) async fn send(write: UpdateItemFluentBuilder) -> Result<Written, TableError> {
    written(write.send().await.map(drop).map_err(Error::from))
}

/// Puts an item, on a condition.
///
/// # Errors
///
/// [`TableError::Unavailable`]. DynamoDB may have stored the item all the same.
pub(crate) async fn put(item: PutItemFluentBuilder) -> Result<Written, TableError> {
    written(item.send().await.map(drop).map_err(Error::from))
}

fn written(answer: Result<(), Error>) -> Result<Written, TableError> {
    match answer {
        Ok(()) => Ok(Written::Done),
        Err(Error::ConditionalCheckFailedException(_)) => Ok(Written::ConditionFailed),
        Err(error) => Err(TableError::Unavailable(Box::new(error))),
    }
}
