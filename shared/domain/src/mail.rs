//! The mail that tells an owner that the endpoint fails, is paused or has recovered.
//!
//! A mail says what the page says, by the same words ([`crate::hebrew`]): what happened, what to do, how many events
//! wait, and where the page is. It is made of the endpoint's state and of nothing else, so it cannot hold a transcript, a
//! phone number or a part of the URL. It deliberately does not name the receiver's answer: a notice has only the cause.

mod address;
mod html;
mod news;

pub use address::{EmailAddress, InvalidEmailAddress};
pub use news::News;

use crate::endpoint::PausedReason;
use crate::hebrew::{self, Advice};
use crate::israel;
use crate::outcome::Cause;

/// The names of the sections in both forms of a mail.
const WHAT_TO_DO: &str = "מה עושים?";
const TO_THE_PAGE: &str = "לעמוד ה־Webhook";
const WHY_THIS_MAIL: &str = "ההודעה נשלחה כי כתובת המייל הזו רשומה בעמוד ה־Webhook של ProSaaS. אפשר לשנות או להסיר אותה שם, תחת ״הגדרות״. מכל סוג נשלחת לכל היותר הודעה אחת בשעה.";

/// A mail in Hebrew, as text and as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The subject: one line.
    pub subject: String,
    /// The mail as plain text.
    pub text: String,
    /// The mail as an HTML document, from right to left, without anything that a mail client would have to fetch.
    pub html: String,
}

/// The content of a mail, in the order of its parts.
struct Content<'a> {
    subject: &'static str,
    /// Since when the endpoint is in its state, and what happened.
    happened: Vec<String>,
    fix: &'static str,
    /// How many events wait or go out now, and when the waiting events are sent.
    waiting: String,
    /// The address of the page. None: the mail has no link.
    page: Option<&'a str>,
}

impl Mail {
    /// Makes a mail. `held` is the number of events that wait, counted up to [`crate::endpoint::HELD_COUNTED`]; None: it
    /// could not be counted. `page` is the address by which an owner gets to the page.
    #[must_use]
    pub fn new(news: &News, held: Option<u64>, page: Option<&str>) -> Self {
        let content = Content::new(news, held, page);
        Self { subject: content.subject.to_owned(), text: content.text(), html: html::document(&content) }
    }
}

impl<'a> Content<'a> {
    fn new(news: &News, held: Option<u64>, page: Option<&'a str>) -> Self {
        match news {
            News::Failing { since, cause } => {
                let Advice { what, fix } = hebrew::advice(*cause, None, None, None);
                let waiting = joined(held.and_then(hebrew::waiting), hebrew::WHILE_FAILING);
                let subject = "העדכונים מ־ProSaaS לא מגיעים למערכת שלך";
                let since = since_when(*since, "העדכונים לא מגיעים לכתובת ה־Webhook שלך.");
                Self { subject, happened: vec![since, what], fix, waiting, page }
            }
            News::Paused { since, reason } => {
                let Advice { what, fix } = hebrew::paused(*reason);
                let waiting = match held {
                    Some(held) => joined(hebrew::waiting(held), hebrew::WHILE_PAUSED),
                    None => "מה שממתין נשמר. ".to_owned() + hebrew::WHILE_PAUSED,
                };
                let subject = "השליחה מ־ProSaaS למערכת שלך נעצרה";
                let since = since_when(*since, "השליחה לכתובת ה־Webhook שלך עצורה.");
                Self { subject, happened: vec![since, what], fix, waiting, page }
            }
            News::Recovered { since, cause } => Self {
                subject: "העדכונים מ־ProSaaS שוב נשלחים למערכת שלך",
                happened: vec![ended(*since, cause)],
                fix: "אין צורך לעשות דבר. בהיסטוריה שבעמוד אפשר לראות מה הגיע.",
                waiting: going_out(held),
                page,
            },
        }
    }

    fn text(&self) -> String {
        let mut paragraphs = vec![self.subject.to_owned(), self.happened.join("\n")];
        paragraphs.push(format!("{WHAT_TO_DO} {}", self.fix));
        paragraphs.push(self.waiting.clone());
        // The address has a line of its own, so that no program takes a word beside it for a part of it.
        paragraphs.extend(self.page.map(|page| format!("{TO_THE_PAGE}:\n{page}")));
        paragraphs.push(WHY_THIS_MAIL.to_owned());
        paragraphs.join("\n\n") + "\n"
    }
}

fn joined(count: Option<String>, outlook: &str) -> String {
    count.map_or_else(|| outlook.to_owned(), |count| format!("{count} {outlook}"))
}

/// "מאז 1.3.2026 11:12 (שעון ישראל) ...". The sentence names the URL, so that the sentences of the page behind it, which
/// speak of "the address", are not understood of the mail's address.
fn since_when(since: jiff::Timestamp, what: &str) -> String {
    format!("מאז {} (שעון ישראל) {what}", israel::date_and_time(since))
}

/// Says what was wrong until now.
fn ended(since: Option<jiff::Timestamp>, cause: &str) -> String {
    let since = since.map(|since| format!(" מאז {} (שעון ישראל)", israel::date_and_time(since)));
    let since = since.unwrap_or_default();
    match Cause::parse(cause) {
        _ if PausedReason::parse(cause).is_some_and(|reason| reason != PausedReason::Gone) => {
            format!("השליחה הייתה עצורה{since}, ועכשיו היא פעילה.")
        }
        None => format!("הייתה תקלה{since}, ועכשיו השליחה פעילה."),
        Some(cause) => {
            format!("הייתה תקלה{since}: {}. עכשיו השליחה פעילה.", hebrew::short(cause, None, None))
        }
    }
}

/// Says that the events which have waited go out now that the endpoint is active.
fn going_out(held: Option<u64>) -> String {
    match held {
        None => "מה שהמתין נשלח עכשיו, בהדרגה.".to_owned(),
        Some(0) => "שום עדכון לא ממתין.".to_owned(),
        Some(1) => "עדכון אחד שהמתין נשלח עכשיו.".to_owned(),
        Some(held) => format!("{} שהמתינו נשלחים עכשיו, בהדרגה.", hebrew::at_least(held)),
    }
}

#[cfg(test)]
mod tests;
