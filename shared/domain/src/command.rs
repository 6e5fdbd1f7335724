//! Messages that the system sends to its own events queue. A command refers to events that the ledger has stored.
//!
//! A command carries ids and no body, because a normalised body may hold characters that SQS refuses, and may be larger
//! than a message. An event always has an `event_type`, and a command has no fields but its own, so neither is taken
//! for the other.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{BusinessId, EventId};

/// The beginning of every command. A message that begins otherwise is not parsed as a command.
const BEGINNING: &str = r#"{"command":"#;

/// A message of the events queue that is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Deliver an event that the ledger has stored.
    Deliver {
        /// The event's business.
        business_id: BusinessId,
        /// The event.
        event_id: EventId,
        /// When the owner asked to send the event again: the event is sent even if it had arrived before then. None:
        /// the owner did not ask.
        resend: Option<Timestamp>,
        /// Whether the event is attempted at once, whatever the ledger says of its next attempt: `sweep` restarts a
        /// lost probe so.
        at_once: bool,
    },
    /// Do the next step of a replay.
    Replay {
        /// The business whose held events are sent.
        business_id: BusinessId,
        /// The replay's id.
        replay: u64,
        /// The number of the step, from 0.
        step: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Wire {
    Deliver {
        business_id: String,
        event_id: String,
        /// Unix milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resend_asked_at: Option<i64>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_once: bool,
    },
    Replay {
        business_id: String,
        replay: u64,
        step: u64,
    },
}

impl Command {
    /// Reads a message. None: the message is no command, and should be an event.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        message.starts_with(BEGINNING).then(|| Self::read(message)).flatten()
    }

    fn read(message: &str) -> Option<Self> {
        Some(match serde_json::from_str(message).ok()? {
            Wire::Deliver { business_id, event_id, resend_asked_at, at_once } => Self::Deliver {
                at_once,
                business_id: BusinessId::parse(&business_id).ok()?,
                event_id: EventId::parse(&event_id)?,
                resend: resend_asked_at.map(Timestamp::from_millisecond).transpose().ok()?,
            },
            Wire::Replay { business_id, replay, step } => {
                Self::Replay { business_id: BusinessId::parse(&business_id).ok()?, replay, step }
            }
        })
    }

    /// Gives the event that the command names. None: the command is a replay's, which names no event.
    #[must_use]
    pub fn event_id(&self) -> Option<&EventId> {
        match self {
            Self::Deliver { event_id, .. } => Some(event_id),
            Self::Replay { .. } => None,
        }
    }

    /// Gives the business that the command concerns.
    #[must_use]
    pub fn business_id(&self) -> &BusinessId {
        match self {
            Self::Deliver { business_id, .. } | Self::Replay { business_id, .. } => business_id,
        }
    }
}

/// Writes the command as the text of a message.
impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wire = match self.clone() {
            Self::Deliver { business_id, event_id, resend, at_once } => Wire::Deliver {
                at_once,
                business_id: business_id.to_string(),
                event_id: event_id.to_string(),
                resend_asked_at: resend.map(Timestamp::as_millisecond),
            },
            Self::Replay { business_id, replay, step } => {
                Wire::Replay { business_id: business_id.to_string(), replay, step }
            }
        };
        formatter.write_str(&serde_json::to_string(&wire).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn a_command_is_read_back_as_it_was_written() {
        let business_id = BusinessId::parse("עסק \"1\"").expect("an id");
        let event_id = EventId::parse("evt_0123456789abcdef0123456789abcdef").expect("an id");
        for command in [
            Command::Deliver {
                business_id: business_id.clone(),
                event_id: event_id.clone(),
                resend: None,
                at_once: false,
            },
            Command::Deliver {
                business_id: business_id.clone(),
                event_id,
                resend: Some(Timestamp::from_millisecond(1_750_000_000_123).expect("a time")),
                at_once: true,
            },
            Command::Replay { business_id, replay: 7, step: 1 },
        ] {
            assert_eq!(Command::parse(&command.to_string()), Some(command));
        }
    }

    #[test]
    fn an_event_is_no_command_whatever_its_fields() {
        for message in [
            r#"{"command":"dance"}"#,
            r#"{"command":"deliver","business_id":"b","event_id":"x"}"#,
            r#"{"command":"deliver","business_id":"b","event_id":"evt_0123456789abcdef0123456789abcdef","resend_asked_at":9e99}"#,
            r#"{"command":"replay","business_id":"b","replay":1,"step":0,"event_type":"gate.opened"}"#,
        ] {
            assert_eq!(Command::parse(message), None, "{message}");
        }
        let event = Event::parse(r#"{"command":"open_gate","event_type":"gate.opened","business_id":"b"}"#);
        assert_eq!(Command::parse(event.expect("well-formed").body()), None);
    }
}
