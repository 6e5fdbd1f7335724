//! The status and the last days: what they say of deliveries that arrived, wait or failed.

use adapters::settings_table::LastTest;
use domain::summary::{Counter, Delivery, Status as CountedStatus};

use super::samples::{now, overview_view, row, summary, test_view};
use super::*;

/// An overview whose log is empty.
fn with_summary(days: &[(i64, usize, usize, usize, usize)]) -> Overview {
    Overview { summary: Some(summary(days)), log: LogView::default(), ..overview_view() }
}

/// The section of a page with an id.
fn section(page: &str, id: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("<section id=\"{id}\""))?;
    Some(rest.split_once("</section>")?.0.to_owned())
}

fn status(view: &Overview) -> String {
    section(&overview(view), "status").expect("every page has it")
}

fn title(view: &Overview) -> String {
    let status = status(view);
    let (_, rest) = status.split_once("<h2 id=\"status-title\">").expect("a title");
    rest.split_once("</h2>").expect("its end").0.to_owned()
}

#[test]
fn the_title_of_an_active_endpoint_says_how_its_deliveries_fare() {
    for (days, expected) in [
        (vec![], "הכול מוכן"),
        (vec![(0, 5, 0, 0, 0)], "העדכונים מגיעים"),
        (vec![(0, 5, 1, 0, 0)], "יש עדכונים שמתעכבים"),
        (vec![(0, 5, 0, 0, 0), (13, 0, 0, 0, 1)], "חלק מהעדכונים לא הגיעו"),
        (vec![(0, 0, 2, 0, 1)], "חלק מהעדכונים לא הגיעו"),
    ] {
        assert_eq!(title(&with_summary(&days)), expected, "{days:?}");
    }
}

#[test]
fn no_good_title_stands_above_a_delivery_or_a_test_that_did_not_arrive() {
    for (status, expected) in [
        (Status::Failed, "חלק מהעדכונים לא הגיעו"),
        (Status::Retrying, "יש עדכונים שמתעכבים"),
        (Status::Delivered, "השליחה פעילה"),
    ] {
        for summary in [None, with_summary(&[]).summary] {
            let rows = vec![row(40, status, None)];
            let view = Overview { summary, log: LogView { rows, ..LogView::default() }, ..overview_view() };
            assert_eq!(title(&view), expected, "{status:?}");
        }
    }
    let failed = Overview { test: Some(test_view(Some(Cause::Status), Some(404))), ..with_summary(&[(0, 5, 0, 0, 0)]) };
    assert_eq!(title(&failed), "הבדיקה לא הגיעה");
    assert!(status(&failed).contains("class=\"card state-failing\" data-state=\"active\""));
    let arrived = Overview { test: Some(test_view(None, Some(200))), ..with_summary(&[(0, 5, 0, 0, 0)]) };
    assert_eq!(title(&arrived), "העדכונים מגיעים");
}

#[test]
fn the_status_counts_what_did_not_arrive_and_leads_there() {
    let one = status(&with_summary(&[(0, 5, 0, 0, 1)]));
    assert!(
        one.contains("עדכון אחד לא הגיע ב־14 הימים האחרונים") && one.contains("/?status=failed#deliveries"),
        "{one}"
    );
    let both = status(&with_summary(&[(0, 5, 2, 0, 3)]));
    assert!(both.contains("3 עדכונים לא הגיעו ב־14") && both.contains("שני עדכונים עוד לא הגיעו."), "{both}");
    let retrying = status(&with_summary(&[(0, 5, 1, 0, 0)]));
    assert!(retrying.contains("עדכון אחד עוד לא הגיע.") && retrying.contains("/?status=retrying#deliveries"));
    let mut part = with_summary(&[(0, 5, 0, 0, 3)]);
    part.summary.as_mut().expect("given").complete = false;
    assert!(status(&part).contains("לפחות 3 עדכונים לא הגיעו"));
}

