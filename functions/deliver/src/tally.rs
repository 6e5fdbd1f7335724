//! The metrics of deliveries: how many ended how, why attempts failed, and how late events arrived.
//!
//! An outcome is counted together with its log line (`report.rs`), so that the metrics and the log say the same.
//! Nothing of a business is counted by itself: the log lines say whose events they were.

use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::process::metrics::{Metric, count, time};
use domain::Timestamp;
use domain::delivery::{AckReason, MessageAction, NextStatus, Trigger};
use domain::event::Event;
use domain::outcome::{Cause, Failure, Verdict};

/// The call service's clock and this one may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);

/// Counts the end of a delivery.
pub(crate) fn ended(trigger: Trigger, attempt: Option<&Attempt>, status: Option<NextStatus>, action: MessageAction) {
    let verdict = attempt.map(|attempt| attempt.verdict);
    if let Some(outcome) = outcome(verdict, status, action) {
        count(outcome);
    }
    let Some(attempt) = attempt else { return };
    time(Metric::AttemptTime, attempt.timings.total);
    if let Verdict::Retry { cause, .. } = attempt.verdict {
        count(failed_attempts(cause));
    }
    if matches!(trigger, Trigger::Replay { .. }) {
        count(Metric::ReplayedEvents);
    }
}

/// Counts how long after the end of its call an event has arrived for the first time. A repeated arrival says nothing of
/// this system's pace, because an owner may ask for it weeks later.
pub(crate) fn arrived(event: &Event, at: Timestamp) {
    match event.ended_at().map(|ended_at| delay(ended_at, at)) {
        Some(Some(delay)) => time(Metric::DeliveryDelay, delay),
        Some(None) => count(Metric::FutureCalls),
        None => {}
    }
}

/// Gives the time between two times. None: by the call service's clock the call ends in the future, as all calls of a
/// time zone do whose times are published without an offset.
fn delay(ended_at: Timestamp, at: Timestamp) -> Option<Duration> {
    let ahead = Duration::try_from(ended_at.duration_since(at)).unwrap_or_default();
    (ahead <= CLOCKS_DIFFER).then(|| Duration::try_from(at.duration_since(ended_at)).unwrap_or_default())
}

/// Gives the metric of the log line at the end of a delivery. None: the delivery has no such line.
fn outcome(verdict: Option<Verdict>, status: Option<NextStatus>, action: MessageAction) -> Option<Metric> {
    match (verdict, action) {
        (Some(Verdict::Delivered), _) => Some(Metric::Delivered),
        (Some(Verdict::Retry { .. }), _) => Some(match status {
            Some(NextStatus::Failed) => Metric::Failed,
            Some(NextStatus::Held) => Metric::Held,
            Some(NextStatus::GivenUp) => Metric::NotReplayed,
            _ => Metric::Retrying,
        }),
        (None, MessageAction::Acknowledge(AckReason::NotConfigured)) => Some(Metric::NotConfigured),
        (None, MessageAction::Acknowledge(AckReason::Duplicate)) => Some(Metric::Duplicates),
        (None, MessageAction::Acknowledge(AckReason::Held)) => Some(Metric::Held),
        (None, MessageAction::ReturnUnattempted) => Some(Metric::AtCapacity),
        (None, MessageAction::ReturnSpent) => Some(Metric::Failed),
        (None, _) => None,
    }
}

fn failed_attempts(cause: Cause) -> Metric {
    match cause {
        Cause::Failed(Failure::Dns) => Metric::FailedAttemptsDns,
        Cause::Failed(Failure::Refused) => Metric::FailedAttemptsRefused,
        Cause::Failed(Failure::Reset) => Metric::FailedAttemptsReset,
        Cause::Failed(Failure::Tls) => Metric::FailedAttemptsTls,
        Cause::Failed(Failure::Timeout) => Metric::FailedAttemptsTimeout,
        Cause::Failed(Failure::Protocol) => Metric::FailedAttemptsProtocol,
        Cause::Failed(Failure::Blocked) => Metric::FailedAttemptsBlocked,
        Cause::Status => Metric::FailedAttemptsStatus,
        Cause::Redirect => Metric::FailedAttemptsRedirect,
        Cause::SignIn => Metric::FailedAttemptsSignIn,
        Cause::Gone => Metric::FailedAttemptsGone,
        Cause::Other => Metric::FailedAttemptsOther,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Option<Verdict> = Some(Verdict::Retry { cause: Cause::Status, not_before: None });
    const RETURNED: MessageAction = MessageAction::ReturnAt(Timestamp::UNIX_EPOCH);

    #[test]
    fn an_attempt_counts_by_its_verdict_and_the_next_status_of_its_event() {
        let failed = |status| outcome(FAILED, status, RETURNED);
        assert_eq!(outcome(Some(Verdict::Delivered), None, RETURNED), Some(Metric::Delivered));
        assert_eq!(failed(Some(NextStatus::Retrying(Timestamp::UNIX_EPOCH))), Some(Metric::Retrying));
        assert_eq!(failed(Some(NextStatus::Unchanged)), Some(Metric::Retrying));
        assert_eq!(failed(None), Some(Metric::Retrying));
        assert_eq!(failed(Some(NextStatus::Held)), Some(Metric::Held));
        assert_eq!(failed(Some(NextStatus::Failed)), Some(Metric::Failed));
        assert_eq!(failed(Some(NextStatus::GivenUp)), Some(Metric::NotReplayed));
    }

    #[test]
    fn an_event_without_an_attempt_counts_by_what_happens_to_its_message() {
        let acknowledged = |reason| outcome(None, None, MessageAction::Acknowledge(reason));
        assert_eq!(acknowledged(AckReason::Duplicate), Some(Metric::Duplicates));
        assert_eq!(acknowledged(AckReason::NotConfigured), Some(Metric::NotConfigured));
        assert_eq!(acknowledged(AckReason::Held), Some(Metric::Held));
        assert_eq!(acknowledged(AckReason::SentAgain), None);
        assert_eq!(outcome(None, None, MessageAction::ReturnSpent), Some(Metric::Failed));
        assert_eq!(outcome(None, None, MessageAction::ReturnUnattempted), Some(Metric::AtCapacity));
        assert_eq!(outcome(None, None, MessageAction::ReturnAfterFault), None);
        assert_eq!(outcome(None, None, RETURNED), None);
    }

    #[test]
    fn each_cause_has_a_metric_of_its_own_name() {
        let names = [
            "dns", "refused", "reset", "tls", "timeout", "protocol", "blocked", "status", "redirect", "sign_in", "gone",
        ];
        for name in names {
            let cause = Cause::parse(name).expect("a cause");
            let metric = failed_attempts(cause).name().to_lowercase();
            assert_eq!(metric, format!("failedattempts{}", name.replace('_', "")));
        }
        assert_eq!(failed_attempts(Cause::Other), Metric::FailedAttemptsOther);
    }

    #[test]
    fn a_delay_is_never_negative_and_a_call_of_the_future_has_none() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(delay(at(100), at(103)), Some(Duration::from_secs(3)));
        assert_eq!(delay(at(160), at(100)), Some(Duration::ZERO));
        assert_eq!(delay(at(161), at(100)), None);
    }
}
