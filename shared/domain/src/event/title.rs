//! The title of an event: the beginning of its summary, by which the owner recognises the event in a list.

use crate::pasted;

/// The longest title, in characters (Unicode code points).
const TITLE_CHARS: usize = 80;

/// The first 80 characters of a `summary`, as one line; None: nothing of the summary is visible.
///
/// White space and control characters become single spaces. The characters that [`pasted::cleaned`] takes for invisible
/// are left out, the marks that set the direction of writing among them. Of a long summary only the beginning is read.
pub(super) fn title(summary: &str) -> Option<String> {
    let mut title = String::new();
    let (mut chars, mut space) = (0, false);
    for character in summary.chars() {
        // No-break spaces separate words too, although they are invisible.
        if character.is_whitespace() || character.is_control() {
            space = chars > 0;
        } else if !pasted::is_invisible(character) {
            chars += 1 + usize::from(space);
            if chars > TITLE_CHARS {
                break;
            }
            if std::mem::take(&mut space) {
                title.push(' ');
            }
            title.push(character);
        }
    }
    (chars > 0).then_some(title)
}

#[cfg(test)]
mod tests {
    use crate::event::Event;

    fn of(rest: &str) -> Option<String> {
        let text = format!(r#"{{"event_type":"a.b","business_id":"b"{rest}}}"#);
        Event::parse(&text).expect("well-formed").title().map(ToOwned::to_owned)
    }

    #[test]
    fn a_title_is_the_beginning_of_the_summary_as_one_line() {
        for (summary, expected) in [
            (r"שלום", "שלום"),
            (r" \n\tשלום\r\n\r\n עולם\u0007!\u2028 ", "שלום עולם !"),
            (r"\u200f\u202bשלום\u202c\u200b\u00a0עולם\u2066", "שלום עולם"),
            (r"a\\b \ud83d\ude00", "a\\b 😀"),
            (r"a\u200b b\u00a0\u2007c \u00ad d", "a b c d"),
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
        assert_eq!(Event::parse(call).expect("well-formed").title(), None);
    }
}
