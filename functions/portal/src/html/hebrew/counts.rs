//! Counts, in the forms that Hebrew has for one, two and many.

/// "3 עדכונים".
pub(crate) fn updates(count: u64) -> String {
    counted(count, "עדכון אחד", "שני עדכונים", "עדכונים")
}

/// "3 ניסיונות".
pub(crate) fn attempts(count: u32) -> String {
    counted(count.into(), "ניסיון אחד", "שני ניסיונות", "ניסיונות")
}

fn counted(count: u64, one: &str, two: &str, many: &str) -> String {
    match count {
        1 => one.into(),
        2 => two.into(),
        _ => format!("{} {many}", grouped(count)),
    }
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
