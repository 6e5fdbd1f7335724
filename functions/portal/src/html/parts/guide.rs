//! A guide's form, as much of the settings as its tool needs, and the guide's test.

use domain::format::{Format, PayloadFormat};

use super::{SettingsPart, TestResult, releases};
use crate::guides::Tool;
use crate::html::hebrew;
use crate::html::view::{GuideView, Hint};

/// The form of a guide, beside its fields' values and errors, which are those of the settings.
pub(in crate::html) struct GuidePart {
    pub(in crate::html) tool: &'static Tool,
    pub(in crate::html) url_label: String,
    /// What to know before something is saved here.
    pub(in crate::html) elsewhere: Option<String>,
    /// The header that saving here removes.
    pub(in crate::html) removed_header: Option<String>,
    /// The format that is saved with the URL; None: the form has a field for it, or the stored one stays.
    pub(in crate::html) format: Option<&'static str>,
    /// The stored format that stays although it is not the tool's.
    pub(in crate::html) kept_format: Option<String>,
    /// Whether the URL of this guide is stored.
    pub(in crate::html) is_connected: bool,
}

impl GuidePart {
    pub(in crate::html) fn new(view: &GuideView) -> Self {
        let tool = view.guide.tool();
        let stored = view.settings.format;
        // A tool with a template of its own takes nothing else. Any other one may have a format that its owner chose.
        let is_kept =
            view.is_connected && tool.template.is_none() && tool.format.is_some_and(|format| format != stored);
        Self {
            tool,
            url_label: hebrew::url_label(view.guide),
            elsewhere: view.elsewhere.as_deref().map(hebrew::elsewhere),
            removed_header: view.removed_header.as_deref().map(hebrew::removed_header),
            format: tool.format.filter(|_| !is_kept).map(PayloadFormat::as_str),
            kept_format: is_kept.then(|| hebrew::kept_format(stored)),
            is_connected: view.is_connected,
        }
    }

    /// The fields of the form. The hint on Power Automate is left out: what that hint says to choose is what the guides
    /// of Teams and of Power Automate do.
    pub(in crate::html) fn settings(view: &GuideView) -> SettingsPart<'_> {
        let hints = view.settings.hints.iter().copied().filter(|hint| *hint != Hint::PowerAutomate);
        SettingsPart { hints: hints.map(hebrew::hint).collect(), ..SettingsPart::new(&view.settings) }
    }
}

/// The test of a guide.
pub(in crate::html) struct GuideTestPart<'a> {
    /// A doubt about the URL that was just saved.
    pub(in crate::html) doubt: Option<String>,
    /// What a successful test does at this endpoint; None: nothing more.
    pub(in crate::html) releases: Option<&'static str>,
    pub(in crate::html) result: Option<TestResult<'a>>,
    /// Whether there are deliveries to send here too.
    pub(in crate::html) offers_deliveries: bool,
    /// Whether mails go out, and the owner has given no address for them.
    pub(in crate::html) asks_for_email: bool,
}

impl<'a> GuideTestPart<'a> {
    pub(in crate::html) fn new(view: &'a GuideView) -> Self {
        let (guide, url) = (view.guide, &view.settings.url);
        let is_doubtful = view.is_connected && view.settings.url_error.is_none() && !guide.fits(url);
        let usual_host = guide.usual_host().filter(|_| is_doubtful);
        let is_teams = view.settings.resolved == Some(Format::Teams);
        Self {
            doubt: usual_host.map(|host| hebrew::another_tools_url(guide.tool().name, host)),
            releases: releases(view.endpoint),
            result: view.test.as_ref().map(|test| TestResult::new(test, is_teams)),
            offers_deliveries: view.has_deliveries,
            asks_for_email: view.settings.has_mails && view.settings.email.is_empty(),
        }
    }

    pub(in crate::html) fn has_arrived(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.has_arrived)
    }
}
