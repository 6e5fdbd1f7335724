//! What the person on call reads: one line per request, with the route and never an address, a token, a body or a URL.

use std::error::Error;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use shared::log::error_chain;

/// The end of a request. `route` is the route's pattern; None: there is no such route.
pub(crate) fn answered(
    method: &Method,
    route: Option<&str>,
    business_id: Option<&str>,
    status: StatusCode,
    took: Duration,
) {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    // A method may be any token, so that only those that have a route are told.
    let method = route.map(|_| method.as_str());
    tracing::info!(method, route, business_id, status_code = status.as_u16(), duration_ms, "answered");
}

/// A fault of ours.
pub(crate) fn fault(error: &(dyn Error + 'static)) {
    tracing::error!(error = error_chain(error), "fault");
}
