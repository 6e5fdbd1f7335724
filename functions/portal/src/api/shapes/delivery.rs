//! A delivery: in a list, and by itself.

use adapters::deliveries_table::{Details, PastAttempt, Status, Summary};
use domain::Timestamp;
use domain::clue::Clue;
use domain::guard::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::{CauseName, FormatName, TimingsMs, rfc3339};
use crate::use_cases::is_overdue;

/// The status of a delivery.
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
pub(in crate::api) struct DeliveryList {
    pub(in crate::api) deliveries: Vec<DeliverySummary>,
    /// The `cursor` for the older deliveries; null: there are none.
    #[schema(required)]
    pub(in crate::api) next_cursor: Option<String>,
}

/// One delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DeliverySummary {
    event_id: String,
    #[schema(example = "call.completed")]
    event_type: String,
    /// The status of the delivery.
    status: DeliveryStatus,
    /// Why the last attempt failed; null: it delivered, or there was none.
    #[schema(required)]
    cause: Option<CauseName>,
    /// How many attempts were made.
    attempts: u32,
    /// When the event was first published; RFC 3339.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the delivery last changed; RFC 3339.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When the next attempt is made, in RFC 3339; null: none is planned.
    #[schema(required, format = DateTime)]
    next_attempt_at: Option<String>,
    /// Whether the next attempt is long overdue: most likely the event's message is lost, and the event has to be
    /// resent.
    overdue: bool,
    /// The HTTP status code of the last attempt's answer; null: no answer came.
    #[schema(required)]
    status_code: Option<u16>,
    /// The format of the last attempt's body; null: no body was made.
    #[schema(required)]
    format: Option<FormatName>,
    /// The id of the event's call, lead or appointment; null: the event has none.
    #[schema(required)]
    subject: Option<String>,
    /// The last four digits of the phone number; null: the event has no number.
    #[schema(required)]
    phone_last_digits: Option<String>,
    /// The first 80 characters of the event's summary, as one line; null: the event has no summary.
    #[schema(required, max_length = 80)]
    title: Option<String>,
}

impl DeliverySummary {
    pub(in crate::api) fn new(summary: &Summary, now: Timestamp) -> Self {
        Self {
            event_id: summary.event_id.to_string(),
            event_type: summary.event_type.clone(),
            status: summary.status.into(),
            cause: summary.cause.map(CauseName::from),
            attempts: summary.attempts,
            created_at: rfc3339(summary.created_at),
            updated_at: rfc3339(summary.updated_at),
            next_attempt_at: summary.next_attempt_at.map(rfc3339),
            overdue: is_overdue(summary, now),
            status_code: summary.status_code,
            format: summary.format.map(FormatName::from),
            subject: summary.subject.clone(),
            phone_last_digits: summary.phone_ending.clone(),
            title: summary.title.clone(),
        }
    }
}

/// One delivery, with its body and attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DeliveryDetails {
    #[serde(flatten)]
    summary: DeliverySummary,
    /// The event's exact body; null: it is not kept.
    #[schema(required)]
    body: Option<String>,
    /// The beginning of the last attempt's answer, with control characters replaced; null: it is empty, or none came.
    #[schema(required)]
    response_snippet: Option<String>,
    /// The last 20 attempts, newest last.
    attempt_log: Vec<AttemptEntry>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptEntry {
    /// When the attempt ended; RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// Why the attempt failed; null: it delivered.
    #[schema(required)]
    cause: Option<CauseName>,
    /// The HTTP status code; null: no answer came.
    #[schema(required)]
    status_code: Option<u16>,
    timings_ms: TimingsMs,
    /// The beginning of the answer, with control characters replaced; null: it is empty, or none came.
    #[schema(required)]
    response_snippet: Option<String>,
    /// The address that the answer points to (`Location`), resolved; at most 256 characters; null: there is none.
    #[schema(required)]
    location: Option<String>,
    /// The format of the body: the one that the owner chose, resolved by the URL. Null: the guard refused the URL before
    /// there was a body.
    #[schema(required)]
    format: Option<FormatName>,
    /// Why the guard refused the URL, or an address of its host: the word by which saving that URL is refused. Null:
    /// the guard refused nothing.
    #[schema(required)]
    refusal: Option<&'static str>,
}

impl DeliveryDetails {
    pub(in crate::api) fn new(details: Details, now: Timestamp) -> Self {
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
            format: past.format.map(FormatName::from),
            refusal: past.clue.and_then(Clue::refusal).map(Refusal::as_str),
        }
    }
}
