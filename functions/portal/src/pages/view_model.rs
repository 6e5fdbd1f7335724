//! From what is stored to what the pages show.

use adapters::attempter::Attempt;
use adapters::deliveries_table::{Cursor, Details, LOCATION_CHARS, Listed, PastAttempt, Summary, Wanted, printable};
use adapters::settings_table::OwnerSettings;
use domain::Timestamp;
use domain::endpoint::State;
use domain::guard::TargetPolicy;
use domain::outcome::Verdict;

use crate::html::{
    AttemptView, DeliveryView, EndpointState, EndpointView, Flash, Hint, LogView, Overview, Row, SecretView,
    SettingsForm, ShownSecret, TestView,
};
use crate::use_cases::{SigningSecretText, Warning, is_overdue, warnings};

/// A longer body is shown as it is, and not to its end: deep nesting would be mostly indentation, and Lambda's answers end
/// at 6 MB.
const MAX_SHOWN_BYTES: usize = 256 * 1024;

/// The main page, without what was just done.
pub(super) fn overview(
    owned: &OwnerSettings,
    held: u64,
    listed: &Listed,
    wanted: &Wanted,
    targets: TargetPolicy,
    with_secret: bool,
    now: Timestamp,
) -> Overview {
    Overview {
        now,
        said: None,
        settings: settings(owned, targets),
        endpoint: endpoint(owned, held, now),
        test: None,
        secret: secret(owned, with_secret),
        log: log(listed, wanted, now),
    }
}

fn settings(owned: &OwnerSettings, targets: TargetPolicy) -> SettingsForm {
    SettingsForm {
        url: owned.url.clone().unwrap_or_default(),
        url_error: None,
        hints: warnings(owned, targets).into_iter().map(hint).collect(),
        header_name: owned.static_header_name.clone().unwrap_or_default(),
        has_header_value: owned.static_header_name.is_some(),
        header_error: None,
    }
}

pub(super) fn hint(warning: Warning) -> Hint {
    match warning {
        Warning::N8nTestUrl => Hint::N8nTest,
        Warning::ToolPage => Hint::ToolPage,
        Warning::Slack => Hint::Slack,
        Warning::SlackWorkflow => Hint::SlackWorkflow,
        Warning::Discord => Hint::Discord,
        Warning::GoogleChat => Hint::GoogleChat,
        Warning::Telegram => Hint::Telegram,
        Warning::Teams => Hint::Teams,
        Warning::PowerAutomate => Hint::PowerAutomate,
        Warning::Unresolved => Hint::Unresolved,
        Warning::Http => Hint::Http,
        Warning::Mistyped => Hint::Mistyped,
    }
}

fn endpoint(owned: &OwnerSettings, held: u64, now: Timestamp) -> EndpointView {
    let health = owned.here(now);
    let state = match health.state {
        _ if owned.url.is_none() => EndpointState::NotSet,
        State::Active { .. } => EndpointState::Active,
        State::Failing { since, cause, .. } => EndpointState::Failing { since, cause },
        State::Paused { since, reason } => EndpointState::Paused { since, reason },
    };
    // One that has lost its message does not go on: to say so would hide the button that makes it.
    EndpointView { state, held, is_replaying: health.replay.as_ref().is_some_and(|replay| !replay.is_lost(now)) }
}

fn secret(owned: &OwnerSettings, is_shown: bool) -> SecretView {
    let shown = owned.signing_secret.as_deref().filter(|_| is_shown).map(SigningSecretText::of);
    SecretView {
        exists: owned.signing_secret.is_some(),
        shown: shown.map(|SigningSecretText { secret, text }| ShownSecret { secret, text }),
        previous_until: owned.previous_secret_until,
    }
}

fn log(listed: &Listed, wanted: &Wanted, now: Timestamp) -> LogView {
    LogView {
        filter: wanted.status,
        search: wanted.search.clone().unwrap_or_default(),
        rows: listed.deliveries.iter().map(|summary| row(summary, now)).collect(),
        next_cursor: listed.next.as_ref().map(Cursor::to_text),
        is_older: wanted.after.is_some(),
    }
}

fn row(summary: &Summary, now: Timestamp) -> Row {
    Row {
        event_id: summary.event_id.to_string(),
        event_type: summary.event_type.clone(),
        subject: summary.subject.clone(),
        phone_ending: summary.phone_ending.clone(),
        created_at: summary.created_at,
        status: summary.status,
        cause: summary.cause,
        status_code: summary.status_code,
        clue: summary.clue,
        attempts: summary.attempts,
        next_attempt_at: summary.next_attempt_at,
        is_overdue: is_overdue(summary.status, summary.next_attempt_at, now),
    }
}

/// What a test came to.
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

/// One delivery's page.
pub(super) fn delivery(details: Details, said: Option<Flash>, has_url: bool, now: Timestamp) -> DeliveryView {
    DeliveryView {
        now,
        has_url,
        said,
        row: row(&details.summary, now),
        snippet: details.response_snippet,
        attempts: details.attempts.into_iter().map(attempt).collect(),
        body: details.body.map(|body| indented(&body)),
    }
}

fn attempt(past: PastAttempt) -> AttemptView {
    AttemptView {
        at: past.at,
        cause: past.cause,
        status_code: past.status_code,
        clue: past.clue,
        total_ms: u64::try_from(past.timings.total.as_millis()).unwrap_or(u64::MAX),
        snippet: past.response_snippet,
        location: past.location,
    }
}

/// A body made readable: an event's body is compact JSON, so that whatever is not in a string is structure.
fn indented(body: &str) -> String {
    if body.len() > MAX_SHOWN_BYTES {
        return body.chars().take(MAX_SHOWN_BYTES / 4).chain(['…']).collect();
    }
    let mut text = String::with_capacity(body.len() * 5 / 4);
    let (mut depth, mut in_string, mut is_escaped) = (0, false, false);
    let mut before = ' ';
    for character in body.chars() {
        let is_empty = matches!((before, character), ('{', '}') | ('[', ']'));
        if !in_string && matches!(character, '}' | ']') {
            depth -= 1;
            new_line(&mut text, depth, !is_empty);
        } else if !in_string && matches!(before, '{' | '[' | ',') {
            new_line(&mut text, depth, true);
        }
        text.push(character);
        match character {
            '"' if !is_escaped => in_string = !in_string,
            '{' | '[' if !in_string => depth += 1,
            ':' if !in_string => text.push(' '),
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
        before = if in_string { ' ' } else { character };
    }
    text
}

fn new_line(text: &mut String, depth: usize, is_wanted: bool) {
    if is_wanted {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
}

#[cfg(test)]
mod tests {
    use domain::event::Event;

    use super::*;

    #[test]
    fn a_body_is_indented_and_nothing_else_of_it_changes() {
        let of = |rest: &str| {
            let text = format!(r#"{{"event_type":"a.b","business_id":"b",{rest}}}"#);
            indented(Event::parse(&text).expect("well-formed").body())
        };
        assert_eq!(
            of(r#""list":[1,{"x":"a,b:{[\""}],"none":{},"empty":[]"#),
            "{\n  \"event_type\": \"a.b\",\n  \"business_id\": \"b\",\n  \"list\": [\n    1,\n    {\n      \
             \"x\": \"a,b:{[\\\"\"\n    }\n  ],\n  \"none\": {},\n  \"empty\": []\n}"
        );
        let hebrew = of(r#""transcript":"שלום: \\\\ {\"א\"}""#);
        let back: serde_json::Value = serde_json::from_str(&hebrew).expect("still JSON");
        assert_eq!(back["transcript"], "שלום: \\\\ {\"א\"}");
    }
}
