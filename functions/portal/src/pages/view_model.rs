//! Turns stored settings and answers into the data that the pages show.

use adapters::attempter::Attempt;
use adapters::deliveries_table::{Cursor, LOCATION_CHARS, Listed, Retention, Wanted, printable};
use adapters::settings_table::OwnerSettings;
use domain::Timestamp;
use domain::endpoint::State;
use domain::format::{Format, PayloadFormat};
use domain::guard::TargetPolicy;
use domain::outcome::Verdict;
use domain::{israel, pasted};
use url::Url;

use crate::html::{
    ConnectionView, EndpointState, EndpointView, Hint, LogView, Overview, SecretView, SettingsForm, ShownSecret,
    TestView,
};
use crate::use_cases::{ReplayView, SigningSecretText, TestKind, Warning, warnings};

/// The main page, without the action that was just done and without the summary. The deliveries are those `wanted`; the signing secret is among
/// the data only `with_secret`.
pub(super) fn overview(
    owned: &OwnerSettings,
    held: u64,
    listed: Listed,
    wanted: &Wanted,
    targets: TargetPolicy,
    with_secret: bool,
    now: Timestamp,
) -> Overview {
    Overview {
        now,
        said: None,
        settings: settings(owned, targets),
        opened: None,
        is_unsaved: false,
        preview: None,
        test_kind: TestKind::default(),
        connection: connection(owned),
        endpoint: endpoint(owned, held, now),
        summary: None,
        test: None,
        secret: secret(owned, with_secret),
        log: LogView { replay: ReplayView::of_late(owned, now), ..log(listed, wanted) },
    }
}

fn connection(owned: &OwnerSettings) -> ConnectionView {
    let url = owned.url.as_deref();
    let parsed = url.and_then(|url| Url::parse(&pasted::cleaned(url)).ok());
    let host = parsed.as_ref().and_then(Url::host_str).map(ToOwned::to_owned);
    ConnectionView {
        host: host.or_else(|| url.map(ToOwned::to_owned)),
        format: url.and_then(|url| resolved(owned.payload_format, url)),
        tested: owned.last_test,
        email: owned.notify_email.clone(),
    }
}

/// The settings as they are stored.
pub(super) fn settings(owned: &OwnerSettings, targets: TargetPolicy) -> SettingsForm {
    SettingsForm {
        url: owned.url.clone().unwrap_or_default(),
        url_error: None,
        hints: warnings(owned, targets).into_iter().map(hint).collect(),
        header_name: owned.static_header_name.clone().unwrap_or_default(),
        has_header_value: owned.static_header_name.is_some(),
        header_error: None,
        has_mails: false,
        email: owned.notify_email.clone().unwrap_or_default(),
        email_error: None,
        retention: String::new(),
        retention_most: 0,
        retention_error: None,
        format: owned.payload_format,
        resolved: owned.url.as_deref().and_then(|url| resolved(owned.payload_format, url)),
        template: owned.payload_template.clone().unwrap_or_default(),
        format_error: None,
    }
}

/// Fills the field of how long records are kept. A stored number that does not count is not shown.
pub(super) fn set_retention(form: &mut SettingsForm, owned: &OwnerSettings, stack: Retention) {
    let chosen = stack.chosen(owned.retention_days);
    form.retention = chosen.map(|Retention(days)| days.to_string()).unwrap_or_default();
    form.retention_most = stack.0;
}

/// The format that deliveries to a URL have; None: it is no URL.
pub(super) fn resolved(format: PayloadFormat, url: &str) -> Option<Format> {
    Url::parse(&pasted::cleaned(url)).ok().map(|url| format.resolve(&url))
}

pub(super) fn hint(warning: Warning) -> Hint {
    match warning {
        Warning::N8nTestUrl => Hint::N8nTest,
        Warning::ToolPage => Hint::ToolPage,
        Warning::Telegram => Hint::Telegram,
        Warning::Teams => Hint::Teams,
        Warning::PowerAutomate => Hint::PowerAutomate,
        Warning::Unresolved => Hint::Unresolved,
        Warning::Http => Hint::Http,
        Warning::Mistyped => Hint::Mistyped,
    }
}

fn endpoint(owned: &OwnerSettings, held: u64, now: Timestamp) -> EndpointView {
    // A replay that has lost its message makes no progress. To call it under way would hide the button that restarts
    // it.
    let is_replaying = owned.here(now).replay.as_ref().is_some_and(|replay| !replay.is_lost(now));
    EndpointView { state: state(owned, now), held, is_replaying }
}

/// Whether events go out.
pub(super) fn state(owned: &OwnerSettings, now: Timestamp) -> EndpointState {
    match owned.here(now).state {
        _ if owned.url.is_none() => EndpointState::NotSet,
        State::Active { .. } => EndpointState::Active,
        State::Failing { since, cause, .. } => EndpointState::Failing { since, cause },
        State::Paused { since, reason } => EndpointState::Paused { since, reason },
    }
}

fn secret(owned: &OwnerSettings, is_shown: bool) -> SecretView {
    let shown = owned.signing_secret.as_deref().filter(|_| is_shown).map(SigningSecretText::of);
    SecretView {
        exists: owned.signing_secret.is_some(),
        shown: shown.map(|SigningSecretText { secret, text }| ShownSecret { secret, text }),
        previous_until: owned.previous_secret_until,
    }
}

fn log(listed: Listed, wanted: &Wanted) -> LogView {
    LogView {
        filter: wanted.status,
        search: wanted.search.clone().unwrap_or_default(),
        from: wanted.from.map(|from| israel::local(from).date()),
        to: wanted.to.map(|to| israel::local(to).date()),
        rows: listed.deliveries,
        next_cursor: listed.next.as_ref().map(Cursor::to_text),
        is_older: wanted.after.is_some(),
        replay: None,
    }
}

/// The result of a test.
pub(super) fn test(attempt: &Attempt) -> TestView {
    TestView {
        cause: match attempt.verdict {
            Verdict::Delivered => None,
            Verdict::Retry { cause, .. } => Some(cause),
        },
        status_code: attempt.status_code(),
        clue: attempt.clue,
        timings: attempt.timings,
        snippet: attempt.snippet().and_then(|text| printable(text, usize::MAX)),
        location: attempt.location().and_then(|to| printable(to, LOCATION_CHARS)),
    }
}