#[test]
fn held_events_of_an_active_endpoint_wait_or_are_sent() {
    let mut view = with_summary(&[(0, 5, 0, 2, 0)]);
    view.endpoint = samples::endpoint(EndpointState::Active, 2);
    assert_eq!(title(&view), "יש עדכונים שממתינים");
    view.endpoint.is_replaying = true;
    assert_eq!(title(&view), "השליחה פעילה");
    assert!(status(&view).contains("מה שהמתין נשלח עכשיו"));
}

#[test]
fn a_log_that_may_have_older_deliveries_is_not_called_new() {
    for log in [
        LogView { next_cursor: Some("x".into()), ..LogView::default() },
        LogView { filter: Some(Status::Failed), ..LogView::default() },
        LogView { search: "x".into(), ..LogView::default() },
        LogView { is_older: true, ..LogView::default() },
    ] {
        let view = Overview { log, ..with_summary(&[]) };
        assert_eq!(title(&view), "השליחה פעילה");
        assert!(status(&view).contains("לא היו עדכונים ב־14 הימים האחרונים"));
    }
}

#[test]
fn a_pause_says_who_paused() {
    let title_of = |reason| {
        let state = EndpointState::Paused { since: now(), reason };
        title(&Overview { endpoint: samples::endpoint(state, 0), ..overview_view() })
    };
    assert_eq!(title_of(PausedReason::Owner), "השליחה מושהית");
    for reason in [PausedReason::Gone, PausedReason::Spent, PausedReason::NoUrl] {
        assert_eq!(title_of(reason), "השליחה נעצרה");
    }
}

#[test]
fn the_strip_has_a_titled_day_for_each_day_and_the_table_says_the_same() {
    let view = with_summary(&[(0, 1_200, 1, 1, 2), (13, 0, 0, 0, 1)]);
    let part = section(&overview(&view), "summary").expect("there are deliveries");
    assert_eq!((part.matches("<g><title>").count(), part.matches("class=\"day\"").count()), (14, 14));
    assert!(part.contains("<title>היום · הגיעו: 1,200, ממתינים: 2, לא הגיעו: 2</title>"), "{part}");
    assert!(
        part.contains("<title>18 בפברואר · לא הגיעו: 1</title>")
            && part.contains("<title>19 בפברואר · לא היו עדכונים</title>")
    );
    assert!(part.contains("<tr><th scope=\"row\">היום</th><td>1200</td><td>2</td><td>2</td></tr>"));
    assert!(part.contains("<tr><th scope=\"row\">19 בפברואר</th><td>0</td><td>0</td><td>0</td></tr>"));
    let shown = [
        "<b>99%</b> <span class=\"muted\">לא כולל ממתינים",
        "<b>שתי שניות</b>",
        "<b>2</b> <span class=\"muted\">הוותיק שבהם: היום, 14:10",
        "הגיעו: 1,200",
    ];
    for text in shown {
        assert!(part.contains(text), "{text}: {part}");
    }
    // The first day stands at the right, and even one failure has a visible part of a bar.
    assert!(part.contains("<rect class=\"failed\" x=\"263\" y=\"59\" width=\"14\" height=\"3\"/>"), "{part}");
}

#[test]
fn bars_stay_within_the_strip() {
    for counts in [(0, 1, 1, 1, 1), (0, 1_000, 1, 0, 1), (0, 1, 0, 0, 0), (0, 0, 0, 0, 7)] {
        let part = section(&overview(&with_summary(&[counts])), "summary").expect("there are deliveries");
        let bars = part.split("<rect class=\"").skip(1).filter(|bar| !bar.starts_with("day"));
        let number = |bar: &str, name| -> u32 {
            let (_, rest) = bar.split_once(&format!("{name}=\"")).expect("an attribute");
            rest.split_once('"').expect("its end").0.parse().expect("a number")
        };
        let (mut bottom, mut seen) = (62, 0);
        for bar in bars {
            assert!(number(bar, " height") >= 3);
            assert_eq!(number(bar, " y") + number(bar, " height"), bottom, "{counts:?}");
            (bottom, seen) = (number(bar, " y"), seen + 1);
        }
        assert!(seen > 0);
    }
}

