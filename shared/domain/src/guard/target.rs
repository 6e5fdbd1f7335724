//! A URL that the guard allows by its text. A host that is a name is judged again by its addresses, right before
//! dialling.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::{Refusal, TargetPolicy, text};
use crate::pasted;

/// A vetted URL. Its `Debug` shows the host alone, because the path of a webhook is often its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// The greatest length of a URL, in characters.
    pub const MAX_CHARS: usize = 2048;

    /// Cleans, reads and vets a text that somebody has typed or pasted as a URL. The rules are those of
    /// [`Target::parse`], and the text must be one URL and nothing else.
    ///
    /// # Errors
    ///
    /// [`Refusal`], which does not repeat the URL.
    pub fn typed(text: &str, targets: TargetPolicy) -> Result<Self, Refusal> {
        let cleaned = pasted::cleaned(text);
        // The length is judged first, because it bounds the cost of the other rules.
        if cleaned.chars().count() <= Self::MAX_CHARS {
            text::judge_typed(&cleaned)?;
        }
        Self::parse(&cleaned, targets)
    }

    /// Cleans, reads and vets a URL.
    ///
    /// # Errors
    ///
    /// [`Refusal`], which does not repeat the URL.
    pub fn parse(text: &str, targets: TargetPolicy) -> Result<Self, Refusal> {
        let text = pasted::cleaned(text);
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Refusal::TooLong);
        }
        text::judge(&text)?;
        let mut url = Url::parse(&text).map_err(|_| Refusal::Unreadable)?;
        match (url.scheme(), targets) {
            ("https", _) | ("http", TargetPolicy::UnsafeForLocalTestsOnly) => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        if url.fragment().is_some_and(|fragment| !fragment.is_empty()) {
            return Err(Refusal::Fragment);
        }
        url.set_fragment(None);
        if targets == TargetPolicy::Public && !matches!(url.port_or_known_default(), Some(443 | 1024..)) {
            return Err(Refusal::Port);
        }
        let address: Option<IpAddr> = match url.host().ok_or(Refusal::Unreadable)? {
            Host::Domain(name) if !is_name(name) => return Err(Refusal::Unreadable),
            Host::Domain(name) if targets == TargetPolicy::Public && is_special(name) => {
                return Err(Refusal::SpecialName);
            }
            Host::Domain(_) => None,
            Host::Ipv4(v4) => Some(v4.into()),
            Host::Ipv6(v6) => Some(v6.into()),
        };
        if address.is_some_and(|address| !targets.allow(address)) {
            return Err(Refusal::Address);
        }
        Ok(Self(url))
    }

    /// Gives the whole URL, which must not be logged.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Gives the host: the only part of the URL that may be logged.
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

/// Whether a text can be a name in the DNS (RFC 1035, 2.3; underscores are in use too). The URL Standard allows further
/// names, which no resolver finds and no certificate has.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(label)
}

/// Names that no public DNS has, but that the resolver of a private network may answer.
const SPECIAL_NAMES: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "onion", "invalid", "test"];

