//! The one place that POSTs to a receiver.
//!
//! A delivery goes to a vetted [`Target`]; if its host is a name, the addresses are vetted too and the vetted ones are
//! dialled, with no second look-up in between. No redirect is followed, no proxy of the environment is used, nothing is
//! retried, nothing is decompressed. One deadline covers everything from the look-up to the last byte that is read.
//! Whatever the receiver does is an [`Outcome`], never an error.

mod failure;
mod location;
mod phases;
mod resolver;
mod text;
pub mod tls;
mod verifier;

pub use phases::Timings;
pub use resolver::{Lookup, SystemLookup, resolves};

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, LOCATION, RETRY_AFTER};
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::kept::Renewed;
use domain::clue::{self, Clue};
use domain::guard::{Target, TargetPolicy};
use domain::outcome::{Answer, Failure, Outcome};
use phases::Phases;
use resolver::VettingResolver;

/// How long look-up, connecting and the TLS handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After how many bytes of a response reading stops; what follows is left unread and the connection closed.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// How much of it is kept for the owner, in bytes, both as it came and as the text that it is.
const MAX_SNIPPET_BYTES: usize = 1024;

/// How many header fields an answer may have. Each place for one is allocated for every answer, 32 bytes.
const MAX_HEADER_FIELDS: usize = 1_000;

/// How long a connection is kept for the next delivery: less than the 5 s after which a Node.js receiver closes it. The
/// client counts by a clock that a frozen environment may stop, so [`Renewed`] has it made anew after a freeze. One that was
/// closed in less time is found out before the next POST, since the settings are read first and the runtime hears of both
/// at once.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The client that reaches receivers.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    client: Arc<Renewed<reqwest::Client>>,
    attempt_timeout: Duration,
}

/// What became of a POST, and how long its phases took.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The receiver's part.
    pub outcome: Outcome,
    /// What it shows beyond that, for the owner.
    pub clue: Option<Clue>,
    /// How long each phase took.
    pub timings: Timings,
}

impl WebhookClient {
    /// A client for these targets, with the TLS configuration of [`tls::client_config`].
    ///
    /// # Panics
    ///
    /// If the TLS configuration cannot be used, which this module's tests would show.
    #[must_use]
    pub fn new(targets: TargetPolicy, attempt_timeout: Duration, tls: &ClientConfig, lookup: impl Lookup) -> Self {
        let resolver = Arc::new(VettingResolver::new(lookup, targets));
        let tls = tls.clone();
        let make = move || client(&tls, Arc::clone(&resolver), attempt_timeout);
        Self { client: Arc::new(Renewed::new(make)), attempt_timeout }
    }

    /// The same by another clock; tests have one that jumps.
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
        let request = self.client.get().post(target.url().clone()).headers(headers).body(body);
        let mut response = match timeout_at(deadline, request.send()).await {
            Err(_elapsed) => return (Outcome::Failed(Failure::Timeout), Some(phases.unended())),
            Ok(Err(error)) => {
                let (failure, clue) = failure::classify(&error);
                let unended = || (failure == Failure::Timeout).then(|| phases.unended());
                return (Outcome::Failed(failure), clue.or_else(unended));
            }
            Ok(Ok(response)) => response,
        };
        phases.first_byte();
        let bytes = beginning(&mut response, deadline).await;
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

/// The beginning of a response's body. The status has come, and with it the verdict; a body that breaks off or never ends
/// does not change it.
async fn beginning(response: &mut reqwest::Response, deadline: Instant) -> Vec<u8> {
    let (mut beginning, mut read) = (Vec::new(), 0);
    while read < MAX_RESPONSE_BYTES
        && let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await
    {
        read += chunk.len();
        let room = MAX_SNIPPET_BYTES - beginning.len();
        beginning.extend_from_slice(&chunk[..room.min(chunk.len())]);
    }
    beginning
}

/// A client without connections. It reads answers as leniently as curl does: receivers that have done their work must not
/// be given it again for the sake of their headers.
#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
fn client<L: Lookup>(
    tls: &ClientConfig,
    resolver: Arc<VettingResolver<L>>,
    attempt_timeout: Duration,
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
        .http1_max_headers(MAX_HEADER_FIELDS)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
        .expect("a client with our own TLS configuration loads nothing that could fail")
}
