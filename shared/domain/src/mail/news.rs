//! Decides whether a notice is still true, and gives the news that the owner is mailed.

use jiff::Timestamp;

use crate::endpoint::{NoticeKind, PausedReason, State};
use crate::outcome::Cause;

/// A change of the endpoint that is still true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The endpoint fails.
    Failing {
        /// When this state began.
        since: Timestamp,
        /// Why the last attempt failed.
        cause: Cause,
    },
    /// The endpoint is paused.
    Paused {
        /// When this state began.
        since: Timestamp,
        /// Why the endpoint is paused.
        reason: PausedReason,
    },
    /// The endpoint is active again.
    Recovered {
        /// When the failing or paused state began. None: the notice does not say so.
        since: Option<Timestamp>,
        /// The name of the failures' cause, or of the reason of the pause.
        cause: String,
    },
}

impl News {
    /// Gives the news of a notice of this kind, with this cause and time, at an endpoint in this state. None: the
    /// notice is no longer true, or this version does not know its kind.
    ///
    /// The news of a failing or paused endpoint has the state's own time and cause, not the notice's: a notice may be
    /// hours old, and the endpoint may fail for another cause by now. A pause for another reason than the notice's is
    /// another change.
    #[must_use]
    pub fn new(kind: NoticeKind, cause: &str, since: Option<Timestamp>, state: &State) -> Option<Self> {
        match (kind, state) {
            (NoticeKind::Failing, State::Failing { since, cause, .. }) => {
                Some(Self::Failing { since: *since, cause: *cause })
            }
            (NoticeKind::Paused, State::Paused { since, reason }) if reason.as_str() == cause => {
                Some(Self::Paused { since: *since, reason: *reason })
            }
            (NoticeKind::Recovered, State::Active { .. }) => Some(Self::Recovered { since, cause: cause.to_owned() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn failing() -> State {
        State::Failing { since: at(10), cause: Cause::SignIn, probe: None, last_attempt: at(20) }
    }

    #[test]
    fn a_notice_is_true_only_in_its_own_state_and_the_state_says_since_when_and_why() {
        let paused = State::Paused { since: at(30), reason: PausedReason::Gone };
        let active = State::Active { failures: 2 };
        let of = |kind, cause, state: &State| News::new(kind, cause, Some(at(5)), state);
        let told = [
            of(NoticeKind::Failing, "status", &failing()),
            of(NoticeKind::Paused, "gone", &paused),
            of(NoticeKind::Recovered, "status", &active),
        ];
        assert_eq!(
            told,
            [
                Some(News::Failing { since: at(10), cause: Cause::SignIn }),
                Some(News::Paused { since: at(30), reason: PausedReason::Gone }),
                Some(News::Recovered { since: Some(at(5)), cause: "status".to_owned() }),
            ]
        );
        for (kind, state) in [
            (NoticeKind::Failing, &paused),
            (NoticeKind::Failing, &active),
            (NoticeKind::Paused, &active),
            (NoticeKind::Paused, &failing()),
            (NoticeKind::Recovered, &failing()),
            (NoticeKind::Recovered, &paused),
            (NoticeKind::Other, &active),
            (NoticeKind::Other, &failing()),
        ] {
            assert_eq!(of(kind, "gone", state), None, "{kind} {state:?}");
        }
        assert_eq!(of(NoticeKind::Paused, "spent", &paused), None, "paused for another reason");
    }
}
