//! The settings: the answer, and the change.

use adapters::deliveries_table::Retention;
use adapters::settings_table::OwnerSettings;
use domain::endpoint::State;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{CauseName, PayloadFormatName, ReplayProgress, rfc3339};
use crate::use_cases::{
    EmailIntent, FormatIntent, HeaderIntent, ReplayView, RetentionIntent, SECRET_MASK, TemplateIntent, UrlIntent,
    UseCases, Warning, warnings,
};

/// The settings, and the state of the endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Settings {
    /// Where finished calls are sent; null: nothing is sent.
    #[schema(required, example = "https://n8n.example.com/webhook/calls")]
    generic_webhook_url: Option<String>,
    /// The owner's own header; null: there is none.
    #[schema(required)]
    static_header: Option<StaticHeader>,
    /// The format of a delivery's body.
    payload_format: PayloadFormatName,
    /// The owner's template; null: there is none.
    #[schema(required)]
    payload_template: Option<String>,
    /// Where mails go when the endpoint fails, is paused or has recovered; null: nowhere.
    #[schema(required, example = "owner@example.com")]
    notify_email: Option<String>,
    /// For how many days after its last change a delivery is kept; null: for as many as the installation keeps
    /// deliveries. A held one is kept until it has been sent.
    #[schema(required, minimum = 1, maximum = 3650, example = 7)]
    retention_days: Option<u16>,
    /// Whether events go out.
    status: EndpointStatus,
    /// Why the endpoint is paused; null: it is not paused.
    #[schema(required)]
    paused_reason: Option<PausedReason>,
    /// Since when the endpoint is failing or paused, in RFC 3339; null: it is active.
    #[schema(required, format = DateTime)]
    since: Option<String>,
    /// Why the last attempt failed; null: the endpoint is not failing.
    #[schema(required)]
    cause: Option<CauseName>,
    /// How many events are held; 1,000 stands for more.
    #[schema(maximum = 1000)]
    held: u64,
    /// The last test of these settings; null: they have had none.
    #[schema(required)]
    last_test: Option<LastTest>,
    /// The replay of a range of time, until the next one begins; without one, the replay of held events while it runs;
    /// null: there is none.
    #[schema(required)]
    replay: Option<ReplayProgress>,
    /// Doubts about settings that are allowed but probably not intended.
    pub(in crate::api) warnings: Vec<Warning>,
}

/// The owner's own header, for n8n Header Auth, Zapier and Make.
#[derive(Debug, Serialize, ToSchema)]
struct StaticHeader {
    /// The header's name.
    #[schema(example = "X-Api-Key")]
    name: String,
    /// A mask, since the value is never shown. A change that has the mask as its value keeps the stored value.
    #[schema(example = "••••••••")]
    value: &'static str,
}

/// The last test of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
struct LastTest {
    /// The time of the test, in RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// Whether the test was delivered.
    delivered: bool,
}

/// Whether events go out.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EndpointStatus {
    /// Events go out.
    Active,
    /// One event, the probe, keeps trying; the others are held.
    Failing,
    /// All events are held until the owner resumes.
    Paused,
}

/// Why an endpoint is paused: it answered 410, its probe has spent its schedule, its owner paused it, or there was no
/// URL.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PausedReason {
    Gone,
    Spent,
    Owner,
    NoUrl,
}

impl From<domain::endpoint::PausedReason> for PausedReason {
    fn from(reason: domain::endpoint::PausedReason) -> Self {
        use domain::endpoint::PausedReason as Reason;
        match reason {
            Reason::Gone => Self::Gone,
            Reason::Spent => Self::Spent,
            Reason::Owner => Self::Owner,
            Reason::NoUrl => Self::NoUrl,
        }
    }
}

impl Settings {
    pub(in crate::api) fn new(
        owned: &OwnerSettings,
        held: u64,
        replay: Option<&ReplayView>,
        use_cases: &UseCases,
    ) -> Self {
        let (status, since, cause, paused_reason) = match &owned.here(adapters::process::clock::now()).state {
            State::Active { .. } => (EndpointStatus::Active, None, None, None),
            State::Failing { since, cause, .. } => (EndpointStatus::Failing, Some(*since), Some(*cause), None),
            State::Paused { since, reason } => (EndpointStatus::Paused, Some(*since), None, Some(*reason)),
        };
        Self {
            generic_webhook_url: owned.url.clone(),
            static_header: owned.static_header_name.clone().map(|name| StaticHeader { name, value: SECRET_MASK }),
            payload_format: owned.payload_format.into(),
            payload_template: owned.payload_template.clone(),
            notify_email: owned.notify_email.clone(),
            // A number that does not count is not shown: records are kept as if there were none.
            retention_days: use_cases.retention.chosen(owned.retention_days).map(|Retention(days)| days),
            status,
            paused_reason: paused_reason.map(PausedReason::from),
            since: since.map(rfc3339),
            cause: cause.map(CauseName::from),
            held,
            last_test: owned.last_test.map(|test| LastTest { at: rfc3339(test.at), delivered: test.was_delivered }),
            replay: replay.map(ReplayProgress::from),
            warnings: warnings(owned, use_cases.targets),
        }
    }
}

