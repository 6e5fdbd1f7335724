//! Counts, in the forms that Hebrew has for one, two and many.

use crate::endpoint::HELD_COUNTED;

/// "3 עדכונים".
#[must_use]
pub fn updates(count: u64) -> String {
    counted(count, "עדכון אחד", "שני עדכונים", "עדכונים")
}

/// "3 ניסיונות".
#[must_use]
pub fn attempts(count: u32) -> String {
    counted(count.into(), "ניסיון אחד", "שני ניסיונות", "ניסיונות")
}

/// How many events wait, as a sentence; None: none wait. [`HELD_COUNTED`] stands for more.
#[must_use]
pub fn waiting(held: u64) -> Option<String> {
    match held {
        0 => None,
        1 => Some("עדכון אחד ממתין.".to_owned()),
        held => Some(format!("{} ממתינים.", at_least(held))),
    }
}

/// Two or more events. Of [`HELD_COUNTED`] nobody knows how many they are.
#[must_use]
pub fn at_least(held: u64) -> String {
    match held {
        HELD_COUNTED.. => format!("יותר מ־{}", updates(HELD_COUNTED - 1)),
        held => updates(held),
    }
}

fn counted(count: u64, one: &str, two: &str, many: &str) -> String {
    match count {
        1 => one.into(),
        2 => two.into(),
        _ => format!("{} {many}", grouped(count)),
    }
}

/// 12345 as "12,345".
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
