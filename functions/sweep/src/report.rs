//! What the person on call reads of `sweep`: what it started again, for which business, and its faults. A healthy stack
//! has one line at DEBUG for each run.

use adapters::process::log::error_chain;
use domain::event::BusinessId;
use domain::sweep::Restarted;

use crate::endpoint::Fault;
use crate::run::Answer;

pub(crate) fn restarted(business_id: &BusinessId, restarted: Restarted) {
    let Restarted { probes, replays, .. } = restarted;
    if probes + replays > 0 {
        tracing::warn!(business_id = business_id.as_str(), probes, replays, "restarted");
    }
}

pub(crate) fn fault(business_id: &BusinessId, fault: &Fault) {
    tracing::error!(business_id = business_id.as_str(), error = error_chain(fault), "fault");
}

/// A business that took longer than a run can give to one. It is looked after again in five minutes.
pub(crate) fn overdue(business_id: &BusinessId) {
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
