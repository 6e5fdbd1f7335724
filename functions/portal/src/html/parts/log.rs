//! The delivery log: rows, filters, and the buttons that send many again.

use adapters::deliveries_table::{Status, Summary};
use domain::israel;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::range::{RangeForm, ReplayPart};
use super::{Action, Moment};
use crate::html::hebrew;
use crate::html::view::{EndpointState, LogView, Overview};
use crate::use_cases::{ReplayView, is_overdue};

const FILTERS: [Option<Status>; 5] =
    [None, Some(Status::Failed), Some(Status::Held), Some(Status::Retrying), Some(Status::Delivered)];

/// A part of the delivery log.
pub(in crate::html) struct LogPart<'a> {
    pub(in crate::html) search: &'a str,
    pub(in crate::html) filter: Option<&'static str>,
    pub(in crate::html) filters: Vec<Filter>,
    pub(in crate::html) rows: Vec<RowPart<'a>>,
    pub(in crate::html) older: Option<String>,
    pub(in crate::html) newest: Option<String>,
    /// Whether there never was a delivery, as far as this page can tell.
    pub(in crate::html) is_untouched: bool,
    /// Whether the log is filtered or searched.
    pub(in crate::html) is_narrowed: bool,
    /// The address of a file with all that the log's filter and search find; None: the log is empty.
    pub(in crate::html) export: Option<String>,
    /// The replay of a range that is under way, or was until lately.
    pub(in crate::html) replay: Option<ReplayPart>,
    pub(in crate::html) range_form: Option<RangeForm>,
    /// What sends many again.
    pub(in crate::html) bulk: Vec<Action>,
    /// The first and the last day that the log shows, as HTML has dates; None: no bound.
    pub(in crate::html) from: Option<String>,
    pub(in crate::html) to: Option<String>,
    pub(in crate::html) today: String,
    /// Whether the tools (days, file, range) are open.
    pub(in crate::html) are_tools_open: bool,
}

/// A link that narrows the log.
pub(in crate::html) struct Filter {
    pub(in crate::html) label: &'static str,
    pub(in crate::html) href: String,
    pub(in crate::html) is_current: bool,
}

/// One delivery.
pub(in crate::html) struct RowPart<'a> {
    pub(in crate::html) id: &'a str,
    /// The first words of the call's summary; None: there are none.
    pub(in crate::html) title: Option<&'a str>,
    pub(in crate::html) kind: &'static str,
    /// The event's type; None: the type has a Hebrew name, which is `kind`.
    pub(in crate::html) event_type: Option<&'a str>,
    pub(in crate::html) ending: Option<&'a str>,
    pub(in crate::html) subject: Option<&'a str>,
    pub(in crate::html) subject_label: &'static str,
    pub(in crate::html) at: Moment,
    pub(in crate::html) status: &'static str,
    pub(in crate::html) status_label: &'static str,
    pub(in crate::html) why: Option<String>,
    pub(in crate::html) attempts: Option<String>,
    pub(in crate::html) next: Option<Moment>,
    pub(in crate::html) resend_label: &'static str,
}

impl<'a> LogPart<'a> {
    pub(in crate::html) fn new(view: &'a Overview) -> Self {
        let log = &view.log;
        let range_form = RangeForm::new(view);
        let [from, to] = [log.from, log.to].map(|day| day.map(|day| day.to_string()));
        let newest = log.is_older.then(|| link(log, log.filter, None));
        Self {
            search: &log.search,
            filter: log.filter.map(Status::as_str),
            filters: FILTERS.into_iter().map(|status| Filter::new(log, status)).collect(),
            rows: log.rows.iter().map(|row| RowPart::new(row, view.now)).collect(),
            older: log.next_cursor.as_deref().map(|cursor| link(log, log.filter, Some(cursor))),
            export: (!log.rows.is_empty() || log.next_cursor.is_some() || log.is_older).then(|| export(log)),
            is_untouched: log.is_empty(),
            newest,
            is_narrowed: log.is_narrowed(),
            replay: log.replay.as_ref().map(|replay| ReplayPart::new(replay, view.endpoint.state)),
            are_tools_open: from.is_some() || to.is_some() || range_form.as_ref().is_some_and(|form| form.is_open),
            from,
            to,
            today: israel::local(view.now).date().to_string(),
            range_form,
            bulk: [resend_failed(view), send_held(view)].into_iter().flatten().collect(),
        }
    }
}

