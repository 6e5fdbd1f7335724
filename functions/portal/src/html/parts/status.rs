//! Whether events go out and arrive: the page's first words, and the one action that helps most.
//!
//! The title of an active endpoint must not stand above what contradicts it. So an active endpoint is judged by what
//! became of its deliveries, too.

use adapters::deliveries_table::{Status, Summary};
use domain::clue::Clue;
use domain::endpoint::PausedReason;
use domain::outcome::{Cause, Failure};

use super::{Action, Moment};
use crate::html::hebrew::{self, Advice};
use crate::html::view::{EndpointState, EndpointView, Overview, TestView};
use crate::use_cases::is_overdue;

/// The state of the endpoint.
pub(in crate::html) struct StatusPart {
    /// The value of `data-state`: the state of the endpoint.
    pub(in crate::html) name: &'static str,
    /// The part of a class that sets the colour.
    pub(in crate::html) tone: &'static str,
    pub(in crate::html) title: &'static str,
    pub(in crate::html) since: Option<Moment>,
    pub(in crate::html) lines: Vec<String>,
    pub(in crate::html) fix: Option<&'static str>,
    /// How many events are held, and what happens to them; None: none are held.
    pub(in crate::html) waiting: Option<String>,
    /// What the owner can do about the state: the action that helps most is the first.
    pub(in crate::html) actions: Vec<Action>,
}

/// The actions at the top of the page.
const TEST: Action =
    Action { busy: Some("שולחים…"), ..Action::form("שליחת בדיקה", "/test#test", None) };
const MEND: Action = Action::link("תיקון הכתובת", "/?open=settings#generic_webhook_url");
const RESUME: Action = Action::form("חידוש השליחה", "/resume", None);
const SEND_HELD: Action = Action::form("שליחת כל הממתינים", "/deliveries/resend", Some(("status", "held")));
const SEE_FAILED: Action = Action::link("לעדכונים שלא הגיעו", "/?status=failed#deliveries");
const SEE_RETRYING: Action = Action::link("לעדכונים שמתעכבים", "/?status=retrying#deliveries");

impl StatusPart {
    pub(in crate::html) fn new(view: &Overview) -> Self {
        let state = view.endpoint.state;
        let mut part = Self {
            name: "active",
            tone: "active",
            title: "השליחה פעילה",
            since: None,
            lines: Vec::new(),
            fix: None,
            waiting: waiting(&view.endpoint),
            actions: Vec::new(),
        };
        match state {
            EndpointState::NotSet => {
                (part.name, part.tone, part.title) = ("not-set", "not-set", "עוד לא הוגדרה כתובת");
                part.lines.push("בסיום כל שיחה נשלח את התמליל, הסיכום ופרטי הליד למערכת שבה העסק כבר עובד.".into());
            }
            EndpointState::Active => part.tell_active(view),
            EndpointState::Failing { since, cause } => {
                let (code, clue) = shown_by_probe(view, cause);
                let Advice { what, fix } = hebrew::advice(cause, code, clue, None);
                (part.name, part.tone, part.title) = ("failing", "failing", hebrew::FAILING_TITLE);
                part.since = Some(Moment::new(since, view.now));
                part.lines.push(what);
                part.fix = Some(fix);
                part.actions = vec![TEST, MEND];
            }
            EndpointState::Paused { since, reason } => {
                let Advice { what, fix } = hebrew::paused(reason);
                (part.name, part.tone, part.title) = ("paused", "paused", hebrew::paused_title(reason));
                part.since = Some(Moment::new(since, view.now));
                part.lines.push(what);
                part.fix = Some(fix);
                part.actions = match reason {
                    PausedReason::Owner | PausedReason::NoUrl => vec![RESUME],
                    // Without a change at the receiver, a resume would only be followed by the next pause.
                    PausedReason::Gone | PausedReason::Spent => vec![TEST, MEND, RESUME],
                };
            }
        }
        part
    }

