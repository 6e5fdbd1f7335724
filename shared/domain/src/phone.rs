//! Reads phone numbers as people and their contacts write them.

/// Gives an Israeli number as `+972-54-123-4567`, and a landline as `+972-3-123-4567`. None: the text is no Israeli
/// number.
///
/// Mobile (05x) and 07x numbers have nine digits behind the 0, landlines (02, 03, 04, 08, 09) eight. The 0, `972`, `+972`,
/// `00972` and `+972 (0)` may stand in front of them. Short and toll-free numbers cannot be dialled by way of +972.
#[must_use]
pub fn israeli(number: &str) -> Option<String> {
    let number = number.trim();
    let number = number.strip_prefix("tel:").unwrap_or(number);
    let is_international = number.starts_with(['+', '\u{ff0b}']);
    let number = number.trim_start_matches(['+', '\u{ff0b}']);
    // Bounds what the rest costs: the longest spelling has 14 digits.
    if number.len() > 100 || !number.chars().all(|c| digit(c).is_some() || (separates(c) && !matches!(c, '+' | '*'))) {
        return None;
    }
    let digits: String = number.chars().filter_map(digit).collect();
    let foreign = if is_international { digits.as_str() } else { digits.strip_prefix("00").unwrap_or(&digits) };
    let national = match foreign.strip_prefix("972") {
        Some(rest) => rest.strip_prefix('0').unwrap_or(rest),
        None if is_international => return None,
        None => digits.strip_prefix('0')?,
    };
    let area = match (national.as_bytes().first()?, national.len()) {
        (b'5' | b'7', 9) => 2,
        (b'2' | b'3' | b'4' | b'8' | b'9', 8) => 1,
        _ => return None,
    };
    let (area, subscriber) = national.split_at(area);
    let (exchange, line) = subscriber.split_at(3);
    Some(format!("+972-{area}-{exchange}-{line}"))
}

/// Gives the ASCII digit of an ASCII, Arabic, Persian or full-width digit.
#[must_use]
pub fn digit(character: char) -> Option<char> {
    let of_zero = |zero: char| char::from_digit(u32::from(character).checked_sub(u32::from(zero))?, 10);
    ['0', '\u{660}', '\u{6f0}', '\u{ff10}'].into_iter().find_map(of_zero)
}

/// Whether people write this character between the digits of a phone number: spaces, brackets, and every kind of hyphen
/// and dash, the Hebrew one (U+05BE) among them.
#[must_use]
pub fn separates(character: char) -> bool {
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
    fn an_israeli_number_is_written_in_one_way_however_it_is_published() {
        for number in [
            "0541234567",
            "054-1234567",
            "054-123-4567",
            "(054) 123\u{5be}45.67",
            "+972541234567",
            "+972-54-123-4567",
            "972541234567",
            "972-54-1234567",
            "00972541234567",
            "+972 (0)54-123-4567",
            "+9720541234567",
            " tel:+972-54-123-4567 ",
            "\u{ff0b}972\u{a0}54\u{2011}123\u{2013}4567",
            "\u{660}54\u{661}234567",
        ] {
            assert_eq!(israeli(number).as_deref(), Some("+972-54-123-4567"), "{number}");
        }
        for (number, expected) in [
            ("02-5312345", "+972-2-531-2345"),
            ("031234567", "+972-3-123-4567"),
            ("+97231234567", "+972-3-123-4567"),
            ("97248123456", "+972-4-812-3456"),
            ("08-6123456", "+972-8-612-3456"),
            ("09-7412345", "+972-9-741-2345"),
            ("072-2345678", "+972-72-234-5678"),
            ("+972771234567", "+972-77-123-4567"),
            ("0500000000", "+972-50-000-0000"),
        ] {
            assert_eq!(israeli(number).as_deref(), Some(expected), "{number}");
        }
    }

    #[test]
    fn any_other_number_is_none_of_them() {
        for number in [
            "",
            "anonymous",
            "*4567",
            "1-800-123-456",
            "1700123456",
            "541234567",
            "05412345678",
            "054123456",
            "0312345678",
            "061234567",
            "+1-202-555-0100",
            "+1 972 541 2345",
            "972-541-2345",
            "+0541234567",
            "+44 20 7946 0958",
            "054-1234567 ext 2",
            "054*1234567",
            "054+1234567",
            "sip:0541234567@example.com",
        ] {
            assert_eq!(israeli(number), None, "{number}");
        }
        assert_eq!(israeli(&format!("054{}1234567", " ".repeat(1_000))), None);
    }
}
