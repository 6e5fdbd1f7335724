//! The results of attempts, and what follows from each: one table, one function ([`judge`]).
//!
//! An outcome is data, whatever the receiver did. `Err` is only for faults of this system, which this module never
//! sees. Nothing in this module waits, writes or sends.

mod google_page;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

pub use google_page::GooglePage;

/// The beginning of n8n's answer while it migrates its database. The status is 200, but n8n drops the event.
const N8N_STARTING: &str = "n8n is starting up";

/// Google Apps Script runs the script on the POST, and then redirects the client to the script's answer.
const APPS_SCRIPT: &str = "script.google.com";
const APPS_SCRIPT_ANSWER: (&str, &str) = ("script.googleusercontent.com", "/macros/echo");

/// A redirect to one of these hosts asks for a login, which only a person can give.
const LOGIN_HOSTS: [&str; 2] = ["accounts.google.com", "login.microsoftonline.com"];

/// The result of one attempt, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered with a status line and headers.
    Answered(Answer),
    /// No answer came.
    Failed(Failure),
}

/// An answer, as far as the client has read it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// `Retry-After`, unchanged.
    pub retry_after: Option<String>,
    /// `Location`, resolved against the request's URL; unchanged if it is no URL.
    pub location: Option<String>,
    /// The beginning of the body as text, decoded by its charset. Empty if the connection broke or the deadline passed
    /// before the body began.
    pub snippet: String,
}

/// The body and the `Location` are the receiver's private data and must not reach a log.
impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Failure {
    /// The host's name has no address.
    Dns,
    /// No connection could be made.
    Refused,
    /// The connection broke.
    Reset,
    /// The TLS handshake failed.
    Tls,
    /// The deadline passed.
    Timeout,
    /// The receiver's answer is not HTTP.
    Protocol,
    /// The guard refused the URL or an address.
    Blocked,
}

/// Why an attempt did not deliver the event. The ledger and the log name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// No answer came.
    Failed(Failure),
    /// The answer's status is no success.
    Status,
    /// The answer is a redirect, which is never followed.
    Redirect,
    /// The answer is a redirect to a login.
    SignIn,
    /// 410: the receiver says that the endpoint is gone for good.
    Gone,
    /// A stored cause that this version does not know, since a newer version has written it. No attempt of this version
    /// has it.
    Other,
}

impl Cause {
    const ALL: [Self; 11] = [
        Self::Failed(Failure::Dns),
        Self::Failed(Failure::Refused),
        Self::Failed(Failure::Reset),
        Self::Failed(Failure::Tls),
        Self::Failed(Failure::Timeout),
        Self::Failed(Failure::Protocol),
        Self::Failed(Failure::Blocked),
        Self::Status,
        Self::Redirect,
        Self::SignIn,
        Self::Gone,
    ];

    /// Gives the cause of a name. None: this version knows no such cause.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }

    /// Gives the cause of a stored name; [`Self::Other`] if this version does not know it.
    #[must_use]
    pub fn read(name: &str) -> Self {
        Self::parse(name).unwrap_or(Self::Other)
    }

    /// Gives the cause's name in the ledger and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed(Failure::Dns) => "dns",
            Self::Failed(Failure::Refused) => "refused",
            Self::Failed(Failure::Reset) => "reset",
            Self::Failed(Failure::Tls) => "tls",
            Self::Failed(Failure::Timeout) => "timeout",
            Self::Failed(Failure::Protocol) => "protocol",
            Self::Failed(Failure::Blocked) => "blocked",
            Self::Status => "status",
            Self::Redirect => "redirect",
            Self::SignIn => "sign_in",
            Self::Gone => "gone",
            Self::Other => "other",
        }
    }
}

/// The consequence of an outcome for the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has the event.
    Delivered,
    /// The event is tried again.
    Retry {
        /// Why the attempt did not deliver.
        cause: Cause,
        /// How long the receiver asks to wait, from now (Retry-After). None: the receiver does not ask for a delay.
        not_before: Option<Duration>,
    },
}

/// Judges an attempt at this host. `now` is the time of the answer; an HTTP date in Retry-After counts from it.
#[must_use]
pub fn judge(outcome: &Outcome, host: &str, now: Timestamp) -> Verdict {
    let answer = match outcome {
        Outcome::Answered(answer) => answer,
        Outcome::Failed(failure) => return Verdict::Retry { cause: Cause::Failed(*failure), not_before: None },
    };
    let retry = |cause| Verdict::Retry { cause, not_before: None };
    match answer.status {
        200..=299 if answer.snippet.starts_with(N8N_STARTING) || google_page(answer, host).is_some() => {
            retry(Cause::Status)
        }
        200..=299 => Verdict::Delivered,
        302 if leads_to_the_answer_of_a_script(answer, host) => Verdict::Delivered,
        302 if leads_to_a_login(answer) => retry(Cause::SignIn),
        300..=399 => retry(Cause::Redirect),
        410 => retry(Cause::Gone),
        429 | 503 => {
            let not_before = answer.retry_after.as_deref().and_then(|value| retry_after(value, now));
            Verdict::Retry { cause: Cause::Status, not_before }
        }
        _ => retry(Cause::Status),
    }
}

