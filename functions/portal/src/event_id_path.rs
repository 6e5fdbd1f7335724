//! Which delivery an address names.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::event::EventId;

use crate::use_cases::UseCaseError;

/// The event id of a route. What is none, however it is encoded, names no delivery: an id needs no encoding.
pub(crate) struct EventIdPath(pub(crate) EventId);

impl<S: Send + Sync> FromRequestParts<S> for EventIdPath {
    type Rejection = UseCaseError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UseCaseError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| UseCaseError::NotFound)?;
        let id = parameters.iter().find_map(|(name, value)| (name == "event_id").then(|| EventId::parse(value)));
        id.flatten().map(Self).ok_or(UseCaseError::NotFound)
    }
}
