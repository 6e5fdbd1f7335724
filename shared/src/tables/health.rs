//! An endpoint's health as the attribute `health` of the settings item, a map.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::{map, ms, n, number, required, s, text, time};
use super::{Item, TableError};
use crate::event::EventId;
use crate::health::{EndpointId, Health, Notice, NoticeKind, Outbox, PausedReason, Release, State};
use crate::verdict::Cause;

const INVALID: TableError = TableError::Invalid("health");

/// Reads the state of a settings item; one without it never failed.
pub(super) fn from_item(item: &Item) -> Result<Health, TableError> {
    let Some(health) = map(item, "health")? else {
        return Ok(Health::default());
    };
    Ok(Health {
        version: required(number(health, "version")?, "health")?,
        endpoint: text(health, "endpoint")?.map(|id| EndpointId(id.to_owned())),
        state: state(health)?,
        release: match (number(health, "release_run")?, number(health, "release_step")?) {
            (Some(run), Some(step)) => Some(Release { run, step }),
            _ => None,
        },
        outbox: Outbox {
            notice: notice(health)?,
            token: matches!(health.get("outbox_token"), Some(AttributeValue::Bool(true))),
        },
    })
}

fn state(health: &Item) -> Result<State, TableError> {
    let since = || required(time(health, "since")?, "health");
    match text(health, "state")? {
        Some("active") => Ok(State::Active { failures: number(health, "failures")?.unwrap_or(0) }),
        Some("failing") => Ok(State::Failing {
            since: since()?,
            cause: required(text(health, "cause")?.and_then(Cause::parse), "health")?,
            pilot: required(text(health, "pilot")?.and_then(EventId::parse), "health")?,
            pilot_due: required(time(health, "pilot_due")?, "health")?,
            last_attempt: required(time(health, "last_attempt")?, "health")?,
        }),
        Some("paused") => Ok(State::Paused {
            since: since()?,
            reason: required(text(health, "reason")?.and_then(PausedReason::parse), "health")?,
        }),
        _ => Err(INVALID),
    }
}

fn notice(health: &Item) -> Result<Option<Notice>, TableError> {
    let Some(kind) = text(health, "notice")? else {
        return Ok(None);
    };
    Ok(Some(Notice {
        kind: NoticeKind::parse(kind).ok_or(INVALID)?,
        since: required(time(health, "notice_since")?, "health")?,
        cause: text(health, "notice_cause")?.unwrap_or_default().to_owned(),
    }))
}

/// The attribute for a state.
pub(super) fn to_attribute(health: &Health) -> AttributeValue {
    let mut map = Item::from([("version".to_owned(), n(health.version))]);
    let mut set = |name: &str, value| map.insert(name.to_owned(), value);
    if let Some(EndpointId(id)) = &health.endpoint {
        set("endpoint", s(id));
    }
    match &health.state {
        State::Active { failures } => {
            set("state", s("active"));
            set("failures", n(failures));
        }
        State::Failing { since, cause, pilot, pilot_due, last_attempt } => {
            set("state", s("failing"));
            set("since", ms(*since));
            set("cause", s(cause.as_str()));
            set("pilot", s(pilot.as_str()));
            set("pilot_due", ms(*pilot_due));
            set("last_attempt", ms(*last_attempt));
        }
        State::Paused { since, reason } => {
            set("state", s("paused"));
            set("since", ms(*since));
            set("reason", s(reason.as_str()));
        }
    }
    if let Some(Release { run, step }) = health.release {
        set("release_run", n(run));
        set("release_step", n(step));
    }
    if let Some(Notice { kind, since, cause }) = &health.outbox.notice {
        set("notice", s(kind.as_str()));
        set("notice_since", ms(*since));
        set("notice_cause", s(cause));
    }
    if health.outbox.token {
        set("outbox_token", AttributeValue::Bool(true));
    }
    AttributeValue::M(map)
}
