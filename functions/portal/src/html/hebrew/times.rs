//! Times, as a clock on a wall in Israel shows them.

use std::time::Duration;

use domain::israel;
use jiff::civil::Date;
use jiff::{Timestamp, Zoned};

use domain::hebrew::counted;

const MONTHS: [&str; 12] =
    ["ינואר", "פברואר", "מרץ", "אפריל", "מאי", "יוני", "יולי", "אוגוסט", "ספטמבר", "אוקטובר", "נובמבר", "דצמבר"];

/// "היום, 14:05", "אתמול, 14:05", "3 במרץ, 14:05"; the year only if it is another one.
pub(crate) fn when(time: Timestamp, now: Timestamp) -> String {
    let [time, now] = [time, now].map(israel::local);
    format!("{}, {:02}:{:02}", day(&time, &now), time.hour(), time.minute())
}

fn day(time: &Zoned, now: &Zoned) -> String {
    let (date, today) = (time.date(), now.date());
    if date == today {
        return "היום".into();
    }
    if today.yesterday().is_ok_and(|yesterday| date == yesterday) {
        return "אתמול".into();
    }
    if today.tomorrow().is_ok_and(|tomorrow| date == tomorrow) {
        return "מחר".into();
    }
    let day = day_of_month(date);
    if date.year() == today.year() { day } else { format!("{day} {}", date.year()) }
}

/// "3 במרץ"
pub(crate) fn day_of_month(date: Date) -> String {
    let month = usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
    format!("{} ב{month}", date.day())
}

/// "פחות משנייה", "3 שניות", "שתי דקות", "שעתיים", "3 ימים": for a delay of which nobody needs the rest.
pub(crate) fn about(delay: Duration) -> String {
    let rounded = |unit: u64| (delay.as_millis() + u128::from(unit) * 500) / (u128::from(unit) * 1000);
    let rounded = |unit| u64::try_from(rounded(unit)).unwrap_or(u64::MAX);
    match (rounded(1), rounded(60), rounded(3600)) {
        _ if delay < Duration::from_secs(1) => "פחות משנייה".into(),
        (seconds @ ..60, ..) => counted(seconds, "שנייה", "שתי שניות", "שניות"),
        (_, minutes @ ..60, _) => counted(minutes, "דקה", "שתי דקות", "דקות"),
        (_, _, hours @ ..48) => counted(hours, "שעה", "שעתיים", "שעות"),
        _ => counted(rounded(86_400), "יום", "יומיים", "ימים"),
    }
}

/// "0.3 שניות", "שנייה", "1.3 שניות": for people. Less than half of a tenth is "פחות מעשירית שנייה".
pub(crate) fn seconds(duration: Duration) -> String {
    match (duration.as_millis() + 50) / 100 {
        0 => "פחות מעשירית שנייה".into(),
        10 => "שנייה".into(),
        20 => "שתי שניות".into(),
        tenths if tenths.is_multiple_of(10) => format!("{} שניות", tenths / 10),
        tenths => format!("{}.{} שניות", tenths / 10, tenths % 10),
    }
}

/// For those who look into a test's phases: "340 אלפיות שנייה" below a second, "1.3 שניות" from there on.
pub(crate) fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "פחות מאלפית שנייה".into(),
        1 => "אלפית שנייה".into(),
        millis @ 2..1000 => format!("{millis} אלפיות שנייה"),
        _ => seconds(duration),
    }
}
