//! The guides, and the page that says what is sent.

use std::collections::BTreeSet;

use domain::event::BusinessId;

use super::*;
use crate::guides::{Guide, TOOLS};
use crate::use_cases::TestKind;

/// The names of the pages of the guides, in the order of the tools.
const NAMES: [&str; 14] = [
    "guide-google-sheets",
    "guide-make",
    "guide-monday",
    "guide-fireberry",
    "guide-zapier",
    "guide-n8n",
    "guide-slack",
    "guide-teams",
    "guide-google-chat",
    "guide-discord",
    "guide-airtable",
    "guide-power-automate",
    "guide-email",
    "guide-other",
];

/// Each guide as a new business sees it, the states of a few, and the pages around them.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let opened = TOOLS.iter().zip(NAMES).map(|(tool, name)| (name, guide(&new(tool.guide))));
    let mut pages: Vec<_> = opened.collect();
    let saved =
        GuideView { said: Some(Flash::Saved), ..connected(Guide::Slack, "https://hooks.slack.com/services/T/B/x") };
    let failed = GuideView {
        test: Some(samples::test_view(Some(Cause::Status), Some(404))),
        endpoint: EndpointState::Paused { since: samples::now(), reason: PausedReason::Gone },
        ..connected(Guide::N8n, "https://n8n.example.co.il/webhook/calls")
    };
    pages.extend([
        ("guides", guides()),
        ("guide-saved", guide(&saved)),
        ("guide-arrived", guide(&arrived(Guide::Teams))),
        ("guide-failed", guide(&failed)),
        ("guide-kept", guide(&kept())),
        ("guide-refused", guide(&refused(Guide::Fireberry))),
        ("guide-other-refused", guide(&refused(Guide::Other))),
        ("guide-elsewhere", guide(&elsewhere())),
        ("events", events_page()),
    ]);
    pages
}

fn new(guide: Guide) -> GuideView {
    let tool = guide.tool();
    let settings = SettingsForm {
        url: tool.url.into(),
        format: tool.format.unwrap_or_default(),
        template: tool.template.unwrap_or_default().into(),
        has_mails: true,
        ..SettingsForm::default()
    };
    GuideView {
        guide,
        said: None,
        settings,
        is_connected: false,
        elsewhere: None,
        removed_header: None,
        has_deliveries: false,
        endpoint: EndpointState::NotSet,
        test: None,
    }
}

fn connected(guide: Guide, url: &str) -> GuideView {
    GuideView {
        settings: SettingsForm { url: url.into(), ..new(guide).settings },
        is_connected: true,
        endpoint: EndpointState::Active,
        ..new(guide)
    }
}

fn arrived(guide: Guide) -> GuideView {
    let mut view = connected(guide, "https://a.environment.api.powerplatform.com:443/workflows/x?sig=y");
    (view.settings.resolved, view.settings.hints) = (Some(Format::Teams), vec![Hint::PowerAutomate]);
    view.test = Some(samples::test_view(None, Some(202)));
    view.has_deliveries = true;
    view
}

/// Make's guide for an owner whose events go there by a template and with a header.
fn kept() -> GuideView {
    let mut view = connected(Guide::Make, "https://hook.eu2.make.com/x");
    view.settings.format = PayloadFormat::Always(Format::Template);
    view.settings.header_name = "x-make-apikey".into();
    view.settings.has_header_value = true;
    view
}

fn refused(guide: Guide) -> GuideView {
    let mut view = new(guide);
    view.settings.url = format!("receiver.example/{HOSTILE}");
    view.settings.url_error = Some(Refusal::Unreadable);
    view.settings.header_error = Some(InvalidStaticHeader::Value);
    view.settings.template = "{".into();
    view.settings.format = PayloadFormat::Always(Format::Template);
    view.settings.format_error = Some(InvalidFormat::NoTemplate);
    view
}

/// Slack's guide for an owner whose events go to another tool, with a header.
fn elsewhere() -> GuideView {
    let mut view = new(Guide::Slack);
    view.elsewhere = Some("hook.eu2.make.com".into());
    view.removed_header = Some("x-make-apikey".into());
    view.endpoint = EndpointState::Active;
    view
}

fn events_page() -> String {
    let business = BusinessId::parse("demo").expect("an id");
    let body = |kind: TestKind| kind.event(&business, samples::now()).expect("well-formed").body().to_owned();
    events(&TestKind::ALL.map(|kind| (kind, body(kind))))
}

#[test]
fn every_tool_is_on_the_list_and_leads_to_its_guide() {
    let list = guides();
    let links: Vec<_> = attributes(&list, "href").into_iter().filter(|href| href.starts_with("/connect/")).collect();
    assert_eq!(links, TOOLS.iter().map(|tool| tool.guide.address()).collect::<Vec<_>>());
    for (tool, name) in TOOLS.iter().zip(NAMES) {
        assert_eq!(name.strip_prefix("guide-"), Some(tool.slug));
        let page = guide(&new(tool.guide));
        assert!(page.contains(&format!("<h1>{}</h1>", tool.title)), "{name}");
        assert!(page.contains(&format!("data-guide=\"{}\"", tool.slug)), "{name}");
    }
}

