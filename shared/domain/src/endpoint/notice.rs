//! Notices, which tell the operator of changes of an endpoint. A notice stays in the endpoint's state until it has been
//! given, even if further changes follow.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Health;

/// How many notices may wait. Beyond this number the oldest are dropped: the settings item must not grow for ever while
/// the topic takes no notice.
pub const MAX_NOTICES: usize = 10;

/// The number up to which a business's held events are counted for a notice; it stands for more. Counting a million of
/// them must not delay the notice.
pub const HELD_COUNTED: u64 = 1_000;

/// A change that the operator is told of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// The kind of change.
    pub kind: NoticeKind,
    /// When the endpoint's failing or paused state began.
    pub since: Timestamp,
    /// The name of the failures' cause, or of the reason of the pause.
    pub cause: String,
    /// When the change happened.
    pub at: Timestamp,
}

/// The kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// The endpoint fails: events are held, and a probe tries.
    Failing,
    /// The endpoint is paused: events are held until the owner resumes.
    Paused,
    /// The endpoint has recovered: events go out again.
    Recovered,
    /// A stored kind that this version does not know, since a newer version has written it.
    Other,
}

impl NoticeKind {
    /// Gives the kind's name in the settings item and in notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Recovered => "recovered",
            Self::Other => "other",
        }
    }

    /// Gives the kind of a stored name; [`Self::Other`] if this version does not know it.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let known = [Self::Failing, Self::Paused, Self::Recovered];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Other)
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Health {
    /// Gives the state with one more notice, behind those that wait.
    pub(super) fn with_notice(&self, kind: NoticeKind, since: Timestamp, cause: &str, now: Timestamp) -> Self {
        let mut notices = self.notices.clone();
        notices.push(Notice { kind, since, cause: cause.to_owned(), at: now });
        let too_many = notices.len().saturating_sub(MAX_NOTICES);
        notices.drain(..too_many);
        Self { notices, ..self.clone() }
    }

    /// Gives the state without these notices, which have been given.
    #[must_use]
    pub fn without_notices(&self, given: &[Notice]) -> Self {
        let notices = self.notices.iter().filter(|notice| !given.contains(notice)).cloned().collect();
        Self { notices, ..self.clone() }
    }
}
