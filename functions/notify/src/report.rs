//! The log lines of `notify` for the person on call: one for each notice, with the business and the kind, and never an
//! address.

use adapters::notices::ReceivedNotice;
use adapters::process::log::error_chain;
use adapters::process::metrics::{Metric, count};

use crate::mail_owner::{Fault, Outcome, Reason};

pub(crate) fn outcome(notice: &ReceivedNotice, outcome: Outcome) {
    let (business_id, kind) = (notice.business_id.as_str(), notice.kind.as_str());
    count(if outcome == Outcome::Mailed { Metric::MailsSent } else { Metric::MailsNotSent });
    match outcome {
        Outcome::Mailed => tracing::info!(business_id, kind, "mailed"),
        Outcome::NotMailed(Reason::NoAddress) => {
            tracing::debug!(business_id, kind, reason = Reason::NoAddress.as_str(), "not_mailed");
        }
        Outcome::NotMailed(Reason::InvalidAddress) => {
            tracing::warn!(business_id, kind, reason = Reason::InvalidAddress.as_str(), "not_mailed");
        }
        Outcome::NotMailed(reason) => tracing::info!(business_id, kind, reason = reason.as_str(), "not_mailed"),
    }
}

/// Writes a line about a fault; the notice comes again.
pub(crate) fn fault(notice: &ReceivedNotice, fault: &Fault) {
    let (business_id, kind) = (notice.business_id.as_str(), notice.kind.as_str());
    count(Metric::Faults);
    tracing::error!(business_id, kind, error = error_chain(fault), "fault");
}

/// Writes a line about an invocation or a record without a notice. Repeating the invocation would not help.
pub(crate) fn unreadable() {
    count(Metric::Faults);
    tracing::error!("unreadable_notice");
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::InvalidAddress => "invalid_address",
            Self::NoLongerTrue => "no_longer_true",
            Self::WithinTheHour => "within_the_hour",
        }
    }
}
