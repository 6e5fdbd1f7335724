//! The log lines for the person on call: one line per attempt, with ids and the host, and never a body, a phone number,
//! a secret or a URL. What a line tells of is counted beside it; `tally.rs` counts the ends of deliveries.
//!
//! INFO is a success, WARN a failure that will be retried or a field that could not be read. ERROR needs a person: a
//! spent schedule, a malformed event, an event that the ledger does not have, a fault.

use std::time::Duration;

use adapters::attempter::Attempt;
use adapters::dynamodb::TableError;
use adapters::process::clock;
use adapters::process::log::error_chain;
use adapters::process::metrics::{Metric, count};
use adapters::queue::{QueueError, Reason};
use domain::clue::Clue;
use domain::delivery::{AckReason, MessageAction, NextStatus};
use domain::event::{BusinessId, EventId};
use domain::format::Format;
use domain::journal::Entry;
use domain::outcome::Verdict;
use domain::request::traceparent::Traceparent;

use crate::fault::Fault;
use crate::handle_message::{Delivery, NotReadTogether};
use crate::message::{Message, Trace};

/// Writes a line about an event. The level and the message are constants.
macro_rules! event_line {
    ($level:ident, $name:literal, $delivery:expr $(, $($field:tt)*)?) => {
        tracing::$level!(
            event_id = $delivery.event.id().as_str(),
            event_type = $delivery.event.event_type().as_str(),
            business_id = $delivery.event.business_id().as_str(),
            call_id = $delivery.event.call_id(),
            message_id = $delivery.message.id,
            trace_id = $delivery.traceparent.map(Traceparent::trace_id),
            traceparent = invalid(&$delivery.message.trace),
            attempt = $delivery.number,
            $($($field)*,)?
            $name
        )
    };
}

/// Writes a line about an attempt on an event.
macro_rules! attempt_line {
    ($level:ident, $name:literal, $delivery:expr, $attempt:expr $(, $($field:tt)*)?) => {
        event_line!(
            $level, $name, $delivery,
            host = $attempt.host.as_deref(),
            format = $attempt.format.map(Format::as_str),
            status_code = $attempt.status_code(),
            redirect_host = $attempt.redirect_host(),
            clue = $attempt.clue.map(Clue::as_str),
            $($($field)*,)?
            dns_ms = ms($attempt.timings.dns),
            connect_ms = ms($attempt.timings.connect),
            tls_ms = ms($attempt.timings.tls),
            first_byte_ms = ms($attempt.timings.first_byte),
            duration_ms = ms(Some($attempt.timings.total))
        )
    };
}

/// Gives the field `traceparent`: only the word that the publisher's text was not valid, never the text.
fn invalid(trace: &Trace) -> Option<&'static str> {
    (*trace == Trace::Invalid).then_some("invalid")
}

/// Gives the field `trace_id` of a line about a message.
fn trace_id(message: &Message) -> Option<&str> {
    message.trace.traceparent().map(Traceparent::trace_id)
}

fn ms(duration: Option<Duration>) -> Option<u64> {
    duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Gives the writer of a run's journal: a line for each call that the pure code makes of the world. None: the level asks for
/// no such lines.
pub(crate) fn journal(message: &Message) -> Option<impl Fn(&Entry) + Send + Sync> {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return None;
    }
    let message_id = message.id.clone();
    // Of a message there may be two runs at once, if the queue hands the message out twice.
    let run = format!("{:016x}", fastrand::u64(..));
    Some(move |entry: &Entry| tracing::debug!(message_id, run, entry = %entry, "called"))
}

/// Writes the line at the end of a delivery.
pub(crate) fn ended(
    delivery: &Delivery<'_>,
    attempt: Option<&Attempt>,
    status: Option<NextStatus>,
    action: MessageAction,
) {
    match (attempt, action) {
        (Some(attempt), _) => attempted(delivery, attempt, status),
        (None, MessageAction::Acknowledge(AckReason::NotConfigured)) => event_line!(info, "not_configured", delivery),
        (None, MessageAction::Acknowledge(AckReason::Duplicate)) => event_line!(info, "duplicate", delivery),
        (None, MessageAction::Acknowledge(AckReason::Held)) => event_line!(info, "held", delivery),
        (None, MessageAction::ReturnUnattempted) => event_line!(info, "at_capacity", delivery),
        (None, MessageAction::ReturnSpent) => event_line!(error, "spent", delivery),
        // The reason has a line of its own.
        (None, _) => {}
    }
}

