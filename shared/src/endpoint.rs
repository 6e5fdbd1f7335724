//! The one place that POSTs to a receiver.
//!
//! A delivery goes to a vetted [`Target`]; if its host is a name, the addresses are vetted too and the vetted ones are
//! dialled, with no second look-up in between. No redirect is followed, no proxy of the environment is used, nothing is
//! retried, nothing is decompressed. One deadline covers everything from the look-up to the last byte that is read.
//! Whatever the receiver does is an [`Outcome`], never an error.

mod failure;
mod phases;
mod resolver;
pub mod tls;

pub use phases::Timings;
pub use resolver::{Lookup, SystemLookup};

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, LOCATION, RETRY_AFTER};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::guard::{Target, Targets};
use crate::verdict::{Answer, Failure, Outcome};
use phases::Phases;
use resolver::VettingResolver;

/// How long look-up, connecting and the TLS handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After how many bytes of a response reading stops; what follows is left unread and the connection closed.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// How much of it is kept for the owner, in bytes.
const MAX_SNIPPET_BYTES: usize = 1024;

/// How long a connection is kept for the next delivery: less than the 5 s after which a Node.js receiver closes it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The client that reaches receivers.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Keeps connections.
    keeping: reqwest::Client,
    /// Dials anew for each request.
    dialling: reqwest::Client,
    attempt_timeout: Duration,
}

/// What became of a POST, and how long its phases took.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The receiver's part.
    pub outcome: Outcome,
    /// How long each phase took.
    pub timings: Timings,
}

impl Endpoints {
    /// A client for these targets, with the TLS configuration of [`tls::client_config`].
    ///
    /// # Panics
    ///
    /// If the TLS configuration cannot be used, which this module's tests would show.
    #[must_use]
    pub fn new(targets: Targets, attempt_timeout: Duration, tls: &ClientConfig, lookup: impl Lookup) -> Self {
        let resolver = Arc::new(VettingResolver::new(lookup, targets));
        let client = |connections_kept| client(attempt_timeout, tls, Arc::clone(&resolver), connections_kept);
        Self { keeping: client(usize::MAX), dialling: client(0), attempt_timeout }
    }

    /// Sends one POST.
    pub async fn post(&self, target: &Target, headers: HeaderMap, body: String) -> Posted {
        let deadline = Instant::now() + self.attempt_timeout;
        let body = Bytes::from(body);
        let phases = Phases::start();
        let kept = exchange(&self.keeping, target, headers.clone(), body.clone(), deadline, &phases);
        let outcome = phases.clone().record(kept).await;
        // An environment that was frozen does not know yet that a receiver has closed a connection meanwhile. What
        // breaks on a kept one before any answer says nothing about the receiver, and is sent once more on a new one.
        if outcome == Outcome::Failed(Failure::Reset) && !phases.dialled() {
            let anew = exchange(&self.dialling, target, headers, body, deadline, &phases);
            let outcome = phases.clone().record(anew).await;
            return Posted { outcome, timings: phases.finish() };
        }
        Posted { outcome, timings: phases.finish() }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
fn client<L: Lookup>(
    attempt_timeout: Duration,
    tls: &ClientConfig,
    resolver: Arc<VettingResolver<L>>,
    connections_kept: usize,
) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .dns_resolver(resolver)
        .connector_layer(phases::ConnectLayer)
        .connect_timeout(CONNECT_TIMEOUT.min(attempt_timeout))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(connections_kept)
        .build()
        .expect("a client with our own TLS configuration loads nothing that could fail")
}

async fn exchange(
    client: &reqwest::Client,
    target: &Target,
    headers: HeaderMap,
    body: Bytes,
    deadline: Instant,
    phases: &Phases,
) -> Outcome {
    let request = client.post(target.url().clone()).headers(headers).body(body);
    let mut response = match timeout_at(deadline, request.send()).await {
        Err(_elapsed) => return Outcome::Failed(Failure::Timeout),
        Ok(Err(error)) => return Outcome::Failed(failure::classify(&error)),
        Ok(Ok(response)) => response,
    };
    phases.first_byte();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let mut answer = Answer {
        status: response.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        location: header(LOCATION),
        snippet: Vec::new(),
    };
    // The status has come, and with it the verdict; a body that breaks off or never ends does not change it.
    let mut read = 0;
    while read < MAX_RESPONSE_BYTES
        && let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await
    {
        read += chunk.len();
        let room = MAX_SNIPPET_BYTES - answer.snippet.len();
        answer.snippet.extend_from_slice(&chunk[..room.min(chunk.len())]);
    }
    Outcome::Answered(answer)
}
