//! A clue: a detail that an attempt shows beyond its cause, and from which the page tells the owner what to do.
//!
//! A clue decides nothing: a delivery goes the same way with a clue as without one. A status code alone misleads: 403
//! may come from the receiver, or from a firewall before it that takes every program for an attacker. Services are
//! recognised by signs that they document, or by words that have stood in their answers for years. An answer that is
//! not recognised has no clue, and the owner gets the advice for its status code.

use http::header::{HeaderMap, HeaderName, SERVER};
use url::Url;

use crate::guard::Refusal;
use crate::outcome::{Answer, GooglePage, google_page};

/// A detail that an attempt shows beyond its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue {
    /// The guard refused the URL or an address, for this reason.
    Refused(Refusal),

    /// No connection was made and none was refused: a firewall drops the packets.
    NoConnection,
    /// A connection was made, but the TLS handshake did not end.
    NoHandshake,
    /// The request was sent, and no answer came.
    NoAnswer,

    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for another name.
    WrongName,
    /// The certificate names itself as its issuer.
    SelfSigned,
    /// No known authority has issued the certificate, or the receiver did not send the intermediate certificates.
    UnknownIssuer,
    /// The server at this port does not speak TLS.
    NoTls,
    /// The server speaks only TLS versions that are no longer in use.
    OldTls,

    /// Cloudflare refused the request: it demands a browser, or has a rule against this sender.
    Cloudflare,
    /// Imperva (Incapsula) refused the request.
    Imperva,
    /// Another firewall refused the request.
    Firewall,
    /// The tunnel to the owner's own machine (ngrok, Cloudflare Tunnel) is not running.
    TunnelDown,
    /// Power Automate: the URL has no signature, or the flow is not open to anyone.
    SignatureMissing,
    /// Power Automate: the URL has a signature, and an `Authorization` header came beside it.
    SecondAuthorization,
    /// Google Apps Script: the script failed, or Google could not run it.
    ScriptFailed,
    /// Google Apps Script: the owner has not allowed the script to use the account.
    ScriptUnauthorized,

    /// A redirect to the same address with https.
    ToHttps,
    /// A redirect to the same host without https.
    ToHttp,
    /// A redirect to the same address, with a slash added or removed at its end.
    ToSlash,
    /// A redirect to the same host, with `www.` added or removed.
    ToWww,
    /// A redirect to a login page.
    ToLogin,
    /// A redirect to another host.
    ToHost,
}

impl Clue {
    /// All clues but the refusals.
    pub const ALL: [Self; 24] = [
        Self::NoConnection,
        Self::NoHandshake,
        Self::NoAnswer,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::SelfSigned,
        Self::UnknownIssuer,
        Self::NoTls,
        Self::OldTls,
        Self::Cloudflare,
        Self::Imperva,
        Self::Firewall,
        Self::TunnelDown,
        Self::SignatureMissing,
        Self::SecondAuthorization,
        Self::ScriptFailed,
        Self::ScriptUnauthorized,
        Self::ToHttps,
        Self::ToHttp,
        Self::ToSlash,
        Self::ToWww,
        Self::ToLogin,
        Self::ToHost,
    ];

    /// Gives the clue's name in the ledger and the log; a refusal has its own name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.as_str(),
            Self::NoConnection => "no_connection",
            Self::NoHandshake => "no_handshake",
            Self::NoAnswer => "no_answer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongName => "wrong_name",
            Self::SelfSigned => "self_signed",
            Self::UnknownIssuer => "unknown_issuer",
            Self::NoTls => "no_tls",
            Self::OldTls => "old_tls",
            Self::Cloudflare => "cloudflare",
            Self::Imperva => "imperva",
            Self::Firewall => "firewall",
            Self::TunnelDown => "tunnel_down",
            Self::SignatureMissing => "signature_missing",
            Self::SecondAuthorization => "second_authorization",
            Self::ScriptFailed => "script_failed",
            Self::ScriptUnauthorized => "script_unauthorized",
            Self::ToHttps => "to_https",
            Self::ToHttp => "to_http",
            Self::ToSlash => "to_slash",
            Self::ToWww => "to_www",
            Self::ToLogin => "to_login",
            Self::ToHost => "to_host",
        }
    }

    /// Gives the clue of a name. None: this version knows no such clue, or the name is a refusal's, which the ledger
    /// stores in an attribute of its own.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clue| clue.as_str() == name)
    }

    /// Gives the guard's refusal, if the clue is one.
    #[must_use]
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Gives the clue of an answer. A 2xx answer has none, unless Google has answered instead of the owner's script.
#[must_use]
pub fn of_answer(request: &Url, answer: &Answer, headers: &HeaderMap) -> Option<Clue> {
    match answer.status {
        200..=299 => google_page(answer, request.host_str()?).map(|page| match page {
            GooglePage::ScriptFailed => Clue::ScriptFailed,
            GooglePage::Unauthorized => Clue::ScriptUnauthorized,
        }),
        300..=399 => redirect(request, &Url::parse(answer.location.as_deref()?).ok()?),
        _ => power_automate(&answer.snippet).or_else(|| tunnel(answer, headers)).or_else(|| firewall(answer, headers)),
    }
}

