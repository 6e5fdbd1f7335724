//! The texts and flags of the pages, chosen from their data and ready for the templates.

mod body;
mod connection;
mod delivery;
mod events;
mod guide;
mod log;
mod range;
mod status;
mod summary;

pub(super) use connection::ConnectionPart;
pub(super) use delivery::{DeliveryPart, Resend};
pub(super) use events::{EventPart, events};
pub(super) use guide::{GuidePart, GuideTestPart};
pub(super) use log::LogPart;
pub(super) use status::StatusPart;
pub(super) use summary::SummaryPart;

use domain::format::{Format, PayloadFormat};
use domain::outcome::Cause;
use domain::request::InvalidStaticHeader;
use jiff::Timestamp;

use super::hebrew::{self, Advice};
use super::view::{EndpointState, Flash, Hint, Overview, Preview, SettingsForm, ShownSecret, TestView};
use crate::use_cases::{InvalidFormat, ReplayState, ReplayView, TestKind};

/// The notice about the action that was just done, or refused.
pub(super) struct NoticePart {
    pub(super) text: String,
    pub(super) is_bad: bool,
    /// A link to the next step: its address and its text.
    pub(super) link: Option<(&'static str, &'static str)>,
    /// A second link, to what may be wanted beside.
    pub(super) offer: Option<(&'static str, &'static str)>,
}

impl NoticePart {
    /// The notice of the main page. An error in a field comes first: nothing was saved then.
    pub(super) fn of_overview(view: &Overview) -> Option<Self> {
        let field = if view.settings.url_error.is_some() {
            "#generic_webhook_url"
        } else if let Some(error) = view.settings.format_error {
            if error == InvalidFormat::Unknown { "#payload_format" } else { "#payload_template" }
        } else if view.settings.header_error.is_some() {
            "#static-header"
        } else if view.settings.email_error.is_some() {
            "#notify_email"
        } else if view.settings.retention_error.is_some() {
            "#retention_days"
        } else {
            return view.said.and_then(|said| still_true(said, view)).map(Self::of_said);
        };
        let link = Some((field, "לתיקון"));
        Some(Self { text: "עוד לא נשמר: יש מה לתקן.".into(), is_bad: true, link, offer: None })
    }

    pub(super) fn of_said(said: Flash) -> Self {
        let link = match said {
            Flash::Rotated => Some(("/?secret=shown#signing-secret", "הצגת הסוד החדש")),
            Flash::Saved | Flash::SavedAnother => Some(("#test", "לשליחת בדיקה")),
            Flash::NoUrl => Some(("/#settings", "להגדרת הכתובת")),
            Flash::RangeBegun { .. } | Flash::RangeWaits { .. } | Flash::RangeUnderWay => Some(("#replay", "למעקב")),
            _ => None,
        };
        let offer = (said == Flash::SavedAnother).then_some(("#range", "לשלוח לכאן גם את השיחות מהימים האחרונים?"));
        Self { text: hebrew::said(said), is_bad: hebrew::is_refusal(said), link, offer }
    }
}

/// A button that submits a form, or a link that looks like one.
#[derive(Clone, Copy)]
pub(super) struct Action {
    pub(super) label: &'static str,
    /// The address of the link, or the form's action.
    pub(super) target: &'static str,
    pub(super) is_form: bool,
    /// The name and the value of the form's hidden field; None: the form has none.
    pub(super) field: Option<(&'static str, &'static str)>,
    /// What the button says while its form is under way; None: the same.
    pub(super) busy: Option<&'static str>,
}

impl Action {
    const fn link(label: &'static str, target: &'static str) -> Self {
        Self { label, target, is_form: false, field: None, busy: None }
    }

    const fn form(label: &'static str, target: &'static str, field: Option<(&'static str, &'static str)>) -> Self {
        Self { label, target, is_form: true, field, busy: None }
    }
}

/// What the notice says of an action, as the state is now; None: the state contradicts it. The address of a page keeps
/// what was said, and a browser opens it again a day later.
fn still_true(said: Flash, view: &Overview) -> Option<Flash> {
    let state = view.endpoint.state;
    let replay = view.log.replay.as_ref().map(|replay| replay.state);
    match said {
        Flash::Paused if !matches!(state, EndpointState::Paused { .. }) => None,
        Flash::Resumed | Flash::ReleasedHeld if state != EndpointState::Active => None,
        Flash::Cleared if state != EndpointState::NotSet => None,
        Flash::RangeBegun { count, .. } if count > 0 => match replay? {
            ReplayState::Waiting => Some(Flash::RangeWaits { count }),
            ReplayState::Running => Some(said),
            // Its end is told beside the history.
            ReplayState::Done | ReplayState::Ended => None,
        },
        Flash::RangeUnderWay => view.log.replay.as_ref().is_some_and(ReplayView::is_under_way).then_some(said),
        _ => Some(said),
    }
}

