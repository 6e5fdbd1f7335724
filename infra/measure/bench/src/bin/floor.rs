//! The floor: the least program on this stack that does the same work for a healthy endpoint, as one would write it in
//! an afternoon. `make bench` compares `deliver` with this function.
//!
//! For each batch: one `BatchGetItem` for the settings and the records of all its events. For each event: two HMACs, one
//! POST, the body compressed by zstd at its usual level, one `PutItem` and one log line. The floor has the same Lambda
//! runtime, AWS SDK, TLS and compiler settings as `deliver`, and otherwise what most programs have: reqwest as HTTP client
//! and glibc's allocator.
//!
//! The floor has no guard, no normalised body, no other formats, no verdict on answers, no health of endpoints, no
//! limits, no schedule, no metrics, no phases of an attempt, and its ledger has one attempt without detail.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a reference that stops at the first fault")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue::{B, N, S};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
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
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use zstd::bulk::Compressor;

/// The clients and names that every batch needs.
struct Floor {
    dynamodb: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
    http: reqwest::Client,
    settings_table: String,
    deliveries_table: String,
    secret_arn: String,
    internal: OnceCell<String>,
    compressor: Mutex<Compressor<'static>>,
}

/// The part of an event that the floor reads.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "event_type")]
    kind: String,
    business_id: String,
    call_id: String,
}

type Item = HashMap<String, AttributeValue>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let floor = Arc::new(Floor::new());
    let handler = |event: LambdaEvent<SqsEvent>| Arc::clone(&floor).deliver_all(event.payload);
    Runtime::new(service_fn(handler)).run().await
}

