//! A guide's form, as much of the settings as its tool needs, and the guide's test.

use domain::format::{Format, PayloadFormat};

use super::{SettingsPart, TestResult, releases};
use crate::guides::{Asks, Record, Tool};
use crate::html::hebrew;
use crate::html::view::{GuideView, Hint};

/// The form of a guide.
pub(in crate::html) struct GuidePart<'a> {
    pub(in crate::html) tool: &'static Tool,
    pub(in crate::html) url_label: String,
    /// The fields with their values and errors.
    pub(in crate::html) settings: SettingsPart<'a>,
    /// What to know before something is saved here.
    pub(in crate::html) elsewhere: Option<String>,
    /// The header that goes with every event although this guide does not ask for it.
    pub(in crate::html) further_header: Option<String>,
    /// Whether the URL of this guide is stored.
    pub(in crate::html) is_connected: bool,
}

impl<'a> GuidePart<'a> {
    pub(in crate::html) fn new(view: &'a GuideView) -> Self {
        let tool = view.guide.tool();
        let header = Some(view.settings.header_name.as_str()).filter(|name| !name.is_empty());
        let mut settings = SettingsPart::new(&view.settings);
        // What this hint says to choose is what the guides of Teams and of Power Automate do.
        let hints = view.settings.hints.iter().copied().filter(|hint| *hint != Hint::PowerAutomate);
        settings.hints = hints.map(hebrew::hint).collect();
        Self {
            tool,
            url_label: hebrew::url_label(view.guide),
            settings,
            elsewhere: view.elsewhere.as_deref().map(hebrew::elsewhere),
            further_header: header.filter(|_| matches!(tool.asks, Asks::Url(_))).map(hebrew::further_header),
            is_connected: view.is_connected,
        }
    }

    /// The format that is saved with the URL; None: the form has a field for it.
    pub(in crate::html) fn format(&self) -> Option<&'static str> {
        match self.tool.asks {
            Asks::Url(format) => Some(format.as_str()),
            Asks::UrlAndHeader(_) => Some(PayloadFormat::Auto.as_str()),
            Asks::Record(_) => Some(Format::Template.as_str()),
            Asks::Everything => None,
        }
    }

    pub(in crate::html) fn record(&self) -> Option<Record> {
        match self.tool.asks {
            Asks::Record(record) => Some(record),
            _ => None,
        }
    }

    pub(in crate::html) fn asks_for_template(&self) -> bool {
        matches!(self.tool.asks, Asks::Record(_) | Asks::Everything)
    }

    /// A header's name for example; None: the form has no fields for a header of the owner's choice.
    pub(in crate::html) fn header_example(&self) -> Option<&'static str> {
        match self.tool.asks {
            Asks::UrlAndHeader(example) => Some(example),
            Asks::Everything => Some("X-API-Key"),
            Asks::Url(_) | Asks::Record(_) => None,
        }
    }
}

/// The test of a guide.
pub(in crate::html) struct GuideTestPart<'a> {
    /// A doubt about the URL that was just saved.
    pub(in crate::html) doubt: Option<String>,
    /// What a successful test does at this endpoint; None: nothing more.
    pub(in crate::html) releases: Option<&'static str>,
    pub(in crate::html) result: Option<TestResult<'a>>,
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
        }
    }

    pub(in crate::html) fn has_arrived(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.has_arrived)
    }
}
