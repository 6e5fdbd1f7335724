//! Two signatures over the same bytes, for two different readers.
//!
//! `X-ProSaaS-Signature` is for the operator's own receivers. Its key is the one secret of the installation, so no
//! business may ever see that secret. `webhook-signature` is for the business. Its key is the business's own secret,
//! and its form is that of Standard Webhooks 1.0.0, so that any library of that standard verifies it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::event::EventId;

/// The installation's secret. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct InternalSecret(Vec<u8>);

impl InternalSecret {
    /// Takes the secret's text; the key is its UTF-8 bytes. None if the text is empty: anybody could sign with an empty
    /// key.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.as_bytes().to_vec()))
    }

    /// Makes the value of `X-ProSaaS-Signature`: lowercase hex of HMAC-SHA256 over the body.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        hex::encode(hmac_sha256(&self.0, &[body]))
    }
}

impl fmt::Debug for InternalSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InternalSecret(..)")
    }
}

/// A business's `whsec_` secret. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// The error for a text that is not `whsec_` and the base64 of 24 to 64 bytes, the length that Standard Webhooks asks
/// for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a signing secret must be whsec_ and the base64 of 24 to 64 bytes")]
pub struct InvalidSigningSecret;

impl SigningSecret {
    /// Reads a secret.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningSecret`], which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, InvalidSigningSecret> {
        let encoded = text.strip_prefix("whsec_").ok_or(InvalidSigningSecret)?;
        let key = STANDARD.decode(encoded).map_err(|_| InvalidSigningSecret)?;
        if (24..=64).contains(&key.len()) { Ok(Self(key)) } else { Err(InvalidSigningSecret) }
    }

    /// Makes one signature of a `webhook-signature` header: `v1,` and the base64 of HMAC-SHA256 over
    /// `id.timestamp.body`.
    ///
    /// `timestamp` is the time of the attempt, in Unix seconds.
    #[must_use]
    pub fn sign(&self, id: &EventId, timestamp: i64, body: &[u8]) -> String {
        self.sign_message(id.as_str(), timestamp, body)
    }

    fn sign_message(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let prefix = format!("{id}.{timestamp}.");
        format!("v1,{}", STANDARD.encode(hmac_sha256(&self.0, &[prefix.as_bytes(), body])))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret(..)")
    }
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, section 4: test cases 1 to 4, 6 and 7 (5 is about truncation).
    #[test]
    fn hmac_sha256_agrees_with_rfc_4231() {
        let cases: [(&[u8], &[u8], &str); 6] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &(1..=25).collect::<Vec<u8>>(),
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. \
                  The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, data, expected) in cases {
            assert_eq!(hex::encode(hmac_sha256(key, &[data])), expected);
            assert_eq!(InternalSecret(key.to_vec()).sign(data), expected);
        }
    }

    /// The vector in the test suites of the Standard Webhooks reference libraries.
    #[test]
    fn the_signature_agrees_with_the_standard_webhooks_vector() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("the published secret");
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign_message("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_signing_secret_is_24_to_64_bytes_behind_its_prefix() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for bytes in [24, 32, 64] {
            assert!(SigningSecret::parse(&of(bytes)).is_ok(), "{bytes}");
        }
        for text in [of(23), of(65), of(32).replace("whsec_", ""), "whsec_***".to_owned(), String::new()] {
            assert_eq!(SigningSecret::parse(&text), Err(InvalidSigningSecret), "{text}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let signing = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("the published secret");
        let internal = InternalSecret::new("hunter2").expect("not empty");
        assert_eq!(format!("{signing:?} {internal:?}"), "SigningSecret(..) InternalSecret(..)");
    }

    #[test]
    fn an_empty_internal_secret_is_refused() {
        assert!(InternalSecret::new("").is_none());
    }
}
