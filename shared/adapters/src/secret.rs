//! The installation's secrets, from Secrets Manager: the secret behind `X-ProSaaS-Signature`, and the secret that signs
//! owners' links.
//!
//! A process reads a secret when it first needs it and keeps it for five minutes, so that a rotated secret comes into
//! use without a deployment. The five minutes are measured by the time of day, because the steady clock of a frozen
//! process may stand still. A secret is never part of a function's configuration, where everyone who may look at the
//! function could read it.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::kept::Dated;
use crate::lazy::Lazy;
use crate::process::clock;
use crate::process::log::error_chain;
use crate::process::metrics::{Metric, count};

/// How long a secret is kept.
const KEPT_FOR: Duration = Duration::from_mins(5);

/// How long after a failed read no other read is tried.
const NOT_TRIED_FOR: Duration = Duration::from_secs(3);

/// A fault of this system or of AWS: the secret could not be obtained.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not give the secret.
    #[error("a secret could not be read")]
    Read(#[source] Box<aws_sdk_secretsmanager::Error>),
    /// Secrets Manager did not give the secret a moment ago, and was not asked again.
    #[error("a secret could not be read a moment ago")]
    NotTried,
    /// The secret has no text, or an empty one.
    #[error("a secret is empty")]
    Empty,
}

/// Reads a secret and keeps it for a while.
#[derive(Debug)]
pub struct SecretSource<S> {
    client: Lazy<Client>,
    arn: String,
    /// Makes the secret from its text. None: the text is empty.
    parse: fn(&str) -> Option<S>,
    clock: fn() -> Timestamp,
    known: Mutex<Known<S>>,
}

#[derive(Debug)]
struct Known<S> {
    secret: Option<Dated<S>>,
    /// The time of the last read, if that read failed. For a while no other read is tried: otherwise each message of a
    /// batch would wait for a failed read of its own.
    failed: Option<Dated<()>>,
}

impl<S: Clone> SecretSource<S> {
    /// Gives the source of the secret with this ARN. `parse` makes the secret from its text.
    #[must_use]
    pub fn new(sdk: &SdkConfig, arn: String, parse: fn(&str) -> Option<S>) -> Self {
        Self {
            client: Lazy::new(sdk, Client::new),
            arn,
            parse,
            clock: clock::now,
            known: Mutex::new(Known { secret: None, failed: None }),
        }
    }

    /// Makes the client now, for a process whose first invocation will need the secret.
    #[must_use]
    pub fn prepared(self) -> Self {
        self.client.make();
        self
    }

    /// Gives the same with another clock. Tests have a clock that jumps.
    #[must_use]
    pub fn by_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// Gives the secret. Messages of one batch that need the secret at the same time cause one read.
    ///
    /// # Errors
    ///
    /// [`SecretError`], if the read fails and no older secret is kept. An older secret is better than no delivery.
    pub async fn get(&self) -> Result<S, SecretError> {
        let mut known = self.known.lock().await;
        let now = (self.clock)();
        let not_tried = known.failed.as_ref().is_some_and(|failed| failed.is_younger_than(NOT_TRIED_FOR, now));
        match &known.secret {
            Some(secret) if not_tried || secret.is_younger_than(KEPT_FOR, now) => return Ok(secret.value().clone()),
            None if not_tried => return Err(SecretError::NotTried),
            _ => {}
        }
        let error = match self.read().await {
            Ok(secret) => {
                *known = Known { secret: Some(Dated::new(secret.clone(), (self.clock)())), failed: None };
                return Ok(secret);
            }
            Err(error) => error,
        };
        known.failed = Some(Dated::new((), (self.clock)()));
        match &known.secret {
            Some(secret) => {
                count(Metric::Faults);
                tracing::error!(error = error_chain(&error), "secret_not_refreshed");
                Ok(secret.value().clone())
            }
            None => Err(error),
        }
    }

    async fn read(&self) -> Result<S, SecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.arn)
            .send()
            .await
            .map_err(|error| SecretError::Read(Box::new(error.into())))?;
        answer.secret_string().and_then(self.parse).ok_or(SecretError::Empty)
    }
}
