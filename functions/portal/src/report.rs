//! The log lines of `portal`. Each request has one, with the request's route. No line has an address, a token, a body
//! or a URL.

use std::error::Error;
use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::process::log::error_chain;
use adapters::process::metrics::{Metric, count};
use axum::http::StatusCode;
use domain::clue::Clue;
use domain::event::{BusinessId, EventId};
use domain::outcome::Verdict;

use crate::use_cases::{Fault, UseCaseError};

/// The reason for an answer, for the request's log line. An answer carries its note as an extension.
#[derive(Clone, Debug)]
pub(crate) enum LogNote {
    /// Why the request had no session.
    Denied(&'static str),
    /// A fault of this system, with its causes.
    Fault(String),
}

impl LogNote {
    pub(crate) fn fault(error: &(dyn Error + 'static)) -> Self {
        Self::Fault(error_chain(error))
    }

    pub(crate) fn fault_of(why: &UseCaseError) -> Option<Self> {
        match why {
            UseCaseError::Fault(fault) => Some(Self::fault(fault)),
            _ => None,
        }
    }
}

/// The fields of a request's log line.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) request_id: Option<&'a str>,
    pub(crate) method: Option<&'a str>,
    /// The route's pattern. None: no route matches the request.
    pub(crate) route: Option<&'a str>,
    pub(crate) business_id: Option<&'a str>,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    pub(crate) noted: Option<&'a LogNote>,
}

/// Logs the end of a request, as an ERROR if a fault of this system ended the request.
pub(crate) fn answered(line: &Line<'_>) {
    let Line { request_id, method, route, business_id, status, took, noted } = *line;
    let (status_code, duration_ms) = (status.as_u16(), ms(took));
    match noted {
        Some(LogNote::Fault(error)) => {
            count(Metric::Faults);
            tracing::error!(request_id, method, route, business_id, status_code, duration_ms, error, "fault");
        }
        Some(LogNote::Denied(denied)) => {
            tracing::info!(request_id, method, route, status_code, duration_ms, denied, "answered");
        }
        None => tracing::info!(request_id, method, route, business_id, status_code, duration_ms, "answered"),
    }
}

/// Logs the attempt of an owner's test.
pub(crate) fn tested(business_id: &BusinessId, attempt: &Attempt) {
    let cause = match attempt.verdict {
        Verdict::Delivered => None,
        Verdict::Retry { cause, .. } => Some(cause.as_str()),
    };
    let (host, status_code, duration_ms) = (attempt.host.as_deref(), attempt.status_code(), ms(attempt.timings.total));
    let clue = attempt.clue.map(Clue::as_str);
    tracing::info!(business_id = business_id.as_str(), host, status_code, cause, clue, duration_ms, "tested");
}

/// Logs that an event is sent again because its owner asked for it.
pub(crate) fn resent(business_id: &BusinessId, event_id: &EventId) {
    tracing::info!(business_id = business_id.as_str(), event_id = event_id.as_str(), "resent");
}

/// Logs that the replay of a range has begun because its owner asked for it.
pub(crate) fn range_begun(business_id: &BusinessId, events: Option<u64>) {
    tracing::info!(business_id = business_id.as_str(), events, "range_begun");
}

/// Logs a fault of this system that did not end its request.
pub(crate) fn fault_of(business_id: &BusinessId, fault: &Fault) {
    count(Metric::Faults);
    tracing::error!(business_id = business_id.as_str(), error = error_chain(fault), "fault");
}

/// Logs why the page has no summary: the deliveries could not be counted.
pub(crate) fn no_summary(business_id: &BusinessId, why: &UseCaseError) {
    if let UseCaseError::Fault(fault) = why {
        fault_of(business_id, fault);
    }
}

/// Logs that the page has no summary, since counting the deliveries took too long.
pub(crate) fn late_summary(business_id: &BusinessId) {
    tracing::warn!(business_id = business_id.as_str(), "late_summary");
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
