//! The owner's pages: Hebrew, right to left, good without JavaScript.
//!
//! This module is pure: it turns the data of a page into a whole document. The overview's data is [`view::Overview`],
//! and a delivery's page is made of the ledger's [`Details`]. [`hebrew`] has the words that depend on data, [`parts`]
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

use hebrew::Advice;
use parts::{
    ConnectionPart, DeliveryPart, LogPart, NoticePart, PreviewPart, SecretPart, SettingsPart, StatusPart, SummaryPart,
    TestPart,
};

/// The tools that a new business is offered first: the slug of each one's guide, and its name.
const TOOLS: [(&str, &str); 6] = [
    ("google-sheets", "Google Sheets"),
    ("make", "Make"),
    ("monday", "monday"),
    ("slack", "Slack"),
    ("n8n", "n8n"),
    ("email", "מייל"),
];

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

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    id: &'static str,
    advice: Advice,
    /// Whether the page has a link back; a person without a session gets none.
    has_way_back: bool,
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

/// One delivery's page, as it is at the time `now`. `has_url`: there is a URL that the event could be sent to again.
pub(crate) fn delivery(details: &Details, said: Option<Flash>, has_url: bool, now: Timestamp) -> String {
    rendered(&DeliveryPage {
        notice: said.map(NoticePart::of_said),
        delivery: DeliveryPart::new(details, has_url, now),
    })
}

/// The page for a person without a session: how to get one.
pub(crate) fn signed_out(reason: SignedOut) -> String {
    rendered(&MessagePage { id: "signed-out", advice: hebrew::signed_out(reason), has_way_back: false })
}

/// The page in place of one that cannot be shown.
pub(crate) fn problem(problem: Problem) -> String {
    rendered(&MessagePage { id: "problem", advice: hebrew::problem(problem), has_way_back: true })
}

fn rendered(page: &impl Template) -> String {
    page.render().expect("the templates only write, and writing to a String does not fail")
}

#[cfg(test)]
mod tests;