#[test]
fn a_page_without_a_summary_or_without_deliveries_has_no_strip() {
    for view in [with_summary(&[]), Overview { summary: None, ..overview_view() }] {
        assert_eq!(section(&overview(&view), "summary"), None);
    }
}

#[test]
fn a_summary_that_is_not_complete_says_so_and_names_no_number_for_days_that_were_not_counted() {
    let mut counter = Counter::new(14, now());
    let created_at = now() - SignedDuration::from_hours(30);
    counter.count(&Delivery { created_at, status: CountedStatus::Held });
    let view = Overview { summary: Some(counter.summary(false)), ..overview_view() };
    let part = section(&overview(&view), "summary").expect("there are deliveries");
    assert!(part.contains("נספרו רק החדשים ביותר, מ־2 במרץ ואילך"), "{part}");
    assert_eq!(part.matches("לא נספר</title>").count(), 12);
    assert_eq!(part.matches("<td colspan=\"3\">לא נספר</td>").count(), 12);
    assert!(!part.contains("מאז"), "older ones may wait");
}

#[test]
fn events_that_wait_longer_than_the_days_that_are_counted_are_told() {
    let mut view = with_summary(&[(0, 1, 0, 1, 0)]);
    view.endpoint = samples::endpoint(EndpointState::Paused { since: now(), reason: PausedReason::Owner }, 3);
    let part = section(&overview(&view), "summary").expect("there are deliveries");
    assert!(part.contains("<b>3</b> <span class=\"muted\">חלקם מלפני 18 בפברואר"), "{part}");
    view.endpoint.held = 1_000;
    assert!(overview(&view).contains("<b>יותר מ־999</b>"));
}

#[test]
fn the_export_has_the_filter_of_the_log_and_an_empty_log_has_none() {
    let mut view = overview_view();
    assert!(overview(&view).contains("href=\"/deliveries.csv\">ייצוא ל־Excel</a>"));
    view.log.filter = Some(Status::Failed);
    view.log.search = "א&b".into();
    assert!(overview(&view).contains("href=\"/deliveries.csv?status=failed&#38;search=%D7%90%26b\">"));
    view.log = LogView::default();
    assert!(!overview(&view).contains("deliveries.csv"));
}

#[test]
fn a_stored_test_that_failed_is_told_until_something_arrives() {
    let failed = |minutes| LastTest { at: now() - SignedDuration::from_mins(minutes), was_delivered: false };
    let mut view = with_summary(&[(1, 5, 0, 0, 0)]);
    view.connection.tested = Some(failed(5));
    assert_eq!(title(&view), "הבדיקה לא הגיעה");
    assert!(status(&view).contains("action=\"/test#test\""));
    view.log.filter = Some(Status::Held);
    assert_eq!(title(&view), "הבדיקה לא הגיעה", "whatever part of the log is shown");
    view.connection.tested = Some(failed(60 * 24 * 2));
    assert_eq!(title(&view), "העדכונים מגיעים", "calls have arrived since");
    view.connection.tested = Some(LastTest { was_delivered: true, ..failed(5) });
    assert_eq!(title(&view), "העדכונים מגיעים");
    let unused = Overview { connection: view.connection.clone(), ..with_summary(&[]) };
    assert_eq!(title(&unused), "הכול מוכן");
}

#[test]
fn a_part_of_the_log_does_not_change_the_status() {
    let old = vec![row(60, Status::Failed, Some(Cause::Status))];
    let shown = |log| title(&Overview { log, ..with_summary(&[(1, 5, 0, 0, 0)]) });
    assert_eq!(shown(LogView { rows: old.clone(), ..LogView::default() }), "חלק מהעדכונים לא הגיעו");
    let part = LogView { rows: old, filter: Some(Status::Failed), ..LogView::default() };
    assert_eq!(shown(part), "העדכונים מגיעים");
}
