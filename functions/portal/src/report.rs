//! What the person on call reads: a line per request, with the route and never an address, a token, a body or a URL.

use std::error::Error;
use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::process::log::error_chain;
use axum::http::StatusCode;
use domain::clue::Clue;
use domain::event::{BusinessId, EventId};
use domain::outcome::Verdict;

use crate::use_cases::{Fault, UseCaseError};

/// What is to be told of an answer beside its status, on its way to the request's line.
#[derive(Clone, Debug)]
pub(crate) enum LogNote {
    /// Why nobody was let in.
    Denied(&'static str),
    /// A fault of ours.
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

/// A request and its answer.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) request_id: Option<&'a str>,
    pub(crate) method: Option<&'a str>,
    /// The route's pattern; None: there is no such route.
    pub(crate) route: Option<&'a str>,
    pub(crate) business_id: Option<&'a str>,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    pub(crate) noted: Option<&'a LogNote>,
}

/// The end of a request: ERROR if a fault of ours ended it.
pub(crate) fn answered(line: &Line<'_>) {
    let Line { request_id, method, route, business_id, status, took, noted } = *line;
    let (status_code, duration_ms) = (status.as_u16(), ms(took));
    match noted {
        Some(LogNote::Fault(error)) => {
            tracing::error!(request_id, method, route, business_id, status_code, duration_ms, error, "fault");
        }
        Some(LogNote::Denied(denied)) => {
            tracing::info!(request_id, method, route, status_code, duration_ms, denied, "answered");
        }
        None => tracing::info!(request_id, method, route, business_id, status_code, duration_ms, "answered"),
    }
}

/// A test of an owner: its attempt's line.
pub(crate) fn tested(business_id: &BusinessId, attempt: &Attempt) {
    let cause = match attempt.verdict {
        Verdict::Delivered => None,
        Verdict::Retry { cause, .. } => Some(cause.as_str()),
    };
    let (host, status_code, duration_ms) = (attempt.host.as_deref(), attempt.status_code(), ms(attempt.timings.total));
    let clue = attempt.clue.map(Clue::as_str);
    tracing::info!(business_id = business_id.as_str(), host, status_code, cause, clue, duration_ms, "tested");
}

/// An event is sent again at the wish of its owner.
pub(crate) fn resent(business_id: &BusinessId, event_id: &EventId) {
    tracing::info!(business_id = business_id.as_str(), event_id = event_id.as_str(), "resent");
}

/// A replay of a range has begun at the wish of its owner.
pub(crate) fn range_begun(business_id: &BusinessId, events: Option<u64>) {
    tracing::info!(business_id = business_id.as_str(), events, "range_begun");
}

/// A fault of ours beside what was asked.
pub(crate) fn fault_of(business_id: &BusinessId, fault: &Fault) {
    tracing::error!(business_id = business_id.as_str(), error = error_chain(fault), "fault");
}

/// The page is shown without its summary, since the deliveries could not be counted.
pub(crate) fn no_summary(business_id: &BusinessId, why: &UseCaseError) {
    if let UseCaseError::Fault(fault) = why {
        fault_of(business_id, fault);
    }
}

/// The page is shown without its summary, since counting the deliveries took too long.
pub(crate) fn late_summary(business_id: &BusinessId) {
    tracing::warn!(business_id = business_id.as_str(), "late_summary");
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
