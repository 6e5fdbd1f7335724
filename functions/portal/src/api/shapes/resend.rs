//! Sending many again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which deliveries are to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ResendAll {
    pub(in crate::api) status: ResendStatus,
}

/// All deliveries whose schedule is spent, or all that are held.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum ResendStatus {
    Failed,
    Held,
}

/// The deliveries that are on their way again.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sent {
    /// How many deliveries.
    pub(in crate::api) resent: u64,
    /// Whether there was no time for all deliveries: ask again for the rest.
    pub(in crate::api) more: bool,
}
