//! The shapes of the API's requests and answers.

use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::deliveries_table::{Details, LOCATION_CHARS, PastAttempt, Status, Summary, printable};
use adapters::http::Timings;
use adapters::settings_table::OwnerSettings;
use domain::Timestamp;
use domain::clue::Clue;
use domain::endpoint::State;
use domain::guard::{Refusal, TargetPolicy};
use domain::outcome::{Cause, Verdict};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use super::DEFAULT_LIMIT;
use crate::use_cases::{HeaderIntent, SECRET_MASK, SigningSecretText, UrlIntent, Warning, is_overdue, warnings};

/// The settings, and how the endpoint does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Settings {
    /// Where finished calls are sent; null: nowhere.
    #[schema(required, example = "https://n8n.example.com/webhook/calls")]
    generic_webhook_url: Option<String>,
    /// The owner's own header; null: none.
    #[schema(required)]
    static_header: Option<StaticHeader>,
    /// Whether events go out.
    status: EndpointStatus,
    /// Why not, if paused.
    #[schema(required)]
    paused_reason: Option<PausedReason>,
    /// Since when it is failing or paused; RFC 3339.
    #[schema(required, format = DateTime)]
    since: Option<String>,
    /// Why its last attempt failed, if failing.
    #[schema(required)]
    cause: Option<CauseName>,
    /// How many events wait; 1,000 stands for more.
    #[schema(maximum = 1000)]
    held: u64,
    /// What is allowed but probably not meant.
    pub(super) warnings: Vec<Warning>,
}

/// The owner's own header, for n8n Header Auth, Zapier and Make.
#[derive(Debug, Serialize, ToSchema)]
struct StaticHeader {
    /// Its name.
    #[schema(example = "X-Api-Key")]
    name: String,
    /// A mask: the value is never shown. A change that has the mask for a value keeps what is stored.
    #[schema(example = "••••••••")]
    value: &'static str,
}

/// Whether events go out.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EndpointStatus {
    /// They do.
    Active,
    /// One event, the probe, keeps trying; the others are held.
    Failing,
    /// All are held until the owner resumes.
    Paused,
}

/// Why an endpoint is paused: it answered 410, its last attempt was spent, its owner wished it, or there was no URL.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PausedReason {
    Gone,
    Spent,
    Owner,
    NoUrl,
}

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
    pub(super) fn new(owned: &OwnerSettings, held: u64, targets: TargetPolicy) -> Self {
        let (status, since, cause, paused_reason) = match &owned.here(adapters::process::clock::now()).state {
            State::Active { .. } => (EndpointStatus::Active, None, None, None),
            State::Failing { since, cause, .. } => (EndpointStatus::Failing, Some(*since), Some(*cause), None),
            State::Paused { since, reason } => (EndpointStatus::Paused, Some(*since), None, Some(*reason)),
        };
        Self {
            generic_webhook_url: owned.url.clone(),
            static_header: owned.static_header_name.clone().map(|name| StaticHeader { name, value: SECRET_MASK }),
            status,
            paused_reason: paused_reason.map(PausedReason::from),
            since: since.map(rfc3339),
            cause: cause.map(CauseName::from),
            held,
            warnings: warnings(owned, targets),
        }
    }
}

/// New settings. Those that are named replace the stored ones; an absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsChange {
    /// Where finished calls are to be sent; null or empty: nowhere.
    #[serde(default, deserialize_with = "url_wish")]
    #[schema(
        required = false, value_type = Option<String>, example = "https://n8n.example.com/webhook/calls",
        max_length = 2048
    )]
    pub(super) generic_webhook_url: UrlIntent,
    /// The owner's own header. Absent: it stays; null: there is none any more.
    #[serde(default, deserialize_with = "header_wish")]
    #[schema(required = false, value_type = Option<StaticHeaderChange>)]
    pub(super) static_header: HeaderIntent,
}

/// The owner's own header.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StaticHeaderChange {
    /// A token of RFC 9110 that the request does not need for itself.
    #[schema(example = "X-Api-Key", max_length = 128)]
    name: String,
    /// Visible ASCII.
    #[schema(example = "s3cret", max_length = 4096)]
    value: String,
}

