//! The body of a delivery, and the body that replaces one that cannot be made.

use super::*;

const CALL: &str = r#"{"event_type":"call.completed","business_id":"b","call_id":"c","summary":"סיכום"}"#;

fn event(text: &str) -> Event {
    Event::parse(text).expect("well-formed")
}

#[test]
fn the_names_are_those_of_the_contract() {
    let names = PayloadFormat::ALL.map(PayloadFormat::as_str);
    assert_eq!(names, ["auto", "event", "flat", "slack", "discord", "google_chat", "teams", "template"]);
    for name in names {
        assert_eq!(PayloadFormat::parse(name).map(PayloadFormat::as_str), Some(name));
        assert_eq!(PayloadFormat::stored(Some(name)).as_str(), name);
    }
    for name in ["", "Slack", "slack ", "google-chat", "json"] {
        assert_eq!(PayloadFormat::parse(name), None, "{name}");
        assert_eq!(PayloadFormat::stored(Some(name)), PayloadFormat::Always(Format::Event), "{name}");
    }
    assert_eq!(PayloadFormat::stored(None), PayloadFormat::Auto);
    assert_eq!(PayloadFormat::default(), PayloadFormat::Auto);
}

#[test]
fn only_auto_asks_the_url() {
    let url = Url::parse("https://hooks.slack.com/services/T/B/x").expect("a URL");
    assert_eq!(PayloadFormat::Auto.resolve(&url), Format::Slack);
    for format in PayloadFormat::ALL.into_iter().skip(1) {
        assert_eq!(PayloadFormat::Always(format.resolve(&url)), format);
    }
}

#[test]
fn the_event_is_lent_and_not_copied() {
    let event = event(CALL);
    let payload = Format::Event.payload(&event, None);
    assert!(matches!(payload.body, Cow::Borrowed(body) if std::ptr::eq(body, event.body())));
}

#[test]
fn the_event_stands_in_for_what_cannot_be_made() {
    let small = event(CALL);
    let template = Template::parse(r#"["{{t}}","{{t}}"]"#).expect("a template");
    let filled = Format::Template.payload(&small, Some(&template));
    assert_eq!((filled.format, &*filled.body), (Format::Template, r#"["",""]"#));

    let large = event(&CALL.replace('}', &format!(r#","t":"{}"}}"#, "א".repeat(300_000))));
    let many: Vec<_> = (0..2_000).map(|index| format!(r#""m{index}":0"#)).collect();
    let long = event(&CALL.replace('}', &format!(r#","{}":{{{}}}}}"#, "n".repeat(10_000), many.join(","))));
    for (format, event, template) in
        [(Format::Template, &small, None), (Format::Template, &large, Some(&template)), (Format::Flat, &long, None)]
    {
        let payload = format.payload(event, template);
        assert_eq!(payload.format, Format::Event, "{format:?}");
        assert!(payload.body == event.body());
    }
}

#[test]
fn a_flat_call_has_every_field_of_a_call_as_a_string() {
    let event = event(
        &CALL.replace('}', r#","duration_sec":"67","metadata":{"city":"חיפה","tags":["א",null,2]},"constructor":1}"#),
    );
    assert_eq!(
        Format::Flat.payload(&event, None).body,
        concat!(
            r#"{"event_type":"call.completed","business_id":"b","call_id":"c","lead_id":"","phone":"","started_at":"","#,
            r#""ended_at":"","duration_sec":"67","transcript":"","summary":"סיכום","agent_name":"Assistant","#,
            r#""direction":"inbound","metadata_city":"חיפה","metadata_tags":"א, 2","constructor_":"1"}"#,
        )
    );
}

#[test]
fn chats_are_told_from_machines() {
    let chats = [Format::Slack, Format::Discord, Format::GoogleChat, Format::Teams];
    assert!(chats.into_iter().all(Format::is_chat));
    assert!(![Format::Event, Format::Flat, Format::Template].into_iter().any(Format::is_chat));
}
