//! The budget of a state: how often each thing beside the regular course may still happen. Without such bounds a model
//! has no end.

use crate::action::{Action, Answer};

/// How many times each thing may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Events are published.
    pub(crate) events: u8,
    /// An event is published a second time.
    pub(crate) published_twice: u8,
    /// An event is too large to be held.
    pub(crate) too_large: u8,
    /// The owner sends an event again.
    pub(crate) resends: u8,
    /// The owner asks for a replay of a range.
    pub(crate) ranges: u8,
    /// A worker dies.
    pub(crate) crashes: u8,
    /// A task fails, or its reply is lost.
    pub(crate) faults: u8,
    /// The queue hands out a message that a worker has.
    pub(crate) duplicates: u8,
    /// As many attempts as may be in flight are waiting, or an invocation has no time left for an attempt.
    pub(crate) turned_away: u8,
    /// The endpoint answers 410.
    pub(crate) gone: u8,
    /// Time passes while a message could be received.
    pub(crate) late_messages: u8,
    /// An attempt takes almost a minute.
    pub(crate) slow_attempts: u8,
    /// The owner pauses, or changes the URL.
    pub(crate) owner_changes: u8,
    /// The owner resumes.
    pub(crate) resumes: u8,
    /// `sweep` runs although it need not.
    pub(crate) sweeps: u8,
    /// Another system wipes the health.
    pub(crate) wipes: u8,
    /// The body of a record becomes unreadable.
    pub(crate) unreadable: u8,
}

impl Budget {
    /// Takes away what an action costs. The regular course costs nothing.
    pub(crate) fn spend(&mut self, action: Action) {
        let spent = match action {
            Action::Publish => &mut self.events,
            Action::PublishAgain => &mut self.published_twice,
            Action::Resend(_) => &mut self.resends,
            Action::ReceiveDuplicate(_) => &mut self.duplicates,
            Action::ReadAtCapacity(_) | Action::HaveNoTime(_) => &mut self.turned_away,
            Action::Answer(_, Answer::Gone) => &mut self.gone,
            Action::Fail(_) | Action::LoseReply(_) => &mut self.faults,
            Action::Crash(_) => &mut self.crashes,
            Action::ReplayAll => &mut self.ranges,
            Action::Sweep => &mut self.sweeps,
            Action::Pause | Action::ChangeUrl => &mut self.owner_changes,
            Action::Resume => &mut self.resumes,
            Action::DelayMessages(_) => &mut self.late_messages,
            Action::SlowAttempts => &mut self.slow_attempts,
            Action::Wipe => &mut self.wipes,
            Action::Unreadable(_) => &mut self.unreadable,
            Action::Receive(_) | Action::DoTask(_) | Action::Answer(..) | Action::PassTime(_) => return,
        };
        *spent -= 1;
    }
}
