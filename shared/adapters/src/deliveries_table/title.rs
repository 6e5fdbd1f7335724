//! The title of an event: the beginning of its summary, by which the owner recognises the event in a list.

use std::borrow::Cow;

use domain::event::Event;
use domain::pasted;
use serde::Deserialize;

/// The longest title, in characters (Unicode code points).
const TITLE_CHARS: usize = 80;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    summary: Option<Cow<'a, str>>,
}

/// The first 80 characters of an event's `summary`, as one line; None: the summary is absent, no text, or nothing of it
/// is visible.
///
/// White space and control characters become single spaces. The characters that [`pasted::cleaned`] takes for invisible
/// are left out, the marks that set the direction of writing among them.
pub(super) fn title(event: &Event) -> Option<String> {
    let summary = serde_json::from_str::<Body>(event.body()).ok()?.summary?;
    // No-break spaces separate words too, so they become spaces before the invisible characters go.
    let separates = |character: char| character.is_whitespace() || character.is_control();
    let spaced: String = summary.chars().map(|character| if separates(character) { ' ' } else { character }).collect();
    let words = pasted::cleaned(&spaced).split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = words.chars().take(TITLE_CHARS).collect();
    Some(cut.trim_end().to_owned()).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rest: &str) -> Option<String> {
        let text = format!(r#"{{"event_type":"a.b","business_id":"b"{rest}}}"#);
        title(&Event::parse(&text).expect("well-formed"))
    }

    #[test]
    fn a_title_is_the_beginning_of_the_summary_as_one_line() {
        for (summary, expected) in [
            (r"שלום", "שלום"),
            (r" \n\tשלום\r\n\r\n עולם\u0007!\u2028 ", "שלום עולם !"),
            (r"\u200f\u202bשלום\u202c\u200b\u00a0עולם\u2066", "שלום עולם"),
            (r"a\\b \ud83d\ude00", "a\\b 😀"),
        ] {
            assert_eq!(of(&format!(r#","summary":"{summary}""#)).as_deref(), Some(expected), "{summary}");
        }
    }

    #[test]
    fn a_title_has_at_most_80_code_points_and_ends_in_none_that_is_a_space() {
        let summary = |text: &str| of(&format!(r#","summary":"{text}""#)).expect("a title");
        assert_eq!(summary(&"א".repeat(81)), "א".repeat(80));
        assert_eq!(summary(&"😀".repeat(99)), "😀".repeat(80));
        assert_eq!(summary(&format!("{} ב", "א".repeat(79))), "א".repeat(79));
    }

    #[test]
    fn an_event_without_a_visible_summary_has_no_title() {
        for rest in ["", r#","summary":"""#, r#","summary":" \u200f\n""#, r#","summary":7"#, r#","summary":null"#] {
            assert_eq!(of(rest), None, "{rest}");
        }
        let call = r#"{"event_type":"call.completed","business_id":"b","call_id":"c","summary":["x"]}"#;
        assert_eq!(title(&Event::parse(call).expect("well-formed")), None);
    }
}