/// Called only if the field is there.
fn url_wish<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UrlIntent, D::Error> {
    Option::deserialize(deserializer).map(UrlIntent::Set)
}

/// Called only if the field is there: null clears, absent keeps.
fn header_wish<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderIntent, D::Error> {
    Ok(match Option::deserialize(deserializer)? {
        None => HeaderIntent::Clear,
        Some(StaticHeaderChange { name, value }) => HeaderIntent::Set { name, value: Some(value) },
    })
}

/// What a test came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestResult {
    /// Whether it arrived.
    delivered: bool,
    /// HTTP status code; null: no answer came.
    #[schema(required)]
    status_code: Option<u16>,
    /// Why it did not arrive.
    #[schema(required)]
    cause: Option<CauseName>,
    /// Where the answer points to (`Location`), resolved.
    #[schema(required)]
    location: Option<String>,
    timings_ms: TimingsMs,
    /// The beginning of the answer, made safe.
    #[schema(required)]
    response_snippet: Option<String>,
}

impl TestResult {
    pub(super) fn new(attempt: &Attempt) -> Self {
        let cause = match attempt.verdict {
            Verdict::Delivered => None,
            Verdict::Retry { cause, .. } => Some(cause),
        };
        Self {
            delivered: cause.is_none(),
            status_code: attempt.status_code(),
            cause: cause.map(CauseName::from),
            location: attempt.location().and_then(|to| printable(to, LOCATION_CHARS)),
            timings_ms: TimingsMs::from(&attempt.timings),
            response_snippet: attempt.snippet().and_then(|text| printable(text, usize::MAX)),
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

/// The secret by which receivers verify `webhook-signature`.
#[expect(clippy::struct_field_names, reason = "the name is the contract's")]
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SigningSecret {
    /// As Standard Webhooks libraries take it: `whsec_` and base64.
    #[schema(required)]
    signing_secret: Option<String>,
    /// What it decodes to, for tools that know only text secrets (n8n).
    #[schema(required)]
    text: Option<String>,
    /// Until when the secret before is valid too; RFC 3339. Null: it is not.
    #[schema(required, format = DateTime)]
    previous_valid_until: Option<String>,
}

impl SigningSecret {
    pub(super) fn new(secret: Option<SigningSecretText>, previous_until: Option<Timestamp>) -> Self {
        let (signing_secret, text) = secret.map(|secret| (secret.secret, secret.text)).unzip();
        Self { signing_secret, text: text.flatten(), previous_valid_until: previous_until.map(rfc3339) }
    }
}

/// Which deliveries are wanted. An empty parameter counts as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those that are so.
    #[param(value_type = Option<WantedStatus>, inline)]
    pub(super) status: Option<String>,
    /// Only those that were first published then or later; RFC 3339.
    #[param(schema_with = time_schema)]
    pub(super) from: Option<String>,
    /// Only those that were first published then or earlier; RFC 3339.
    #[param(schema_with = time_schema)]
    pub(super) to: Option<String>,
    /// How many at most.
    #[param(schema_with = limit_schema)]
    pub(super) limit: Option<String>,
    /// Behind the last one of another list: its `next_cursor`.
    #[param(pattern = "^[A-Za-z0-9_-]*$")]
    pub(super) cursor: Option<String>,
    /// Only those whose subject has this in it, or whose phone number ends so.
    #[param(max_length = 128)]
    pub(super) search: Option<String>,
}

/// What has become of an event; empty: whatever has.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes what the handler reads itself, to say what is wrong with it")]
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

/// What has become of an event.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DeliveryStatus {
    Delivered,
    Retrying,
    Held,
    Failed,
    Other,
}

impl From<Status> for DeliveryStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Delivered => Self::Delivered,
            Status::Retrying => Self::Retrying,
            Status::Held => Self::Held,
            Status::Failed => Self::Failed,
            Status::Other => Self::Other,
        }
    }
}

/// A part of the delivery log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryList {
    pub(super) deliveries: Vec<DeliverySummary>,
    /// Where older ones are; null: there are none.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
}