    fn tell_active(&mut self, view: &Overview) {
        let fares = Fares::of(view);
        self.title = fares.title();
        self.lines = fares.lines(view);
        match fares {
            Fares::TestFailed => {
                self.tone = "failing";
                let is_of_url = view.test.as_ref().is_some_and(is_of_url);
                self.actions = if is_of_url { vec![MEND, TEST] } else { vec![TEST, MEND] };
            }
            Fares::Failed => {
                self.tone = "partly";
                self.fix = Some("הסיבה כתובה ליד כל עדכון. אחרי התיקון שולחים את כולם שוב בלחיצה.");
                self.actions = vec![SEE_FAILED];
            }
            Fares::Retrying => {
                self.tone = "partly";
                self.actions = vec![SEE_RETRYING];
            }
            Fares::Held => (self.tone, self.actions) = ("partly", vec![SEND_HELD]),
            Fares::Unused if view.connection.tested.is_none() => self.actions = vec![TEST],
            Fares::Replaying | Fares::Unused | Fares::Quiet | Fares::Arrived | Fares::Unknown => {}
        }
    }
}

/// How the deliveries to an active endpoint fare: the first of these that is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fares {
    /// The test that was just made failed.
    TestFailed,
    /// Some have failed.
    Failed,
    /// Some are tried again.
    Retrying,
    /// Some are held, and nothing sends them yet.
    Held,
    /// Those that were held are sent now.
    Replaying,
    /// There never was one, as far as the ledger knows.
    Unused,
    /// There was none in the last days.
    Quiet,
    /// All have arrived.
    Arrived,
    /// They could not be counted, and the log shows none that has not arrived.
    Unknown,
}

impl Fares {
    fn of(view: &Overview) -> Self {
        let total = view.summary.as_ref().map(|summary| summary.total);
        // The log may show deliveries that are older than the counted days. A part of the log that was asked for must not
        // change what the status says.
        let shows = |status| view.log.is_first() && view.log.rows.iter().any(|row| row.status == status);
        let are_any = |status, count: Option<u32>| count.is_some_and(|count| count > 0) || shows(status);
        match total {
            _ if test_failed(view) => Self::TestFailed,
            _ if are_any(Status::Failed, total.map(|total| total.failed)) => Self::Failed,
            _ if are_any(Status::Retrying, total.map(|total| total.retrying)) => Self::Retrying,
            _ if view.endpoint.is_replaying => Self::Replaying,
            _ if view.endpoint.held > 0 => Self::Held,
            None => Self::Unknown,
            Some(total) if total.delivered > 0 => Self::Arrived,
            Some(_) if view.log.is_empty() => Self::Unused,
            Some(_) => Self::Quiet,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::TestFailed => "הבדיקה לא הגיעה",
            Self::Failed => "חלק מהעדכונים לא הגיעו",
            Self::Retrying => "יש עדכונים שמתעכבים",
            Self::Held => "יש עדכונים שממתינים",
            Self::Unused => "הכול מוכן",
            Self::Arrived => "העדכונים מגיעים",
            Self::Replaying | Self::Quiet | Self::Unknown => "השליחה פעילה",
        }
    }

