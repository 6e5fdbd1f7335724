use std::time::Duration;

use adapters::deliveries_table::{Status, Summary};
use adapters::http::Timings;
use domain::endpoint::PausedReason;
use domain::format::{Format, PayloadFormat};
use domain::guard::Refusal;
use domain::mail::InvalidEmailAddress;
use domain::outcome::{Cause, Failure};
use domain::request::InvalidStaticHeader;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::use_cases::{InvalidFormat, InvalidRetention, ReplayState};

mod guides;
mod log;
mod samples;
mod summary;

use samples::{delivery_page, details, endpoint, of_form, overview_view, replay_view, row};

const HOSTILE: &str = r#""><script>alert('x')</script><img src=x onerror=alert(1)>"#;

#[test]
fn every_page_is_a_hebrew_document_from_right_to_left_without_inline_script_or_style() {
    for (name, page) in samples::pages() {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"he\" dir=\"rtl\">"), "{name}");
        assert!(page.trim_end().ends_with("</html>"), "{name}");
        assert_eq!(page.matches("<script").count(), 1, "{name}");
        assert!(page.contains(&format!("<script src=\"/page.js?v={}\" defer></script>", SCRIPT.version)), "{name}");
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(page.matches("<main id=\"main\"").count(), 1, "{name}");
        for forbidden in ["<style", " style=", " onclick=", " onload=", "javascript:", "http://", "src=\"//"] {
            assert!(!page.contains(forbidden), "{name} has {forbidden}");
        }
    }
}

#[test]
fn no_id_is_used_twice_and_every_reference_to_one_finds_it() {
    for (name, page) in samples::pages() {
        let ids = attributes(&page, "id");
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for attribute in ["for", "aria-describedby", "aria-labelledby", "data-copy"] {
            for id in attributes(&page, attribute).into_iter().flat_map(str::split_whitespace) {
                assert!(ids.contains(&id), "{name}: {attribute} {id}");
            }
        }
        for href in attributes(&page, "href").into_iter().filter_map(|href| href.strip_prefix('#')) {
            assert!(ids.contains(&href), "{name}: #{href}");
        }
    }
}

fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value).collect()
}

#[test]
fn the_label_and_its_explanation_are_verbatim() {
    let page = overview(&overview_view());
    assert!(page.contains("<label for=\"generic_webhook_url\">כתובת Webhook כללית לקבלת תמלילים</label>"));
    assert!(page.contains(">המערכת תשלח לכאן תמלילי שיחות, סיכומים ונתוני ליד בסיום כל שיחה</p>"));
}

