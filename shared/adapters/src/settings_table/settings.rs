//! A business's settings as they stand in the settings table at the moment of an attempt.
//!
//! Nothing is cached: `deliver` reads the URL anew at each attempt, so that an owner's correction also reaches the
//! pending events. The portal writes the item, and the dashboard's backend writes the URL in it, so this module judges
//! each attribute. A value that nothing can be sent with is an error that names its attribute.

use domain::endpoint::EndpointId;
use domain::format::{ChosenFormat, Format, PayloadFormat, Template};
use domain::request::signature::SigningSecret;
use domain::request::{Credentials, InvalidStaticHeader, StaticHeader};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::dynamodb::attributes::{cleaned, number, text};
use crate::dynamodb::{Item, TableError};

/// The address of a business's deliveries, their format, and the credentials that they carry.
///
/// There is no `Debug`: this holds the signing secrets.
#[derive(Clone, Default, PartialEq)]
pub struct Settings {
    /// The owner's URL, cleaned; None: nothing is sent.
    pub url: Option<String>,
    /// The identity of the endpoint that these settings make; None: there is no URL.
    pub endpoint: Option<EndpointId>,
    /// The format of the deliveries' bodies.
    pub format: ChosenFormat,
    /// The secrets that sign a delivery, and the owner's own header.
    pub credentials: Credentials,
    /// How many days the business's records are to be kept; None: as many as the stack keeps them.
    pub retention_days: Option<u16>,
}

/// The identity of the endpoint that a settings item makes; None: there is no URL.
///
/// The identity is the beginnings of two SHA-256, in hexadecimal digits with a dot between them: the hash of the URL,
/// and the hash of header, secret and format. It stands in states and comparisons, and from there may reach a log, so it
/// repeats none of the values. The hash of the header covers the secret too, so that nobody can guess a short header
/// from it. A format or template counts only where there is one: whether the default is written down makes no other
/// endpoint.
pub(super) fn endpoint_id(item: &Item) -> Result<Option<EndpointId>, TableError> {
    let Some(url) = cleaned(item, "generic_webhook_url")? else {
        return Ok(None);
    };
    let beginning = |hash: Sha256| hex::encode(&hash.finalize()[..16]);
    let mut carried = Sha256::new();
    for name in ["static_header_name", "static_header_value", "signing_secret"] {
        let value = cleaned(item, name).ok().flatten().unwrap_or_default();
        carried.update(value.len().to_be_bytes());
        carried.update(value);
    }
    let format = Some(payload_format(item)).filter(|format| *format != PayloadFormat::Auto);
    let format = format.map(|format| format.as_str().to_owned());
    for (name, value) in [("payload_format", format), ("payload_template", payload_template(item))] {
        if let Some(value) = value {
            carried.update(name);
            carried.update(value.len().to_be_bytes());
            carried.update(value);
        }
    }
    let url = Sha256::new().chain_update(url);
    Ok(Some(EndpointId(format!("{}.{}", beginning(url), beginning(carried)))))
}

/// Reads the chosen format. A value that names no known format is read as the format `event`, never as a fault.
pub(super) fn payload_format(item: &Item) -> PayloadFormat {
    match cleaned(item, "payload_format") {
        Ok(name) => PayloadFormat::stored(name.as_deref()),
        Err(_) => PayloadFormat::Always(Format::Event),
    }
}

/// The text of the owner's template, cleaned. A value that is no text counts as none.
pub(super) fn payload_template(item: &Item) -> Option<String> {
    cleaned(item, "payload_template").ok().flatten()
}

/// How many days the business's records are to be kept. A value that is no whole number from 1 on counts as none, never
/// as a fault: a record must be written whatever another system has stored.
pub(super) fn retention_days(item: &Item) -> Option<u16> {
    number(item, "retention_days").ok().flatten().filter(|days| *days >= 1)
}

impl Settings {
    /// The format of an ordinary event's body; None: there is no URL that can be read.
    #[must_use]
    pub fn resolved_format(&self) -> Option<Format> {
        Url::parse(self.url.as_deref()?).ok().map(|url| self.format.resolve(&url))
    }

    /// Reads an item; `now` decides whether the previous signing secret still counts.
    pub(super) fn from_item(item: &Item, now: Timestamp) -> Result<Self, TableError> {
        let mut signing_secrets = Vec::new();
        if let Some(secret) = text(item, "signing_secret")? {
            signing_secrets.push(signing_secret("signing_secret", secret)?);
        }
        if number::<f64>(item, "previous_signing_secret_expires_at")?
            .is_some_and(|expiry| now.as_duration().as_secs_f64() < expiry)
            // A previous secret that nothing can be signed with is left out: receivers verify with the present one.
            && let Some(Ok(previous)) = text(item, "previous_signing_secret")?.map(SigningSecret::parse)
        {
            signing_secrets.push(previous);
        }
        let static_header = match (cleaned(item, "static_header_name")?, cleaned(item, "static_header_value")?) {
            (None, None) => None,
            (Some(name), Some(value)) => Some(static_header(&name, &value)?),
            // Half a header: its meaning is unknown, and a delivery without it could look forged.
            (None, Some(_)) => return Err(TableError::Invalid("static_header_name")),
            (Some(_), None) => return Err(TableError::Invalid("static_header_value")),
        };
        Ok(Self {
            url: cleaned(item, "generic_webhook_url")?,
            endpoint: endpoint_id(item)?,
            format: ChosenFormat {
                format: payload_format(item),
                template: payload_template(item).and_then(|text| Template::parse(&text).ok()),
            },
            credentials: Credentials { signing_secrets, static_header },
            retention_days: retention_days(item),
        })
    }
}