/// A time for people and for programs.
pub(super) struct Moment {
    pub(super) text: String,
    pub(super) iso: String,
}

impl Moment {
    pub(super) fn new(time: Timestamp, now: Timestamp) -> Self {
        Self { text: hebrew::when(time, now), iso: format!("{time:.0}") }
    }
}

/// The address that a redirect points to. Other answers with an address (201, or a script's answer) do not name a new
/// URL.
fn leads_to(cause: Option<Cause>, location: Option<&String>) -> Option<&str> {
    let is_redirect = matches!(cause, Some(Cause::Redirect | Cause::SignIn));
    location.filter(|location| is_redirect && !location.is_empty()).map(String::as_str)
}

/// The settings' form.
pub(super) struct SettingsPart<'a> {
    pub(super) form: &'a SettingsForm,
    pub(super) url_error: Option<&'static str>,
    pub(super) hints: Vec<&'static str>,
    pub(super) name_error: Option<&'static str>,
    pub(super) value_error: Option<&'static str>,
    pub(super) is_header_open: bool,
    pub(super) email_error: Option<&'static str>,
    pub(super) retention_error: Option<String>,
    /// Each format: its name, its text, and whether it is the chosen one.
    pub(super) formats: Vec<(&'static str, &'static str, bool)>,
    pub(super) sent_as: String,
    pub(super) format_error: Option<String>,
    pub(super) template_error: Option<String>,
    pub(super) template_help: &'static str,
}

impl<'a> SettingsPart<'a> {
    pub(super) fn new(form: &'a SettingsForm) -> Self {
        let of_value =
            matches!(form.header_error, Some(InvalidStaticHeader::Value | InvalidStaticHeader::ValueTooLong));
        let header_error = form.header_error.map(hebrew::header_error);
        let of_template = form.format_error.is_some_and(|error| error != InvalidFormat::Unknown);
        let format_error = form.format_error.map(hebrew::format_error);
        Self {
            form,
            url_error: form.url_error.map(hebrew::refusal),
            hints: form.hints.iter().copied().map(hebrew::hint).collect(),
            name_error: header_error.filter(|_| !of_value),
            value_error: header_error.filter(|_| of_value),
            is_header_open: header_error.is_some(),
            email_error: form.email_error.map(hebrew::email_error),
            retention_error: form.retention_error.map(hebrew::retention_error),
            formats: PayloadFormat::ALL
                .map(|format| (format.as_str(), hebrew::format(format), format == form.format))
                .to_vec(),
            sent_as: hebrew::sent_as(form.format, form.resolved),
            format_error: format_error.clone().filter(|_| !of_template),
            template_error: format_error.filter(|_| of_template),
            template_help: hebrew::TEMPLATE_HELP,
        }
    }

    /// Whether something typed is refused.
    pub(super) fn has_error(&self) -> bool {
        let form = self.form;
        let is_wrong = form.url_error.is_some() || form.header_error.is_some() || form.retention_error.is_some();
        is_wrong || form.format_error.is_some() || form.email_error.is_some()
    }

    /// For how many days deliveries are kept, in words; None: nothing is chosen, or what is typed is refused.
    pub(super) fn retention_tag(&self) -> Option<String> {
        let days =
            Some(self.form.retention.as_str()).filter(|days| !days.is_empty() && self.retention_error.is_none())?;
        Some(if days == "1" { "יום אחד".to_owned() } else { format!("{days} ימים") })
    }

    /// Whether the form asks for how long deliveries are kept. A stack that keeps them for one day leaves no choice.
    pub(super) fn asks_for_retention(&self) -> bool {
        self.form.retention_most > 1
    }

    /// Whether the form has the field of the address for mails. An address that is stored can be removed also where no
    /// mails go out.
    pub(super) fn asks_for_email(&self) -> bool {
        self.form.has_mails || !self.form.email.is_empty() || self.email_error.is_some()
    }

    /// The ids of the elements that describe the URL's field.
    pub(super) fn url_described_by(&self) -> &'static str {
        match (self.url_error.is_some(), self.hints.is_empty()) {
            (true, true) => "generic_webhook_url-error generic_webhook_url-help",
            (true, false) => "generic_webhook_url-error generic_webhook_url-hints generic_webhook_url-help",
            (false, true) => "generic_webhook_url-help",
            (false, false) => "generic_webhook_url-hints generic_webhook_url-help",
        }
    }
}

/// The body that a test would send.
pub(super) struct PreviewPart {
    /// The message, as people would read it in a chat; None: the body is none.
    pub(super) message: Option<String>,
    /// The body with line breaks and indentation.
    pub(super) json: String,
    /// Whether the form of the settings asked for it.
    pub(super) of_form: bool,
}

