use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn is_hebrew(text: &str) -> bool {
    text.chars().any(|char| ('א'..='ת').contains(&char))
}

#[test]
fn everything_that_can_be_wrong_with_the_settings_has_its_own_text() {
    let errors = [
        InvalidStaticHeader::Name,
        InvalidStaticHeader::NameTooLong,
        InvalidStaticHeader::Reserved,
        InvalidStaticHeader::Value,
        InvalidStaticHeader::ValueTooLong,
    ];
    assert_eq!(errors.into_iter().map(header_error).collect::<HashSet<_>>().len(), errors.len());
    let hints = [
        Hint::N8nTest,
        Hint::ToolPage,
        Hint::Slack,
        Hint::SlackWorkflow,
        Hint::Discord,
        Hint::GoogleChat,
        Hint::Telegram,
        Hint::Teams,
        Hint::PowerAutomate,
        Hint::Unresolved,
        Hint::Http,
        Hint::Mistyped,
    ];
    assert_eq!(hints.into_iter().map(hint).collect::<HashSet<_>>().len(), hints.len());
    assert!(hints.into_iter().map(hint).all(is_hebrew));
}

#[test]
fn counts_have_the_forms_of_one_two_and_many() {
    for (count, text) in [
        (0, "0 עדכונים"),
        (1, "עדכון אחד"),
        (2, "שני עדכונים"),
        (3, "3 עדכונים"),
        (11, "11 עדכונים"),
        (1_204, "1,204 עדכונים"),
        (100_000, "100,000 עדכונים"),
    ] {
        assert_eq!(updates(count), text);
    }
    assert_eq!([1, 2, 16].map(attempts), ["ניסיון אחד", "שני ניסיונות", "16 ניסיונות"]);
    assert_eq!(said(Flash::ResentFailed { count: 1, more: false, not_kept: 0 }), "עדכון אחד נשלח שוב.");
    assert!(
        said(Flash::ResentFailed { count: 500, more: true, not_kept: 0 })
            .starts_with("500 עדכונים נשלחים שוב. נשארו עוד")
    );
}

#[test]
fn times_are_those_of_israel_in_summer_and_in_winter() {
    let now = at("2026-03-03T20:00:00Z");
    for (time, text) in [
        ("2026-03-03T12:05:00Z", "היום, 14:05"),
        ("2026-03-02T22:00:00Z", "היום, 00:00"),
        ("2026-03-02T21:59:59Z", "אתמול, 23:59"),
        ("2026-03-03T22:30:00Z", "מחר, 00:30"),
        ("2026-03-01T06:07:00Z", "1 במרץ, 08:07"),
        ("2025-07-14T06:07:00Z", "14 ביולי 2025, 09:07"),
    ] {
        assert_eq!(when(at(time), now), text);
    }
}

#[test]
fn durations_are_read_easily() {
    for (millis, text) in [
        (0, "פחות מאלפית שנייה"),
        (1, "אלפית שנייה"),
        (340, "340 אלפיות שנייה"),
        (1_000, "שנייה"),
        (1_340, "1.3 שניות"),
        (1_960, "שתי שניות"),
        (20_000, "20 שניות"),
    ] {
        assert_eq!(duration(Duration::from_millis(millis)), text);
    }
}
