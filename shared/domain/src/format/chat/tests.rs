//! The exact bodies of chats. No words of people break them.

use crate::event::Event;
use crate::event::json::Value;
use crate::format::Format;

const CHATS: [Format; 4] = [Format::Slack, Format::Discord, Format::GoogleChat, Format::Teams];

const CALL: &str = r#"{"event_type":"call.completed","business_id":"b","call_id":"c","phone":"0541234567",
    "started_at":"2026-03-01T09:12:00Z","duration_sec":143,"summary":"ביקש <הצעה> & מחיר_סופי","transcript":"נועה: שלום\nלקוח: *היי*"}"#;

fn body(format: Format, event: &str) -> String {
    let event = Event::parse(event).expect("well-formed");
    let payload = format.payload(&event, None);
    assert_eq!(payload.format, format);
    payload.body.into_owned()
}

/// Gives the text that people read; in Teams, the texts of all blocks.
fn text(format: Format, event: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&body(format, event)).expect("JSON");
    match format {
        Format::Discord => body["content"].as_str().expect("a string").to_owned(),
        Format::Teams => {
            let blocks = body["attachments"][0]["content"]["body"].as_array().expect("blocks");
            blocks.iter().map(|block| block["text"].as_str().expect("a string")).collect::<Vec<_>>().join("\n")
        }
        _ => body["text"].as_str().expect("a string").to_owned(),
    }
}

fn call(transcript: &str) -> String {
    let data = serde_json::json!({"event_type": "call.completed", "business_id": "b", "call_id": "c", "transcript": transcript});
    data.to_string()
}

#[test]
fn a_call_in_slack() {
    assert_eq!(
        body(Format::Slack, CALL),
        concat!(
            r#"{"text":"הסתיימה שיחה נכנסת\nמאת: "#,
            "\u{2068}+972-54-123-4567\u{2069}",
            r"\nהתחלה: ",
            "\u{2068}1.3.2026 11:12\u{2069}",
            r"\nמשך: 2:23 דקות\n\nסיכום:\nביקש &lt;הצעה&gt; &amp; מחיר_סופי\n\nתמליל:\nנועה: שלום\nלקוח: *היי*",
            r#""}"#,
        )
    );
}

#[test]
fn a_call_in_discord() {
    assert_eq!(
        body(Format::Discord, CALL),
        concat!(
            r#"{"content":"הסתיימה שיחה נכנסת\nמאת: "#,
            "\u{2068}+972-54-123-4567\u{2069}",
            r"\nהתחלה: ",
            "\u{2068}1.3.2026 11:12\u{2069}",
            r"\nמשך: 2:23 דקות\n\nסיכום:\nביקש \\<הצעה\\> & מחיר\\_סופי\n\nתמליל:\nנועה: שלום\nלקוח: \\*היי\\*",
            r#"","allowed_mentions":{"parse":[]}}"#,
        )
    );
}

#[test]
fn a_call_in_google_chat() {
    assert_eq!(
        body(Format::GoogleChat, CALL),
        concat!(
            r#"{"text":"הסתיימה שיחה נכנסת\nמאת: "#,
            "\u{2068}+972-54-123-4567\u{2069}",
            r"\nהתחלה: ",
            "\u{2068}1.3.2026 11:12\u{2069}",
            r"\nמשך: 2:23 דקות\n\nסיכום:\nביקש <",
            "\u{200b}הצעה> & מחיר_\u{200b}סופי",
            r"\n\nתמליל:\nנועה: שלום\nלקוח: *",
            "\u{200b}היי*\u{200b}",
            r#""}"#,
        )
    );
}