impl PreviewPart {
    pub(super) fn new(preview: &Preview) -> Self {
        let Preview { body, of_form } = preview;
        Self { message: body::message(body), json: body::indented(body), of_form: *of_form }
    }
}

/// The test's button, and the result of the test that was just made.
pub(super) struct TestPart<'a> {
    pub(super) can_test: bool,
    /// Whether the settings' form has what is not saved.
    pub(super) is_unsaved: bool,
    /// Each type of test event: its name, its text, and whether it is the chosen one.
    pub(super) kinds: Vec<(&'static str, &'static str, bool)>,
    /// What a successful test does at this endpoint; None: nothing more.
    pub(super) releases: Option<&'static str>,
    pub(super) result: Option<TestResult<'a>>,
}

/// The result of a test.
pub(super) struct TestResult<'a> {
    pub(super) has_arrived: bool,
    pub(super) what: String,
    pub(super) fix: Option<&'static str>,
    pub(super) snippet: Option<&'a str>,
    pub(super) location: Option<&'a str>,
    /// Each phase with its duration, in Hebrew.
    pub(super) phases: Vec<(&'static str, String)>,
}

impl<'a> TestPart<'a> {
    pub(super) fn new(view: &'a Overview) -> Self {
        Self {
            can_test: view.endpoint.state != EndpointState::NotSet,
            is_unsaved: view.is_unsaved,
            kinds: TestKind::ALL
                .map(|kind| (kind.event_type(), hebrew::test_kind(kind), kind == view.test_kind))
                .to_vec(),
            releases: releases(view.endpoint.state),
            result: view.test.as_ref().map(|test| TestResult::new(test, may_be_teams(&view.settings))),
        }
    }
}

/// What a successful test does at an endpoint; None: nothing more.
fn releases(endpoint: EndpointState) -> Option<&'static str> {
    match endpoint {
        EndpointState::Failing { .. } => Some("אם הבדיקה תצליח, כל מה שממתין יישלח מעצמו."),
        EndpointState::Paused { .. } => {
            Some("אפשר לבדוק גם בזמן השהיה. אם הבדיקה תצליח, השליחה תתחדש וכל מה שממתין יישלח.")
        }
        EndpointState::NotSet | EndpointState::Active => None,
    }
}

/// Whether a workflow of Teams may be what answers.
fn may_be_teams(settings: &SettingsForm) -> bool {
    settings.resolved == Some(Format::Teams) || settings.hints.contains(&Hint::PowerAutomate)
}

impl<'a> TestResult<'a> {
    fn new(test: &'a TestView, may_be_teams: bool) -> Self {
        let took = hebrew::seconds(test.timings.total);
        let (what, fix) = match test.cause {
            None => (arrived(test.status_code, &took), may_be_teams.then_some(hebrew::LOOK_IN_THE_CHANNEL)),
            Some(cause) => {
                let Advice { what, fix } = hebrew::advice(cause, test.status_code, test.clue, test.snippet.as_deref());
                (format!("{what} הבדיקה נמשכה {took}."), Some(fix))
            }
        };
        Self {
            has_arrived: test.cause.is_none(),
            what,
            fix,
            snippet: test.snippet.as_deref().filter(|snippet| !snippet.is_empty()),
            location: leads_to(test.cause, test.location.as_ref()),
            phases: phases(test),
        }
    }
}

fn arrived(code: Option<u16>, took: &str) -> String {
    let code = code.map(|code| format!(" (קוד {code})")).unwrap_or_default();
    format!("המערכת שלך קיבלה את הבדיקה{code} תוך {took}.")
}

fn phases(test: &TestView) -> Vec<(&'static str, String)> {
    let timings = test.timings;
    [
        ("חיפוש השרת", timings.dns),
        ("התחברות", timings.connect),
        ("חיבור מאובטח", timings.tls),
        ("המתנה לתשובה", timings.first_byte),
        ("סך הכול", Some(timings.total)),
    ]
    .into_iter()
    .filter_map(|(name, took)| took.map(|took| (name, hebrew::duration(took))))
    .collect()
}

/// The signing secret.
pub(super) struct SecretPart<'a> {
    pub(super) exists: bool,
    pub(super) shown: Option<&'a ShownSecret>,
    pub(super) previous_until: Option<Moment>,
}

impl<'a> SecretPart<'a> {
    /// Whether the part is open: the owner has asked for the secret, or has just replaced it.
    pub(super) fn is_open(&self) -> bool {
        self.shown.is_some() || self.previous_until.is_some()
    }

    pub(super) fn new(view: &'a Overview) -> Self {
        Self {
            exists: view.secret.exists,
            shown: view.secret.shown.as_ref(),
            previous_until: view.secret.previous_until.map(|until| Moment::new(until, view.now)),
        }
    }
}
