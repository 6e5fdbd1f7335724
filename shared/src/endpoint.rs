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
pub use resolver::{Lookup, SystemLookup, resolves};

use std::time::Duration;

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

/// How long a connection is kept for the next delivery: less than the 5 s after which a Node.js receiver closes it. One
/// that was closed while the environment was frozen is found out before the next POST, since the settings are read first
/// and the runtime hears of both at once.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The client that reaches receivers.
#[derive(Clone, Debug)]
pub struct Endpoints {
    client: reqwest::Client,
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
    #[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
    pub fn new(targets: Targets, attempt_timeout: Duration, tls: &ClientConfig, lookup: impl Lookup) -> Self {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(VettingResolver::new(lookup, targets))
            .connector_layer(phases::ConnectLayer)
            .connect_timeout(CONNECT_TIMEOUT.min(attempt_timeout))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build()
            .expect("a client with our own TLS configuration loads nothing that could fail");
        Self { client, attempt_timeout }
    }

    /// Sends one POST.
    pub async fn post(&self, target: &Target, headers: HeaderMap, body: String) -> Posted {
        let deadline = Instant::now() + self.attempt_timeout;
        let phases = Phases::start();
        let outcome = phases.clone().record(self.exchange(target, headers, body, deadline, &phases)).await;
        Posted { outcome, timings: phases.finish() }
    }

    async fn exchange(
        &self,
        target: &Target,
        headers: HeaderMap,
        body: String,
        deadline: Instant,
        phases: &Phases,
    ) -> Outcome {
        let request = self.client.post(target.url().clone()).headers(headers).body(body);
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
}
