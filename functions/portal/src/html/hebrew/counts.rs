//! Counts, in the forms that Hebrew has for one, two and many.

/// "3 עדכונים".
pub(crate) fn updates(count: u64) -> String {
    counted(count, "עדכון אחד", "שני עדכונים", "עדכונים")
}

/// "3 ניסיונות".
pub(crate) fn attempts(count: u32) -> String {
    counted(count.into(), "ניסיון אחד", "שני ניסיונות", "ניסיונות")
}

/// A count with its noun.
pub(super) fn counted(count: u64, one: &str, two: &str, many: &str) -> String {
    match count {
        1 => one.into(),
        2 => two.into(),
        _ => format!("{} {many}", grouped(count)),
    }
}

/// "3 עדכונים לא הגיעו", "לפחות 3 עדכונים לא הגיעו".
pub(crate) fn not_arrived(count: u64, is_complete: bool) -> String {
    let verb = if count == 1 { "לא הגיע" } else { "לא הגיעו" };
    format!("{}{} {verb}", at_least(is_complete), updates(count))
}

/// "3 עדכונים עוד לא הגיעו", "לפחות 3 עדכונים עוד לא הגיעו".
pub(crate) fn not_yet_arrived(count: u64, is_complete: bool) -> String {
    let verb = if count == 1 { "עוד לא הגיע" } else { "עוד לא הגיעו" };
    format!("{}{} {verb}", at_least(is_complete), updates(count))
}

fn at_least(is_complete: bool) -> &'static str {
    if is_complete { "" } else { "לפחות " }
}

/// 12345 as "12,345".
pub(crate) fn grouped(number: u64) -> String {
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
