//! The AWS SDK on this project's own HTTP client.
//!
//! The SDK's default client would bring a second TLS stack that loads the system's roots at every start. This one is a
//! plain reqwest client on the TLS set-up that deliveries use ([`crate::http::tls`]). Credentials and region come
//! from the Lambda environment, where they stand ready; no chain of providers is searched.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::{body::SdkBody, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use jiff::Timestamp;
use rustls::ClientConfig;

use crate::kept::Renewed;
use crate::process::clock;
use crate::process::environment::Aws;

/// How long AWS is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// One try of one call.
    try_timeout: Duration,
    /// One call with its tries.
    call_timeout: Duration,
}

impl Timeouts {
    /// Around an attempt. DynamoDB and SQS answer in milliseconds; a try that takes longer is better begun anew. Two
    /// calls stand in line there: with the longest attempt of 50 s they fit into the function's 60 s.
    pub const OF_A_DELIVERY: Self =
        Self { try_timeout: Duration::from_millis(1_500), call_timeout: Duration::from_millis(4_500) };

    /// For an owner who waits: a megabyte of the ledger takes longer than a record.
    pub const OF_A_PAGE: Self = Self { try_timeout: Duration::from_secs(5), call_timeout: Duration::from_secs(12) };
}

/// How long a try may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection is kept. A frozen environment does not see that one is gone, and each that is costs a try; after
/// a freeze there are none ([`Renewed`]).
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The configuration that every AWS client of a function is made from.
///
/// # Panics
///
/// If the TLS configuration cannot be used, which the tests of [`crate::http`] would show.
#[must_use]
pub fn sdk_config(aws: &Aws, tls: &ClientConfig, patience: Timeouts) -> SdkConfig {
    sdk_config_by_clock(aws, tls, patience, clock::now)
}

/// The same by another clock, by which connections are kept; tests have one that jumps.
///
/// # Panics
///
/// As [`sdk_config`].
#[must_use]
pub fn sdk_config_by_clock(aws: &Aws, tls: &ClientConfig, patience: Timeouts, clock: fn() -> Timestamp) -> SdkConfig {
    let credentials = Credentials::new(
        aws.access_key_id.clone(),
        aws.secret_access_key.clone(),
        aws.session_token.clone(),
        None,
        "LambdaEnvironment",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(aws.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(tls, clock))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(RetryConfig::standard())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(patience.try_timeout)
                .operation_timeout(patience.call_timeout)
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(aws.endpoint_url.clone());
    config.build()
}

fn http_client(tls: &ClientConfig, clock: fn() -> Timestamp) -> SharedHttpClient {
    let tls = tls.clone();
    let kept = Renewed::new(move || client(&tls)).by_clock(clock);
    let connector = SharedHttpConnector::new(ReqwestConnector(Arc::new(kept)));
    http_client_fn(move |_settings, _components| connector.clone())
}

#[expect(clippy::disallowed_methods, reason = "this client reaches AWS, not receivers; its URLs are the SDK's")]
fn client(tls: &ClientConfig) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
        .expect("a client with our own TLS configuration loads nothing that could fail")
}

/// Sends the SDK's requests; timeouts and retries are the SDK's.
#[derive(Debug)]
struct ReqwestConnector(Arc<Renewed<reqwest::Client>>);

impl HttpConnector for ReqwestConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.get();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let bytes = body.bytes().ok_or_else(|| ConnectorError::user("the request body is a stream".into()))?;
            let request = http::Request::from_parts(parts, reqwest::Body::from(bytes.to_vec()));
            let request = request.try_into().map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
            let answer = client.execute(request).await.map_err(connector_error)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = http::Response::new(SdkBody::from(answer.bytes().await.map_err(connector_error)?));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: reqwest::Error) -> ConnectorError {
    // A queue's URL tells the account's number, and an error may end in a log.
    let error = error.without_url();
    if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) }
}
