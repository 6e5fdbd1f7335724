//! Reads the event id from the path of a request.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::event::EventId;

use crate::use_cases::UseCaseError;

/// The event id in a request's path. An id needs no encoding, so the text is not decoded, and a text that is not an id
/// names no delivery.
pub(crate) struct EventIdPath(pub(crate) EventId);

impl<S: Send + Sync> FromRequestParts<S> for EventIdPath {
    type Rejection = UseCaseError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UseCaseError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| UseCaseError::NotFound)?;
        let id = parameters.iter().find_map(|(name, value)| (name == "event_id").then(|| EventId::parse(value)));
        id.flatten().map(Self).ok_or(UseCaseError::NotFound)
    }
}