#[test]
fn whatever_owners_and_receivers_write_is_escaped() {
    let mut view = overview_view();
    view.settings.url = HOSTILE.into();
    view.settings.header_name = HOSTILE.into();
    view.settings.template = HOSTILE.into();
    view.preview = Some(of_form(&format!(r#"{{"text": {}}}"#, serde_json::Value::from(HOSTILE))));
    view.log.search = HOSTILE.into();
    view.log.next_cursor = Some(HOSTILE.into());
    view.connection.host = Some(HOSTILE.into());
    view.connection.email = Some(HOSTILE.into());
    view.log.rows[0].title = Some(HOSTILE.into());
    view.log.rows[0].phone_ending = Some(HOSTILE.into());
    view.log.rows[0].event_type = HOSTILE.into();
    view.test = Some(samples::test_view(Some(Cause::Redirect), Some(301)));
    if let Some(test) = &mut view.test {
        (test.snippet, test.location) = (Some(HOSTILE.into()), Some(HOSTILE.into()));
    }
    let mut one = details();
    one.summary.subject = Some(HOSTILE.into());
    one.response_snippet = Some(HOSTILE.into());
    one.attempts[0].response_snippet = Some(HOSTILE.into());
    (one.attempts[0].cause, one.attempts[0].location) = (Some(Cause::Redirect), Some(HOSTILE.into()));
    one.body = Some(format!(r#"{{"summary": {}}}"#, serde_json::Value::from(HOSTILE)));
    for page in [overview(&view), delivery_page(&one)] {
        assert_eq!(page.matches("<script").count(), 1);
        assert!(!page.contains("<img") && !page.contains("\"\">"), "{page}");
        assert!(page.contains("&#60;script&#62;"));
    }
}

#[test]
fn a_refused_url_is_kept_beside_its_error() {
    let mut view = overview_view();
    view.settings.url = "http://n8n.local/webhook/a".into();
    view.settings.url_error = Some(Refusal::Scheme);
    let page = overview(&view);
    assert!(page.contains("value=\"http://n8n.local/webhook/a\""));
    assert!(
        page.contains("aria-describedby=\"generic_webhook_url-error generic_webhook_url-help\" aria-invalid=\"true\"")
    );
    assert!(page.contains("id=\"generic_webhook_url-error\""));
    assert!(page.contains("id=\"notice\" class=\"notice bad\" role=\"alert\""));
    assert!(!overview(&overview_view()).contains("aria-invalid"));
}

#[test]
fn a_refused_header_opens_its_details_and_marks_the_right_field() {
    for (error, id) in [
        (InvalidStaticHeader::Name, "static_header_name-error"),
        (InvalidStaticHeader::Reserved, "static_header_name-error"),
        (InvalidStaticHeader::NameTooLong, "static_header_name-error"),
        (InvalidStaticHeader::Value, "static_header_value-error"),
        (InvalidStaticHeader::ValueTooLong, "static_header_value-error"),
    ] {
        let mut view = overview_view();
        view.settings.header_error = Some(error);
        let page = overview(&view);
        assert!(page.contains("<details id=\"static-header\" open>"));
        assert!(page.contains(&format!("id=\"{id}\"")), "{error}");
        assert_eq!(page.matches("aria-invalid").count(), 1);
    }
}

#[test]
fn an_address_for_mails_is_shown_with_its_error_beside_it() {
    let mut view = overview_view();
    view.settings.email = "owner@example.com, ".into();
    let page = overview(&view);
    assert!(page.contains("value=\"owner@example.com, \"") && !page.contains("aria-invalid"));
    for error in [InvalidEmailAddress::Shape, InvalidEmailAddress::TooLong] {
        view.settings.email_error = Some(error);
        let page = overview(&view);
        assert!(page.contains(hebrew::email_error(error)) && page.contains("href=\"#notify_email\""), "{error}");
        assert_eq!(page.matches("aria-invalid").count(), 1);
    }
}

#[test]
fn the_days_of_retention_are_folded_and_shown_with_their_error_beside_them() {
    let mut view = overview_view();
    let page = overview(&view);
    assert!(page.contains("<details id=\"retention\">") && page.contains("id=\"retention_days\""), "{page}");
    assert!(page.contains("מספר מ־1 עד 30."), "{page}");
    view.settings.retention = "7".into();
    let page = overview(&view);
    assert!(page.contains("<span class=\"tag\">7 ימים</span>") && page.contains("value=\"7\""), "{page}");
    view.settings.retention = "1".into();
    assert!(overview(&view).contains("<span class=\"tag\">יום אחד</span>"));
    view.settings.retention = "<soon>".into();
    view.settings.retention_error = Some(InvalidRetention { most: 30 });
    let page = overview(&view);
    assert!(page.contains("<details id=\"retention\" open>") && page.contains("<details id=\"edit\" open>"), "{page}");
    assert!(page.contains("מ־1 עד 30. אפשר גם") && page.contains("href=\"#retention_days\""), "{page}");
    assert!(page.contains("value=\"&#60;soon&#62;\"") && !page.contains("<soon>"), "{page}");
    assert_eq!(page.matches("aria-invalid").count(), 1);
    view.settings = SettingsForm { retention_most: 1, ..SettingsForm::default() };
    assert!(!overview(&view).contains("retention_days"), "one day leaves no choice");
}

#[test]
fn the_chosen_format_is_selected_and_the_page_says_what_is_sent() {
    let mut view = overview_view();
    let page = overview(&view);
    assert!(
        page.contains("<option value=\"auto\" selected>") && page.contains("לפי הכתובת, נשלח העדכון המלא"),
        "{page}"
    );
    view.settings.format = PayloadFormat::Always(Format::Template);
    view.settings.template = "\n</textarea><script>".into();
    let page = overview(&view);
    assert!(page.contains("<option value=\"template\" selected>"));
    // A browser drops the first line end of a text area.
    assert!(page.contains(">\n\n&#60;/textarea&#62;&#60;script&#62;</textarea>"), "{page}");
    view.settings.format_error = Some(InvalidFormat::NoTemplate);
    let page = overview(&view);
    assert_eq!(page.matches("aria-invalid").count(), 1);
    assert!(page.contains("id=\"payload_template-error\"") && page.contains("href=\"#payload_template\""));
    view.settings.format_error = Some(InvalidFormat::Unknown);
    assert!(overview(&view).contains("href=\"#payload_format\""));
}

#[test]
fn a_preview_shows_a_chats_message_as_it_is_read_and_any_body_as_json() {
    let mut view = overview_view();
    assert!(!overview(&view).contains("id=\"preview\""));
    view.preview = Some(of_form(r#"{"text":"שלום\n<b>"}"#));
    let page = overview(&view);
    assert!(page.contains("<div class=\"prose\" dir=\"auto\">שלום\n&#60;b&#62;</div>"), "{page}");
    view.preview = Some(of_form(r#"{"a":[1]}"#));
    assert!(overview(&view).contains("{\n  &#34;a&#34;: [\n    1\n  ]\n}"));
    let card =
        r#"{"attachments":[{"content":{"body":[{"type":"TextBlock","text":"שלום"},{"items":[{"text":"עוד"}]}]}}]}"#;
    view.preview = Some(of_form(card));
    assert!(overview(&view).contains("<div class=\"prose\" dir=\"auto\">שלום\n\nעוד</div>"));
}

#[test]
fn after_a_test_that_a_workflow_has_taken_the_channel_is_looked_at() {
    let says = |resolved, hints| {
        let mut view = overview_view();
        (view.settings.resolved, view.settings.hints) = (resolved, hints);
        view.test = Some(samples::test_view(None, Some(202)));
        overview(&view).contains(hebrew::LOOK_IN_THE_CHANNEL)
    };
    assert!(says(Some(Format::Teams), vec![]) && says(Some(Format::Event), vec![Hint::PowerAutomate]));
    assert!(!says(Some(Format::Event), vec![]));
}

#[test]
fn each_state_offers_what_helps() {
    let offers = |state| {
        let mut view = overview_view();
        view.endpoint = endpoint(state, 3);
        let page = overview(&view);
        ["/pause", "/resume", "/test#test", "/deliveries/resend"]
            .map(|action| page.contains(&format!("action=\"{action}\"")))
    };
    let since = view::EndpointState::Failing { since: samples::now(), cause: Cause::Gone };
    assert_eq!(offers(EndpointState::NotSet), [false, false, false, false]);
    assert_eq!(offers(EndpointState::Active), [true, false, true, true]);
    assert_eq!(offers(since), [true, false, true, true]);
    let paused = EndpointState::Paused { since: samples::now(), reason: PausedReason::Owner };
    assert_eq!(offers(paused), [false, true, true, true]);
}

#[test]
fn a_test_says_whether_it_arrived_with_its_code_and_time() {
    let mut view = overview_view();
    view.test = Some(samples::test_view(None, Some(200)));
    let page = overview(&view);
    assert!(page.contains("data-arrived=\"true\"") && page.contains("(קוד 200) תוך 0.3 שניות."), "{page}");
    view.test = Some(samples::test_view(Some(Cause::Failed(Failure::Dns)), None));
    let page = overview(&view);
    assert!(page.contains("data-arrived=\"false\"") && page.contains("לא מצאנו שרת"));
}

#[test]
fn an_address_is_named_where_a_redirect_leads_to_and_nowhere_else() {
    let to = "https://script.googleusercontent.com/macros/echo";
    let shown = |cause| {
        let mut one = details();
        one.attempts.truncate(1);
        (one.attempts[0].cause, one.attempts[0].location) = (cause, Some(to.into()));
        let mut view = overview_view();
        view.test = Some(TestView { location: Some(to.into()), ..samples::test_view(cause, Some(302)) });
        [delivery_page(&one), overview(&view)].map(|page| page.contains(to))
    };
    assert_eq!(shown(Some(Cause::Redirect)), [true, true]);
    assert_eq!(shown(Some(Cause::SignIn)), [true, true]);
    assert_eq!(shown(None), [false, false], "it has arrived");
}

#[test]
fn the_secret_is_on_the_page_only_if_it_was_asked_for() {
    let mut view = overview_view();
    view.secret.exists = true;
    let page = overview(&view);
    assert!(!page.contains("id=\"secret-value\"") && page.contains("href=\"/?secret=shown#signing-secret\""));
    view.secret.shown = Some(samples::shown_secret());
    let page = overview(&view);
    assert!(page.contains(&samples::shown_secret().secret));
    assert!(page.contains("name=\"confirm\" value=\"yes\""));
}

#[test]
fn settings_that_work_are_one_sentence_and_the_form_opens_where_it_is_needed() {
    let is_open = |view: &Overview| overview(view).contains("<details id=\"edit\" open>");
    let mut view = overview_view();
    let page = overview(&view);
    assert!(page.contains("<b>n8n.example.co.il</b></bdi> בתור עדכון מלא (JSON) · נבדק <time"), "{page}");
    assert!(!is_open(&view) && page.contains("<details id=\"edit\">"));
    view.connection.tested = None;
    assert!(overview(&view).contains("עוד לא נבדק"));
    assert!(is_open(&Overview { opened: Some(Opened::Settings), ..view.clone() }));
    assert!(is_open(&Overview { preview: Some(of_form("{}")), ..view.clone() }));
    let stored = Preview { of_form: false, ..of_form("{}") };
    assert!(!is_open(&Overview { preview: Some(stored), ..view.clone() }), "the test's form asked for the preview");
    view.settings.email_error = Some(InvalidEmailAddress::Shape);
    assert!(is_open(&view));
    view.connection.host = None;
    assert!(!overview(&view).contains("id=\"edit\""), "without a URL, the form is not folded");
}

#[test]
fn each_state_has_one_main_action() {
    let main = |view: &Overview| {
        let page = overview(view);
        let (_, status) = page.split_once("<section id=\"status\"").expect("a status");
        let status = status.split_once("</section>").expect("its end").0;
        let (_, main) = status.split_once("primary\"")?;
        let label = main.split_once("</").expect("an end").0;
        assert_eq!(status.matches("primary\"").count(), 1);
        Some(label.rsplit_once('>').expect("a tag's end").1.to_owned())
    };
    let state = |state, held| Overview { endpoint: endpoint(state, held), ..overview_view() };
    let paused = |reason| state(EndpointState::Paused { since: samples::now(), reason }, 3);
    let failing = EndpointState::Failing { since: samples::now(), cause: Cause::Status };
    assert_eq!(main(&state(failing, 3)).as_deref(), Some("שליחת בדיקה"));
    assert_eq!(main(&paused(PausedReason::Owner)).as_deref(), Some("חידוש השליחה"));
    assert_eq!(main(&paused(PausedReason::Gone)).as_deref(), Some("שליחת בדיקה"));
    let mut view = overview_view();
    assert_eq!(main(&view).as_deref(), Some("לעדכונים שלא הגיעו"));
    view.log.rows.retain(|row| row.status == Status::Delivered);
    view.summary = Some(samples::summary(&[(0, 3, 0, 0, 0)]));
    assert_eq!(main(&view), None, "all is well");
    view.endpoint.held = 3;
    assert_eq!(main(&view).as_deref(), Some("שליחת כל הממתינים"));
    view.test = Some(samples::test_view(Some(Cause::Status), Some(404)));
    assert_eq!(main(&view).as_deref(), Some("תיקון הכתובת"), "a 404 is the URL's");
    view.test = Some(samples::test_view(Some(Cause::Failed(Failure::Timeout)), None));
    assert_eq!(main(&view).as_deref(), Some("שליחת בדיקה"));
    view = Overview { summary: Some(samples::summary(&[])), log: LogView::default(), ..overview_view() };
    assert_eq!(main(&view), None, "it was tested");
    view.connection.tested = None;
    assert_eq!(main(&view).as_deref(), Some("שליחת בדיקה"));
}

#[test]
fn what_was_said_is_left_out_where_the_state_says_otherwise() {
    let notice = |said, state| {
        let view = Overview { said: Some(said), endpoint: endpoint(state, 0), ..overview_view() };
        overview(&view).contains("id=\"notice\"")
    };
    let paused = EndpointState::Paused { since: samples::now(), reason: PausedReason::Owner };
    assert!(notice(Flash::Paused, paused) && !notice(Flash::Paused, EndpointState::Active));
    assert!(notice(Flash::Resumed, EndpointState::Active) && !notice(Flash::Resumed, paused));
    assert!(notice(Flash::Cleared, EndpointState::NotSet) && !notice(Flash::Cleared, EndpointState::Active));
    let begun = |state| {
        let log = LogView { replay: Some(replay_view(state)), ..overview_view().log };
        overview(&Overview { said: Some(Flash::RangeBegun { count: 7, more: false }), log, ..overview_view() })
    };
    assert!(begun(ReplayState::Running).contains("7 עדכונים נשלחים שוב"));
    assert!(begun(ReplayState::Waiting).contains("7 עדכונים בתור"));
    assert!(!begun(ReplayState::Done).contains("id=\"notice\""));
}

#[test]
fn a_session_that_has_ended_leads_to_the_dashboard_where_that_is_known() {
    let known = signed_out(SignedOut::Expired, Some("https://app.example.com/?a=1&b=2"));
    assert!(known.contains("href=\"https://app.example.com/?a=1&#38;b=2\" target=\"_top\""), "{known}");
    assert!(!signed_out(SignedOut::Expired, None).contains("<a class=\"button"));
}

#[test]
fn page_and_style_with_twenty_rows_stay_below_60_kb() {
    let mut view = overview_view();
    view.endpoint = endpoint(EndpointState::Failing { since: samples::now(), cause: Cause::Status }, 1_204);
    view.test = Some(samples::test_view(Some(Cause::Status), Some(404)));
    view.secret = samples::secret_view();
    view.log.rows = (0..20).map(|index| row(index, Status::Failed, Some(Cause::Failed(Failure::Tls)))).collect();
    let size = overview(&view).len() + STYLE.text.len();
    assert!(size < 60_000, "{size}");
}

#[test]
fn the_recipes_are_those_of_the_readme() {
    let readme = include_str!("../../../../README.md");
    let page = overview(&overview_view()).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    for language in ["```text\n{{", "```js\n", "```python\nfrom standardwebhooks"] {
        let start = readme.find(language).expect("the README has the recipe");
        let code = readme[start..].split_once('\n').and_then(|(_, rest)| rest.split_once("\n```"));
        let (code, _) = code.expect("a block of code ends");
        assert!(page.contains(code), "{code}");
    }
    let condition = "{{ ($json.headers['webhook-signature'] ?? '').split(' ').includes('v1,' + $json.signature) }}";
    assert!(readme.contains(condition) && page.contains(condition));
}

/// For people to look at without a stack: each kind of page, in target/pages.
#[test]
fn every_kind_of_page_is_written_where_it_can_be_looked_at() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in [STYLE, SCRIPT, ICON].map(|asset| (asset.path, asset.text)) {
        std::fs::write(folder.join(name.trim_start_matches('/')), text)?;
    }
    for (name, page) in samples::pages() {
        std::fs::write(folder.join(format!("{name}.html")), page)?;
    }
    Ok(())
}