#[test]
fn a_call_in_teams() {
    let block = |text: &str, look: &str| {
        format!(r#"{{"type":"TextBlock","text":"{text}","wrap":true,"horizontalAlignment":"Right",{look}}}"#)
    };
    let small = r#""spacing":"Small""#;
    let bold = r#""weight":"Bolder""#;
    let blocks = [
        block("הסתיימה שיחה נכנסת", r#""size":"Large""#),
        block("מאת: \u{2068}+972-54-123-4567\u{2069}", small),
        block("התחלה: \u{2068}1.3.2026 11:12\u{2069}", small),
        block("משך: 2:23 דקות", small),
        block("סיכום:", bold),
        block(r"ביקש \\<הצעה\\> \\& מחיר\\_סופי", small),
        block("תמליל:", bold),
        block(r"נועה: שלום\n\nלקוח: \\*היי\\*", small),
    ];
    assert_eq!(
        body(Format::Teams, CALL),
        format!(
            r#"{{"type":"message","attachments":[{{"contentType":"application/vnd.microsoft.card.adaptive","content":{{"type":"AdaptiveCard","version":"1.4","body":[{}]}}}}]}}"#,
            blocks.join(",")
        )
    );
}

#[test]
fn a_long_transcript_is_cut_at_a_line_with_a_mark() {
    let lines: Vec<_> = (0..5_000).map(|line| format!("דובר {line}: מילים *רבות* & <טובות>")).collect();
    for format in CHATS {
        let text = text(format, &call(&lines.join("\n")));
        let end = text.strip_suffix("\n… (התמליל קוצר)").expect("a mark");
        assert!(
            end.ends_with("טובות&gt;")
                || end.ends_with(r"טובות\>")
                || end.ends_with("טובות>")
                || format == Format::Teams
        );
        assert!(end.trim_end().ends_with(['>', ';']), "at the end of a line: {end:?}");
    }
}

#[test]
fn the_limits_are_kept_and_used() {
    let transcripts = [
        "א".repeat(1_000_000),
        "<*_".repeat(300_000),
        "שלום לך\n".repeat(100_000),
        "\n".repeat(1_000_000) + "x",
        "\u{1f600}".repeat(250_000),
        "\\\"".repeat(250_000),
        format!("קצר\n{}", "ארוך ".repeat(100_000)),
    ];
    for transcript in &transcripts {
        let event = call(transcript);
        for (format, limit) in [(Format::Slack, 12_000), (Format::Discord, 2_000), (Format::GoogleChat, 4_000)] {
            let length = text(format, &event).chars().count();
            assert!((limit - 20..=limit).contains(&length) || transcript.starts_with('\n'), "{format:?} {length}");
            assert!(length <= limit);
        }
        let bytes = body(Format::Teams, &event).len();
        assert!(bytes < 24 * 1024 && (bytes > 24_400 || transcript.starts_with('\n')), "{bytes}");
    }
}

#[test]
fn a_text_at_the_limit_is_whole_and_one_character_more_is_cut() {
    let rest = text(Format::Slack, &call("x")).chars().count() - 1;
    for (format, limit) in [(Format::Slack, 12_000), (Format::Discord, 2_000), (Format::GoogleChat, 4_000)] {
        let most = limit - rest;
        // A section is taken to be one character longer than it is.
        let whole = text(format, &call(&"א".repeat(most - 1)));
        assert!(whole.ends_with('א') && whole.chars().count() == limit - 1, "{format:?}");
        let cut = text(format, &call(&"א".repeat(most + 1)));
        assert!(cut.ends_with("א\n… (התמליל קוצר)") && cut.chars().count() <= limit, "{format:?}");
    }
}

#[test]
fn a_summary_that_leaves_no_room_is_cut_and_the_transcript_is_marked_as_cut() {
    let event = serde_json::json!({"event_type": "call.completed", "business_id": "b", "call_id": "c",
        "summary": "סיכום ארוך ".repeat(100_000), "transcript": "נועה: שלום, כאן נועה"});
    for format in CHATS {
        let text = text(format, &event.to_string());
        assert!(text.contains("… (הסיכום קוצר)") && text.ends_with("תמליל:\n… (התמליל קוצר)"), "{format:?}");
    }
}

#[test]
fn fields_of_any_length_leave_room_for_the_rest() {
    let long = "*<".repeat(20_000);
    for (event_type, fields) in [
        ("lead.created", ["lead_id", "name", "phone", "email", "source", "message"]),
        ("appointment.booked", ["appointment_id", "lead_id", "lead_name", "lead_phone", "service", "notes"]),
        ("lead.status_changed", ["lead_id", "lead_name", "lead_phone", "old_status", "new_status", "source"]),
        ("quote.requested", ["a", "b", "phone", "started_at", "e", "f"]),
    ] {
        let mut event =
            serde_json::json!({"event_type": event_type, "business_id": "b", "transcript": long, "summary": "קצר"});
        for field in fields {
            event[field] = long.as_str().into();
        }
        for (format, limit) in [(Format::Slack, 12_000), (Format::Discord, 2_000), (Format::GoogleChat, 4_000)] {
            let text = text(format, &event.to_string());
            assert!(text.chars().count() <= limit, "{event_type} {format:?}");
            assert!(text.ends_with("… (התמליל קוצר)"), "{event_type} {format:?}: {text}");
        }
        assert!(body(Format::Teams, &event.to_string()).len() < 24 * 1024, "{event_type}");
    }
}

#[test]
fn the_value_of_no_field_moves_the_text_behind_it() {
    let hostile = "\u{202e}\u{2067}\u{2066}\u{2068}הפוך";
    let event = serde_json::json!({"event_type": "lead.created", "business_id": "b", "lead_id": "l", "name": hostile,
        "phone": hostile, "email": hostile, "source": hostile, "message": hostile, "summary": hostile, "transcript": hostile});
    for format in CHATS {
        let text = text(format, &event.to_string());
        let opened = text.chars().filter(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2068}')).count();
        let isolates: Vec<_> = text.match_indices('\u{2068}').collect();
        assert_eq!((opened, isolates.len()), (4, 4), "{format:?}: only ours");
        assert!(text.lines().all(|line| line.matches('\u{2068}').count() == line.matches('\u{2069}').count()));
    }
}

#[test]
fn blocks_are_text_blocks_that_wrap_and_nothing_else() {
    let event = Event::parse(CALL).expect("well-formed");
    let body: serde_json::Value = serde_json::from_str(&Format::Teams.payload(&event, None).body).expect("JSON");
    let card = &body["attachments"][0]["content"];
    assert_eq!(card.as_object().expect("a card").keys().collect::<Vec<_>>(), ["body", "type", "version"]);
    for block in card["body"].as_array().expect("blocks") {
        assert_eq!((&block["type"], &block["wrap"]), (&"TextBlock".into(), &true.into()));
    }
    assert!(matches!(Value::parse(&body.to_string()), Ok(Value::Object(_))));
}
