//! Rust with the official library: `cargo add standardwebhooks http`.

use http::HeaderMap;
use standardwebhooks::{Webhook, WebhookError};

/// Gives no error if the request is authentic and fresh. `body` is the raw body.
pub fn verify(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), WebhookError> {
    Webhook::new(secret)?.verify(body, headers)
}