/// One delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliverySummary {
    event_id: String,
    #[schema(example = "call.completed")]
    event_type: String,
    /// What has become of it.
    status: DeliveryStatus,
    /// Why the last attempt failed; null: it did not.
    #[schema(required)]
    cause: Option<CauseName>,
    /// How many attempts were made.
    attempts: u32,
    /// When the event was first published; RFC 3339.
    #[schema(format = DateTime)]
    created_at: String,
    /// When this last changed; RFC 3339.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it is tried again; RFC 3339.
    #[schema(required, format = DateTime)]
    next_attempt_at: Option<String>,
    /// It should have been tried again long ago, and was not: most likely its message is lost, and it has to be sent again.
    overdue: bool,
    /// HTTP status code of the last answer.
    #[schema(required)]
    status_code: Option<u16>,
    /// The id of the call, lead or appointment that it is about.
    #[schema(required)]
    subject: Option<String>,
    /// The last four digits of the phone number.
    #[schema(required)]
    phone_last_digits: Option<String>,
    /// The first 80 characters of the event's summary, as one line; null: the event has no summary.
    #[schema(required, max_length = 80)]
    title: Option<String>,
}

impl DeliverySummary {
    pub(super) fn new(summary: &Summary, now: Timestamp) -> Self {
        Self {
            event_id: summary.event_id.to_string(),
            event_type: summary.event_type.clone(),
            status: summary.status.into(),
            cause: summary.cause.map(CauseName::from),
            attempts: summary.attempts,
            created_at: rfc3339(summary.created_at),
            updated_at: rfc3339(summary.updated_at),
            next_attempt_at: summary.next_attempt_at.map(rfc3339),
            overdue: is_overdue(summary.status, summary.next_attempt_at, now),
            status_code: summary.status_code,
            subject: summary.subject.clone(),
            phone_last_digits: summary.phone_ending.clone(),
            title: summary.title.clone(),
        }
    }
}

/// One delivery, with its body and attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryDetails {
    #[serde(flatten)]
    summary: DeliverySummary,
    /// The exact body that is sent; null: it is not kept.
    #[schema(required)]
    body: Option<String>,
    /// The beginning of the last answer, made safe.
    #[schema(required)]
    response_snippet: Option<String>,
    /// The last attempts, newest last.
    attempt_log: Vec<AttemptEntry>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptEntry {
    /// When it ended; RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// Why it failed; null: it did not.
    #[schema(required)]
    cause: Option<CauseName>,
    /// HTTP status code; null: no answer came.
    #[schema(required)]
    status_code: Option<u16>,
    timings_ms: TimingsMs,
    /// The beginning of the answer, made safe.
    #[schema(required)]
    response_snippet: Option<String>,
    /// Where the answer points to (`Location`), resolved.
    #[schema(required)]
    location: Option<String>,
    /// Why the guard refused the URL or an address of its host, in the words of saving it; null: it did not.
    #[schema(required)]
    refusal: Option<&'static str>,
}

impl DeliveryDetails {
    pub(super) fn new(details: Details, now: Timestamp) -> Self {
        Self {
            summary: DeliverySummary::new(&details.summary, now),
            body: details.body,
            response_snippet: details.response_snippet,
            attempt_log: details.attempts.into_iter().map(AttemptEntry::from).collect(),
        }
    }
}

impl From<PastAttempt> for AttemptEntry {
    fn from(past: PastAttempt) -> Self {
        Self {
            at: rfc3339(past.at),
            cause: past.cause.map(CauseName::from),
            status_code: past.status_code,
            timings_ms: TimingsMs::from(&past.timings),
            response_snippet: past.response_snippet,
            location: past.location,
            refusal: past.clue.and_then(Clue::refusal).map(Refusal::as_str),
        }
    }
}

/// Which are to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResendAll {
    pub(super) status: ResendStatus,
}

/// All whose schedule is spent, or all that are held.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ResendStatus {
    Failed,
    Held,
}

/// What is on its way again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sent {
    /// How many.
    pub(super) resent: u64,
    /// Whether there was no time for all; ask again for the rest.
    pub(super) more: bool,
}

fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}