/// Whether a name is one of [`SPECIAL_NAMES`] or below one. The URL parser has made the name lower-case.
fn is_special(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_below = |special| name.strip_suffix(special).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    SPECIAL_NAMES.into_iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> Result<Target, Refusal> {
        Target::typed(text, TargetPolicy::Public)
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
            "\u{200f}https://hook.eu1.make.com/abc\u{a0}\n",
            "HTTPS://proxy.example/in?to=https://n8n.example/hook&or=http://x.example/?https://y.example/",
            "https://localhost.example/a^b|c'd",
            "https://contest/",
            "https://n8n.example/?q=%7B%22a%22%3A%7B%7D%7D&from=%3Ca@b.example%3E",
        ] {
            assert!(public(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn each_rule_refuses_the_urls_that_break_it() {
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
            ("two words", Refusal::Unreadable),
            ("//example.com/", Refusal::Unreadable),
            ("hhttps://example.com/", Refusal::Scheme),
            ("ftp://example.com/?x=https://y.example/", Refusal::Scheme),
            ("https://exa mple.com/", Refusal::Words),
            ("https://exam\u{2009}ple.com/", Refusal::Words),
            ("https://\"x\".com/", Refusal::Words),
            ("view-source:https://example.com/", Refusal::Words),
            ("כתובת https://example.com/", Refusal::Words),
            ("https://example.com/ כתובת", Refusal::Words),
            ("<https://example.com/>", Refusal::Words),
            ("https://a{b}.com/", Refusal::Placeholder),
            ("https://example.com/{{ $json.id }}", Refusal::Placeholder),
            ("https://example.com/%7b%7Bid}}", Refusal::Placeholder),
            ("https://example.com/<TOKEN>", Refusal::Placeholder),
            ("https://example.com/%3cmy-token%3E", Refusal::Placeholder),
            ("https://example.com/a https://example.com/b", Refusal::TwoUrls),
            ("https://example.com/ahttps://example.com/a", Refusal::TwoUrls),
            ("https://example.com/a?b=chttp://example.com/", Refusal::TwoUrls),
            ("https://example.com/?c==https://example.com/?c==", Refusal::TwoUrls),
            ("https:\\\\example.com\\hook", Refusal::Backslash),
            ("https://example.com/a\\b", Refusal::Backslash),
            ("https://example.com/#!/view/a", Refusal::Fragment),
            ("https://example.com/a#b", Refusal::Fragment),
            ("https://a..b/", Refusal::Unreadable),
            ("https://exam\nple.com/", Refusal::Control),
            ("https://example.com/a\tb", Refusal::Control),
            ("https://example.com/\u{2028}b", Refusal::Control),
            ("https://127.0.0.1/", Refusal::Address),
            ("https://[::1]/", Refusal::Address),
        ] {
            assert_eq!(public(text), Err(refusal), "{text}");
        }
        assert_eq!(public(&format!("https://example.com/{}", "x".repeat(2048))), Err(Refusal::TooLong));
    }

    #[test]
    fn a_stored_url_may_have_what_a_typed_one_may_not() {
        for text in [
            "https://example.com/{{ $json.id }}",
            "https://example.com/?as=<text>",
            "https://example.com/proxy/https://n8n.example/hook",
            "https://example.com/a b",
        ] {
            assert!(public(text).is_err(), "{text}");
            assert!(Target::parse(text, TargetPolicy::Public).is_ok(), "{text}");
        }
        for (text, refusal) in [
            ("https://example.com/a\\b", Refusal::Backslash),
            ("https://example.com/a\tb", Refusal::Control),
            ("https://example.com/a#b", Refusal::Fragment),
            ("https://nas.local/", Refusal::SpecialName),
            ("https://a{b}.com/", Refusal::Unreadable),
            ("https://exa mple.com/", Refusal::Unreadable),
        ] {
            assert_eq!(Target::parse(text, TargetPolicy::Public), Err(refusal), "{text}");
        }
    }

    #[test]
    fn an_empty_fragment_is_no_part_of_the_url() {
        assert_eq!(public("https://example.com/a#").expect("a public URL").url().as_str(), "https://example.com/a");
    }

    #[test]
    fn special_use_names_are_refused_in_any_spelling_and_similar_names_are_not() {
        for name in SPECIAL_NAMES {
            let spellings = [name.to_owned(), name.to_uppercase(), format!("{name}."), format!("a.b.{name}")];
            for host in spellings {
                assert_eq!(public(&format!("https://{host}/")), Err(Refusal::SpecialName), "{host}");
                let unsafe_target = Target::parse(&format!("https://{host}/"), TargetPolicy::UnsafeForLocalTestsOnly);
                assert!(unsafe_target.is_ok(), "{host}");
            }
            assert!(public(&format!("https://my{name}/")).is_ok(), "{name}");
            assert!(public(&format!("https://{name}.example/")).is_ok(), "{name}");
        }
    }

    #[test]
    fn unsafe_targets_still_refuse_other_schemes_and_user_info() {
        let parse = |text| Target::parse(text, TargetPolicy::UnsafeForLocalTestsOnly);
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
        fn a_url_with_marks_is_the_url_without_them(
            path in "[a-z0-9/?=&%.]{0,40}",
            marks in prop::collection::vec((0..99usize, prop::sample::select(vec!['\u{200f}', '\u{202c}', '\u{a0}', '\u{ad}'])), 0..5),
        ) {
            let url = format!("https://hook.example/{path}");
            let mut marked: Vec<char> = url.chars().collect();
            for (place, mark) in marks {
                marked.insert(place % (marked.len() + 1), mark);
            }
            prop_assert_eq!(public(&marked.into_iter().collect::<String>()), public(&url));
        }

        #[test]
        fn no_text_makes_the_guard_panic(text in ".*") {
            let _ = public(&text);
        }
    }
}
