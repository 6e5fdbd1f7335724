//! Sending many again.

use domain::Timestamp;
use domain::endpoint::{Range, RangeStatuses};
use jiff::{RoundMode, TimestampRound, Unit};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::replay::ReplayProgress;

/// Which deliveries are to be sent again: all of a status, or those of a range of time.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum ResendAll {
    All(AllOfStatus),
    Range(RangeOfTime),
}

/// By the members, so that a refusal names the one that is wrong.
impl<'de> Deserialize<'de> for ResendAll {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.get("from").or(value.get("to")).is_some() {
            RangeOfTime::deserialize(value).map(Self::Range).map_err(D::Error::custom)
        } else {
            AllOfStatus::deserialize(value).map(Self::All).map_err(D::Error::custom)
        }
    }
}

/// All deliveries of a status.
#[derive(Debug, DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct AllOfStatus {
    pub(in crate::api) status: ResendStatus,
}

/// All deliveries whose schedule is spent, or all that are held.
#[derive(Clone, Copy, Debug, DeriveDeserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum ResendStatus {
    Failed,
    Held,
}

/// The deliveries of a range of time, by the time at which their events were first published.
#[derive(Debug, DeriveDeserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RangeOfTime {
    /// Published at this time or later; RFC 3339.
    #[schema(format = DateTime, example = "2026-03-01T00:00:00+02:00")]
    from: String,
    /// Published at this time or earlier; RFC 3339. Not earlier than `from`.
    #[schema(format = DateTime, example = "2026-03-03T23:59:59+02:00")]
    to: String,
    /// Which deliveries; both by default.
    #[serde(default = "both")]
    #[schema(required = false, min_items = 1)]
    status: Vec<RangeStatus>,
}

/// The status of a delivery that a range can have.
#[derive(Clone, Copy, Debug, DeriveDeserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RangeStatus {
    Delivered,
    Failed,
}

fn both() -> Vec<RangeStatus> {
    vec![RangeStatus::Delivered, RangeStatus::Failed]
}

impl RangeOfTime {
    /// The range; or what is wrong with it, for a developer.
    pub(in crate::api) fn parse(&self) -> Result<Range, String> {
        let time = |name: &str, text: &str| {
            text.parse::<Timestamp>().map_err(|_| format!("{name} is no time of RFC 3339, or out of range"))
        };
        let (from, to) = (time("from", &self.from)?, time("to", &self.to)?);
        if from > to {
            return Err("from is later than to".to_owned());
        }
        let statuses = match [RangeStatus::Delivered, RangeStatus::Failed].map(|status| self.status.contains(&status)) {
            [true, true] => RangeStatuses::Both,
            [true, false] => RangeStatuses::Delivered,
            [false, true] => RangeStatuses::Failed,
            [false, false] => return Err("status is empty".to_owned()),
        };
        // Events have milliseconds: the first one that is not before `from`.
        let up = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil);
        Ok(Range { from: Some(from.round(up).unwrap_or(from)), to, statuses })
    }
}

/// The delivery that is on its way again.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sent {
    /// How many deliveries.
    pub(in crate::api) resent: u64,
    /// Whether there are more.
    pub(in crate::api) more: bool,
}

/// The deliveries that are on their way again.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SentMany {
    /// How many deliveries, as far as they were counted.
    pub(in crate::api) resent: u64,
    /// Whether there are more than were counted.
    pub(in crate::api) more: bool,
    /// The replay that sends them; null: nothing is to be sent.
    #[schema(required)]
    pub(in crate::api) replay: Option<ReplayProgress>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Range, String> {
        match serde_json::from_str(text).map_err(|error| error.to_string())? {
            ResendAll::Range(range) => range.parse(),
            ResendAll::All(_) => Err("no range".to_owned()),
        }
    }

    #[test]
    fn a_range_has_two_ends_and_both_statuses_by_default() {
        let range =
            parsed(r#"{"from":"2026-03-01T02:00:00.0005+02:00","to":"2026-03-01T00:00:01Z"}"#).expect("a range");
        assert_eq!(range.from.map(|from| from.to_string()).as_deref(), Some("2026-03-01T00:00:00.001Z"));
        assert_eq!((range.to.to_string().as_str(), range.statuses), ("2026-03-01T00:00:01Z", RangeStatuses::Both));
        let of = |status| {
            parsed(&format!(r#"{{"from":"2026-03-01T00:00:00Z","to":"2026-03-01T00:00:00Z","status":{status}}}"#))
        };
        assert_eq!(of(r#"["failed"]"#).map(|range| range.statuses), Ok(RangeStatuses::Failed));
        assert_eq!(of(r#"["delivered","delivered"]"#).map(|range| range.statuses), Ok(RangeStatuses::Delivered));
        assert_eq!(of("[]"), Err("status is empty".to_owned()));
        for refused in [r#"["held"]"#, r#""failed""#, "null"] {
            assert!(of(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_wrong() {
        for (text, detail) in [
            (r#"{"from":"2026-03-01T00:00:00Z"}"#, "missing field `to`"),
            (r#"{"to":"2026-03-01T00:00:00Z","status":["failed"]}"#, "missing field `from`"),
            (r#"{"from":"yesterday","to":"2026-03-01T00:00:00Z"}"#, "from is no time of RFC 3339, or out of range"),
            (r#"{"from":"2026-03-01T00:00:01Z","to":"2026-03-01T00:00:00Z"}"#, "from is later than to"),
            (r#"{"status":["failed"]}"#, "invalid type: sequence"),
            ("{}", "missing field `status`"),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains(detail), "{text}: {error}");
        }
    }
}
