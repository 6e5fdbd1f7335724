//! The summary of the last days.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::shapes::{DeliverySummaryOfDays, SummaryQuery};
use super::{App, Owner};
use crate::problem::Problem;
use crate::use_cases::{SUMMARY_DAYS, UseCaseError};

/// The longest summary, in days.
pub(super) const MOST_DAYS: u8 = 31;

/// Counts the deliveries of the last days by day and status. A day is a day in Israel, and a delivery belongs to the day
/// on which its event was first published.
#[utoipa::path(
    get, path = "/api/summary", params(SummaryQuery),
    responses(
        (status = OK, description = "The last days", body = DeliverySummaryOfDays),
        (status = BAD_REQUEST, description = "`days` is not 1 to 31", body = Problem,
         content_type = "application/problem+json")
    )
)]
pub(super) async fn summary(
    State(use_cases): App,
    Extension(business): Owner,
    query: Result<Query<SummaryQuery>, QueryRejection>,
) -> Result<Json<DeliverySummaryOfDays>, Response> {
    let days = query
        .map_err(|rejection| rejection.body_text())
        .and_then(|Query(query)| days(query.days.as_deref()))
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail).into_response())?;
    let summary = use_cases.summary(&business, days).await.map_err(UseCaseError::into_response)?;
    Ok(Json(summary.into()))
}

fn days(text: Option<&str>) -> Result<u8, String> {
    match text.filter(|text| !text.is_empty()).map(str::parse) {
        None => Ok(SUMMARY_DAYS),
        Some(Ok(days @ 1..=MOST_DAYS)) => Ok(days),
        Some(_) => Err(format!("days is not 1 to {MOST_DAYS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_1_to_31_and_14_where_none_are_given() {
        for (text, expected) in [("", 14), ("1", 1), ("31", 31)] {
            assert_eq!(days(Some(text)), Ok(expected));
        }
        assert_eq!(days(None), Ok(14));
        for text in ["0", "32", "-1", "1.5", "x", "256", "1e1", " 1"] {
            assert!(days(Some(text)).is_err(), "{text}");
        }
    }
}
