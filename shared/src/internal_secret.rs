//! The installation's secret, from Secrets Manager.
//!
//! It is read at the first event of a process and kept for five minutes, so that a rotated secret is taken up without
//! a deployment. It never passes through the function's configuration, where anyone who may look at the function
//! could read it.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::log::error_chain;
use crate::signature::InternalSecret;

const KEPT_FOR: Duration = Duration::from_mins(5);

/// How long a failed read is not repeated.
const NOT_TRIED_FOR: Duration = Duration::from_secs(3);

/// A fault of ours: the secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum InternalSecretError {
    /// Secrets Manager did not answer.
    #[error("the internal secret could not be read")]
    Read(#[source] Box<aws_sdk_secretsmanager::Error>),
    /// Secrets Manager did not answer a moment ago.
    #[error("the internal secret could not be read a moment ago")]
    NotTried,
    /// The secret has no text, or an empty one.
    #[error("the internal secret is empty")]
    Empty,
}

/// Reads the secret and keeps it for a while.
#[derive(Debug)]
pub struct InternalSecretSource {
    client: Client,
    arn: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    secret: Option<(Instant, InternalSecret)>,
    /// When a read failed; for a while no other is tried, or the messages of a batch would fail one after the other.
    failed: Option<Instant>,
}

impl InternalSecretSource {
    /// A secret by its ARN.
    #[must_use]
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn, known: Mutex::default() }
    }

    /// The secret. Messages of one batch that ask together cause one read.
    ///
    /// # Errors
    ///
    /// [`InternalSecretError`], if there is none from before either: an older secret is better than no delivery.
    pub async fn get(&self) -> Result<InternalSecret, InternalSecretError> {
        let mut known = self.known.lock().await;
        let recent = |at: &Instant, duration| at.elapsed() < duration;
        match (&known.secret, &known.failed) {
            (Some((at, secret)), _) if recent(at, KEPT_FOR) => return Ok(secret.clone()),
            (Some((_, secret)), Some(at)) if recent(at, NOT_TRIED_FOR) => return Ok(secret.clone()),
            (None, Some(at)) if recent(at, NOT_TRIED_FOR) => return Err(InternalSecretError::NotTried),
            _ => {}
        }
        let error = match self.read().await {
            Ok(secret) => {
                *known = Known { secret: Some((Instant::now(), secret.clone())), failed: None };
                return Ok(secret);
            }
            Err(error) => error,
        };
        known.failed = Some(Instant::now());
        match &known.secret {
            Some((_, secret)) => {
                tracing::error!(error = error_chain(&error), "internal_secret_not_refreshed");
                Ok(secret.clone())
            }
            None => Err(error),
        }
    }

    async fn read(&self) -> Result<InternalSecret, InternalSecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.arn)
            .send()
            .await
            .map_err(|error| InternalSecretError::Read(Box::new(error.into())))?;
        answer.secret_string().and_then(InternalSecret::new).ok_or(InternalSecretError::Empty)
    }
}
