//! The delivery log: rows, filters, and the buttons that send many again.

use adapters::deliveries_table::{Status, Summary};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Moment;
use super::range::{RangeForm, ReplayPart};
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
    /// Whether the log is filtered or searched.
    pub(in crate::html) is_narrowed: bool,
    /// The address of a file with all that the log's filter and search find; None: the log is empty.
    pub(in crate::html) export: Option<String>,
    pub(in crate::html) can_resend_failed: bool,
    /// The replay of a range that is under way, or was until lately.
    pub(in crate::html) replay: Option<ReplayPart>,
    pub(in crate::html) range_form: Option<RangeForm>,
    /// The label of the button that sends all held events; while the endpoint is paused, the button also resumes.
    pub(in crate::html) send_held: Option<&'static str>,
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
    pub(in crate::html) can_resend: bool,
    pub(in crate::html) resend_label: &'static str,
}

impl<'a> LogPart<'a> {
    pub(in crate::html) fn new(view: &'a Overview) -> Self {
        let log = &view.log;
        let has_url = view.endpoint.state != EndpointState::NotSet;
        let newest = log.is_older.then(|| link(log.filter, &log.search, None));
        Self {
            search: &log.search,
            filter: log.filter.map(Status::as_str),
            filters: FILTERS.into_iter().map(|status| Filter::new(log, status)).collect(),
            rows: log.rows.iter().map(|row| RowPart::new(row, view.now, has_url)).collect(),
            older: log.next_cursor.as_deref().map(|cursor| link(log.filter, &log.search, Some(cursor))),
            export: (!log.rows.is_empty() || log.next_cursor.is_some() || log.is_older).then(|| export(log)),
            newest,
            is_narrowed: log.filter.is_some() || !log.search.is_empty(),
            replay: log.replay.as_ref().map(|replay| ReplayPart::new(replay, view.endpoint.state)),
            range_form: RangeForm::new(view),
            can_resend_failed: has_url
                && !log.rows.is_empty()
                && !log.replay.as_ref().is_some_and(ReplayView::is_under_way)
                && log.filter.is_none_or(|status| status == Status::Failed),
            send_held: (view.endpoint.held > 0 && !view.endpoint.is_replaying)
                .then(|| send_held(view.endpoint.state))
                .flatten(),
        }
    }
}

impl Filter {
    fn new(log: &LogView, status: Option<Status>) -> Self {
        Self { label: hebrew::filter(status), href: link(status, &log.search, None), is_current: log.filter == status }
    }
}

impl<'a> RowPart<'a> {
    pub(in crate::html) fn new(row: &'a Summary, now: Timestamp, has_url: bool) -> Self {
        let kind = hebrew::kind(&row.event_type);
        let is_overdue = is_overdue(row, now);
        Self {
            id: row.event_id.as_str(),
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
            can_resend: has_url && (is_overdue || matches!(row.status, Status::Failed | Status::Held)),
            resend_label: hebrew::resend(row.status),
        }
    }
}

fn send_held(state: EndpointState) -> Option<&'static str> {
    match state {
        EndpointState::NotSet => None,
        EndpointState::Active | EndpointState::Failing { .. } => Some("שליחת כל הממתינים"),
        EndpointState::Paused { .. } => Some("חידוש ושליחת כל הממתינים"),
    }
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

/// The address of the part of the log behind a cursor.
fn link(status: Option<Status>, search: &str, cursor: Option<&str>) -> String {
    format!("/{}#deliveries", query(status, search, cursor))
}

/// The address of the whole log as a file.
fn export(log: &LogView) -> String {
    format!("/api/deliveries.csv{}", query(log.filter, &log.search, None))
}

/// The query of an address, with its question mark; empty: nothing is asked for.
fn query(status: Option<Status>, search: &str, cursor: Option<&str>) -> String {
    let status = status.map(Status::as_str);
    let pairs = [("status", status), ("search", Some(search).filter(|text| !text.is_empty())), ("cursor", cursor)];
    let query: Vec<_> =
        pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?)))).collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

/// Percent-encoding (RFC 3986, 2.1) of all but letters and digits.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
