//! A phone number in a search, however people and their contacts write it.
//!
//! The ledger has only the last digits of a number, so this module reads only as many.

use domain::event::Event;
use domain::phone::{digit, separates};

/// The last digits of a searched phone number, at most as many as the ledger has; None: the text is no phone number.
pub(super) fn digits(search: &str) -> Option<String> {
    let number = search.strip_prefix("tel:").unwrap_or(search);
    let digits: Vec<char> = number.chars().filter_map(digit).collect();
    let known = digits.len().saturating_sub(Event::PHONE_ENDING_DIGITS);
    let is_number = number.chars().all(|character| digit(character).is_some() || separates(character));
    (is_number && !digits.is_empty()).then(|| digits[known..].iter().collect())
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
