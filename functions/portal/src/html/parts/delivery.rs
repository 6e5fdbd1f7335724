//! One delivery: what became of it, its attempts, and what it says.

use adapters::deliveries_table::Status;
use jiff::Timestamp;
use serde_json::Value;

use super::log::RowPart;
use super::{Moment, leads_to};
use crate::html::hebrew::{self, Advice};
use crate::html::view::{AttemptView, DeliveryView};

/// One delivery.
pub(in crate::html) struct DeliveryPart<'a> {
    pub(in crate::html) row: RowPart<'a>,
    pub(in crate::html) advice: Option<Advice>,
    /// What comes next, or that nothing does.
    pub(in crate::html) outlook: Option<&'static str>,
    pub(in crate::html) snippet: Option<&'a str>,
    /// Newest first, as the log is.
    pub(in crate::html) attempts: Vec<AttemptPart<'a>>,
    pub(in crate::html) body: Option<&'a str>,
    /// What of the body people read: a heading and a text each.
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
    pub(in crate::html) fn new(view: &'a DeliveryView) -> Self {
        let row = &view.row;
        let has_arrived = row.status == Status::Delivered;
        let advice = row.cause.filter(|_| !has_arrived);
        Self {
            row: RowPart::new(row, view.now, view.has_url),
            advice: advice.map(|cause| hebrew::advice(cause, row.status_code, row.clue, view.snippet.as_deref())),
            outlook: outlook(row.status, row.is_overdue),
            snippet: present(view.snippet.as_ref()),
            attempts: view.attempts.iter().rev().map(|attempt| AttemptPart::new(attempt, view.now)).collect(),
            body: view.body.as_deref(),
            readable: view.body.as_deref().map(readable).unwrap_or_default(),
        }
    }
}

impl<'a> AttemptPart<'a> {
    fn new(attempt: &'a AttemptView, now: Timestamp) -> Self {
        let arrived = || attempt.status_code.map_or_else(|| "הגיע".into(), |code| format!("הגיע ({code})"));
        Self {
            at: Moment::new(attempt.at, now),
            result: attempt.cause.map_or_else(arrived, |cause| hebrew::short(cause, attempt.status_code, attempt.clue)),
            has_arrived: attempt.cause.is_none(),
            took: hebrew::duration(std::time::Duration::from_millis(attempt.total_ms)),
            snippet: present(attempt.snippet.as_ref()),
            location: leads_to(attempt.cause, attempt.location.as_ref()),
        }
    }
}

fn present(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn outlook(status: Status, is_overdue: bool) -> Option<&'static str> {
    match status {
        Status::Retrying if is_overdue => {
            Some("המועד של הניסיון הבא עבר, והוא עוד לא נעשה. כדאי לשלוח את העדכון מכאן.")
        }
        Status::Delivered | Status::Other => None,
        Status::Retrying => Some("ממשיכים לנסות מעצמנו. אפשר גם לשלוח עכשיו."),
        Status::Held => Some("העדכון שמור כאן ויישלח כשהשליחה תתחדש."),
        Status::Failed => Some("כל הניסיונות נוצלו. אחרי שמתקנים, אפשר לשלוח שוב מכאן."),
    }
}

fn readable(body: &str) -> Vec<(&'static str, String)> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else { return Vec::new() };
    [("סיכום", "summary"), ("תמליל", "transcript")]
        .into_iter()
        .filter_map(|(heading, name)| match fields.remove(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some((heading, text)),
            _ => None,
        })
        .collect()
}
