//! The Lambda function `portal`: the owner's page and its API, behind an HTTP API.
//!
//! This file only wires the function: it reads the environment, makes the clients once, and gives the router to the
//! runtime.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

mod spelling;
mod session;
mod problem;
mod use_cases;
mod event_id_path;
mod guides;
mod api;
mod pages;
mod html;
mod report;
mod answer;

use std::sync::Arc;

use adapters::attempter::Attempter;
use adapters::aws;
use adapters::aws::Timeouts;
use adapters::deliveries_table::Retention;
use adapters::http::{SystemLookup, WebhookClient, tls};
use adapters::notices::Notices;
use adapters::process::environment::{self, Portal as Environment};
use adapters::process::{log, metrics};
use adapters::queue::Commands;
use adapters::secret::SecretSource;
use adapters::tables::Tables;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::http::{Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, http::Uri};
use domain::owner_link::PortalSecret;
use domain::request::signature::InternalSecret;
use lambda_http::request::LambdaRequest;
use lambda_http::tower::ServiceExt as _;
use lambda_http::tower::util::MapResponse;
use lambda_http::{Adapter, Error, LambdaEvent, lambda_runtime};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use answer::Answer;
use problem::Problem;
use session::Access;
use use_cases::UseCases;

/// Settings and forms are a few kilobytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("portal", environment.log_level);
    metrics::start(environment::function_name().map_err(|error| error.to_string())?);
    let (use_cases, access) = wire(environment);
    let adapter = Adapter::from(MapResponse::new(router(Arc::new(use_cases), Arc::new(access)), Answer));
    Box::pin(lambda_runtime::run(adapter.map_request(readable))).await
}

/// Encodes the characters of a request's address that no URI may have (RFC 3986, 2). The adapter panics at them, so any
/// client could otherwise cause an error of this function. The adapter also resolves the path, so other spellings of
/// the API's addresses are recognised here, before that.
fn readable(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.raw_path = request.raw_path.as_deref().map(|path| spelling::routed(path).to_owned());
        for part in [&mut request.raw_path, &mut request.raw_query_string].into_iter().flatten() {
            *part = encoded(part);
        }
    }
    event
}

/// The characters that a URI may not have. `%` is not among them, so an encoded character stays as it is.
const UNREADABLE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, UNREADABLE).to_string()
}

fn router(use_cases: Arc<UseCases>, access: Arc<Access>) -> Router {
    Router::new()
        .merge(api::router(Arc::clone(&use_cases), Arc::clone(&access)))
        .merge(pages::router(use_cases, Arc::clone(&access)))
        .route(html::STYLE.path, asset(&html::STYLE))
        .route(html::SCRIPT.path, asset(&html::SCRIPT))
        .route(html::ICON.path, asset(&html::ICON))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(access, session::log_and_secure))
}

/// The `Cache-Control` of an asset that never changes, since its address changes with its content (RFC 8246).
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Serves a file that is the same for everybody. A page of another version, from before or after a deployment, gets the
/// file of this version, and its browser asks again the next time.
fn asset(asset: &'static html::Asset) -> axum::routing::MethodRouter {
    get(move |RawQuery(query): RawQuery| {
        let is_this = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(asset.version);
        let kept = if is_this { IMMUTABLE } else { "no-cache" };
        let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, kept)];
        std::future::ready((headers, asset.text))
    })
}

async fn not_found(uri: Uri) -> Response {
    if spelling::is_api(uri.path()) {
        return Problem::new(StatusCode::NOT_FOUND, "there is no such route").into_response();
    }
    as_html(StatusCode::NOT_FOUND, html::problem(html::Problem::NotFound))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    if spelling::is_api(uri.path()) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the route has no such method").into_response();
    }
    if method.is_safe() {
        // A browser that was closed may open the address of a form again. The form is on the main page.
        return (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
    }
    as_html(StatusCode::METHOD_NOT_ALLOWED, html::problem(html::Problem::NotFound))
}

fn as_html(status: StatusCode, document: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], document).into_response()
}

fn wire(environment: Environment) -> (UseCases, Access) {
    let tls = tls::client_config();
    let sdk = aws::sdk_config(&environment.aws, &tls, Timeouts::OF_A_PAGE);
    let endpoints = WebhookClient::new(environment.targets, environment.test_timeout, &tls, SystemLookup);
    let use_cases = UseCases {
        tables: Tables::new(&sdk, environment.settings_table_name, environment.deliveries_table_name),
        commands: Commands::new(&sdk, environment.events_queue_url),
        notices: Notices::new(&sdk, environment.owner_notices_topic_arn),
        internal_secret: SecretSource::new(&sdk, environment.internal_secret_arn, InternalSecret::new),
        attempter: Attempter::new(endpoints, environment.targets),
        targets: environment.targets,
        sends_mails: environment.sends_mails,
        retention: Retention(environment.retention_days),
    };
    let access = Access {
        portal_secret: SecretSource::new(&sdk, environment.portal_secret_arn, PortalSecret::new).prepared(),
        dashboard_origin: environment.dashboard_origin,
        dashboard_url: environment.dashboard_url,
    };
    (use_cases, access)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_becomes_one_that_can_be_read() {
        assert_eq!(encoded("a=<x>&b=%20\"שלום\""), "a=%3Cx%3E&b=%20%22%D7%A9%D7%9C%D7%95%D7%9D%22");
        let every: String = (0..0x250).filter_map(char::from_u32).collect();
        assert!(format!("/?{}", encoded(&every)).parse::<Uri>().is_ok());
    }
}
