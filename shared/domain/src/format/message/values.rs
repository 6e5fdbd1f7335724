//! Writes the values of an event as a reader in Israel writes them.

use crate::event::json::{Object, Value};
use crate::{israel, pasted, phone};

/// The longest value of a fact, in characters. Five such values are well within the shortest limit, even with each
/// character escaped.
const FACT_CHARS: usize = 120;

const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// Gives a field's text. A number is given as its digits, and an absent field as "".
pub(super) fn text<'a>(event: &'a Object, field: &str) -> std::borrow::Cow<'a, str> {
    match event.get(field) {
        Some(Value::String(text)) => text.into(),
        Some(number @ Value::Number(_)) => number.to_json().into(),
        _ => "".into(),
    }
}

/// Gives the lines of a text without characters that do not show: carriage returns, control characters, and the
/// controls by which a text could reorder the text behind it (UAX #9). Marks that only order their own surroundings
/// stay, and so do the joiners of emoji.
pub(in crate::format) fn lines(text: &str) -> impl Iterator<Item = String> {
    let others = ['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = text.trim().lines().flat_map(move |line| line.split(others));
    lines.map(|line| {
        let shown: String = line.chars().filter(|character| !is_hidden(*character)).collect();
        shown.trim().to_owned()
    })
}

fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// Gives a value for a fact: in one line, cut if the value is long, and isolated. None: no character of the value
/// shows.
pub(super) fn fact(value: &str) -> Option<String> {
    // More characters than are shown, so that the cut is noticed; far fewer than a megabyte, so that this stays cheap.
    let beginning = value.trim_start().chars().filter(|character| shows(*character)).take(4 * FACT_CHARS);
    let words = beginning.collect::<String>();
    let value = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if pasted::cleaned(&value).is_empty() {
        return None;
    }
    let cut: String = value.chars().take(FACT_CHARS).collect();
    let mark = if cut.len() < value.len() { "…" } else { "" };
    Some(format!("{FIRST_STRONG_ISOLATE}{cut}{mark}{POP_ISOLATE}"))
}

/// Whether a character shows or separates words. White space separates words, even if it is a control character.
fn shows(character: char) -> bool {
    character.is_whitespace() || !is_hidden(character)
}

/// Gives an Israeli number in one form, another number as it was published, and no number as "מספר חסוי".
pub(super) fn phone(number: &str) -> String {
    let israeli = phone::israeli(&pasted::cleaned(number));
    israeli.and_then(|number| fact(&number)).or_else(|| fact(number)).unwrap_or_else(|| "מספר חסוי".into())
}

/// Gives a point in time in Israel's time zone. A time that cannot be converted is given as it was published.
pub(super) fn time(time: &str) -> Option<String> {
    match time.parse() {
        Ok(time) => fact(&israel::date_and_time(time)),
        Err(_) => fact(time),
    }
}

/// Gives the duration: "32 שניות", "2:23 דקות", "1:02:03 שעות". None: the duration is less than a second, which stands
/// for an unknown duration.
pub(super) fn duration(event: &Object) -> Option<String> {
    let seconds = match event.get("duration_sec") {
        Some(Value::Number(seconds)) => std::time::Duration::try_from_secs_f64(*seconds).ok()?.as_secs(),
        _ => return None,
    };
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(match (hours, minutes, rest) {
        (0, 0, 0) => return None,
        (0, 0, 1) => "שנייה אחת".into(),
        (0, 0, 2) => "שתי שניות".into(),
        (0, 0, _) => format!("{rest} שניות"),
        (0, 1, 0) => "דקה אחת".into(),
        (0, 2, 0) => "שתי דקות".into(),
        (0, _, 0) => format!("{minutes} דקות"),
        (0, ..) => format!("{minutes}:{rest:02} דקות"),
        (1, 0, 0) => "שעה אחת".into(),
        (2, 0, 0) => "שעתיים".into(),
        (_, 0, 0) => format!("{hours} שעות"),
        _ => format!("{hours}:{minutes:02}:{rest:02} שעות"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_a_reader_sees() {
        let of = |text| lines(text).collect::<Vec<_>>();
        assert_eq!(
            of("a\nb\r\nc\rd\u{85}e\u{2028}f\u{2029}g\u{b}h\u{c}i"),
            ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        );
        assert_eq!(of("\n\n a \n\n\tb\n"), ["a", "", "b"]);
        assert_eq!(of("x\u{202e}\u{2067}y\u{1}\u{7f}\u{9f}\tz"), ["xy\tz"]);
        assert_eq!(of("א\u{200f}\u{200e} 👨\u{200d}👩 ❤\u{fe0f}"), ["א\u{200f}\u{200e} 👨\u{200d}👩 ❤\u{fe0f}"]);
    }

    #[test]
    fn a_fact_is_one_line_that_cannot_reorder_the_rest() {
        assert_eq!(fact(" דנה\n\r\n כהן\u{202e} ").as_deref(), Some("\u{2068}דנה כהן\u{2069}"));
        assert_eq!(fact(" \n\u{2066}\u{1}"), None);
        let long = fact(&"א".repeat(121)).expect("a fact");
        assert_eq!(long, format!("\u{2068}{}…\u{2069}", "א".repeat(120)));
        assert_eq!(fact(&"א".repeat(120)), Some(format!("\u{2068}{}\u{2069}", "א".repeat(120))));
        assert_eq!(fact(&format!("{}x", " ".repeat(1_000_000))).as_deref(), Some("\u{2068}x\u{2069}"));
    }

    #[test]
    fn a_caller_is_shown_by_number_or_as_unknown() {
        assert_eq!(phone("0541234567"), "\u{2068}+972-54-123-4567\u{2069}");
        assert_eq!(phone("\u{202a}054-123-4567\u{202c}"), "\u{2068}+972-54-123-4567\u{2069}");
        assert_eq!(phone("+1-202-555-0100"), "\u{2068}+1-202-555-0100\u{2069}");
        assert_eq!(phone("*4567"), "\u{2068}*4567\u{2069}");
        for none in ["", " ", "\u{200f}\u{202e}"] {
            assert_eq!(phone(none), "מספר חסוי", "{none:?}");
        }
    }

    #[test]
    fn a_duration_is_said_in_the_forms_that_hebrew_has() {
        for (seconds, said) in [
            ("0", None),
            ("1", Some("שנייה אחת")),
            ("2", Some("שתי שניות")),
            ("32", Some("32 שניות")),
            ("60", Some("דקה אחת")),
            ("61", Some("1:01 דקות")),
            ("120", Some("שתי דקות")),
            ("143", Some("2:23 דקות")),
            ("300", Some("5 דקות")),
            ("3600", Some("שעה אחת")),
            ("3601", Some("1:00:01 שעות")),
            ("7200", Some("שעתיים")),
            ("10800", Some("3 שעות")),
            ("9007199254740991", Some("2501999792983:36:31 שעות")),
            ("-5", None),
            ("1e300", None),
            ("\"67\"", None),
        ] {
            match Value::parse(&format!(r#"{{"duration_sec":{seconds}}}"#)) {
                Ok(Value::Object(event)) => assert_eq!(duration(&event).as_deref(), said, "{seconds}"),
                _ => panic!("an object"),
            }
        }
    }
}
