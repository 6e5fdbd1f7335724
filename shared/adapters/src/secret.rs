//! The installation's secrets, from Secrets Manager: the one that signs, and the one that lets owners in.
//!
//! A secret is read when a process first needs it and kept for five minutes, so that a rotated one is taken up without a
//! deployment. These are minutes of the time of day, since a frozen process's own clock may stand still. A secret never
//! passes through the function's configuration, where anyone who may look at the function could read it.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::kept::Dated;
use crate::process::clock;
use crate::process::log::error_chain;

const KEPT_FOR: Duration = Duration::from_mins(5);

/// How long a failed read is not repeated.
const NOT_TRIED_FOR: Duration = Duration::from_secs(3);

/// A fault of ours: the secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not answer.
    #[error("a secret could not be read")]
    Read(#[source] Box<aws_sdk_secretsmanager::Error>),
    /// Secrets Manager did not answer a moment ago.
    #[error("a secret could not be read a moment ago")]
    NotTried,
    /// The secret has no text, or an empty one.
    #[error("a secret is empty")]
    Empty,
}

/// Reads a secret and keeps it for a while.
#[derive(Debug)]
pub struct SecretSource<S> {
    client: Client,
    arn: String,
    /// None of an empty text.
    parse: fn(&str) -> Option<S>,
    clock: fn() -> Timestamp,
    known: Mutex<Known<S>>,
}

#[derive(Debug)]
struct Known<S> {
    secret: Option<Dated<S>>,
    /// That a read failed; for a while no other is tried, or the messages of a batch would fail one after the other.
    failed: Option<Dated<()>>,
}

impl<S: Clone> SecretSource<S> {
    /// A secret by its ARN, and what makes it of its text.
    #[must_use]
    pub fn new(sdk: &SdkConfig, arn: String, parse: fn(&str) -> Option<S>) -> Self {
        Self {
            client: Client::new(sdk),
            arn,
            parse,
            clock: clock::now,
            known: Mutex::new(Known { secret: None, failed: None }),
        }
    }

    /// The same by another clock; tests have one that jumps.
    #[must_use]
    pub fn by_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// The secret. Messages of one batch that ask together cause one read.
    ///
    /// # Errors
    ///
    /// [`SecretError`], if there is none from before either: an older secret is better than no delivery.
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