impl Floor {
    fn new() -> Self {
        let http = http_client();
        let config = sdk_config(http.clone());
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            http,
            settings_table: variable("SETTINGS_TABLE_NAME"),
            deliveries_table: variable("DELIVERIES_TABLE_NAME"),
            secret_arn: variable("INTERNAL_SECRET_ARN"),
            internal: OnceCell::new(),
            compressor: Mutex::new(Compressor::new(3).expect("zstd has level 3")),
        }
    }

    async fn deliver_all(self: Arc<Self>, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let mut events = Vec::with_capacity(batch.records.len());
        for message in batch.records {
            let event: Event = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
            let id = Sha256::digest(format!("{}\n{}\n{}", event.kind, event.business_id, event.call_id));
            events.push((message, event, format!("evt_{}", hex::encode(&id[..16]))));
        }
        let settings = Arc::new(self.read(&events).await?);
        let deliveries: Vec<_> = events
            .into_iter()
            .map(|(message, event, id)| {
                let id_of_message = message.message_id.clone().unwrap_or_default();
                let delivery = Arc::clone(&self).deliver(message, event, id, Arc::clone(&settings));
                (id_of_message, tokio::spawn(delivery))
            })
            .collect();
        let mut response = SqsBatchResponse::default();
        for (id, delivery) in deliveries {
            if !delivery.await?? {
                response.add_failure(id);
            }
        }
        Ok(response)
    }

    /// Reads the settings of the batch's businesses, by their ids, and the records of its events, of which none exists.
    async fn read(&self, events: &[(SqsMessage, Event, String)]) -> Result<HashMap<String, Item>, Error> {
        let mut settings = KeysAndAttributes::builder().consistent_read(true);
        let mut businesses: Vec<_> = events.iter().map(|(_, event, _)| event.business_id.as_str()).collect();
        businesses.sort_unstable();
        businesses.dedup();
        for business in businesses {
            settings = settings.keys(Item::from([("business_id".to_owned(), S(business.to_owned()))]));
        }
        let mut records = KeysAndAttributes::builder().consistent_read(true).projection_expression("event_id");
        for (_, event, id) in events {
            records = records.keys(Item::from([
                ("business_id".to_owned(), S(event.business_id.clone())),
                ("event_id".to_owned(), S(id.clone())),
            ]));
        }
        let request = self.dynamodb.batch_get_item();
        let request = request.request_items(&self.settings_table, settings.build()?);
        let answer = request.request_items(&self.deliveries_table, records.build()?).send().await?;
        let mut responses = answer.responses.unwrap_or_default();
        if responses.get(&self.deliveries_table).is_some_and(|records| !records.is_empty()) {
            return Err("the bench has no event twice".into());
        }
        let items = responses.remove(&self.settings_table).unwrap_or_default();
        let by_business = |item: Item| Some((item.get("business_id")?.as_s().ok()?.clone(), item));
        Ok(items.into_iter().filter_map(by_business).collect())
    }

    async fn secret(&self) -> Result<&String, Error> {
        let read = async || {
            let answer = self.secrets.get_secret_value().secret_id(&self.secret_arn).send().await?;
            answer.secret_string.ok_or_else(|| Error::from("the secret is empty"))
        };
        self.internal.get_or_try_init(read).await
    }

    /// Delivers one event. False: the receiver has answered with a failure.
    async fn deliver(
        self: Arc<Self>,
        message: SqsMessage,
        event: Event,
        id: String,
        settings: Arc<HashMap<String, Item>>,
    ) -> Result<bool, Error> {
        let item = settings.get(&event.business_id).ok_or("the business has no settings")?;
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).ok_or("a setting is absent");
        let key = STANDARD.decode(text("signing_secret")?.strip_prefix("whsec_").unwrap_or_default())?;
        let body = message.body.unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let seconds = now.as_secs();
        let signed = format!("{id}.{seconds}.");
        let begun = tokio::time::Instant::now();
        let request = self
            .http
            .post(text("generic_webhook_url")?)
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "ProSaaS-Webhooks/0.1.0")
            .header("x-prosaas-event", event.kind.as_str())
            .header("x-prosaas-timestamp", seconds.to_string())
            .header("x-prosaas-signature", hex::encode(hmac(self.secret().await?.as_bytes(), &[body.as_bytes()])))
            .header("webhook-id", id.as_str())
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-attempt", "1")
            .header(
                "webhook-signature",
                format!("v1,{}", STANDARD.encode(hmac(&key, &[signed.as_bytes(), body.as_bytes()]))),
            );
        let answer = request.body(body.clone()).send().await?;
        let status = answer.status();
        let _answer = answer.bytes().await?;
        let compressed = self.compressor.lock().map_err(|_| "a delivery has panicked")?.compress(body.as_bytes())?;
        let put = self.dynamodb.put_item().table_name(&self.deliveries_table).item("business_id", S(event.business_id));
        let put = put.item("event_id", S(id)).item("event_type", S(event.kind));
        let put = put.item("occurred", N(now.as_millis().to_string())).item("body", B(Blob::new(compressed)));
        let put = put.item("status", S(if status.is_success() { "delivered" } else { "retrying" }.to_owned()));
        let put = put.item("status_code", N(status.as_u16().to_string()));
        let put = put.item("expires_at", N((seconds + 30 * 86_400).to_string()));
        put.condition_expression("attribute_not_exists(event_id)").send().await?;
        let milliseconds = begun.elapsed().as_millis();
        println!(r#"{{"message":"delivered","call_id":"{}","duration_ms":{milliseconds}}}"#, event.call_id);
        Ok(status.is_success())
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("the bench sets all variables")
}

fn http_client() -> reqwest::Client {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Ok(path) = std::env::var("UNSAFE_EXTRA_ROOT") {
        roots.add(std::fs::read(path).expect("the bench has written it").into()).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().referer(false);
    client
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("a client")
}

fn sdk_config(http: reqwest::Client) -> SdkConfig {
    let connector = SharedHttpConnector::new(Connector(http));
    let client: SharedHttpClient = http_client_fn(move |_settings, _components| connector.clone());
    let (id, key) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
    let credentials = Credentials::new(id, key, std::env::var("AWS_SESSION_TOKEN").ok(), None, "environment");
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(2));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(variable("AWS_REGION")))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts.build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok());
    config.build()
}

#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = request.map(|body| reqwest::Body::from(body.bytes().unwrap_or_default().to_vec()));
            let request = request.try_into().map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
            let answer = client.execute(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let bytes = answer.bytes().await.map_err(|error| ConnectorError::io(error.into()))?;
            let mut response = http::Response::new(SdkBody::from(bytes));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
