//! The contents of the messages of the events queue, and the starts of a worker without a message.

use domain::event::EventId;

/// The input with which a worker is started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Body {
    /// An event as it was published.
    Event {
        event: EventId,
        /// Whether the body does not fit the ledger, so that the event cannot be held.
        is_too_large: bool,
    },
    /// A reference to an event whose body is in the ledger.
    Reference {
        event: EventId,
        /// How often the owner had asked for the event when this was sent; 0: the owner has not asked.
        asked: u8,
        /// Whether `sweep` has sent this for a probe, and nobody has received it yet.
        is_restart: bool,
    },
    /// A step of a replay.
    Step { replay: u64, step: u64 },
    /// No message: the schedule runs `sweep` every five minutes.
    Sweep,
    /// No message: the owner has pressed "resume".
    Resume,
    /// No message: the owner has asked to send all again that has arrived or failed.
    ReplayAll,
}

impl Body {
    /// An event as it was published.
    pub(crate) fn published(event: EventId, is_too_large: bool) -> Self {
        Self::Event { event, is_too_large }
    }

    /// A reference that nobody has asked for, and that is no restart of a probe.
    pub(crate) fn reference(event: EventId) -> Self {
        Self::Reference { event, asked: 0, is_restart: false }
    }

    /// The reference that `sweep` sends for a probe.
    pub(crate) fn restart(event: EventId) -> Self {
        Self::Reference { event, asked: 0, is_restart: true }
    }

    /// The reference that the owner's page sends, when the owner has asked that often.
    pub(crate) fn resend(event: EventId, asked: u8) -> Self {
        Self::Reference { event, asked, is_restart: false }
    }

    /// The event of which this is a message.
    pub(crate) fn event(&self) -> Option<&EventId> {
        match self {
            Self::Event { event, .. } | Self::Reference { event, .. } => Some(event),
            Self::Step { .. } | Self::Sweep | Self::Resume | Self::ReplayAll => None,
        }
    }

    /// Once it has been received, a message that `sweep` has sent is like any other.
    pub(crate) fn note_received(&mut self) {
        if let Self::Reference { is_restart, .. } = self {
            *is_restart = false;
        }
    }
}
