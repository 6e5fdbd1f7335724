//! Links by which the dashboard lets an owner in: a JSON Web Token (RFC 7519) for one business and at most one hour.
//!
//! One algorithm, two claims, no options: `HS256` with the portal's secret, `sub` the business, `exp` required. A
//! token's own header decides nothing. This code is no library's, because the options that libraries add (other
//! algorithms, key formats, optional claims) are the means by which such tokens are forged. The MAC and its
//! constant-time comparison are a library's.
//!
//! The module is pure: the time is an argument.

use std::fmt;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::event::BusinessId;

/// The longest validity of a link.
pub const MAX_VALIDITY: Duration = Duration::from_hours(1);

/// How far the clocks of the dashboard's backend and of the portal may differ.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// The longest token that is read, in bytes. A `sub` of 128 escaped characters fits several times over.
const MAX_BYTES: usize = 4096;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The secret that the dashboard's backend and the portal share. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct PortalSecret(Vec<u8>);

/// A session: the business whose owner was let in, and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The only business that this session can reach.
    pub business_id: BusinessId,
    /// When the link expires, and the session with it.
    pub expires_at: Timestamp,
}

/// Why a token is refused. No message repeats any of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The token is not three parts of base64url with JSON objects in them, or is longer than any that is minted.
    #[error("the token is not a JSON Web Token of this kind")]
    Malformed,
    /// The token was signed with another secret or algorithm, or was changed after signing.
    #[error("the token's signature is not right")]
    Signature,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token expires too late, or is not valid yet.
    #[error("the token is valid for more than an hour, or not yet")]
    TooLong,
    /// The token's `sub` cannot be a business's id.
    #[error("the token's subject is not a business id")]
    Subject,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that a reader must understand (RFC 7515, 4.1.11). This reader understands none.
    #[serde(default)]
    crit: serde_json::Value,
}

#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a str,
    exp: i64,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Unix seconds.
    exp: f64,
    /// The time before which the token is not valid, in Unix seconds.
    nbf: Option<f64>,
}

impl PortalSecret {
    /// Takes the secret's text; the key is its UTF-8 bytes. None if the text is empty: an empty key would let anybody
    /// in.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.as_bytes().to_vec()))
    }

    /// Makes a token for one business that expires after `validity`, or after [`MAX_VALIDITY`] if that is shorter.
    ///
    /// # Panics
    ///
    /// Never: a text and a number always serialise.
    #[must_use]
    pub fn mint(&self, business_id: &BusinessId, validity: Duration, now: Timestamp) -> String {
        let claims = Minted { sub: business_id.as_str(), exp: (now + validity.min(MAX_VALIDITY)).as_second() };
        let claims = serde_json::to_string(&claims).expect("a text and a number always serialise");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Makes the link that opens a business's page. `portal_url` is the stack's output `PortalUrl`.
    #[must_use]
    pub fn link(&self, portal_url: &str, business_id: &BusinessId, validity: Duration, now: Timestamp) -> String {
        format!("{}/?token={}", portal_url.trim_end_matches('/'), self.mint(business_id, validity, now))
    }

    /// Reads a token, and gives the session that it opens at `now`.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`]: the reason why the token is refused.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Session, InvalidToken> {
        if token.len() > MAX_BYTES {
            return Err(InvalidToken::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(InvalidToken::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(InvalidToken::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| InvalidToken::Malformed)?;
        // The signature is compared in constant time, and before any part of the token is read.
        self.mac(signed).verify_slice(&signature).map_err(|_| InvalidToken::Signature)?;
        let header: Header = read(header)?;
        if header.alg != "HS256" || !header.crit.is_null() {
            return Err(InvalidToken::Signature);
        }
        read::<Claims>(claims)?.session(now)
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(signed.as_bytes());
        mac
    }
}

impl fmt::Debug for PortalSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PortalSecret(..)")
    }
}

impl Claims {
    fn session(self, now: Timestamp) -> Result<Session, InvalidToken> {
        let seconds = now.as_duration().as_secs_f64();
        let leeway = LEEWAY.as_secs_f64();
        if self.exp + leeway <= seconds {
            return Err(InvalidToken::Expired);
        }
        let too_early = self.nbf.is_some_and(|nbf| nbf > seconds + leeway);
        if too_early || self.exp > seconds + MAX_VALIDITY.as_secs_f64() + leeway {
            return Err(InvalidToken::TooLong);
        }
        let business_id = BusinessId::parse(&self.sub).map_err(|_| InvalidToken::Subject)?;
        #[expect(clippy::cast_possible_truncation, reason = "within an hour of now, and a fraction does not matter")]
        let expires_at = Timestamp::from_second(self.exp as i64).map_err(|_| InvalidToken::Malformed)?;
        Ok(Session { business_id, expires_at })
    }
}

