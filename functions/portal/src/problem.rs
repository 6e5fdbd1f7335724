//! The API's answer to a request that it refuses or cannot carry out: problem details (RFC 9457).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::use_cases::{InvalidFormat, Refused, UseCaseError};

/// Problem details, RFC 9457.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The name of the status.
    #[schema(example = "Conflict")]
    title: String,
    /// The HTTP status code.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The failure in a sentence, for a developer.
    detail: String,
    /// The fields that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

/// One field that was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The place of the field: a JSON Pointer (RFC 6901) into the request's body.
    #[schema(example = "/generic_webhook_url")]
    pointer: &'static str,
    /// The reason for the refusal, in one word.
    #[schema(example = "scheme")]
    code: &'static str,
    /// The same, for a developer.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    pub(crate) fn fields(refused: Refused) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "a field was refused");
        if let Some(refusal) = refused.url {
            let (pointer, code) = ("/generic_webhook_url", refusal.as_str());
            problem.errors.push(FieldError { pointer, code, detail: refusal.to_string() });
        }
        if let Some(invalid) = refused.header {
            let (pointer, code) = refused_header(invalid);
            problem.errors.push(FieldError { pointer, code, detail: invalid.to_string() });
        }
        if let Some(invalid) = refused.format {
            let (pointer, code) = refused_format(invalid);
            problem.errors.push(FieldError { pointer, code, detail: invalid.to_string() });
        }
        if let Some(invalid) = refused.email {
            let (pointer, code) = ("/notify_email", invalid.as_str());
            problem.errors.push(FieldError { pointer, code, detail: invalid.to_string() });
        }
        if let Some(invalid) = refused.retention {
            let (pointer, code) = ("/retention_days", "range");
            problem.errors.push(FieldError { pointer, code, detail: invalid.to_string() });
        }
        problem
    }
}

fn refused_format(invalid: InvalidFormat) -> (&'static str, &'static str) {
    use domain::format::TemplateError;
    match invalid {
        InvalidFormat::Unknown => ("/payload_format", "unknown"),
        InvalidFormat::NoTemplate | InvalidFormat::Template(TemplateError::Empty) => ("/payload_template", "missing"),
        InvalidFormat::Template(TemplateError::TooLong) => ("/payload_template", "too_long"),
        InvalidFormat::Template(TemplateError::NotJson(_)) => ("/payload_template", "json"),
        InvalidFormat::Template(TemplateError::NumberRange(_)) => ("/payload_template", "number"),
        InvalidFormat::Template(TemplateError::Depth(_)) => ("/payload_template", "depth"),
    }
}

fn refused_header(invalid: domain::request::InvalidStaticHeader) -> (&'static str, &'static str) {
    use domain::request::InvalidStaticHeader;
    match invalid {
        InvalidStaticHeader::Name => ("/static_header/name", "name"),
        InvalidStaticHeader::NameTooLong => ("/static_header/name", "too_long"),
        InvalidStaticHeader::Reserved => ("/static_header/name", "reserved"),
        InvalidStaticHeader::Value => ("/static_header/value", "value"),
        InvalidStaticHeader::ValueTooLong => ("/static_header/value", "too_long"),
    }
}

impl From<UseCaseError> for Problem {
    fn from(why: UseCaseError) -> Self {
        match why {
            UseCaseError::Refused(refused) => Self::fields(refused),
            UseCaseError::NoUrl => Self::new(StatusCode::CONFLICT, "no URL is set"),
            UseCaseError::NotFound => Self::new(StatusCode::NOT_FOUND, "there is no such delivery"),
            UseCaseError::RangeUnderWay => {
                Self::new(StatusCode::CONFLICT, "a replay of a range runs or waits; pausing ends it")
            }
            UseCaseError::NotKept => Self::new(StatusCode::CONFLICT, "the body of this delivery is not kept"),
            UseCaseError::Changed => Self::new(StatusCode::CONFLICT, "somebody else changed this at the same moment"),
            UseCaseError::TooManyTests(_) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "ten tests were made in this minute")
            }
            // The log has the fault's cause. A client is not told of it.
            UseCaseError::Fault(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "something of ours failed; try again"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}