/// New settings. A member that is present replaces the stored one; what an absent member names stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SettingsChange {
    /// Where finished calls are to be sent; null or empty: nothing is sent from now on.
    #[serde(default, deserialize_with = "url_intent")]
    #[schema(
        required = false, value_type = Option<String>, example = "https://n8n.example.com/webhook/calls",
        max_length = 2048
    )]
    generic_webhook_url: UrlIntent,
    /// The owner's own header. Absent: the stored header stays; null: the stored header is removed.
    #[serde(default, deserialize_with = "header_intent")]
    #[schema(required = false, value_type = Option<StaticHeaderChange>)]
    static_header: HeaderIntent,
    /// The format that a delivery's body is to have.
    #[serde(default, deserialize_with = "format_name")]
    #[schema(required = false, value_type = PayloadFormatName)]
    payload_format: Option<String>,
    /// The owner's template, which the format `template` needs: JSON, at most 4,096 bytes, with placeholders such as
    /// `{{phone}}` and `{{metadata.city}}` in its strings. Null or empty: the stored template is removed.
    #[serde(default, deserialize_with = "template_intent")]
    #[schema(
        required = false, value_type = Option<String>, example = r#"{"text":"{{summary}}"}"#, max_length = 4096
    )]
    payload_template: TemplateIntent,
    /// Where mails are to go when the endpoint fails, is paused or has recovered, at most one of a kind in an hour; null:
    /// nowhere. One address of ASCII characters.
    #[serde(default, deserialize_with = "email_intent")]
    #[schema(required = false, value_type = Option<String>, example = "owner@example.com", max_length = 254)]
    notify_email: EmailIntent,
    /// For how many days after its last change a delivery is to be kept, at most as many as the installation keeps
    /// deliveries (30 unless its operator has chosen another number); null: for as many. The number counts for a delivery
    /// from its next change on.
    #[serde(default, deserialize_with = "retention_intent")]
    #[schema(required = false, value_type = Option<u16>, minimum = 1, maximum = 3650, example = 7)]
    retention_days: RetentionIntent,
}

impl SettingsChange {
    /// The changes of the URL, of the header, of the format, of the address for mails, and of how long records are kept.
    pub(in crate::api) fn intents(self) -> (UrlIntent, HeaderIntent, FormatIntent, EmailIntent, RetentionIntent) {
        let format = FormatIntent { format: self.payload_format, template: self.payload_template };
        (self.generic_webhook_url, self.static_header, format, self.notify_email, self.retention_days)
    }
}

/// The owner's own header.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StaticHeaderChange {
    /// A token of RFC 9110. Names that a delivery needs for itself are refused.
    #[schema(example = "X-Api-Key", max_length = 128)]
    name: String,
    /// Visible ASCII characters, with spaces between them.
    #[schema(example = "s3cret", max_length = 4096)]
    value: String,
}

/// Called only if the member is present.
pub(super) fn url_intent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UrlIntent, D::Error> {
    Option::deserialize(deserializer).map(UrlIntent::Set)
}

/// Called only if the member is present. Any name is taken here: an unknown one is refused with its place.
pub(super) fn format_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Called only if the member is present.
pub(super) fn template_intent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TemplateIntent, D::Error> {
    Option::deserialize(deserializer).map(TemplateIntent::Set)
}

/// Called only if the member is present.
fn email_intent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EmailIntent, D::Error> {
    Option::deserialize(deserializer).map(EmailIntent::Set)
}

/// Called only if the member is present. Any whole number is taken here: one out of range is refused with its place.
fn retention_intent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RetentionIntent, D::Error> {
    Option::deserialize(deserializer).map(RetentionIntent::Set)
}

/// Called only if the member is present: null removes the header.
fn header_intent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderIntent, D::Error> {
    Ok(match Option::deserialize(deserializer)? {
        None => HeaderIntent::Clear,
        Some(StaticHeaderChange { name, value }) => HeaderIntent::Set { name, value: Some(value) },
    })
}
