//! The page that says what is sent.

use axum::Extension;
use axum::http::StatusCode;

use super::{Answer, Owner, clock};
use crate::as_html;
use crate::html;
use crate::use_cases::{TestKind, UseCaseError};

/// Each kind of event with its fields, and the owner's own test event as its example.
pub(super) async fn events(Extension(business): Owner) -> Answer {
    let now = clock::now();
    let mut examples = Vec::with_capacity(TestKind::ALL.len());
    for kind in TestKind::ALL {
        let event = kind.event(&business, now).map_err(UseCaseError::from)?;
        examples.push((kind, event.body().to_owned()));
    }
    Ok(as_html(StatusCode::OK, html::events(&examples)))
}
