//! What the person on call reads: one line per attempt, with ids and the host, never a body, a phone, a secret or a URL.
//!
//! INFO is success, WARN a failure that will be retried, ERROR what needs a person: a schedule that is spent, a
//! malformed event, a fault of ours.

use std::time::Duration;

use shared::attempt::Attempt;
use shared::event::{Event, MalformedEvent};
use shared::log::error_chain;
use shared::queue::QueueError;
use shared::verdict::Cause;

use crate::delivery::Fault;
use crate::message::Message;

/// Writes a line about an event, at a level that is known when it is compiled.
macro_rules! event_line {
    ($level:ident, $name:literal, $message:expr, $event:expr $(, $($field:tt)*)?) => {
        tracing::$level!(
            event_id = $event.id().as_str(),
            event_type = $event.event_type().as_str(),
            business_id = $event.business_id().as_str(),
            message_id = $message.id,
            attempt = $message.receive_count,
            $($($field)*,)?
            $name
        )
    };
}

/// The same about an attempt on it.
macro_rules! attempt_line {
    ($level:ident, $name:literal, $message:expr, $event:expr, $attempt:expr $(, $($field:tt)*)?) => {
        event_line!(
            $level, $name, $message, $event,
            host = $attempt.host.as_deref(),
            status_code = $attempt.status_code(),
            $($($field)*,)?
            dns_ms = ms($attempt.timings.dns),
            connect_ms = ms($attempt.timings.connect),
            tls_ms = ms($attempt.timings.tls),
            first_byte_ms = ms($attempt.timings.first_byte),
            duration_ms = ms(Some($attempt.timings.total))
        )
    };
}

fn ms(duration: Option<Duration>) -> Option<u64> {
    duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

pub(crate) fn delivered(message: &Message, event: &Event, attempt: &Attempt) {
    attempt_line!(info, "delivered", message, event, attempt);
}

/// `delay` is the time to the next attempt; None: there is none.
pub(crate) fn failed(message: &Message, event: &Event, attempt: &Attempt, cause: Cause, delay: Option<Duration>) {
    let cause = cause.as_str();
    if let Some(delay) = delay {
        attempt_line!(warn, "retrying", message, event, attempt, cause, next_attempt_in_s = delay.as_secs());
    } else {
        attempt_line!(error, "spent", message, event, attempt, cause);
    }
}

pub(crate) fn not_configured(message: &Message, event: &Event) {
    event_line!(info, "not_configured", message, event);
}

pub(crate) fn fault(message: &Message, event: &Event, fault: &Fault) {
    event_line!(error, "fault", message, event, error = error_chain(fault));
}

pub(crate) fn malformed(message: &Message, malformed: &MalformedEvent) {
    tracing::error!(message_id = message.id, detail = %malformed, "malformed");
}

pub(crate) fn malformed_not_copied(message: &Message, malformed: &MalformedEvent, error: &QueueError) {
    tracing::error!(message_id = message.id, detail = %malformed, error = error_chain(error), "malformed_not_copied");
}

pub(crate) fn panicked(message_id: &str) {
    tracing::error!(message_id, "panicked");
}
