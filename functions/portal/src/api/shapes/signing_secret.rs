//! The signing secret.

use domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::use_cases::SigningSecretText;

/// The secret by which receivers verify `webhook-signature`.
#[expect(clippy::struct_field_names, reason = "the name is the contract's")]
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SigningSecret {
    /// The secret as Standard Webhooks libraries take it: `whsec_` and base64; null: there is none yet.
    #[schema(required)]
    signing_secret: Option<String>,
    /// The text that the secret's base64 stands for, for tools that take only text secrets (n8n); null: it stands for
    /// no visible ASCII text.
    #[schema(required)]
    text: Option<String>,
    /// Until when the previous secret is valid too, in RFC 3339; null: it is not valid.
    #[schema(required, format = DateTime)]
    previous_valid_until: Option<String>,
}

impl SigningSecret {
    pub(in crate::api) fn new(secret: Option<SigningSecretText>, previous_until: Option<Timestamp>) -> Self {
        let (signing_secret, text) = secret.map(|secret| (secret.secret, secret.text)).unzip();
        Self { signing_secret, text: text.flatten(), previous_valid_until: previous_until.map(rfc3339) }
    }
}
