//! A test, and its result.

use adapters::attempter::Attempt;
use adapters::deliveries_table::{LOCATION_CHARS, printable};
use domain::outcome::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CauseName, TimingsMs};
use crate::use_cases::TestKind;

/// The event that a test is to send.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TestRequest {
    /// The type of the test event; absent: `webhook.test`, which has the fields of `call.completed`.
    #[serde(default)]
    #[schema(required = false)]
    pub(in crate::api) event_type: TestKind,
}

/// The result of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TestResult {
    /// Whether the receiver accepted the test event.
    delivered: bool,
    /// The HTTP status code; null: no answer came.
    #[schema(required)]
    status_code: Option<u16>,
    /// Why the test failed; null: it was delivered.
    #[schema(required)]
    cause: Option<CauseName>,
    /// The address that the answer points to (`Location`), resolved; at most 256 characters; null: there is none.
    #[schema(required)]
    location: Option<String>,
    timings_ms: TimingsMs,
    /// The beginning of the answer, with control characters replaced; null: the answer is empty, or none came.
    #[schema(required)]
    response_snippet: Option<String>,
}

impl TestResult {
    pub(in crate::api) fn new(attempt: &Attempt) -> Self {
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
