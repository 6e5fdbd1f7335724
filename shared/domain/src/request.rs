//! The headers of a delivery: the sender, the event's type and id, the number and time of the attempt, the signatures,
//! and the publisher's place in a trace.
//!
//! The module is pure: the time is an argument. The body that is signed is the one that is sent, byte for byte.

pub mod signature;
pub mod traceparent;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use jiff::Timestamp;

use crate::event::Event;
use crate::request::signature::{InternalSecret, SigningSecret};
use crate::request::traceparent::Traceparent;

/// Names that an owner's header may not have: the request sets them itself, they concern the connection (RFC 9110,
/// 7.6.1), or they would change how the body is read.
const RESERVED: [&str; 13] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Beginnings of names that an owner's header may not have: this system uses them, or they describe the body.
const RESERVED_PREFIXES: [&str; 3] = ["content-", "webhook-", "x-prosaas-"];

/// The one header that an owner chooses, for n8n Header Auth, Zapier and Make. Its `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticHeader {
    name: HeaderName,
    value: HeaderValue,
}

/// Why an owner's header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStaticHeader {
    /// The name is no token of RFC 9110, 5.6.2.
    #[error("the header's name is not a token")]
    Name,
    /// The name is longer than [`StaticHeader::MAX_NAME_CHARS`]; only judged on saving.
    #[error("the header's name is longer than 128 characters")]
    NameTooLong,
    /// The request needs the name for itself.
    #[error("the header's name is reserved")]
    Reserved,
    /// The value is empty, or has something but visible ASCII with spaces between.
    #[error("the header's value is not visible ASCII")]
    Value,
    /// The value is longer than [`StaticHeader::MAX_VALUE_CHARS`]; only judged on saving.
    #[error("the header's value is longer than 4,096 characters")]
    ValueTooLong,
}

impl StaticHeader {
    /// The greatest length of a name that is saved, in characters.
    pub const MAX_NAME_CHARS: usize = 128;

    /// The greatest length of a value that is saved, in characters: each read and write of the settings item carries
    /// the value.
    pub const MAX_VALUE_CHARS: usize = 4096;

    /// Reads a name and a value that an owner wants to save.
    ///
    /// # Errors
    ///
    /// [`InvalidStaticHeader`], which repeats neither name nor value.
    pub fn parse_to_save(name: &str, value: &str) -> Result<Self, InvalidStaticHeader> {
        if name.chars().count() > Self::MAX_NAME_CHARS {
            return Err(InvalidStaticHeader::NameTooLong);
        }
        if value.chars().count() > Self::MAX_VALUE_CHARS {
            return Err(InvalidStaticHeader::ValueTooLong);
        }
        Self::parse(name, value)
    }

    /// Reads a name and a value of any length: a header that was stored with a greater length is still sent.
    ///
    /// # Errors
    ///
    /// [`InvalidStaticHeader`], which repeats neither name nor value.
    pub fn parse(name: &str, value: &str) -> Result<Self, InvalidStaticHeader> {
        let name = HeaderName::try_from(name).map_err(|_| InvalidStaticHeader::Name)?;
        let lower = name.as_str();
        if RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
            return Err(InvalidStaticHeader::Reserved);
        }
        let visible = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if value.is_empty() || !visible || value.trim() != value {
            return Err(InvalidStaticHeader::Value);
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| InvalidStaticHeader::Value)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

impl std::fmt::Debug for StaticHeader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "StaticHeader({}: ..)", self.name)
    }
}

/// The secrets that sign one business's deliveries, and the owner's header that they carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The business's secret, and behind it, during a rotation, the previous secret. Empty while the business has no
    /// secret.
    pub signing_secrets: Vec<SigningSecret>,
    /// The owner's header.
    pub static_header: Option<StaticHeader>,
}

/// One sending of an event.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// The event.
    pub event: &'a Event,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The publisher's place in a trace; None: the publisher gave none.
    pub traceparent: Option<&'a Traceparent>,
}

