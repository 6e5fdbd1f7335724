//! The log and the page of one delivery: what they tell, and what they offer.

use super::samples::{delivery_page, details, overview_view, replay_view, row};
use super::*;

#[test]
fn the_log_shows_how_far_a_replay_is_and_offers_one_only_if_none_is_under_way() {
    let page = |state| {
        let mut view = overview_view();
        view.log.replay = state;
        overview(&view)
    };
    let [form, failed, pause] = ["name=\"status\" value=\"range\"", "value=\"failed\"", "עצירת כל השליחה</button>"];
    let none = page(None);
    assert!(none.contains(form) && none.contains(failed) && !none.contains("id=\"replay\""));
    assert!(none.contains("value=\"2026-02-25\"") && none.contains("value=\"2026-03-03\""), "a week");
    for state in [ReplayState::Running, ReplayState::Waiting] {
        let page = page(Some(replay_view(state)));
        assert!(page.contains("מ־25.2.2026 עד 3.3.2026") && page.contains("310 מתוך 1,204 עדכונים. 2 לא התקבלו."));
        assert!(page.contains("<progress value=\"310\" max=\"1204\"") && page.contains(pause));
        assert!(!page.contains(form) && !page.contains(failed));
    }
    for state in [ReplayState::Done, ReplayState::Ended] {
        let page = page(Some(replay_view(state)));
        assert!(page.contains("id=\"replay\"") && page.contains(form) && !page.contains(pause));
        assert!(!page.contains("<progress"));
    }
}

#[test]
fn another_url_opens_the_form_of_a_range_with_what_has_arrived() {
    let mut view = overview_view();
    assert!(!overview(&view).contains("<details id=\"log-tools\" open>"));
    view.said = Some(Flash::SavedAnother);
    let page = overview(&view);
    assert!(page.contains("<details id=\"log-tools\" open>") && page.contains("href=\"#range\""));
    let asked = Overview { opened: Some(Opened::Range), ..overview_view() };
    assert!(overview(&asked).contains("<details id=\"log-tools\" open>"));
    assert!(page.contains("value=\"yes\" checked"));
}

#[test]
fn rows_tell_their_call_by_its_first_words_and_lead_to_it() {
    let page = overview(&overview_view());
    for row in &overview_view().log.rows {
        let tag = format!("data-event-id=\"{}\" data-status=\"{}\"", row.event_id, row.status.as_str());
        let (_, rest) = page.split_once(&tag).expect("a row");
        let shown = rest.split_once("</li>").expect("its end").0;
        assert!(shown.contains(&format!("href=\"/deliveries/{}\"", row.event_id)) && !shown.contains("<button"));
        let name = row.title.as_deref().unwrap_or(hebrew::kind(&row.event_type));
        assert!(shown.contains(name), "{shown}");
    }
}

#[test]
fn what_is_overdue_is_not_said_to_be_tried_again_and_can_be_sent() {
    let due = samples::now() - SignedDuration::from_mins(13);
    let stuck = Summary { next_attempt_at: Some(due), ..row(0, Status::Retrying, Some(Cause::Status)) };
    let mut view = overview_view();
    view.log.rows = vec![stuck.clone()];
    let one = delivery_page(&Details { summary: stuck.clone(), ..details() });
    assert!(one.contains(&format!("action=\"/deliveries/{}/resend\"", stuck.event_id)));
    for page in [overview(&view), one] {
        assert!(page.contains(">מתעכב<") && !page.contains(">מנסים שוב</span>"), "{page}");
        assert!(!page.contains("ממשיכים לנסות"), "{page}");
    }
}

#[test]
fn links_of_the_log_keep_what_was_looked_for() {
    let mut view = overview_view();
    view.log.filter = Some(Status::Failed);
    view.log.search = "א&b=c".into();
    view.log.next_cursor = Some("a+/=".into());
    let page = overview(&view);
    let older = "href=\"/?status=failed&#38;search=%D7%90%26b%3Dc&#38;cursor=a%2B%2F%3D#deliveries\"";
    assert!(page.contains(older));
    assert!(page.contains("<input type=\"hidden\" name=\"status\" value=\"failed\">"));
}

#[test]
fn an_empty_log_says_what_will_appear_and_an_empty_part_of_it_what_to_do() {
    let mut view = overview_view();
    view.log.rows.clear();
    view.log.next_cursor = None;
    assert!(overview(&view).contains("כאן יופיעו השיחות"));
    view.log.filter = Some(Status::Failed);
    assert!(overview(&view).contains("לא נמצאו עדכונים מתאימים"));
    view.log.next_cursor = Some("x".into());
    assert!(overview(&view).contains("ייתכן שיש בישנים יותר"));
}

#[test]
fn a_held_delivery_is_sent_from_its_page_only_where_that_sends_it() {
    let mut one = details();
    one.summary = row(0, Status::Held, None);
    let since = samples::now();
    let failing = EndpointState::Failing { since, cause: Cause::Status };
    let paused = EndpointState::Paused { since, reason: PausedReason::Gone };
    for (endpoint, is_sent) in
        [(EndpointState::Active, true), (failing, false), (paused, false), (EndpointState::NotSet, false)]
    {
        let page = delivery(&one, None, endpoint, samples::now());
        assert_eq!(page.contains("/resend\""), is_sent, "{endpoint:?}");
        assert_eq!(page.contains("href=\"/#status\""), !is_sent);
    }
}

#[test]
fn a_delivery_without_content_cannot_be_sent_again() {
    let mut one = details();
    assert!(delivery_page(&one).contains("/resend\""));
    one.body = None;
    assert!(!delivery_page(&one).contains("/resend\""));
}
