//! Writes counts in the forms that Hebrew has for one, two and many.

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

/// Says how many events wait. None: no event waits. [`HELD_COUNTED`] stands for more.
#[must_use]
pub fn waiting(held: u64) -> Option<String> {
    match held {
        0 => None,
        1 => Some("עדכון אחד ממתין.".to_owned()),
        held => Some(format!("{} ממתינים.", at_least(held))),
    }
}

/// Gives a count of two or more events. [`HELD_COUNTED`] stands for at least as many.
#[must_use]
pub fn at_least(held: u64) -> String {
    match held {
        HELD_COUNTED.. => format!("יותר מ־{}", updates(HELD_COUNTED - 1)),
        held => updates(held),
    }
}

/// Gives a count with its noun.
#[must_use]
pub fn counted(count: u64, one: &str, two: &str, many: &str) -> String {
    match count {
        1 => one.into(),
        2 => two.into(),
        _ => format!("{} {many}", grouped(count)),
    }
}

/// "3 עדכונים לא הגיעו", "לפחות 3 עדכונים לא הגיעו".
#[must_use]
pub fn not_arrived(count: u64, is_complete: bool) -> String {
    let verb = if count == 1 { "לא הגיע" } else { "לא הגיעו" };
    format!("{}{} {verb}", lower_bound(is_complete), updates(count))
}

/// "3 עדכונים עוד לא הגיעו", "לפחות 3 עדכונים עוד לא הגיעו".
#[must_use]
pub fn not_yet_arrived(count: u64, is_complete: bool) -> String {
    let verb = if count == 1 { "עוד לא הגיע" } else { "עוד לא הגיעו" };
    format!("{}{} {verb}", lower_bound(is_complete), updates(count))
}

fn lower_bound(is_complete: bool) -> &'static str {
    if is_complete { "" } else { "לפחות " }
}

/// 12345 as "12,345".
#[must_use]
pub fn grouped(number: u64) -> String {
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
