//! A phone number in a search, however people and their contacts write it.
//!
//! The ledger has only the last digits of a number, so this module reads only as many.

use domain::event::Event;

/// The last digits of a searched phone number, at most as many as the ledger has; None: the text is no phone number.
pub(super) fn digits(search: &str) -> Option<String> {
    let number = search.strip_prefix("tel:").unwrap_or(search);
    let digits: Vec<char> = number.chars().filter_map(digit).collect();
    let known = digits.len().saturating_sub(Event::PHONE_ENDING_DIGITS);
    let is_number = number.chars().all(|character| digit(character).is_some() || separates(character));
    (is_number && !digits.is_empty()).then(|| digits[known..].iter().collect())
}

/// The ASCII digit for an ASCII, Arabic, Persian or full-width digit; None for any other character.
fn digit(character: char) -> Option<char> {
    let of_zero = |zero: char| char::from_digit(u32::from(character).checked_sub(u32::from(zero))?, 10);
    ['0', '\u{660}', '\u{6f0}', '\u{ff10}'].into_iter().find_map(of_zero)
}

/// Whether people write this character between the digits of a phone number: spaces, brackets, and every kind of hyphen
/// and dash, the Hebrew one (U+05BE) among them.
fn separates(character: char) -> bool {
    character.is_whitespace()
        || "+-()[]*./,".contains(character)
        || matches!(
            character,
            '\u{5be}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0b}' | '\u{ff0d}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_found_by_its_end_however_it_is_written() {
        for (search, expected) in [
            ("054-123-4567", Some("4567")),
            ("+972 54 123 4567", Some("4567")),
            ("67", Some("67")),
            ("+972\u{a0}54\u{2011}123\u{2013}4567", Some("4567")),
            ("(054) 123\u{5be}45.67", Some("4567")),
            ("tel:+972-54-123-4567", Some("4567")),
            ("\u{664}\u{665}\u{666}\u{6f7}", Some("4567")),
            ("\u{ff14}\u{ff15}", Some("45")),
            ("CA-4567", None),
            ("tel:", None),
            ("--", None),
        ] {
            assert_eq!(digits(search).as_deref(), expected, "{search}");
        }
    }
}
