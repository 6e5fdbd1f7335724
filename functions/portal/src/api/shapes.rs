//! The shapes of the API's requests and answers. The `OpenAPI` document is made of them, so their comments are written
//! for its readers.

mod settings;
mod signing_secret;
mod test_result;
mod preview;
mod list_query;
mod delivery;
mod replay;
mod resend;
mod summary;

pub(super) use delivery::{DeliveryDetails, DeliveryList, DeliverySummary};
pub(super) use list_query::{ExportQuery, ListQuery};
pub(super) use preview::{Preview, PreviewRequest};
pub(super) use replay::ReplayProgress;
pub(super) use resend::{AllOfStatus, ResendAll, ResendStatus, Sent, SentMany};
pub(super) use settings::{Settings, SettingsChange};
pub(super) use signing_secret::SigningSecret;
pub(super) use summary::{DeliverySummaryOfDays, SummaryQuery};
pub(super) use test_result::{TestRequest, TestResult};

use std::time::Duration;

use adapters::http::Timings;
use domain::Timestamp;
use domain::format::{Format, PayloadFormat};
use domain::outcome::Cause;
use serde::Serialize;
use utoipa::ToSchema;

/// Why an attempt did not deliver.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CauseName {
    Dns,
    Refused,
    Reset,
    Tls,
    Timeout,
    Protocol,
    Blocked,
    Status,
    Redirect,
    SignIn,
    Gone,
    Other,
}

impl From<Cause> for CauseName {
    fn from(cause: Cause) -> Self {
        use domain::outcome::Failure;
        match cause {
            Cause::Failed(Failure::Dns) => Self::Dns,
            Cause::Failed(Failure::Refused) => Self::Refused,
            Cause::Failed(Failure::Reset) => Self::Reset,
            Cause::Failed(Failure::Tls) => Self::Tls,
            Cause::Failed(Failure::Timeout) => Self::Timeout,
            Cause::Failed(Failure::Protocol) => Self::Protocol,
            Cause::Failed(Failure::Blocked) => Self::Blocked,
            Cause::Status => Self::Status,
            Cause::Redirect => Self::Redirect,
            Cause::SignIn => Self::SignIn,
            Cause::Gone => Self::Gone,
            Cause::Other => Self::Other,
        }
    }
}

/// The format of an attempt's body.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FormatName {
    Event,
    Flat,
    Slack,
    Discord,
    GoogleChat,
    Teams,
    Template,
}

impl From<Format> for FormatName {
    fn from(format: Format) -> Self {
        match format {
            Format::Event => Self::Event,
            Format::Flat => Self::Flat,
            Format::Slack => Self::Slack,
            Format::Discord => Self::Discord,
            Format::GoogleChat => Self::GoogleChat,
            Format::Teams => Self::Teams,
            Format::Template => Self::Template,
        }
    }
}

/// The format that a delivery's body is to have: `auto`, which asks the URL's host and path, or one for any URL.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PayloadFormatName {
    Auto,
    Event,
    Flat,
    Slack,
    Discord,
    GoogleChat,
    Teams,
    Template,
}

impl From<PayloadFormat> for PayloadFormatName {
    fn from(format: PayloadFormat) -> Self {
        match format {
            PayloadFormat::Auto => Self::Auto,
            PayloadFormat::Always(Format::Event) => Self::Event,
            PayloadFormat::Always(Format::Flat) => Self::Flat,
            PayloadFormat::Always(Format::Slack) => Self::Slack,
            PayloadFormat::Always(Format::Discord) => Self::Discord,
            PayloadFormat::Always(Format::GoogleChat) => Self::GoogleChat,
            PayloadFormat::Always(Format::Teams) => Self::Teams,
            PayloadFormat::Always(Format::Template) => Self::Template,
        }
    }
}

/// How long each phase took, in milliseconds; null: there was none.
#[derive(Debug, Serialize, ToSchema)]
struct TimingsMs {
    #[schema(required)]
    dns: Option<u64>,
    #[schema(required)]
    connect: Option<u64>,
    #[schema(required)]
    tls: Option<u64>,
    #[schema(required)]
    first_byte: Option<u64>,
    total: u64,
}

impl From<&Timings> for TimingsMs {
    fn from(timings: &Timings) -> Self {
        Self {
            dns: timings.dns.map(ms),
            connect: timings.connect.map(ms),
            tls: timings.tls.map(ms),
            first_byte: timings.first_byte.map(ms),
            total: ms(timings.total),
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A time in RFC 3339, in UTC and to the millisecond.
pub(in crate::api) fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}
