//! One attempt: guard, format, sign, POST, judge. A delivery and an owner's test use the same code.
//!
//! The result says what happened and what should follow. The caller does what should follow.

use url::Url;

use crate::http::{Posted, Timings, WebhookClient};
use crate::process::clock;
use domain::clue::Clue;
use domain::format::{ChosenFormat, Format};
use domain::guard::{Target, TargetPolicy};
use domain::outcome::{Answer, Failure, Outcome, Verdict, judge};
use domain::request::signature::InternalSecret;
use domain::request::{self, Credentials, Sending};

/// Makes attempts.
#[derive(Clone, Debug)]
pub struct Attempter {
    client: WebhookClient,
    targets: TargetPolicy,
}

/// The result of one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The format of the body. None: the guard refused the URL before there was a body.
    pub format: Option<Format>,
    /// The receiver's host. None: the guard refused the URL.
    pub host: Option<String>,
    /// The receiver's answer, or why none came.
    pub outcome: Outcome,
    /// A detail for the owner, beyond the cause.
    pub clue: Option<Clue>,
    /// The verdict: the event is delivered, or is to be tried again.
    pub verdict: Verdict,
    /// The duration of each phase.
    pub timings: Timings,
}

impl Attempter {
    /// Makes attempts by this client, on these targets.
    #[must_use]
    pub fn new(client: WebhookClient, targets: TargetPolicy) -> Self {
        Self { client, targets }
    }

    /// Sends an event to an owner's URL in the format that the owner has chosen.
    pub async fn attempt(
        &self,
        sending: Sending<'_>,
        url: &str,
        format: &ChosenFormat,
        credentials: &Credentials,
        internal_secret: &InternalSecret,
    ) -> Attempt {
        let target = match Target::parse(url, self.targets) {
            Ok(target) => target,
            Err(refusal) => {
                let outcome = Outcome::Failed(Failure::Blocked);
                let verdict = judge(&outcome, "", clock::now());
                let clue = Some(Clue::Refused(refusal));
                return Attempt { format: None, host: None, outcome, clue, verdict, timings: Timings::default() };
            }
        };
        let payload = format.payload(sending.event, target.url());
        let headers = request::headers(sending, &payload.body, credentials, internal_secret, clock::now());
        let format = Some(payload.format);
        let Posted { outcome, clue, timings } = self.client.post(&target, headers, payload.body.into_owned()).await;
        let verdict = judge(&outcome, target.host(), clock::now());
        Attempt { format, host: Some(target.host().to_owned()), outcome, clue, verdict, timings }
    }
}

impl Attempt {
    /// Gives the host of a redirect's address, for the log. The whole address is for the owner only.
    #[must_use]
    pub fn redirect_host(&self) -> Option<String> {
        let Outcome::Answered(Answer { location: Some(location), .. }) = &self.outcome else {
            return None;
        };
        Url::parse(location).ok()?.host_str().map(ToOwned::to_owned)
    }

    /// Gives the beginning of the answer's body. None: no answer came.
    #[must_use]
    pub fn snippet(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered(Answer { snippet, .. }) => Some(snippet),
            Outcome::Failed(_) => None,
        }
    }

    /// Gives a redirect's address, which is for the owner and must not be logged.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered(Answer { location, .. }) => location.as_deref(),
            Outcome::Failed(_) => None,
        }
    }

    /// Gives the HTTP status code. None: no answer came.
    #[must_use]
    pub fn status_code(&self) -> Option<u16> {
        match &self.outcome {
            Outcome::Answered(Answer { status, .. }) => Some(*status),
            Outcome::Failed(_) => None,
        }
    }
}
