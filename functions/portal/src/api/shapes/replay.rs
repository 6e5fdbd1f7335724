//! The progress of a replay.

use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::use_cases::{ReplayKind, ReplayState, ReplayView};

/// A replay, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ReplayProgress {
    kind: KindName,
    /// The range's beginning, in RFC 3339; null: it has no ends, or the replay is one of held events.
    #[schema(required, format = DateTime)]
    from: Option<String>,
    /// The range's end, in RFC 3339; null as with `from`.
    #[schema(required, format = DateTime)]
    to: Option<String>,
    /// How many events are done, the failed ones included; at most a step behind.
    done: u64,
    /// How many of them the endpoint did not take.
    failed: u64,
    /// How many events there are; null: more than 10,000.
    #[schema(required)]
    total: Option<u64>,
    state: StateName,
}

/// The events that a replay sends: the held ones, or those of a range of time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KindName {
    Held,
    Range,
}

/// Whether a replay goes on: it runs, waits until the endpoint is well and nothing is held any more, is done, or was
/// ended by a pause.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StateName {
    Running,
    Waiting,
    Done,
    Ended,
}

impl From<&ReplayView> for ReplayProgress {
    fn from(view: &ReplayView) -> Self {
        Self {
            kind: match view.kind {
                ReplayKind::Held => KindName::Held,
                ReplayKind::Range => KindName::Range,
            },
            from: view.from.map(rfc3339),
            to: view.to.map(rfc3339),
            done: view.done,
            failed: view.failed,
            total: view.total,
            state: match view.state {
                ReplayState::Running => StateName::Running,
                ReplayState::Waiting => StateName::Waiting,
                ReplayState::Done => StateName::Done,
                ReplayState::Ended => StateName::Ended,
            },
        }
    }
}
