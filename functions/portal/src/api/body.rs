//! Reads a request's JSON body, or answers with a problem.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

/// A JSON body. A client that sends something else gets a problem, not plain text.
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body that a request may leave out. A request without a body gets the default value.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        read(request, state, has_list).await.map(Self)
    }
}

/// A JSON body in which members of the outermost object may be lists, and none may be an object.
pub(crate) struct BodyWithLists<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for BodyWithLists<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        read(request, state, Value::is_array).await.map(Self)
    }
}

/// `is_refused`: whether a list stands where an object is expected, which serde would take for a struct too, by position.
async fn read<S: Send + Sync, T: DeserializeOwned>(
    request: Request,
    state: &S,
    is_refused: fn(&Value) -> bool,
) -> Result<T, Response> {
    let Json(value) = Json::<Value>::from_request(request, state)
        .await
        .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()).into_response())?;
    let refused = |detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).into_response();
    if is_refused(&value) {
        return Err(refused("an object is expected where a list is".to_owned()));
    }
    T::deserialize(value).map_err(|error| refused(error.to_string()))
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::new(body), state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()).into_response())?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        Body::from_request(request, state).await.map(|Body(value)| Self(value))
    }
}

/// serde takes a list for a struct too, by position. No request of the API has a list anywhere.
fn has_list(value: &Value) -> bool {
    match value {
        Value::Array(_) => true,
        Value::Object(members) => members.values().any(has_list),
        _ => false,
    }
}