fn read<T: for<'a> Deserialize<'a>>(part: &str) -> Result<T, InvalidToken> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed)?;
    // serde would also read a struct from a list, by position; a token's parts must be objects.
    let json = Some(json).filter(|json| json.trim_ascii_start().starts_with(b"{")).ok_or(InvalidToken::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| InvalidToken::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).expect("a time")
    }

    fn secret() -> PortalSecret {
        PortalSecret::new("correct horse battery staple").expect("not empty")
    }

    fn business() -> BusinessId {
        BusinessId::parse("עסק 1").expect("an id")
    }

    fn signed(header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(secret().mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    fn with(claims: &str) -> Result<Session, InvalidToken> {
        secret().verify(&signed(HEADER, claims), now())
    }

    #[test]
    fn a_minted_token_lets_its_business_in_until_it_expires() {
        let token = secret().mint(&business(), Duration::from_mins(10), now());
        let session = Session { business_id: business(), expires_at: now() + Duration::from_mins(10) };
        assert_eq!(secret().verify(&token, now()), Ok(session.clone()));
        assert_eq!(secret().verify(&token, now() + Duration::from_secs(659)), Ok(session));
        assert_eq!(secret().verify(&token, now() + Duration::from_mins(11)), Err(InvalidToken::Expired));
    }

    #[test]
    fn no_token_is_minted_for_more_than_an_hour() {
        let token = secret().mint(&business(), Duration::from_hours(9), now());
        let session = secret().verify(&token, now()).expect("valid");
        assert_eq!(session.expires_at, now() + MAX_VALIDITY);
    }

    /// RFC 7515, appendix A.1: its key signs its token.
    #[test]
    fn the_mac_agrees_with_rfc_7515() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                     dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let secret = PortalSecret(URL_SAFE_NO_PAD.decode(key).expect("the published key"));
        assert_eq!(secret.verify(token, now()), Err(InvalidToken::Malformed), "right, but without sub");
        let forged = token.replace("dBjf", "dBjg");
        assert_eq!(secret.verify(&forged, now()), Err(InvalidToken::Signature));
    }

    #[test]
    fn any_other_algorithm_is_refused_even_under_a_right_mac() {
        let claims = format!(r#"{{"sub":"b","exp":{}}}"#, NOW + 60);
        assert!(secret().verify(&signed(HEADER, &claims), now()).is_ok());
        for header in
            [r#"{"alg":"none"}"#, r#"{"alg":"hs256"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"HS256","crit":["b64"]}"#]
        {
            assert_eq!(secret().verify(&signed(header, &claims), now()), Err(InvalidToken::Signature), "{header}");
        }
        for header in [r#"{"typ":"JWT"}"#, r#"["HS256"]"#] {
            assert_eq!(secret().verify(&signed(header, &claims), now()), Err(InvalidToken::Malformed), "{header}");
        }
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(secret().verify(&unsigned, now()), Err(InvalidToken::Signature));
    }

    #[test]
    fn claims_are_required_and_bounded() {
        for (claims, expected) in [
            (format!(r#"{{"sub":"b","exp":{}}}"#, NOW + 3661), InvalidToken::TooLong),
            (format!(r#"{{"sub":"b","exp":{}}}"#, NOW - 60), InvalidToken::Expired),
            (format!(r#"{{"sub":"b","exp":{},"nbf":{}}}"#, NOW + 60, NOW + 61), InvalidToken::TooLong),
            (format!(r#"{{"sub":"","exp":{}}}"#, NOW + 60), InvalidToken::Subject),
            (format!(r#"{{"sub":" \u00a0\u3000","exp":{}}}"#, NOW + 60), InvalidToken::Subject),
            (format!(r#"{{"sub":"{}","exp":{}}}"#, "x".repeat(129), NOW + 60), InvalidToken::Subject),
            (format!(r#"{{"sub":"a\nb","exp":{}}}"#, NOW + 60), InvalidToken::Subject),
            (format!(r#"{{"sub":1,"exp":{}}}"#, NOW + 60), InvalidToken::Malformed),
            (format!(r#"{{"sub":"b","sub":"c","exp":{}}}"#, NOW + 60), InvalidToken::Malformed),
            (format!(r#"{{"exp":{}}}"#, NOW + 60), InvalidToken::Malformed),
            (r#"{"sub":"b"}"#.to_owned(), InvalidToken::Malformed),
            (format!(r#"{{"sub":"b","exp":"{}"}}"#, NOW + 60), InvalidToken::Malformed),
            (r#"{"sub":"b","exp":1e999}"#.to_owned(), InvalidToken::Malformed),
            ("[]".to_owned(), InvalidToken::Malformed),
            (format!(r#"["b",{},null]"#, NOW + 60), InvalidToken::Malformed),
        ] {
            assert_eq!(with(&claims), Err(expected), "{claims}");
        }
        assert!(with(&format!(r#"{{"sub":"b","exp":{}.5}}"#, NOW + 3660 - 1)).is_ok());
    }

    #[test]
    fn garbage_is_refused() {
        let token = secret().mint(&business(), Duration::from_mins(1), now());
        for garbage in ["", ".", "..", "a.b", "a.b.c.d", &token[1..], &token.replace('.', ""), &"x".repeat(5000)] {
            assert!(secret().verify(garbage, now()).is_err(), "{garbage}");
        }
        assert!(PortalSecret::new("").is_none());
        assert_eq!(format!("{:?}", secret()), "PortalSecret(..)");
    }
}
