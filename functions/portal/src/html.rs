//! The owner's pages: Hebrew, right to left, good without JavaScript.
//!
//! This module is pure: it turns the data of a page into a whole document. The overview's data is [`view::Overview`],
//! a guide's is [`view::GuideView`], and a delivery's page is made of the ledger's [`Details`]. [`hebrew`] has the words that depend on data, [`parts`]
//! chooses what a page says and offers, and the templates lay it out. askama escapes every value; no template marks a
//! value as safe.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

mod assets;
mod view;
mod hebrew;
mod parts;

pub(crate) use assets::{Asset, ICON, SCRIPT, STYLE};
pub(crate) use view::*;

use adapters::deliveries_table::Details;
use askama::Template;
use jiff::Timestamp;

use crate::guides::{Guide, Header, TOOLS, Tool};
use crate::use_cases::TestKind;
use hebrew::Advice;
use parts::{
    ConnectionPart, DeliveryPart, EventPart, GuidePart, GuideTestPart, LogPart, NoticePart, PreviewPart, Resend,
    SecretPart, SettingsPart, StatusPart, SummaryPart, TestPart,
};

/// The code of a Google sheet that receives events.
pub(crate) const GOOGLE_SHEETS_SCRIPT: &str = include_str!("../../../events/receivers/google_sheets.gs");

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    notice: Option<NoticePart>,
    status: StatusPart,
    summary: Option<SummaryPart>,
    connection: ConnectionPart<'a>,
    settings: SettingsPart<'a>,
    preview: Option<PreviewPart>,
    test: TestPart<'a>,
    log: LogPart<'a>,
    secret: SecretPart<'a>,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage<'a> {
    notice: Option<NoticePart>,
    delivery: DeliveryPart<'a>,
}

/// The list of the guides.
#[derive(Template)]
#[template(path = "guides.html")]
struct GuidesPage {
    tools: &'static [Tool],
}

#[derive(Template)]
#[template(path = "guide.html")]
struct GuidePage<'a> {
    notice: Option<NoticePart>,
    guide: Guide,
    part: GuidePart,
    settings: SettingsPart<'a>,
    test: GuideTestPart<'a>,
    /// The code to paste into a Google sheet.
    script: &'static str,
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    events: Vec<EventPart>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    id: &'static str,
    advice: Advice,
    /// The way on: an address and its text; None: there is none.
    link: Option<(&'a str, &'static str)>,
}

/// The main page.
pub(crate) fn overview(view: &Overview) -> String {
    let settings = SettingsPart::new(&view.settings);
    rendered(&OverviewPage {
        notice: NoticePart::of_overview(view),
        status: StatusPart::new(view),
        summary: SummaryPart::new(view),
        connection: ConnectionPart::new(view, settings.has_error()),
        settings,
        preview: view.preview.as_ref().map(PreviewPart::new),
        test: TestPart::new(view),
        log: LogPart::new(view),
        secret: SecretPart::new(view),
    })
}

/// One delivery's page, as it is at the time `now`.
pub(crate) fn delivery(details: &Details, said: Option<Flash>, endpoint: EndpointState, now: Timestamp) -> String {
    rendered(&DeliveryPage {
        notice: said.map(NoticePart::of_said),
        delivery: DeliveryPart::new(details, endpoint, now),
    })
}

/// The page with the list of the guides.
pub(crate) fn guides() -> String {
    rendered(&GuidesPage { tools: &TOOLS })
}

/// The page of a guide, with the form and the test in their steps.
pub(crate) fn guide(view: &GuideView) -> String {
    rendered(&GuidePage {
        notice: view.said.map(NoticePart::of_said).map(|notice| NoticePart { link: None, offer: None, ..notice }),
        guide: view.guide,
        part: GuidePart::new(view),
        settings: GuidePart::settings(view),
        test: GuideTestPart::new(view),
        script: GOOGLE_SHEETS_SCRIPT,
    })
}

/// The page that says what is sent. `examples`: the body of each kind of test event.
pub(crate) fn events(examples: &[(TestKind, String)]) -> String {
    rendered(&EventsPage { events: parts::events(examples) })
}

/// The page for a person without a session: how to get one.
pub(crate) fn signed_out(reason: SignedOut, dashboard: Option<&str>) -> String {
    let link = dashboard.map(|url| (url, "ללוח הבקרה"));
    rendered(&MessagePage { id: "signed-out", advice: hebrew::signed_out(reason), link })
}

/// The page in place of one that cannot be shown.
pub(crate) fn problem(problem: Problem) -> String {
    rendered(&MessagePage { id: "problem", advice: hebrew::problem(problem), link: Some(("/", "חזרה לעמוד")) })
}

fn rendered(page: &impl Template) -> String {
    page.render().expect("the templates only write, and writing to a String does not fail")
}

#[cfg(test)]
mod tests;