fn attempted(delivery: &Delivery<'_>, attempt: &Attempt, status: Option<NextStatus>) {
    let Verdict::Retry { cause, .. } = attempt.verdict else {
        attempt_line!(info, "delivered", delivery, attempt);
        return;
    };
    let cause = cause.as_str();
    match status {
        Some(NextStatus::Failed) => attempt_line!(error, "spent", delivery, attempt, cause),
        Some(NextStatus::Held) => attempt_line!(warn, "held", delivery, attempt, cause),
        Some(NextStatus::Retrying(at)) => {
            let next_attempt_in_s = at.duration_since(clock::now()).as_secs();
            attempt_line!(warn, "retrying", delivery, attempt, cause, next_attempt_in_s);
        }
        Some(NextStatus::GivenUp) => attempt_line!(warn, "not_replayed", delivery, attempt, cause),
        _ => attempt_line!(warn, "retrying", delivery, attempt, cause),
    }
}

/// Writes a line for each optional field whose published form could not be read: the field's name, never its value.
pub(crate) fn unread_fields(delivery: &Delivery<'_>) {
    for field in delivery.event.unread() {
        count(Metric::UnreadFields);
        event_line!(warn, "unread_field", delivery, field = *field);
    }
}

/// Writes a line about a fault in a delivery.
pub(crate) fn fault(delivery: &Delivery<'_>, fault: &Fault) {
    count(Metric::Faults);
    event_line!(error, "fault", delivery, error = error_chain(fault));
}

pub(crate) fn command_fault(message: &Message, business_id: &BusinessId, fault: &Fault) {
    count(Metric::Faults);
    tracing::error!(
        business_id = business_id.as_str(),
        message_id = message.id,
        trace_id = trace_id(message),
        error = error_chain(fault),
        "fault"
    );
}

/// Writes a line about the entry of an attempt in flight that could not be stored or removed. The delivery goes on all
/// the same.
pub(crate) fn in_flight_not_stored(delivery: &Delivery<'_>, error: &TableError) {
    event_line!(warn, "in_flight_not_stored", delivery, error = error_chain(error));
}

/// Writes a line about a read for a whole batch that failed, took too long or panicked. Each delivery of the batch then
/// reads for itself. A panic has a line of its own, and counts as a fault.
pub(crate) fn not_read_together(error: &NotReadTogether) {
    if matches!(error, NotReadTogether::Panicked) {
        count(Metric::Faults);
    }
    tracing::warn!(error = error_chain(error), "not_read_together");
}

pub(crate) fn no_time(message: &Message) {
    count(Metric::AtCapacity);
    tracing::info!(message_id = message.id, trace_id = trace_id(message), "at_capacity");
}

pub(crate) fn not_rescheduled(message: &Message, error: &QueueError) {
    count(Metric::Faults);
    tracing::error!(
        message_id = message.id,
        trace_id = trace_id(message),
        error = error_chain(error),
        "not_rescheduled"
    );
}

pub(crate) fn malformed(message: &Message, detail: &str) {
    count(Metric::Malformed);
    tracing::error!(message_id = message.id, trace_id = trace_id(message), detail, "malformed");
}

/// Writes a line about an event that a message or the ledger's list of held events names, and whose body the ledger
/// does not have.
pub(crate) fn not_kept(message: &Message, business_id: &BusinessId, event_id: &EventId) {
    count(Metric::NotKept);
    let (event_id, business_id) = (event_id.as_str(), business_id.as_str());
    tracing::error!(event_id, business_id, message_id = message.id, trace_id = trace_id(message), "not_kept");
}

pub(crate) fn not_copied(message: &Message, reason: Reason, error: &QueueError) {
    count(Metric::Faults);
    tracing::error!(
        message_id = message.id,
        trace_id = trace_id(message),
        reason = reason.as_str(),
        error = error_chain(error),
        "not_copied"
    );
}

/// Writes a line about a message whose delivery had not ended when the invocation had to end.
pub(crate) fn overdue(message_id: &str) {
    count(Metric::Faults);
    tracing::error!(message_id, "overdue");
}

pub(crate) fn panicked(message_id: &str) {
    count(Metric::Faults);
    tracing::error!(message_id, "panicked");
}