    fn lines(self, view: &Overview) -> Vec<String> {
        let (total, is_complete) = view.summary.as_ref().map_or_else(Default::default, |it| (it.total, it.complete));
        let days = view.summary.as_ref().map_or(0, |summary| summary.days.len());
        let late = (total.retrying > 0)
            .then(|| format!("{}. {}", hebrew::not_yet_arrived(total.retrying.into(), is_complete), outlook(view)));
        let first = match self {
            Self::TestFailed => "כל עוד בדיקה לא מגיעה למערכת שלך, גם השיחה הבאה עלולה לא להגיע.".to_owned(),
            Self::Failed if total.failed > 0 => {
                let failed = hebrew::not_arrived(total.failed.into(), is_complete);
                format!("{failed} ב־{days} הימים האחרונים, גם אחרי ניסיונות חוזרים.")
            }
            Self::Failed => "יש עדכונים שלא הגיעו, גם אחרי ניסיונות חוזרים.".to_owned(),
            Self::Retrying if late.is_some() => String::new(),
            Self::Retrying => format!("יש עדכונים שעוד לא הגיעו. {}", outlook(view)),
            Self::Unused => "עוד לא נשלח עדכון. אחרי השיחה הבאה הוא יישלח למערכת שלך ויופיע כאן.".to_owned(),
            Self::Quiet => {
                format!("לא היו עדכונים ב־{days} הימים האחרונים. כל שיחה שמסתיימת נשלחת למערכת שלך.")
            }
            Self::Arrived if is_complete => {
                format!("כל מה שנשלח ב־{days} הימים האחרונים הגיע. כל שיחה שמסתיימת נשלחת למערכת שלך.")
            }
            Self::Arrived => "כל העדכונים האחרונים הגיעו. כל שיחה שמסתיימת נשלחת למערכת שלך.".to_owned(),
            Self::Held | Self::Replaying | Self::Unknown => "כל שיחה שמסתיימת נשלחת למערכת שלך.".to_owned(),
        };
        let late = late.filter(|_| matches!(self, Self::Failed | Self::Retrying));
        [Some(first).filter(|line| !line.is_empty()), late].into_iter().flatten().collect()
    }
}

/// What becomes of the events that are tried again. If one is overdue, nobody knows that it is tried again.
fn outlook(view: &Overview) -> &'static str {
    let has_overdue = view.log.rows.iter().any(|row| is_overdue(row, view.now));
    if has_overdue { "הפרטים בהיסטוריה." } else { "ממשיכים לנסות מעצמנו." }
}

/// Whether the last test of these settings failed, and nothing has arrived since.
fn test_failed(view: &Overview) -> bool {
    if let Some(test) = &view.test {
        return test.cause.is_some();
    }
    let arrived_at = view.summary.as_ref().and_then(|summary| summary.last_delivered_at);
    let test = view.connection.tested.filter(|test| !test.was_delivered);
    test.is_some_and(|test| arrived_at.is_none_or(|arrived| arrived < test.at))
}

/// Whether a failed test speaks against the URL, so that another test would fail too.
fn is_of_url(test: &TestView) -> bool {
    match test.cause {
        Some(Cause::Failed(Failure::Dns | Failure::Blocked | Failure::Protocol) | Cause::Redirect | Cause::Gone) => {
            true
        }
        Some(Cause::Status) => matches!(test.status_code, Some(404 | 405)),
        _ => false,
    }
}

/// The status code and the clue of the failing endpoint: those of the newest retrying event, if this page shows one.
fn shown_by_probe(view: &Overview, cause: Cause) -> (Option<u16>, Option<Clue>) {
    let is_probe = |row: &&Summary| row.status == Status::Retrying && row.cause == Some(cause);
    view.log.rows.iter().find(is_probe).map_or((None, None), |row| (row.status_code, row.clue))
}

fn waiting(endpoint: &EndpointView) -> Option<String> {
    let held = hebrew::waiting(endpoint.held);
    let outlook = match endpoint.state {
        _ if endpoint.is_replaying => return Some("מה שהמתין נשלח עכשיו, בהדרגה.".into()),
        EndpointState::Failing { .. } => hebrew::WHILE_FAILING,
        EndpointState::Paused { .. } => hebrew::WHILE_PAUSED,
        EndpointState::NotSet => "הכול יישלח אחרי שמירת כתובת.",
        EndpointState::Active => "אפשר לשלוח הכול עכשיו.",
    };
    match (held, endpoint.state) {
        (Some(held), _) => Some(format!("{held} {outlook}")),
        (None, EndpointState::Failing { .. }) => Some(outlook.into()),
        (None, _) => None,
    }
}