/// Makes the headers of an attempt at the time `now`. `body` is what the attempt sends of the event. A header of the
/// owner's comes last: the owner's `traceparent` is sent in place of the publisher's.
///
/// # Panics
///
/// Never: every value has only characters that a header may have.
#[must_use]
pub fn headers(
    sending: Sending<'_>,
    body: &str,
    credentials: &Credentials,
    internal_secret: &InternalSecret,
    now: Timestamp,
) -> HeaderMap {
    let Sending { event, attempt, traceparent } = sending;
    let body = body.as_bytes();
    let text =
        |text: String| HeaderValue::try_from(text).expect("hex, base64, digits and dotted names are visible ASCII");
    let mut headers = HeaderMap::with_capacity(13);
    let mut set = |name: &'static str, value| headers.insert(HeaderName::from_static(name), value);

    set("x-prosaas-signature", text(internal_secret.sign(body)));
    set("x-prosaas-event", text(event.event_type().to_string()));
    set("x-prosaas-timestamp", text(format!("{now:.0}")));
    set("webhook-id", text(event.id().to_string()));
    set("webhook-timestamp", text(now.as_second().to_string()));
    set("webhook-attempt", text(attempt.to_string()));
    let signatures: Vec<_> =
        credentials.signing_secrets.iter().map(|secret| secret.sign(event.id(), now.as_second(), body)).collect();
    if !signatures.is_empty() {
        set("webhook-signature", text(signatures.join(" ")));
    }
    if let Some(traceparent) = traceparent {
        headers.insert(Traceparent::NAME, traceparent.to_header());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ProSaaS-Webhooks/", env!("CARGO_PKG_VERSION"))));
    if let Some(header) = &credentials.static_header {
        headers.insert(header.name.clone(), header.value.clone());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owners_header_is_a_token_and_visible_ascii() {
        for (name, value) in [("Authorization", "Bearer abc.def"), ("X-API-Key", "k"), ("x!#$", "a b")] {
            assert!(StaticHeader::parse(name, value).is_ok(), "{name}");
        }
        for (name, value, error) in [
            ("", "v", InvalidStaticHeader::Name),
            ("a b", "v", InvalidStaticHeader::Name),
            ("a:b", "v", InvalidStaticHeader::Name),
            ("כותרת", "v", InvalidStaticHeader::Name),
            ("Host", "v", InvalidStaticHeader::Reserved),
            ("content-TYPE", "v", InvalidStaticHeader::Reserved),
            ("Content-Anything", "v", InvalidStaticHeader::Reserved),
            ("User-Agent", "v", InvalidStaticHeader::Reserved),
            ("X-ProSaaS-Signature", "v", InvalidStaticHeader::Reserved),
            ("webhook-id", "v", InvalidStaticHeader::Reserved),
            ("x-key", "", InvalidStaticHeader::Value),
            ("x-key", "a\r\nb: c", InvalidStaticHeader::Value),
            ("x-key", " a", InvalidStaticHeader::Value),
            ("x-key", "סוד", InvalidStaticHeader::Value),
        ] {
            assert_eq!(StaticHeader::parse(name, value), Err(error), "{name:?} {value:?}");
        }
    }

    #[test]
    fn what_is_saved_is_bounded() {
        let (name, value) = ("n".repeat(128), "v".repeat(4096));
        assert!(StaticHeader::parse_to_save(&name, &value).is_ok());
        let (longer_name, longer_value) = (format!("{name}n"), format!("{value}v"));
        assert_eq!(StaticHeader::parse_to_save(&longer_name, "v"), Err(InvalidStaticHeader::NameTooLong));
        assert_eq!(StaticHeader::parse_to_save("n", &longer_value), Err(InvalidStaticHeader::ValueTooLong));
        assert_eq!(StaticHeader::parse_to_save("Host", "v"), Err(InvalidStaticHeader::Reserved));
        assert!(StaticHeader::parse(&longer_name, &longer_value).is_ok());
    }

    #[test]
    fn every_reserved_name_is_refused_in_any_case() {
        let prefixed = RESERVED_PREFIXES.map(|prefix| format!("{prefix}anything"));
        for name in RESERVED.into_iter().chain(prefixed.iter().map(String::as_str)) {
            for name in [name.to_owned(), name.to_uppercase()] {
                assert_eq!(StaticHeader::parse(&name, "v"), Err(InvalidStaticHeader::Reserved), "{name}");
            }
        }
    }

    #[test]
    fn the_debug_form_hides_the_value() {
        let header = StaticHeader::parse("X-Key", "hunter2").expect("a header");
        assert_eq!(format!("{header:?}"), "StaticHeader(x-key: ..)");
    }

    #[test]
    fn every_header_of_the_contract_is_there_and_says_what_it_should() {
        let event =
            Event::parse(r#"{"event_type":"call.completed","business_id":"b1","call_id":"c1"}"#).expect("well-formed");
        let secret = |byte: u8| {
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 32]);
            SigningSecret::parse(&format!("whsec_{encoded}")).expect("32 bytes")
        };
        let credentials = Credentials {
            signing_secrets: vec![secret(1), secret(2)],
            static_header: StaticHeader::parse("X-Key", "v").ok(),
        };
        let internal = InternalSecret::new("internal").expect("not empty");
        let now: Timestamp = "2026-03-01T10:00:00.75Z".parse().expect("a time");
        let body = r#"{"text":"a message"}"#;
        let traceparent = Traceparent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let sending = Sending { event: &event, attempt: 3, traceparent: traceparent.as_ref() };
        let headers = headers(sending, body, &credentials, &internal, now);
        let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("absent").to_owned();

        let body = body.as_bytes();
        assert_eq!(of("content-type"), "application/json; charset=utf-8");
        assert_eq!(of("user-agent"), format!("ProSaaS-Webhooks/{}", env!("CARGO_PKG_VERSION")));
        assert_eq!(of("x-prosaas-signature"), internal.sign(body));
        assert_eq!(of("x-prosaas-event"), "call.completed");
        assert_eq!(of("x-prosaas-timestamp"), "2026-03-01T10:00:00Z");
        assert_eq!(of("webhook-id"), event.id().as_str());
        assert_eq!(of("webhook-timestamp"), "1772359200");
        assert_eq!(of("webhook-attempt"), "3");
        let [new, old] = [1, 2].map(|byte| secret(byte).sign(event.id(), 1_772_359_200, body));
        assert_eq!(of("webhook-signature"), format!("{new} {old}"));
        assert_eq!(of("traceparent"), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(of("x-key"), "v");

        let sending = Sending { traceparent: None, ..sending };
        let bare = super::headers(sending, event.body(), &Credentials::default(), &internal, now);
        assert!(!bare.contains_key("webhook-signature"));
        assert!(!bare.contains_key("traceparent"));
    }
}
