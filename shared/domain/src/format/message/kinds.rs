//! The message for each kind of event.

use super::readable;
use super::values::{duration, fact, phone, text, time};
use super::{Message, Section};
use crate::event::json::{Object, Value};

pub(super) fn message(event: &Object) -> Message<'_> {
    let kind = text(event, "event_type");
    let mut message = match &*kind {
        "call.completed" => call(event),
        "webhook.test" => test(event),
        "lead.created" => lead(event),
        "appointment.booked" => appointment(event),
        "lead.status_changed" => status(event),
        kind => other(event, kind),
    };
    if kind != "webhook.test" && is_test(event) {
        message.title.push_str(" (בדיקה)");
    }
    message.sections.extend(section(event, "summary", Some("סיכום:"), "… (הסיכום קוצר)"));
    message.sections.extend(section(event, "transcript", Some("תמליל:"), "… (התמליל קוצר)"));
    message
}

/// Whether the event is an owner's test, for which nothing has happened.
fn is_test(event: &Object) -> bool {
    matches!(event.get("metadata"), Some(Value::Object(metadata)) if metadata.get("test") == Some(&Value::Bool(true)))
}

fn call(event: &Object) -> Message<'_> {
    let title =
        if is_outbound(event) { "הסתיימה שיחה יוצאת" } else { "הסתיימה שיחה נכנסת" };
    new(title, call_facts(event))
}

fn test(event: &Object) -> Message<'_> {
    let mut message = new("הודעת בדיקה מ־ProSaaS", vec!["כך ייראו כאן השיחות:".into()]);
    message.facts.extend(call_facts(event));
    message
}

fn call_facts(event: &Object) -> Vec<String> {
    let side = if is_outbound(event) { "אל" } else { "מאת" };
    let began = time(&text(event, "started_at")).map(|time| format!("התחלה: {time}"));
    let when = began.or_else(|| Some(format!("סיום: {}", time(&text(event, "ended_at"))?)));
    let long = duration(event).map(|duration| format!("משך: {duration}"));
    let who = format!("{side}: {}", phone(&text(event, "phone")));
    [Some(who), when, long].into_iter().flatten().collect()
}

fn is_outbound(event: &Object) -> bool {
    text(event, "direction") == "outbound"
}

fn lead(event: &Object) -> Message<'_> {
    let facts = [
        labelled(event, "שם", "name"),
        Some(format!("טלפון: {}", phone(&text(event, "phone")))),
        labelled(event, "אימייל", "email"),
        labelled(event, "מקור", "source"),
    ];
    let mut message = new("ליד חדש", facts.into_iter().flatten().collect());
    // No field of the table, but what the form of a website has.
    message.sections.extend(section(event, "message", Some("הודעה:"), "… (ההודעה קוצרה)"));
    message
}

fn appointment(event: &Object) -> Message<'_> {
    let facts = [
        time(&text(event, "scheduled_at")).map(|time| format!("מועד: {time}")),
        labelled(event, "שם", "lead_name"),
        Some(format!("טלפון: {}", phone(&text(event, "lead_phone")))),
        labelled(event, "שירות", "service"),
    ];
    let mut message = new("נקבעה פגישה", facts.into_iter().flatten().collect());
    message.sections.extend(section(event, "notes", Some("הערות:"), "… (ההערות קוצרו)"));
    message
}

fn status(event: &Object) -> Message<'_> {
    let facts = [
        labelled(event, "שם", "lead_name"),
        Some(format!("טלפון: {}", phone(&text(event, "lead_phone")))),
        labelled(event, "סטטוס קודם", "old_status"),
        labelled(event, "סטטוס חדש", "new_status"),
        labelled(event, "מקור", "source"),
        time(&text(event, "changed_at")).map(|time| format!("עודכן: {time}")),
    ];
    new("סטטוס של ליד השתנה", facts.into_iter().flatten().collect())
}

/// Makes the message for an event of an unknown type: the event's fields as they are.
fn other<'a>(event: &'a Object, kind: &str) -> Message<'a> {
    let title = format!("עדכון מסוג {}", fact(kind).unwrap_or_default());
    let fields = readable::fields(event);
    let section = Section { label: None, text: fields.into(), cut_mark: "… (קוצר)" };
    let sections = if section.text.is_empty() { Vec::new() } else { vec![section] };
    Message { title, facts: Vec::new(), sections }
}

fn new<'a>(title: &str, facts: Vec<String>) -> Message<'a> {
    Message { title: title.to_owned(), facts, sections: Vec::new() }
}

fn labelled(event: &Object, label: &str, field: &str) -> Option<String> {
    Some(format!("{label}: {}", fact(&text(event, field))?))
}

fn section<'a>(
    event: &'a Object,
    field: &str,
    label: Option<&'static str>,
    cut_mark: &'static str,
) -> Option<Section<'a>> {
    match event.get(field) {
        Some(Value::String(text)) if fact(text).is_some() => Some(Section { label, text: text.into(), cut_mark }),
        _ => None,
    }
}
