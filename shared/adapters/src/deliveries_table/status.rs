//! The status of an event in the ledger.

use crate::dynamodb::attributes::{required, text};
use crate::dynamodb::{Item, TableError};

/// The status of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The receiver has accepted the event.
    Delivered,
    /// The event's message comes back for another attempt.
    Retrying,
    /// The event waits until its endpoint recovers, or until the owner resumes.
    Held,
    /// The event's schedule is spent; the event is also in the dead-letter queue.
    Failed,
    /// A status that only a newer version of this system knows.
    Other,
}

impl Status {
    /// The status's name in the ledger and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retrying => "retrying",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }

    /// The status of a name; None for an unknown name, `other` included.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Delivered, Self::Retrying, Self::Held, Self::Failed];
        all.into_iter().find(|status| status.as_str() == name)
    }

    /// The status of a record. An unknown name is [`Self::Other`]: a newer version may have written it and then have
    /// been rolled back.
    pub(super) fn of(item: &Item) -> Result<Self, TableError> {
        Ok(Self::parse(required(text(item, "status")?, "status")?).unwrap_or(Self::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_name() {
        for status in [Status::Delivered, Status::Retrying, Status::Held, Status::Failed] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("lost"), None);
    }
}
