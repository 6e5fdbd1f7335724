//! What the operator hears of. A notice stands in the state until it has been given, whatever follows it there.

use std::fmt;

use jiff::Timestamp;

use super::Health;

/// So many notices wait at most; then the oldest go. A topic that takes nothing must not make an item grow for ever.
pub const MAX_NOTICES: usize = 10;

/// A change that the operator hears of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What changed.
    pub kind: NoticeKind,
    /// Since when the endpoint is, or was, not well.
    pub since: Timestamp,
    /// The cause or the reason, in the words of the ledger.
    pub cause: String,
    /// When it changed.
    pub at: Timestamp,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// Events are held, and a probe tries.
    Failing,
    /// Events are held until the owner resumes.
    Paused,
    /// Events go out again.
    Recovered,
    /// What a newer version of this system has stored and this one does not know.
    Other,
}

impl NoticeKind {
    /// The name in the settings item and in notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Recovered => "recovered",
            Self::Other => "other",
        }
    }

    /// The kind of a stored name, whoever stored it.
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
    /// With one more notice, behind those that wait.
    pub(super) fn with_notice(&self, kind: NoticeKind, since: Timestamp, cause: &str, now: Timestamp) -> Self {
        let mut notices = self.notices.clone();
        notices.push(Notice { kind, since, cause: cause.to_owned(), at: now });
        let too_many = notices.len().saturating_sub(MAX_NOTICES);
        notices.drain(..too_many);
        Self { notices, ..self.clone() }
    }

    /// Without those notices, which have been given.
    #[must_use]
    pub fn without_notices(&self, given: &[Notice]) -> Self {
        let notices = self.notices.iter().filter(|notice| !given.contains(notice)).cloned().collect();
        Self { notices, ..self.clone() }
    }
}
