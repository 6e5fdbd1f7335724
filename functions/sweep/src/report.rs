//! The log lines of `sweep` for the person on call: the probes and replays that it restarted, for which business, and
//! its faults. On a healthy stack a run has one line, at DEBUG.

use adapters::process::log::error_chain;
use adapters::process::metrics::{Metric, add, count};
use domain::event::BusinessId;
use domain::sweep::Restarted;

use crate::businesses::Answer;
use crate::run_sweep::Fault;

pub(crate) fn restarted(business_id: &BusinessId, restarted: Restarted) {
    let Restarted { probes, replays, notices } = restarted;
    let counted =
        [(Metric::ProbesRestarted, probes), (Metric::ReplaysRestarted, replays), (Metric::NoticesRestarted, notices)];
    for (metric, number) in counted {
        add(metric, number);
    }
    if probes + replays > 0 {
        tracing::warn!(business_id = business_id.as_str(), probes, replays, "restarted");
    }
}

pub(crate) fn fault(business_id: &BusinessId, fault: &Fault) {
    count(Metric::Faults);
    tracing::error!(business_id = business_id.as_str(), error = error_chain(fault), "fault");
}

/// Writes a line about a business that took longer than a run can give to one business. The next run looks after it
/// again.
pub(crate) fn overdue(business_id: &BusinessId) {
    count(Metric::Faults);
    tracing::error!(business_id = business_id.as_str(), "overdue");
}

pub(crate) fn done(answer: &Answer) {
    let [probes, replays, notices] = answer.counts();
    if probes + replays + notices > 0 {
        tracing::info!(probes, replays, notices, "swept");
    } else {
        tracing::debug!("swept");
    }
}