#[test]
fn every_guide_has_steps_with_one_form_and_one_test_and_says_what_can_go_wrong() {
    for tool in &TOOLS {
        let connected = guide(&connected(tool.guide, "https://receiver.example/hook"));
        for (once, page) in [
            ("<ol class=\"guide\">", &connected),
            ("<li id=\"paste\">", &connected),
            ("<li id=\"test\">", &connected),
            ("action=\"/settings\"", &connected),
            ("action=\"/test#test\"", &connected),
            ("name=\"generic_webhook_url\"", &connected),
            ("<h2>מה רואים כשזה עובד?</h2>", &connected),
        ] {
            assert_eq!(page.matches(once).count(), 1, "{}: {once}", tool.slug);
        }
        let slug = format!("name=\"guide\" value=\"{}\"", tool.slug);
        assert_eq!(connected.matches(&slug).count(), 2, "{}", tool.slug);
        assert!(connected.contains("טעויות הנפוצות</summary>"), "{}", tool.slug);
        let cannot = connected.contains("לא יודע לעשות</summary>") || tool.guide == Guide::Other;
        assert!(cannot, "{}", tool.slug);
        assert!(!guide(&new(tool.guide)).contains("action=\"/test#test\""), "{}: nothing to test", tool.slug);
    }
}

#[test]
fn every_guide_stays_below_30_kb_and_addresses_nobody_by_a_gender() {
    for (name, page) in pages().into_iter().filter(|(name, _)| *name != "events") {
        assert!(page.len() < 30_000, "{name}: {}", page.len());
        for word in ["לחץ ", "לחצי", "הדבק ", "בחר ", "שמור ", "שלח ", "פתח ", "העתק "] {
            assert!(!page.contains(&format!(" {word}")) && !page.contains(&format!(">{word}")), "{name}: {word}");
        }
    }
}