/// Power Automate and Logic Apps answer in both cases with 401 (some with 400), and with an error code in JSON.
fn power_automate(snippet: &str) -> Option<Clue> {
    if snippet.contains("DirectApiRequestHasMoreThanOneAuthorization") {
        return Some(Clue::SecondAuthorization);
    }
    snippet.contains("DirectApiAuthorizationRequired").then_some(Clue::SignatureMissing)
}

/// ngrok names its own errors in a header; Cloudflare has the error number 1033 for a tunnel whose other end is
/// missing.
fn tunnel(answer: &Answer, headers: &HeaderMap) -> Option<Clue> {
    let is_cloudflares = answer.status == 530 && answer.snippet.contains("1033");
    (is_cloudflares || headers.contains_key("ngrok-error-code")).then_some(Clue::TunnelDown)
}

/// Headers that only firewalls set, on requests that they refuse.
const FIREWALL_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-amzn-waf-action"), HeaderName::from_static("x-vercel-mitigated")];

/// Words at the beginning of the pages of Wordfence, Imunify360, `ModSecurity`, Sucuri and Akamai.
const FIREWALL_WORDS: [&str; 6] = [
    "Your access to this site has been limited",
    "Wordfence",
    "Imunify360",
    "Mod_Security",
    "Sucuri WebSite Firewall",
    "errors.edgesuite.net",
];

/// `cf-mitigated` marks a refusal by Cloudflare. Cloudflare's other refusals have no header that a receiver behind
/// Cloudflare would not have too, so they are recognised by words, as are the other firewalls' refusals.
fn firewall(answer: &Answer, headers: &HeaderMap) -> Option<Clue> {
    let has = |words: &[&str]| words.iter().any(|word| answer.snippet.contains(word));
    let is_cloudflares = || {
        let words = ["Attention Required! | Cloudflare", "Just a moment...", "/cdn-cgi/challenge-platform/"];
        let is_refusal = answer.status == 403 && answer.snippet.starts_with("error code: 1");
        headers.get(SERVER).is_some_and(|server| server.as_bytes().eq_ignore_ascii_case(b"cloudflare"))
            && (is_refusal || has(&words))
    };
    if headers.contains_key("cf-mitigated") || is_cloudflares() {
        Some(Clue::Cloudflare)
    } else if has(&["_Incapsula_Resource", "Incapsula incident ID"]) {
        Some(Clue::Imperva)
    } else if FIREWALL_HEADERS.iter().any(|name| headers.contains_key(name)) || has(&FIREWALL_WORDS) {
        Some(Clue::Firewall)
    } else {
        None
    }
}

/// Hosts at which people log in to other services.
const LOGIN_HOSTS: [&str; 3] = ["accounts.google.com", "login.microsoftonline.com", "login.live.com"];

/// Domains of login services that give each customer a host of its own.
const LOGIN_DOMAINS: [&str; 3] = [".cloudflareaccess.com", ".okta.com", ".auth0.com"];

/// Path segments that name a login page.
const LOGIN_PAGES: [&str; 8] = ["login", "log-in", "signin", "sign-in", "sign_in", "logon", "wp-login", "sso"];

fn redirect(request: &Url, to: &Url) -> Option<Clue> {
    let (from_host, to_host) = (request.host_str()?, to.host_str()?);
    let is_same = |text: &str, other: &str| text.trim_end_matches('/') == other.trim_end_matches('/');
    if is_login(to_host, to.path()) {
        Some(Clue::ToLogin)
    } else if from_host == to_host {
        match (request.scheme(), to.scheme()) {
            ("http", "https") => Some(Clue::ToHttps),
            ("https", "http") => Some(Clue::ToHttp),
            _ if request.path() != to.path() && is_same(request.path(), to.path()) => Some(Clue::ToSlash),
            _ => None,
        }
    } else if from_host.strip_prefix("www.") == Some(to_host) || to_host.strip_prefix("www.") == Some(from_host) {
        Some(Clue::ToWww)
    } else {
        Some(Clue::ToHost)
    }
}

fn is_login(host: &str, path: &str) -> bool {
    let is_page = |segment: &str| {
        let name = segment.split_once('.').map_or(segment, |(name, _)| name);
        LOGIN_PAGES.iter().any(|page| name.eq_ignore_ascii_case(page))
    };
    LOGIN_HOSTS.contains(&host)
        || LOGIN_DOMAINS.iter().any(|domain| host.ends_with(domain))
        || path.split('/').any(is_page)
}

#[cfg(test)]
mod tests;