/// Whether Google Apps Script has run the script and redirects to the script's answer. The request's host is compared
/// as a whole, in any case. Of the redirect's address, only the host and the path that the URL parser finds are
/// compared. So a user name, the end of another domain or an encoded slash cannot pass for them.
fn leads_to_the_answer_of_a_script(answer: &Answer, host: &str) -> bool {
    host.eq_ignore_ascii_case(APPS_SCRIPT)
        && leads_to(answer).is_some_and(|to| to.host_str().map(|host| (host, to.path())) == Some(APPS_SCRIPT_ANSWER))
}

/// Gives the page with which Google Apps Script answers if a script at this host did not do its work, although the
/// status is a success. None: the answer is no such page.
#[must_use]
pub fn google_page(answer: &Answer, host: &str) -> Option<GooglePage> {
    let is_success_of_a_script = (200..=299).contains(&answer.status) && host.eq_ignore_ascii_case(APPS_SCRIPT);
    is_success_of_a_script.then(|| GooglePage::read(&answer.snippet)).flatten()
}

fn leads_to_a_login(answer: &Answer) -> bool {
    leads_to(answer).is_some_and(|to| to.host_str().is_some_and(|host| LOGIN_HOSTS.contains(&host)))
}

/// Gives the URL of a redirect. Only http and https count, because the URL parser normalises the host for these schemes
/// alone.
fn leads_to(answer: &Answer) -> Option<Url> {
    let to = Url::parse(answer.location.as_deref()?).ok()?;
    Some(to).filter(|to| matches!(to.scheme(), "https" | "http"))
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): delay-seconds, or an HTTP date in any of its three formats. None: the value
/// is neither.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-01T10:00:00Z";

    fn judged(answer: Answer) -> Verdict {
        judge(&Outcome::Answered(answer), "n8n.example", NOW.parse().expect("a time"))
    }

    fn status(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    fn retry(cause: Cause) -> Verdict {
        Verdict::Retry { cause, not_before: None }
    }

    #[test]
    fn every_status_has_its_row() {
        for code in 100..=999 {
            let expected = match code {
                200..=299 => Verdict::Delivered,
                300..=399 => retry(Cause::Redirect),
                410 => retry(Cause::Gone),
                _ => retry(Cause::Status),
            };
            assert_eq!(judged(status(code)), expected, "{code}");
        }
    }

    #[test]
    fn n8n_starting_up_is_no_success() {
        let starting = Answer { snippet: "n8n is starting up. Please wait".into(), ..status(200) };
        assert_eq!(judged(starting), retry(Cause::Status));
        let mention = Answer { snippet: "ok: n8n is starting up".into(), ..status(200) };
        assert_eq!(judged(mention), Verdict::Delivered);
    }

    #[test]
    fn a_page_of_googles_instead_of_the_script_is_no_success_at_googles_host_alone() {
        let failed = include_str!("../../../infra/fakes/apps_script/error.html");
        let unauthorized = include_str!("../../../infra/fakes/apps_script/authorization.html");
        let by_the_script = include_str!("../../../infra/fakes/apps_script/html_service.html");
        for (status, host, snippet, page) in [
            (200, "script.google.com", failed, Some(GooglePage::ScriptFailed)),
            (202, "Script.Google.COM", failed, Some(GooglePage::ScriptFailed)),
            (200, "script.google.com", unauthorized, Some(GooglePage::Unauthorized)),
            (200, "script.google.com", by_the_script, None),
            (200, "script.google.com", "", None),
            (200, "n8n.example", failed, None),
            (200, "script.google.com.evil.example", failed, None),
            (200, "script.googleusercontent.com", unauthorized, None),
        ] {
            let answer = Answer { status, snippet: snippet.into(), ..Answer::default() };
            assert_eq!(google_page(&answer, host), page, "{host} {snippet}");
            let verdict = judge(&Outcome::Answered(answer), host, NOW.parse().expect("a time"));
            let expected = page.map_or(Verdict::Delivered, |_| retry(Cause::Status));
            assert_eq!(verdict, expected, "{host} {snippet}");
        }
        let gone = Answer { status: 410, snippet: failed.into(), ..Answer::default() };
        assert_eq!(google_page(&gone, "script.google.com"), None, "its status tells enough");
    }

    fn redirected(status: u16, host: &str, location: &str) -> Verdict {
        let answer = Answer { status, location: Some(location.into()), ..Answer::default() };
        judge(&Outcome::Answered(answer), host, NOW.parse().expect("a time"))
    }

    #[test]
    fn google_apps_script_has_run_when_it_sends_the_client_to_its_answer() {
        let answer = "https://script.googleusercontent.com/macros/echo?user_content_key=AbC&lib=x";
        for host in ["script.google.com", "Script.Google.COM"] {
            assert_eq!(redirected(302, host, answer), Verdict::Delivered, "{host}");
        }
        let anywhere = "HTTPS://Script.GoogleUserContent.com:443/macros/echo";
        assert_eq!(redirected(302, "script.google.com", anywhere), Verdict::Delivered);
        for status in [301, 303, 307, 308] {
            assert_eq!(redirected(status, "script.google.com", answer), retry(Cause::Redirect), "{status}");
        }
        for host in ["n8n.example", "script.google.com.evil.example", "xscript.google.com", "google.com", ""] {
            assert_eq!(redirected(302, host, answer), retry(Cause::Redirect), "{host}");
        }
        for elsewhere in [
            "https://script.googleusercontent.com.evil.example/macros/echo",
            "https://script.googleusercontent.com@evil.example/macros/echo",
            "https://evil.example/?https://script.googleusercontent.com/macros/echo",
            "https://evil.example#@script.googleusercontent.com/macros/echo",
            "https://evil.example\\@script.googleusercontent.com/macros/echo",
            "https://script.googleusercontent.com/macros/echo/",
            "https://script.googleusercontent.com/macros%2Fecho",
            "https://script.googleusercontent.com/Macros/Echo",
            "https://script.googleusercontent.com/",
            "ftp://script.googleusercontent.com/macros/echo",
            "script.googleusercontent.com/macros/echo",
            "https://script.google.com/macros/s/x/exec",
        ] {
            assert_eq!(redirected(302, "script.google.com", elsewhere), retry(Cause::Redirect), "{elsewhere}");
        }
    }

    #[test]
    fn a_redirect_to_a_login_is_one_whoever_sends_it() {
        for host in ["script.google.com", "n8n.example"] {
            for location in [
                "https://accounts.google.com/ServiceLogin?continue=https://script.googleusercontent.com/macros/echo",
                "https://Login.MicrosoftOnline.com/common/oauth2/authorize",
            ] {
                assert_eq!(redirected(302, host, location), retry(Cause::SignIn), "{host} {location}");
                assert_eq!(redirected(303, host, location), retry(Cause::Redirect), "{host} {location}");
            }
            for location in [
                "https://accounts.google.com.evil.example/",
                "https://accounts.google.com@evil.example/",
                "https://myaccounts.google.com/",
                "https://x.login.microsoftonline.com/",
                "accounts.google.com",
            ] {
                assert_eq!(redirected(302, host, location), retry(Cause::Redirect), "{host} {location}");
            }
        }
        assert_eq!(Cause::SignIn.as_str(), "sign_in");
        assert_eq!(judged(status(302)), retry(Cause::Redirect), "without an address");
    }

    #[test]
    fn every_failure_is_retried_under_its_name() {
        for (failure, name) in [
            (Failure::Dns, "dns"),
            (Failure::Refused, "refused"),
            (Failure::Reset, "reset"),
            (Failure::Tls, "tls"),
            (Failure::Timeout, "timeout"),
            (Failure::Protocol, "protocol"),
            (Failure::Blocked, "blocked"),
        ] {
            let verdict = judge(&Outcome::Failed(failure), "n8n.example", NOW.parse().expect("a time"));
            assert_eq!(verdict, retry(Cause::Failed(failure)));
            assert_eq!(Cause::Failed(failure).as_str(), name);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_any_http_date_and_counts_for_429_and_503_alone() {
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 01 Mar 2026 10:02:00 GMT", Some(120)),
            ("Sunday, 01-Mar-26 10:02:00 GMT", Some(120)),
            ("Sun Mar  1 10:02:00 2026", Some(120)),
            ("Sun, 01 Mar 2026 09:00:00 GMT", Some(0)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            for code in [429, 503, 500, 200] {
                let answer = Answer { retry_after: Some(value.to_owned()), ..status(code) };
                let expected = match code {
                    429 | 503 => Verdict::Retry { cause: Cause::Status, not_before: seconds.map(Duration::from_secs) },
                    500 => retry(Cause::Status),
                    _ => Verdict::Delivered,
                };
                assert_eq!(judged(answer), expected, "{code} {value}");
            }
        }
    }

    #[test]
    fn the_debug_form_of_an_answer_has_no_body_and_no_address() {
        let answer = Answer { location: Some("https://x/secret".into()), snippet: "private".into(), ..status(302) };
        let debug = format!("{answer:?}");
        assert!(!debug.contains("secret") && !debug.contains("private"), "{debug}");
    }
}
