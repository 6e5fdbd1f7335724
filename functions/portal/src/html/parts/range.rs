//! The replay of a range in the log: how far it is, and the form that begins one.

use domain::israel;
use jiff::{Timestamp, ToSpan};

use crate::html::hebrew;
use crate::html::view::{EndpointState, Flash, Opened, Overview};
use crate::use_cases::{ReplayState, ReplayView};

/// How many days the form's range has at first, today included.
const DAYS: i64 = 7;

/// A replay of a range.
pub(in crate::html) struct ReplayPart {
    /// The value of `data-state`.
    pub(in crate::html) state: &'static str,
    pub(in crate::html) title: &'static str,
    /// Its ends, in words.
    pub(in crate::html) range: String,
    /// How many are done, of how many; None: the replay is over, or nobody knows how many there are.
    pub(in crate::html) bar: Option<(u64, u64)>,
    pub(in crate::html) count: String,
    pub(in crate::html) outlook: Option<&'static str>,
    /// The label of the button that ends the replay by pausing; None: the replay is over.
    pub(in crate::html) pause: Option<&'static str>,
}

/// The form that begins a replay of a range.
pub(in crate::html) struct RangeForm {
    pub(in crate::html) title: &'static str,
    /// The first day, as HTML has dates.
    pub(in crate::html) from: String,
    /// The last day, which is today.
    pub(in crate::html) to: String,
    /// Whether the form is open, and takes what has arrived too: another URL was saved, or a tool was connected.
    pub(in crate::html) is_open: bool,
}

impl ReplayPart {
    pub(in crate::html) fn new(view: &ReplayView, endpoint: EndpointState) -> Self {
        let is_paused = matches!(endpoint, EndpointState::Paused { .. });
        let (state, title, outlook, pause) = match view.state {
            ReplayState::Running => ("running", "נשלחים שוב עדכונים", None, Some("עצירת כל השליחה")),
            ReplayState::Waiting if is_paused => {
                ("waiting", "שליחה חוזרת ממתינה", Some("היא תמשיך אחרי חידוש השליחה."), Some("סיום השליחה החוזרת"))
            }
            ReplayState::Waiting => (
                "waiting",
                "שליחה חוזרת ממתינה",
                Some("היא תמשיך מעצמה, אחרי שכל מה שממתין יישלח."),
                Some("עצירת כל השליחה"),
            ),
            ReplayState::Done => ("done", "השליחה החוזרת הסתיימה", None, None),
            ReplayState::Ended => ("ended", "השליחה החוזרת הופסקה", None, None),
        };
        let bar = view.total.filter(|total| *total > 0 && pause.is_some()).map(|total| (view.done, total));
        Self { state, title, range: range(view), bar, count: hebrew::replayed(view), outlook, pause }
    }
}

fn range(view: &ReplayView) -> String {
    let date = |time: Timestamp| {
        let time = israel::local(time);
        format!("{}.{}.{}", time.day(), time.month(), time.year())
    };
    match (view.from, view.to) {
        (Some(from), Some(to)) if date(from) == date(to) => format!("מ־{}", date(from)),
        (Some(from), Some(to)) => format!("מ־{} עד {}", date(from), date(to)),
        _ => "מכל מה שלא הגיע".into(),
    }
}

impl RangeForm {
    /// None: there is nothing to send, or nowhere to, or a replay of a range is under way.
    pub(in crate::html) fn new(view: &Overview) -> Option<Self> {
        let is_under_way = view.log.replay.as_ref().is_some_and(ReplayView::is_under_way);
        if view.endpoint.state == EndpointState::NotSet || view.log.is_empty() || is_under_way {
            return None;
        }
        let today = israel::local(view.now).date();
        let is_open = view.said == Some(Flash::SavedAnother) || view.opened == Some(Opened::Range);
        Some(Self {
            title: if is_open {
                "לשלוח לכאן גם את השיחות מהימים האחרונים?"
            } else {
                "שליחה חוזרת לפי תאריכים"
            },
            from: today.checked_sub((DAYS - 1).days()).unwrap_or(today).to_string(),
            to: today.to_string(),
            is_open,
        })
    }
}
