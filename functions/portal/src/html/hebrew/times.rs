//! Times, as a clock on a wall in Israel shows them.

use std::time::Duration;

use domain::israel;
use jiff::Timestamp;
use jiff::Zoned;

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
    let month = usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
    let day = format!("{} ב{month}", date.day());
    if date.year() == today.year() { day } else { format!("{day} {}", date.year()) }
}

/// "340 אלפיות שנייה" below a second, "1.3 שניות" from there on.
pub(crate) fn duration(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    match duration.as_millis() {
        0 => "פחות מאלפית שנייה".into(),
        1 => "אלפית שנייה".into(),
        millis @ 2..1000 => format!("{millis} אלפיות שנייה"),
        _ if tenths == 10 => "שנייה".into(),
        _ if tenths == 20 => "שתי שניות".into(),
        _ if tenths.is_multiple_of(10) => format!("{} שניות", tenths / 10),
        _ => format!("{}.{} שניות", tenths / 10, tenths % 10),
    }
}
