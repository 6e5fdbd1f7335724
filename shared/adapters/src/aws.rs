//! The AWS SDK on this project's own HTTP client.
//!
//! The SDK's default client would bring a second TLS stack, which loads the system's roots at every start. The client
//! of this module has the connector and the TLS configuration of deliveries ([`crate::http::tls`]).
//! Credentials and region are read from the variables that Lambda sets, so no chain of providers is searched.

use std::error::Error;
use std::io;
use std::iter;
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
use http_body_util::BodyExt;
use hyper_util::client::legacy::{self, connect::dns::GaiResolver};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use rustls::ClientConfig;

use crate::http::connector::Connector;
use crate::kept::Renewed;
use crate::process::clock;
use crate::process::environment::Aws;

/// The time limits of calls to AWS.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The time limit of one try of a call.
    try_timeout: Duration,
    /// The time limit of a call with all its tries.
    call_timeout: Duration,
}

impl Timeouts {
    /// The limits of calls before and after an attempt. DynamoDB and SQS answer in milliseconds, so a slow try is
    /// better begun anew. Two calls and the longest attempt, which takes 50 s, fit into the function's 60 s.
    pub const OF_A_DELIVERY: Self =
        Self { try_timeout: Duration::from_millis(1_500), call_timeout: Duration::from_millis(4_500) };

    /// The limits of calls for an owner who waits for a page. A megabyte of the ledger takes longer to read than a
    /// record.
    pub const OF_A_PAGE: Self = Self { try_timeout: Duration::from_secs(5), call_timeout: Duration::from_secs(12) };
}

/// The longest time that a try may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an unused connection is kept. A frozen environment does not notice that AWS has closed a connection, and
/// each closed connection would cost a try. So [`Renewed`] keeps no connection over a freeze.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes the configuration of all AWS clients of a function.
#[must_use]
pub fn sdk_config(aws: &Aws, tls: &ClientConfig, timeouts: Timeouts) -> SdkConfig {
    sdk_config_by_clock(aws, tls, timeouts, clock::now)
}

/// Makes the same configuration with another clock, by which connections are kept. Tests have a clock that jumps.
#[must_use]
pub fn sdk_config_by_clock(aws: &Aws, tls: &ClientConfig, timeouts: Timeouts, clock: fn() -> Timestamp) -> SdkConfig {
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
                .operation_attempt_timeout(timeouts.try_timeout)
                .operation_timeout(timeouts.call_timeout)
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(aws.endpoint_url.clone());
    config.build()
}

fn http_client(tls: &ClientConfig, clock: fn() -> Timestamp) -> SharedHttpClient {
    let tls = Arc::new(tls.clone());
    let client = Renewed::new(move || Arc::new(client(Arc::clone(&tls)))).by_clock(clock);
    let connector = SharedHttpConnector::new(SdkConnector(client));
    http_client_fn(move |_settings, _components| connector.clone())
}

type Client = legacy::Client<Connector<GaiResolver>, SdkBody>;

#[expect(clippy::disallowed_methods, reason = "this client reaches AWS, not receivers; its URLs are the SDK's")]
fn client(tls: Arc<ClientConfig>) -> Client {
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(Connector::new(GaiResolver::new(), tls, CONNECT_TIMEOUT))
}

/// Sends the SDK's requests. The SDK itself has the timeouts and retries.
#[derive(Debug)]
struct SdkConnector(Renewed<Arc<Client>>);

impl HttpConnector for SdkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.get();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = client.request(request).await.map_err(connector_error)?.into_parts();
            let body = body.collect().await.map_err(connector_error)?.to_bytes();
            HttpResponse::try_from(http::Response::from_parts(head, SdkBody::from(body)))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The errors name no URL, which would contain the account's number if the URL is a queue's.
fn connector_error(error: impl Error + Send + Sync + 'static) -> ConnectorError {
    let mut chain = iter::successors(Some(&error as &(dyn Error + 'static)), |&error| error.source());
    let is_timeout = |error: &(dyn Error + 'static)| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    };
    if chain.any(is_timeout) { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) }
}
