//! A URL that a delivery may be sent to, as far as its text can tell.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::{Refusal, Targets};

/// A vetted URL. Its `Debug` and `Display` show the host alone: the path of a webhook is often its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Longest URL in characters.
    pub const MAX_CHARS: usize = 2048;

    /// Reads and vets a URL. A host that is a name is vetted again, by its addresses, when it is dialled.
    ///
    /// # Errors
    ///
    /// [`Refusal`], which does not repeat the URL.
    pub fn parse(text: &str, targets: Targets) -> Result<Self, Refusal> {
        let text = text.trim_matches(' ');
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Refusal::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(Refusal::Control);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Unreadable)?;
        match (url.scheme(), targets) {
            ("https", _) | ("http", Targets::UnsafeForLocalTestsOnly) => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        if targets == Targets::Public && !matches!(url.port_or_known_default(), Some(443 | 1024..)) {
            return Err(Refusal::Port);
        }
        let address: Option<IpAddr> = match url.host().ok_or(Refusal::Unreadable)? {
            Host::Domain(name) if !is_name(name) => return Err(Refusal::Unreadable),
            Host::Domain(_) => None,
            Host::Ipv4(v4) => Some(v4.into()),
            Host::Ipv6(v6) => Some(v6.into()),
        };
        if address.is_some_and(|address| !targets.allow(address)) {
            return Err(Refusal::Address);
        }
        Ok(Self(url))
    }

    /// The URL, with everything that must not be logged.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The host: the only part of the URL that may be logged.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({})", self.host())
    }
}

/// Whether this can be a name in the DNS (RFC 1035, 2.3; underscores are in use). The URL Standard allows more, which
/// no resolver finds and no certificate names.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> Result<Target, Refusal> {
        Target::parse(text, Targets::Public)
    }

    #[test]
    fn ordinary_webhook_urls_are_accepted() {
        for text in [
            "https://hooks.zapier.com/hooks/catch/1/abc/",
            "https://n8n.example.co.il:5678/webhook/x?token=1",
            "https://example.com:443/",
            "https://קליניקה.example/hook",
            "https://8.8.8.8/hook",
            " https://hook.eu1.make.com/abc ",
        ] {
            assert!(public(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        for (text, refusal) in [
            ("http://example.com/", Refusal::Scheme),
            ("ftp://example.com/", Refusal::Scheme),
            ("file:///etc/passwd", Refusal::Scheme),
            ("https://user@example.com/", Refusal::UserInfo),
            ("https://:pass@example.com/", Refusal::UserInfo),
            ("https://example.com:80/", Refusal::Port),
            ("https://example.com:22/", Refusal::Port),
            ("https://example.com:0/", Refusal::Port),
            ("https://example.com:1023/", Refusal::Port),
            ("example.com/hook", Refusal::Unreadable),
            ("https://", Refusal::Unreadable),
            ("https://exa mple.com/", Refusal::Unreadable),
            ("https://a{b}.com/", Refusal::Unreadable),
            ("https://\"x\".com/", Refusal::Unreadable),
            ("https://a..b/", Refusal::Unreadable),
            ("https://exam\nple.com/", Refusal::Control),
            ("https://example.com/\n", Refusal::Control),
            ("https://127.0.0.1/", Refusal::Address),
            ("https://[::1]/", Refusal::Address),
        ] {
            assert_eq!(public(text), Err(refusal), "{text}");
        }
        assert_eq!(public(&format!("https://example.com/{}", "x".repeat(2048))), Err(Refusal::TooLong));
    }

    #[test]
    fn unsafe_targets_still_refuse_other_schemes_and_user_info() {
        let parse = |text| Target::parse(text, Targets::UnsafeForLocalTestsOnly);
        assert!(parse("http://127.0.0.1:8080/hook").is_ok());
        assert!(parse("http://localhost:80/hook").is_ok());
        assert_eq!(parse("ftp://localhost/"), Err(Refusal::Scheme));
        assert_eq!(parse("http://user@localhost/"), Err(Refusal::UserInfo));
    }

    #[test]
    fn the_debug_form_shows_the_host_alone() {
        let target = public("https://hooks.slack.com/services/T0/B0/secret?token=1").expect("a public URL");
        assert_eq!(format!("{target:?}"), "Target(hooks.slack.com)");
    }

    /// Every spelling of an IPv4 address that the WHATWG URL Standard (4.6) reads as one.
    fn spellings(v4: Ipv4Addr) -> Vec<String> {
        let (bits, [a, b, c, d]) = (v4.to_bits(), v4.octets());
        let (high, low) = (bits >> 16, bits & 0xffff);
        vec![
            v4.to_string(),
            format!("{v4}."),
            bits.to_string(),
            format!("0x{bits:x}"),
            format!("0X{bits:X}"),
            format!("0{bits:o}"),
            format!("0x{a:x}.0{b:o}.{c}.{d}"),
            format!("{a}.{}", bits & 0xff_ffff),
            format!("{a}.{b}.{low}"),
            v4.to_string().replace('1', "%31"),
            v4.to_string().chars().map(|c| if c == '.' { '。' } else { c }).collect(),
            format!("[::ffff:{v4}]"),
            format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
            format!("[::FFFF:{high:X}:{low:X}]"),
            format!("[::{v4}]"),
            format!("[::ffff:0:{v4}]"),
            format!("[64:ff9b::{v4}]"),
            format!("[64:ff9b:1::{v4}]"),
            format!("[2002:{high:x}:{low:x}::1]"),
            format!("[2001:0:{high:x}:{low:x}::1]"),
            format!("[2a00::5efe:{v4}]"),
            format!("[2a00::200:5efe:{high:x}:{low:x}]"),
        ]
    }

    fn unreachable_v4() -> impl Strategy<Value = Ipv4Addr> {
        let within = |first: &'static [u8]| {
            (prop::sample::select(first), any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d))
        };
        prop_oneof![
            within(&[0, 10, 127, 224, 240, 255]),
            any::<[u8; 2]>().prop_map(|[c, d]| Ipv4Addr::new(169, 254, c, d)),
            any::<[u8; 2]>().prop_map(|[c, d]| Ipv4Addr::new(192, 168, c, d)),
            (16..32u8, any::<[u8; 2]>()).prop_map(|(b, [c, d])| Ipv4Addr::new(172, b, c, d)),
        ]
    }

    proptest! {
        #[test]
        fn no_spelling_of_an_unreachable_address_gets_through(v4 in unreachable_v4()) {
            for host in spellings(v4) {
                prop_assert_eq!(public(&format!("https://{host}/")), Err(Refusal::Address), "{}", host);
            }
        }

        #[test]
        fn no_text_at_all_makes_the_guard_panic(text in ".*") {
            let _ = public(&text);
        }
    }
}