impl Filter {
    fn new(log: &LogView, status: Option<Status>) -> Self {
        Self { label: hebrew::filter(status), href: link(log, status, None), is_current: log.filter == status }
    }
}

impl<'a> RowPart<'a> {
    pub(in crate::html) fn new(row: &'a Summary, now: Timestamp) -> Self {
        let kind = hebrew::kind(&row.event_type);
        let is_overdue = is_overdue(row, now);
        Self {
            id: row.event_id.as_str(),
            title: row.title.as_deref().filter(|title| !title.trim().is_empty()),
            kind,
            event_type: (kind == hebrew::kind("")).then_some(row.event_type.as_str()),
            ending: row.phone_ending.as_deref(),
            subject: row.subject.as_deref(),
            subject_label: hebrew::subject(&row.event_type),
            at: Moment::new(row.created_at, now),
            status: row.status.as_str(),
            status_label: hebrew::status(row.status, is_overdue),
            why: why(row),
            attempts: (row.attempts > 0).then(|| hebrew::attempts(row.attempts)),
            next: row.next_attempt_at.filter(|_| !is_overdue).map(|next| Moment::new(next, now)),
            resend_label: hebrew::resend(row.status),
        }
    }
}

/// The button that sends all that has failed; None: there is none, or a replay of a range is under way.
fn resend_failed(view: &Overview) -> Option<Action> {
    let log = &view.log;
    let is_under_way = log.replay.as_ref().is_some_and(ReplayView::is_under_way);
    let counted = view.summary.as_ref().is_some_and(|summary| summary.total.failed > 0);
    let are_any = counted || log.rows.iter().any(|row| row.status == Status::Failed);
    let is_offered = log.filter.is_none_or(|status| status == Status::Failed) && are_any;
    let action = Action::form("לשלוח שוב את כל מה שלא הגיע", "/deliveries/resend", Some(("status", "failed")));
    (is_offered && !is_under_way && view.endpoint.state != EndpointState::NotSet).then_some(action)
}

/// The button that sends all held events; while the endpoint is paused, the button also resumes. None: there are none,
/// or they are sent already.
fn send_held(view: &Overview) -> Option<Action> {
    let label = match view.endpoint.state {
        EndpointState::NotSet => return None,
        EndpointState::Active | EndpointState::Failing { .. } => "שליחת כל הממתינים",
        EndpointState::Paused { .. } => "חידוש ושליחת כל הממתינים",
    };
    let is_offered = view.log.filter.is_none_or(|status| status == Status::Held);
    let action = Action::form(label, "/deliveries/resend", Some(("status", "held")));
    (is_offered && view.endpoint.held > 0 && !view.endpoint.is_replaying).then_some(action)
}

/// Why the event is not delivered, or the status code of its delivery.
fn why(row: &Summary) -> Option<String> {
    match (row.status, row.cause) {
        (Status::Delivered, _) => row.status_code.map(|code| format!("קוד {code}")),
        (_, Some(cause)) => Some(hebrew::short(cause, row.status_code, row.clue)),
        (Status::Held, None) => Some("יישלח כשהשליחה תתחדש".into()),
        (_, None) => None,
    }
}

/// The address of the part of the log behind a cursor, with another status.
fn link(log: &LogView, status: Option<Status>, cursor: Option<&str>) -> String {
    format!("/{}#deliveries", query(log, status, cursor))
}

/// The address of the whole log as a file.
fn export(log: &LogView) -> String {
    format!("/deliveries.csv{}", query(log, log.filter, None))
}

/// The query of an address, with its question mark; empty: nothing is asked for.
fn query(log: &LogView, status: Option<Status>, cursor: Option<&str>) -> String {
    let [from, to] = [log.from, log.to].map(|day| day.map(|day| day.to_string()));
    let pairs = [
        ("status", status.map(Status::as_str)),
        ("search", Some(log.search.as_str()).filter(|text| !text.is_empty())),
        ("from", from.as_deref()),
        ("to", to.as_deref()),
        ("cursor", cursor),
    ];
    let query: Vec<_> =
        pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?)))).collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

/// Percent-encoding (RFC 3986, 2.1) of all but letters and digits.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
