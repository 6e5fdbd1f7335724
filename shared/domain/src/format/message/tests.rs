//! The text that people read for each kind of event.

use super::*;
use crate::event::Event;
use crate::event::json::Value;

/// The message, without the isolates.
fn message(event: &str) -> String {
    let event = Event::parse(event).expect("well-formed");
    let Ok(Value::Object(members)) = Value::parse(event.body()) else { panic!("an object") };
    let Message { title, facts, sections } = Message::of(&members);
    let mut text = title;
    for fact in facts {
        text = text + "\n" + &fact;
    }
    for section in sections {
        text = text + "\n\n" + section.label.unwrap_or("-") + "\n" + &section.text;
    }
    text.replace(['\u{2068}', '\u{2069}'], "")
}

fn call(rest: &str) -> String {
    message(&format!(r#"{{"event_type":"call.completed","business_id":"b","call_id":"c"{rest}}}"#))
}

#[test]
fn a_call_says_who_when_how_long_and_what_was_said() {
    assert_eq!(
        call(
            r#","phone":"054-1234567","started_at":"2026-03-01T11:12:00+02:00","ended_at":"2026-03-01T11:14:23+02:00",
            "duration_sec":143,"summary":"ביקש הצעה.","transcript":"נועה: שלום\nלקוח: היי""#
        ),
        "הסתיימה שיחה נכנסת\nמאת: +972-54-123-4567\nהתחלה: 1.3.2026 11:12\nמשך: 2:23 דקות\n\n\
         סיכום:\nביקש הצעה.\n\nתמליל:\nנועה: שלום\nלקוח: היי"
    );
    assert_eq!(
        call(r#","direction":"outbound","phone":"+1-202-555-0100","ended_at":"2026-07-01T09:12:59""#),
        "הסתיימה שיחה יוצאת\nאל: +1-202-555-0100\nסיום: 1.7.2026 12:12"
    );
}

#[test]
fn a_bare_call_says_what_is_known() {
    assert_eq!(call(""), "הסתיימה שיחה נכנסת\nמאת: מספר חסוי");
    assert_eq!(call(r#","summary":" \n ","transcript":"\u202e""#), "הסתיימה שיחה נכנסת\nמאת: מספר חסוי");
    assert_eq!(
        call(r#","started_at":"9999-12-31T23:00:00Z""#),
        "הסתיימה שיחה נכנסת\nמאת: מספר חסוי\nהתחלה: 9999-12-31T23:00:00Z",
        "beyond what clocks show"
    );
}

#[test]
fn a_test_says_that_nothing_has_happened() {
    assert_eq!(
        message(
            r#"{"event_type":"webhook.test","business_id":"b","call_id":"test-1","phone":"+972500000000","direction":"inbound",
            "started_at":"2026-03-01T09:12:00.000Z","duration_sec":75,"summary":"סיכום","transcript":"א: ב","metadata":{"test":true}}"#
        ),
        "הודעת בדיקה מ־ProSaaS\nכך ייראו כאן השיחות:\nמאת: +972-50-000-0000\nהתחלה: 1.3.2026 11:12\nמשך: 1:15 דקות\n\n\
         סיכום:\nסיכום\n\nתמליל:\nא: ב"
    );
    assert!(call(r#","metadata":{"test":true}"#).starts_with("הסתיימה שיחה נכנסת (בדיקה)\n"));
    assert!(!call(r#","metadata":{"test":"true"}"#).contains("בדיקה"));
}

#[test]
fn a_lead() {
    assert_eq!(
        message(
            r#"{"event_type":"lead.created","business_id":"b","lead_id":"l","name":"ישראל ישראלי","phone":"055-0000143",
            "email":"israel@example.com","source":"website_form","message":"אשמח לפרטים\nתודה","city":"רעננה"}"#
        ),
        "ליד חדש\nשם: ישראל ישראלי\nטלפון: +972-55-000-0143\nאימייל: israel@example.com\nמקור: website_form\n\n\
         הודעה:\nאשמח לפרטים\nתודה"
    );
    assert_eq!(
        message(r#"{"event_type":"lead.created","business_id":"b","lead_id":"l"}"#),
        "ליד חדש\nטלפון: מספר חסוי"
    );
}

#[test]
fn an_appointment() {
    assert_eq!(
        message(
            r#"{"event_type":"appointment.booked","business_id":"b","appointment_id":1,"lead_name":"דנה","lead_phone":"031234567",
            "scheduled_at":"2026-07-05T16:30:00+03:00","service":"ניקוי אבנית","notes":"רגישות לקור"}"#
        ),
        "נקבעה פגישה\nמועד: 5.7.2026 16:30\nשם: דנה\nטלפון: +972-3-123-4567\nשירות: ניקוי אבנית\n\nהערות:\nרגישות לקור"
    );
}

#[test]
fn a_change_of_status() {
    assert_eq!(
        message(
            r#"{"event_type":"lead.status_changed","business_id":"b","lead_id":"l","lead_name":"דנה","lead_phone":"",
            "old_status":"new","new_status":"meeting_scheduled","source":"agent","changed_at":"2026-03-01T09:12:00Z"}"#
        ),
        "סטטוס של ליד השתנה\nשם: דנה\nטלפון: מספר חסוי\nסטטוס קודם: new\nסטטוס חדש: meeting_scheduled\nמקור: agent\n\
         עודכן: 1.3.2026 11:12"
    );
}

#[test]
fn an_event_of_an_unknown_type_says_its_type_and_what_can_be_read() {
    assert_eq!(
        message(
            r#"{"event_type":"quote.requested","business_id":42,"quote_id":550,"phone":"0541234567","alt_phone":"","old_phone":97231234567,
            "requested_at":"2026-03-01T09:12:00Z","local_at":"2026-03-01T09:12:00","items":[{"a":1}],"tags":["א",null,2],
            "answers":{"10":"לפני\nפסח","2":"כשר"},"includes_vat":true,"valid_until":null,"summary":"הצעה"}"#
        ),
        "עדכון מסוג quote.requested\n\n-\nquote_id: 550\nphone: +972-54-123-4567\nold_phone: +972-3-123-4567\nrequested_at: 1.3.2026 11:12\n\
         local_at: 2026-03-01T09:12:00\ntags: א, 2\nanswers_2: כשר\nanswers_10: לפני פסח\nincludes_vat: כן\n\nסיכום:\nהצעה"
    );
    assert_eq!(message(r#"{"event_type":"gate.opened","business_id":"b"}"#), "עדכון מסוג gate.opened");
}
