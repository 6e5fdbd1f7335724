//! One delivery: its status, its attempts and its body.

use adapters::deliveries_table::{Details, PastAttempt, Status, Summary};
use domain::format::Format;
use jiff::Timestamp;

use super::body::{indented, readable};
use super::log::RowPart;
use super::{Moment, leads_to};
use crate::html::hebrew::{self, Advice};
use crate::html::view::EndpointState;
use crate::use_cases::is_overdue;

/// One delivery.
pub(in crate::html) struct DeliveryPart<'a> {
    pub(in crate::html) row: RowPart<'a>,
    pub(in crate::html) advice: Option<Advice>,
    /// The button that sends the event again.
    pub(in crate::html) resend: Resend,
    /// What happens to the event next; None: nothing does.
    pub(in crate::html) outlook: Option<&'static str>,
    pub(in crate::html) snippet: Option<&'a str>,
    /// What the event was sent as, unless it was the event itself.
    pub(in crate::html) sent_as: Option<&'static str>,
    /// Newest first, as the log is.
    pub(in crate::html) attempts: Vec<AttemptPart<'a>>,
    /// The body with line breaks and indentation.
    pub(in crate::html) body: Option<String>,
    /// The texts of the body that people read: a heading and a text each.
    pub(in crate::html) readable: Vec<(&'static str, String)>,
}

/// One attempt.
pub(in crate::html) struct AttemptPart<'a> {
    pub(in crate::html) at: Moment,
    pub(in crate::html) result: String,
    pub(in crate::html) has_arrived: bool,
    pub(in crate::html) took: String,
    pub(in crate::html) snippet: Option<&'a str>,
    pub(in crate::html) location: Option<&'a str>,
}

impl<'a> DeliveryPart<'a> {
    pub(in crate::html) fn new(details: &'a Details, endpoint: EndpointState, now: Timestamp) -> Self {
        let row = &details.summary;
        let snippet = details.response_snippet.as_ref();
        let has_arrived = row.status == Status::Delivered;
        let advice = row.cause.filter(|_| !has_arrived);
        Self {
            row: RowPart::new(row, now),
            resend: Resend::of(row, endpoint, now),
            advice: advice.map(|cause| hebrew::advice(cause, row.status_code, row.clue, snippet.map(String::as_str))),
            outlook: outlook(row.status, is_overdue(row, now), endpoint),
            snippet: present(snippet),
            sent_as: row.format.filter(|format| *format != Format::Event).map(hebrew::body),
            attempts: details.attempts.iter().rev().map(|attempt| AttemptPart::new(attempt, now)).collect(),
            body: details.body.as_deref().map(indented),
            readable: details.body.as_deref().map(readable).unwrap_or_default(),
        }
    }
}

impl<'a> AttemptPart<'a> {
    fn new(attempt: &'a PastAttempt, now: Timestamp) -> Self {
        let arrived = || attempt.status_code.map_or_else(|| "הגיע".into(), |code| format!("הגיע ({code})"));
        Self {
            at: Moment::new(attempt.at, now),
            result: attempt.cause.map_or_else(arrived, |cause| hebrew::short(cause, attempt.status_code, attempt.clue)),
            has_arrived: attempt.cause.is_none(),
            took: hebrew::seconds(attempt.timings.total),
            snippet: present(attempt.response_snippet.as_ref()),
            location: leads_to(attempt.cause, attempt.location.as_ref()),
        }
    }
}

fn present(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// The button that sends an event again, as far as that helps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::html) enum Resend {
    /// The event waits for the endpoint, so that the owner has to mend the connection.
    MendFirst,
    /// Nothing has to be done, but the owner may.
    Possible,
    /// This is what helps.
    Helps,
}

impl Resend {
    fn of(row: &Summary, endpoint: EndpointState, now: Timestamp) -> Self {
        match row.status {
            Status::Held if endpoint != EndpointState::Active => Self::MendFirst,
            Status::Held | Status::Failed if endpoint != EndpointState::NotSet => Self::Helps,
            _ if is_overdue(row, now) && endpoint != EndpointState::NotSet => Self::Helps,
            _ => Self::Possible,
        }
    }
}

fn outlook(status: Status, is_overdue: bool, endpoint: EndpointState) -> Option<&'static str> {
    match status {
        Status::Retrying if is_overdue => {
            Some("המועד של הניסיון הבא עבר, והוא עוד לא נעשה. כדאי לשלוח את העדכון מכאן.")
        }
        Status::Delivered | Status::Other => None,
        Status::Retrying => Some("ממשיכים לנסות מעצמנו. אפשר גם לשלוח עכשיו."),
        Status::Held => Some(match endpoint {
            EndpointState::Active => "העדכון שמור כאן ועוד לא נשלח.",
            EndpointState::Failing { .. } => "העדכון שמור כאן, ויישלח מעצמו כשהמערכת שלך תענה.",
            EndpointState::Paused { .. } => "העדכון שמור כאן, ויישלח אחרי חידוש השליחה.",
            EndpointState::NotSet => "העדכון שמור כאן, ויישלח אחרי שמירת כתובת.",
        }),
        Status::Failed => Some("כל הניסיונות נוצלו. אחרי שמתקנים, אפשר לשלוח שוב מכאן."),
    }
}
