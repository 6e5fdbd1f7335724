//! The body that a test would send.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PayloadFormatName;
use super::settings::{format_name, template_intent, url_intent};
use crate::use_cases::{TemplateIntent, TestKind, UrlIntent};

/// Settings to try. What an absent member names is as it is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PreviewRequest {
    /// The format to try.
    #[serde(default, deserialize_with = "format_name")]
    #[schema(required = false, value_type = PayloadFormatName)]
    pub(in crate::api) payload_format: Option<String>,
    /// The template to try; null or empty: none. JSON, at most 4,096 bytes.
    #[serde(default, deserialize_with = "template_intent")]
    #[schema(required = false, value_type = Option<String>, max_length = 4096)]
    pub(in crate::api) payload_template: TemplateIntent,
    /// The type of the test event; absent: `webhook.test`.
    #[serde(default)]
    #[schema(required = false)]
    pub(in crate::api) event_type: TestKind,
    /// The URL to try, by which `auto` chooses; null or empty: none.
    #[serde(default, deserialize_with = "url_intent")]
    #[schema(
        required = false, value_type = Option<String>, example = "https://hooks.slack.com/services/T0/B0/x",
        max_length = 2048
    )]
    pub(in crate::api) generic_webhook_url: UrlIntent,
}

/// The body that a test would send: only ids and times differ.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Preview {
    /// The exact text.
    pub(in crate::api) body: String,
}