#[test]
fn a_guide_saves_the_format_of_its_tool_and_shows_only_the_fields_that_the_tool_needs() {
    let fields = |guide_of| {
        let page = guide(&new(guide_of));
        let names: BTreeSet<_> = attributes(&page, "name").into_iter().map(ToOwned::to_owned).collect();
        let format = page.split("name=\"payload_format\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        (format.map(ToOwned::to_owned), names)
    };
    let of = |names: &[&str]| {
        let always = ["viewport", "color-scheme", "robots", "guide", "generic_webhook_url", "payload_format"];
        always.iter().chain(names).map(|&name| name.to_owned()).collect::<BTreeSet<_>>()
    };
    let header = ["static_header_name", "static_header_value"];
    assert_eq!(fields(Guide::Slack), (Some("auto".into()), of(&[])));
    assert_eq!(fields(Guide::Teams), (Some("teams".into()), of(&[])));
    assert_eq!(fields(Guide::Make), (Some("auto".into()), of(&header)));
    let everything = [header[0], header[1], "payload_template"];
    assert_eq!(fields(Guide::Fireberry), (Some("template".into()), of(&everything)));
    assert_eq!(fields(Guide::Other), (None, of(&everything)));
    assert!(guide(&new(Guide::Fireberry)).contains("name=\"static_header_name\" value=\"tokenid\""));
    assert!(guide(&new(Guide::Fireberry)).contains("&#34;telephone1&#34;: &#34;{{phone}}&#34;"));
}

#[test]
fn a_guide_says_where_events_go_today_and_which_header_saving_removes() {
    let page = guide(&elsewhere());
    assert!(page.contains("id=\"elsewhere\"") && page.contains("hook.eu2.make.com"));
    assert!(page.contains("id=\"removed-header\"") && page.contains("x-make-apikey"));
    assert!(page.contains("placeholder=\"https://\" value=\"\""));
    let own = guide(&connected(Guide::Slack, "https://hooks.slack.com/services/T/B/x"));
    assert!(!own.contains("id=\"elsewhere\"") && !own.contains("id=\"removed-header\""));
    assert!(own.contains("value=\"https://hooks.slack.com/services/T/B/x\""));
}

#[test]
fn a_format_that_the_owner_chose_stays_where_the_tool_takes_any_and_the_guide_names_it() {
    let field = "name=\"payload_format\"";
    let page = guide(&kept());
    assert!(!page.contains(field) && page.contains("id=\"kept-format\"") && page.contains("״תבנית בהתאמה אישית״"));
    let mut moved = GuideView { is_connected: false, ..kept() };
    moved.settings.url = String::new();
    assert!(guide(&moved).contains(&format!("{field} value=\"auto\"")));
    let mut record = connected(Guide::Fireberry, Guide::Fireberry.tool().url);
    record.settings.format = PayloadFormat::Auto;
    let page = guide(&record);
    assert!(page.contains(&format!("{field} value=\"template\"")) && !page.contains("id=\"kept-format\""));
    for tool in &TOOLS {
        let page = guide(&connected(tool.guide, "https://receiver.example/hook"));
        assert!(page.contains(field) && !page.contains("id=\"kept-format\""), "{}", tool.slug);
    }
}

#[test]
fn after_its_test_a_guide_offers_the_last_days_only_if_there_are_any_and_mails_only_if_they_can_be_had() {
    let offers = |view: &GuideView| {
        let page = guide(view);
        assert!(page.contains("id=\"done\""));
        ["/?open=range#range", "/?open=settings#notify_email"].map(|href| page.contains(&format!("href=\"{href}\"")))
    };
    let mut view = arrived(Guide::Slack);
    assert_eq!(offers(&view), [true, true]);
    view.has_deliveries = false;
    assert_eq!(offers(&view), [false, true]);
    view.settings.email = "owner@example.com".into();
    assert_eq!(offers(&view), [false, false]);
    view = arrived(Guide::Slack);
    view.settings.has_mails = false;
    assert_eq!(offers(&view), [true, false]);
}

#[test]
fn make_listens_in_the_step_that_sends_its_test() {
    for guide_of in [Guide::Make, Guide::Monday] {
        let page = guide(&new(guide_of));
        let (before, step) = page.split_once("<li id=\"test\">").expect("a step");
        assert!(!before.contains("Run once"));
        assert!(step.split("</li>").next().is_some_and(|step| step.contains("Run once")));
    }
}

#[test]
fn a_guide_doubts_a_saved_url_of_another_tool_and_only_such_a_url() {
    let doubts = |guide_of, url| guide(&connected(guide_of, url)).contains("id=\"doubt\"");
    assert!(doubts(Guide::Slack, "https://hook.eu2.make.com/x"));
    assert!(!doubts(Guide::Slack, "https://hooks.slack.com/services/T/B/x"));
    assert!(!doubts(Guide::N8n, "https://n8n.example.co.il/webhook/x"));
    assert!(!doubts(Guide::Other, "https://hooks.slack.com/services/T/B/x"));
}

#[test]
fn what_an_owner_typed_in_a_guide_is_escaped_and_stands_beside_its_error() {
    for (guide_of, errors) in [(Guide::Slack, 1), (Guide::Fireberry, 3), (Guide::Other, 3)] {
        let page = guide(&refused(guide_of));
        assert_eq!(page.matches("<script").count(), 1);
        assert!(!page.contains("<img") && page.contains("&#60;script&#62;"));
        assert!(page.contains("<title>שגיאה: "));
        assert_eq!(page.matches("aria-invalid").count(), errors, "{guide_of:?}");
        assert!(page.contains("id=\"generic_webhook_url-error\""));
    }
}

#[test]
fn the_result_of_a_guides_test_says_to_look_into_the_channel_only_where_there_is_one() {
    let page = guide(&arrived(Guide::Teams));
    assert!(page.contains("data-arrived=\"true\"") && page.contains("id=\"done\""));
    assert!(page.contains(hebrew::LOOK_IN_THE_CHANNEL) && !page.contains("בוחרים במבנה"));
    assert!(!page.contains("מה עושים?"), "nothing is wrong");
    let mut view = arrived(Guide::PowerAutomate);
    view.settings.resolved = Some(Format::Event);
    assert!(!guide(&view).contains(hebrew::LOOK_IN_THE_CHANNEL));
    view.test = Some(samples::test_view(Some(Cause::Status), Some(500)));
    let page = guide(&view);
    assert!(page.contains("data-arrived=\"false\"") && !page.contains("id=\"done\""));
    assert!(page.contains("מה עושים?"));
}

#[test]
fn what_is_sent_has_every_field_in_its_order_and_an_example_to_copy() {
    let page = events_page();
    let fields = attributes(&page, "data-field");
    assert_eq!(&fields[..3], ["event_type", "business_id", "call_id"]);
    assert_eq!(fields.len(), 13 + 8 + 10 + 10 + 2);
    for kind in TestKind::ALL {
        assert!(page.contains(&format!("<code dir=\"ltr\">{}</code></summary>", kind.event_type())));
    }
    assert_eq!(page.matches("data-copy=").count(), TestKind::ALL.len());
    assert!(
        page.contains("{\n  &#34;event_type&#34;: &#34;call.completed&#34;,\n  &#34;business_id&#34;: &#34;demo&#34;,")
    );
    assert!(page.contains("href=\"/connect\"") && page.contains("href=\"/#signing-secret\""));
}
