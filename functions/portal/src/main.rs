//! The Lambda function `portal`: the owner's page and its API, behind an HTTP API.
//!
//! Wiring only: the environment is read, the clients are made once, the runtime is given the router.

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
use adapters::http::{SystemLookup, WebhookClient, tls};
use adapters::notices::Notices;
use adapters::process::environment::Portal as Environment;
use adapters::process::log;
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
    let (use_cases, access) = wire(environment);
    let adapter = Adapter::from(MapResponse::new(router(Arc::new(use_cases), Arc::new(access)), Answer));
    Box::pin(lambda_runtime::run(adapter.map_request(readable))).await
}

/// Whatever stands in a request's address, the rest must be able to read it: the adapter panics at what no URI may hold
/// (RFC 3986, 2), and that would be an error of ours which anybody can cause. It also resolves the path, so that a spelling
/// of the API's is told before.
fn readable(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.raw_path = request.raw_path.as_deref().map(|path| spelling::routed(path).to_owned());
        for part in [&mut request.raw_path, &mut request.raw_query_string].into_iter().flatten() {
            *part = encoded(part);
        }
    }
    event
}

/// What may not stand in a URI. What is encoded already stays as it is.
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

/// For good: the address changes with the content (RFC 8246).
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// What is the same for everybody. A page of another version, before a deployment or after, gets what there is, and its
/// browser asks again the next time.
fn asset(asset: &'static html::Asset) -> axum::routing::MethodRouter {
    get(move |RawQuery(query): RawQuery| {
        let is_this = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(asset.version);
        let kept = if is_this { FOR_GOOD } else { "no-cache" };
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
        // The address of a form, opened again by a browser that was closed: its page is what is wanted.
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
    };
    let access = Access {
        portal_secret: SecretSource::new(&sdk, environment.portal_secret_arn, PortalSecret::new),
        dashboard_origin: environment.dashboard_origin,
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
