//! The one place that POSTs to a receiver.
//!
//! A delivery goes to a vetted [`Target`]. If the target's host is a name, the resolver vets the addresses of the name,
//! and the client dials these addresses without a second look-up. The client follows no redirect, uses no proxy of the
//! environment, sends nothing twice that a receiver may have read, and decompresses nothing. One deadline covers an
//! attempt from the look-up to the last byte that is read. Everything that a receiver does is an [`Outcome`], never an
//! error.

pub(crate) mod connector;
mod failure;
mod location;
mod phases;
mod post;
mod resolver;
mod text;
pub mod tls;
mod verifier;

pub use phases::Timings;
pub use resolver::{Lookup, SystemLookup, resolves};

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, LOCATION, RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::kept::Renewed;
use connector::Connector;
use domain::clue::{self, Clue};
use domain::guard::{Target, TargetPolicy};
use domain::outcome::{Answer, Failure, Outcome};
use phases::Phases;
use resolver::VettingResolver;

/// The longest time for the look-up, connecting and the TLS handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After this many bytes of a response's body the client stops reading and closes the connection.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The most bytes of a response's body that are kept for the owner. The limit holds for the bytes as received and for
/// the decoded text.
const MAX_SNIPPET_BYTES: usize = 1024;

/// The most header fields that an answer may have. The client allocates 32 bytes for each of them at every answer.
const MAX_HEADER_FIELDS: usize = 1_000;

/// How long an unused connection is kept for the next delivery: less than the 5 s after which a Node.js receiver closes
/// the connection. The client measures this time by a clock that may stand still in a frozen environment, so
/// [`Renewed`] makes the client anew after a freeze. A receiver may also close a connection sooner. The client notices
/// that before the next POST: the settings are read first, and the runtime learns of the close no later than of their
/// arrival.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The HTTP client that reaches receivers.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    client: Arc<Renewed<Arc<Client>>>,
    attempt_timeout: Duration,
}

/// The result of a POST.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The receiver's answer, or why none came.
    pub outcome: Outcome,
    /// A detail for the owner, beyond the outcome.
    pub clue: Option<Clue>,
    /// The duration of each phase.
    pub timings: Timings,
}

impl WebhookClient {
    /// Makes a client for these targets, with the TLS configuration of [`tls::client_config`].
    #[must_use]
    pub fn new(targets: TargetPolicy, attempt_timeout: Duration, tls: &ClientConfig, lookup: impl Lookup) -> Self {
        let resolver = VettingResolver::new(lookup, targets);
        let tls = Arc::new(tls.clone());
        let make = move || Arc::new(client(Arc::clone(&tls), resolver.clone(), attempt_timeout));
        Self { client: Arc::new(Renewed::new(make)), attempt_timeout }
    }

    /// Gives the same client with another clock. Tests have a clock that jumps.
    #[must_use]
    pub fn by_clock(mut self, clock: fn() -> Timestamp) -> Self {
        self.client = Arc::new(self.client.by_clock(clock));
        self
    }

    /// Sends one POST.
    pub async fn post(&self, target: &Target, headers: HeaderMap, body: String) -> Posted {
        let deadline = Instant::now() + self.attempt_timeout;
        let phases = Phases::start();
        let (outcome, clue) = phases.clone().record(self.exchange(target, headers, body, deadline, &phases)).await;
        Posted { outcome, clue, timings: phases.finish() }
    }

    async fn exchange(
        &self,
        target: &Target,
        headers: HeaderMap,
        body: String,
        deadline: Instant,
        phases: &Phases,
    ) -> (Outcome, Option<Clue>) {
        let Ok(request) = post::request(target.url(), headers, body) else {
            return (Outcome::Failed(Failure::Protocol), None);
        };
        let mut response = match timeout_at(deadline, self.client.get().request(request)).await {
            Err(_elapsed) => return (Outcome::Failed(Failure::Timeout), Some(phases.unended())),
            Ok(Err(error)) => {
                let (failure, clue) = failure::classify(&error);
                let unended = || (failure == Failure::Timeout).then(|| phases.unended());
                return (Outcome::Failed(failure), clue.or_else(unended));
            }
            Ok(Ok(response)) => response,
        };
        phases.first_byte();
        let bytes = beginning(response.body_mut(), deadline).await;
        let headers = response.headers();
        let answer = Answer {
            status: response.status().as_u16(),
            retry_after: headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned),
            location: headers.get(LOCATION).and_then(|value| location::resolved(value.as_bytes(), target.url())),
            snippet: text::decoded(&bytes, headers, MAX_SNIPPET_BYTES),
        };
        let clue = clue::of_answer(target.url(), &answer, headers);
        (Outcome::Answered(answer), clue)
    }
}

/// Reads the beginning of a response's body. The status has already arrived, so a body that breaks off or never ends is
/// no failure.
async fn beginning(body: &mut Incoming, deadline: Instant) -> Vec<u8> {
    let (mut beginning, mut read) = (Vec::new(), 0);
    while read < MAX_RESPONSE_BYTES
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await
    {
        // A frame without data has trailers.
        let Some(chunk) = frame.data_ref() else { continue };
        read += chunk.len();
        let room = MAX_SNIPPET_BYTES - beginning.len();
        beginning.extend_from_slice(&chunk[..room.min(chunk.len())]);
    }
    beginning
}

type Client = legacy::Client<Connector<VettingResolver>, Full<Bytes>>;

/// Makes a client without connections. The client reads answers as leniently as curl does: a receiver that has done its
/// work must not get the event again because of its headers. The client sends a request again only if the kept connection
/// that it had chosen turned out to be closed before a byte of the request was sent.
#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
fn client(tls: Arc<ClientConfig>, resolver: VettingResolver, attempt_timeout: Duration) -> Client {
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http1_max_headers(MAX_HEADER_FIELDS)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .build(Connector::new(resolver, tls, CONNECT_TIMEOUT.min(attempt_timeout)))
}
