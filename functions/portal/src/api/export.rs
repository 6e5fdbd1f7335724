//! The log as a file for a spreadsheet.

mod csv;

use adapters::process::clock;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use domain::israel;

use super::shapes::ExportQuery;
use super::{App, Owner, wanted};
use crate::problem::Problem;
use crate::use_cases::UseCaseError;

/// Gives the newest 10,000 deliveries as a file for a spreadsheet: one row for each, newest first, behind a row with the
/// names of the columns. Every column has the value that the list gives.
///
/// The file is CSV (RFC 4180) in UTF-8 with a byte order mark. A cell that begins with `=`, `+`, `-`, `@`, a tab, CR or LF
/// has a `'` before it, so that no spreadsheet takes it for a formula. If deliveries are left out, the last row says so
/// in its first cell: those beyond 10,000, those beyond 5.5 megabytes, and those that a search did not reach in time.
#[utoipa::path(
    get, path = "/api/deliveries.csv", params(ExportQuery),
    responses(
        (status = OK, description = "The file", body = String, content_type = "text/csv",
         headers(("Content-Disposition" = String, description = "`attachment`, with a name for the file"))),
        (status = BAD_REQUEST, description = "A parameter cannot be read", body = Problem,
         content_type = "application/problem+json")
    )
)]
pub(super) async fn deliveries_csv(
    State(use_cases): App,
    Extension(business): Owner,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, Response> {
    let wanted = query
        .map_err(|rejection| rejection.body_text())
        .and_then(|Query(query)| wanted(query.into()))
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail).into_response())?;
    let exported = use_cases.export(&business, wanted).await.map_err(UseCaseError::into_response)?;
    let name = format!("attachment; filename=\"deliveries-{}.csv\"", israel::local(clock::now()).date());
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, csv::file(&exported.deliveries, exported.left_out)).into_response())
}