fn static_header(name: &str, value: &str) -> Result<StaticHeader, TableError> {
    StaticHeader::parse(name, value).map_err(|error| match error {
        InvalidStaticHeader::Name | InvalidStaticHeader::NameTooLong | InvalidStaticHeader::Reserved => {
            TableError::Invalid("static_header_name")
        }
        InvalidStaticHeader::Value | InvalidStaticHeader::ValueTooLong => TableError::Invalid("static_header_value"),
    })
}

fn signing_secret(name: &'static str, text: &str) -> Result<SigningSecret, TableError> {
    SigningSecret::parse(text).map_err(|_| TableError::Invalid(name))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use domain::event::Event;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OLDER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn settings(attributes: &[(&str, AttributeValue)]) -> Result<Settings, TableError> {
        let item = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Settings::from_item(&item, Timestamp::from_second(1_000).expect("a time"))
    }

    fn s(value: &str) -> AttributeValue {
        AttributeValue::S(value.to_owned())
    }

    #[test]
    fn absent_null_and_empty_urls_mean_send_nothing() {
        for item in [
            vec![],
            vec![("generic_webhook_url", AttributeValue::Null(true))],
            vec![("generic_webhook_url", s(""))],
            vec![("generic_webhook_url", s("  "))],
            vec![("generic_webhook_url", s("\u{200f}\u{a0}\n"))],
        ] {
            assert_eq!(settings(&item).expect("readable").url, None);
        }
    }

    #[test]
    fn invisible_characters_that_another_system_wrote_are_left_out() {
        let clean = "https://n8n.example/webhook/abc";
        let read = settings(&[
            ("generic_webhook_url", s(&format!("\u{200f}{clean}\u{200f}\u{a0}\n"))),
            ("static_header_name", s("\tX-Key\u{200b}")),
            ("static_header_value", s("a value\u{a0}\r\n")),
        ])
        .expect("readable");
        assert_eq!(read.url.as_deref(), Some(clean));
        assert_eq!(read.credentials.static_header, StaticHeader::parse("X-Key", "a value").ok());
        let endpoint = |url: &str| settings(&[("generic_webhook_url", s(url))]).expect("readable").endpoint;
        assert_eq!(endpoint(&format!("\u{202a}{clean}\u{202c} ")), endpoint(clean));
        let none = [("static_header_name", s("\u{200f}")), ("static_header_value", s(" "))];
        assert_eq!(settings(&none).expect("readable").credentials.static_header, None);
    }

    #[test]
    fn another_format_or_template_is_another_endpoint_and_the_default_written_down_is_none() {
        let endpoint = |more: &[(&str, AttributeValue)]| {
            let item = [&[("generic_webhook_url", s("https://a.example/"))], more].concat();
            settings(&item).expect("readable").endpoint.expect("a URL").0
        };
        let never_set = endpoint(&[]);
        // The beginning of the SHA-256 of three empty values, as it was before there were formats.
        assert_eq!(never_set.split('.').nth(1), Some("9d908ecfb6b256def8b49a7c504e6c88"));
        for default in [s("auto"), s(""), AttributeValue::Null(true)] {
            let item = [("payload_format", default), ("payload_template", AttributeValue::Null(true))];
            assert_eq!(endpoint(&item), never_set);
        }
        let template = |text: &str| endpoint(&[("payload_format", s("template")), ("payload_template", s(text))]);
        let different = [
            never_set.clone(),
            endpoint(&[("payload_format", s("slack"))]),
            endpoint(&[("payload_format", s("event"))]),
            endpoint(&[("payload_template", s("1"))]),
            template("1"),
            template("2"),
        ];
        let url = |id: &String| id.split('.').next().map(ToOwned::to_owned);
        for (index, one) in different.iter().enumerate() {
            assert!(!different[..index].contains(one), "{index}");
            assert_eq!(url(one), url(&never_set));
        }
    }

    #[test]
    fn a_format_or_template_that_cannot_be_read_means_that_the_event_is_sent() {
        let event = Event::parse(r#"{"event_type":"a.b","business_id":"b"}"#).expect("well-formed");
        let url = Url::parse("https://hooks.slack.com/services/T/B/x").expect("a URL");
        let format = |format: AttributeValue, template: AttributeValue| {
            let item = [("payload_format", format), ("payload_template", template)];
            settings(&item).expect("readable").format.payload(&event, &url).format
        };
        let null = || AttributeValue::Null(true);
        assert_eq!(format(null(), null()), Format::Slack, "by the URL");
        assert_eq!(format(s(" auto\u{200f}"), null()), Format::Slack);
        assert_eq!(format(s("teams"), null()), Format::Teams);
        assert_eq!(format(s("template"), s(r#"["{{event_type}}"]"#)), Format::Template);
        for (name, template) in [
            (s("fax"), null()),
            (AttributeValue::Bool(true), null()),
            (s("template"), null()),
            (s("template"), s("")),
            (s("template"), s("{")),
            (s("template"), AttributeValue::N("1".to_owned())),
            (s("template"), s(&format!("\"{}\"", "x".repeat(4096)))),
        ] {
            assert_eq!(format(name.clone(), template), Format::Event, "{name:?}");
        }
    }

    #[test]
    fn days_that_cannot_be_read_count_as_none_and_make_no_other_endpoint() {
        let read = |days: AttributeValue| settings(&[("retention_days", days)]).expect("readable").retention_days;
        let n = |days: &str| AttributeValue::N(days.to_owned());
        assert_eq!([n("1"), n("7"), n("3650")].map(read), [Some(1), Some(7), Some(3650)]);
        for odd in ["0", "-1", "1.5", "70000", "1E+2", ""].map(n) {
            assert_eq!(read(odd.clone()), None, "{odd:?}");
        }
        for odd in
            [s("7"), s("soon"), AttributeValue::Null(true), AttributeValue::Bool(true), AttributeValue::L(vec![])]
        {
            assert_eq!(read(odd.clone()), None, "{odd:?}");
        }
        assert_eq!(settings(&[]).expect("readable").retention_days, None);
        let url = ("generic_webhook_url", s("https://a.example/"));
        let endpoint = |item: &[(&str, AttributeValue)]| settings(item).expect("readable").endpoint;
        assert_eq!(endpoint(&[url.clone(), ("retention_days", n("7"))]), endpoint(&[url]));
    }

    #[test]
    fn an_endpoint_is_its_url_its_header_and_its_secret() {
        let endpoint = |url: &str, name: &str, value: &str, secret: &str| {
            let item = [
                ("generic_webhook_url", s(url)),
                ("static_header_name", s(name)),
                ("static_header_value", s(value)),
                ("signing_secret", s(secret)),
            ];
            settings(&item).expect("readable").endpoint.expect("a URL")
        };
        let EndpointId(one) = endpoint("https://a.example/", "X-Key", "1", SECRET);
        assert_eq!(endpoint("https://a.example/", "X-Key", "1", SECRET).0, one);
        let url = |id: &str| id.split('.').next().map(ToOwned::to_owned);
        for EndpointId(other) in [
            endpoint("https://a.example/", "X-Other", "1", SECRET),
            endpoint("https://a.example/", "X-Key", "2", SECRET),
            endpoint("https://a.example/", "X-Key", "1", OLDER),
        ] {
            assert_ne!(other, one);
            assert_eq!(url(&other), url(&one));
        }
        assert_ne!(url(&endpoint("https://b.example/", "X-Key", "1", SECRET).0), url(&one));
        assert_eq!(settings(&[("signing_secret", s(SECRET))]).expect("readable").endpoint, None);
    }

    #[test]
    fn the_previous_secret_counts_until_it_expires() {
        let with_expiry = |seconds: &str| {
            settings(&[
                ("signing_secret", s(SECRET)),
                ("previous_signing_secret", s(OLDER)),
                ("previous_signing_secret_expires_at", AttributeValue::N(seconds.to_owned())),
            ])
            .expect("readable")
            .credentials
            .signing_secrets
        };
        let both = [SECRET, OLDER].map(|text| SigningSecret::parse(text).expect("a secret"));
        assert_eq!(with_expiry("1001"), both);
        assert_eq!(with_expiry("1000"), both[..1]);
        assert_eq!(with_expiry("1000.5"), both, "as Python's time.time() gives it");
    }

    #[test]
    fn an_invalid_value_is_a_fault_that_names_its_attribute() {
        for (name, value) in [
            ("generic_webhook_url", AttributeValue::N("1".into())),
            ("signing_secret", s("whsec_short")),
            ("previous_signing_secret_expires_at", s("1")),
        ] {
            let error = settings(&[(name, value)]).err().expect("a fault");
            assert_eq!(error.to_string(), format!("the attribute {name} is invalid"));
        }
        for (name, value, culprit) in [
            (Some("Host"), Some("x"), "static_header_name"),
            (Some("X-Key"), Some("a\nb"), "static_header_value"),
            (Some("X-Key"), None, "static_header_value"),
            (None, Some("x"), "static_header_name"),
        ] {
            let mut item = Vec::new();
            item.extend(name.map(|name| ("static_header_name", s(name))));
            item.extend(value.map(|value| ("static_header_value", s(value))));
            let error = settings(&item).err().expect("a fault");
            assert_eq!(error.to_string(), format!("the attribute {culprit} is invalid"));
        }
    }
}
