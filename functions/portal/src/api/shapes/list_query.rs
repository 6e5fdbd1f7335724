//! The query of a list of deliveries.

use serde::Deserialize;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use crate::api::DEFAULT_LIMIT;

/// Which deliveries are wanted. An empty parameter counts as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ListQuery {
    /// Only deliveries of this status.
    #[param(value_type = Option<WantedStatus>, inline)]
    pub(in crate::api) status: Option<String>,
    /// Only events that were first published at this time or later; RFC 3339.
    #[param(schema_with = time_schema)]
    pub(in crate::api) from: Option<String>,
    /// Only events that were first published at this time or earlier; RFC 3339.
    #[param(schema_with = time_schema)]
    pub(in crate::api) to: Option<String>,
    /// How many deliveries at most.
    #[param(schema_with = limit_schema)]
    pub(in crate::api) limit: Option<String>,
    /// The `next_cursor` of another list: this list begins behind the other one.
    #[param(pattern = "^[A-Za-z0-9_-]*$")]
    pub(in crate::api) cursor: Option<String>,
    /// Only deliveries whose subject or title contains this text, or whose phone number ends with its digits.
    #[param(max_length = 128)]
    pub(in crate::api) search: Option<String>,
}

/// Which deliveries are wanted in a file. An empty parameter counts as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ExportQuery {
    /// Only deliveries of this status.
    #[param(value_type = Option<WantedStatus>, inline)]
    status: Option<String>,
    /// Only events that were first published at this time or later; RFC 3339.
    #[param(schema_with = time_schema)]
    from: Option<String>,
    /// Only events that were first published at this time or earlier; RFC 3339.
    #[param(schema_with = time_schema)]
    to: Option<String>,
    /// Only deliveries whose subject or title contains this text, or whose phone number ends with its digits.
    #[param(max_length = 128)]
    search: Option<String>,
}

impl From<ExportQuery> for ListQuery {
    fn from(ExportQuery { status, from, to, search }: ExportQuery) -> Self {
        Self { status, from, to, search, limit: None, cursor: None }
    }
}

/// The status of a delivery; empty: any status.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes a parameter that the handler reads by itself, to say what is wrong with it")]
enum WantedStatus {
    Delivered,
    Retrying,
    Held,
    Failed,
    #[schema(rename = "")]
    Any,
}

/// A number from 1 to 100, or empty.
fn limit_schema() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(100));
    let empty = ObjectBuilder::new().schema_type(Type::String).max_length(Some(0));
    OneOfBuilder::new().item(number.default(Some(DEFAULT_LIMIT.into()))).item(empty).into()
}

/// A time, or empty.
fn time_schema() -> Schema {
    let time =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let empty = ObjectBuilder::new().schema_type(Type::String).max_length(Some(0));
    OneOfBuilder::new().item(time).item(empty).into()
}
