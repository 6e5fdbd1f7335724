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
fn every_format_says_what_is_sent_and_auto_what_it_comes_to() {
    let names: HashSet<_> = PayloadFormat::ALL.into_iter().map(format).collect();
    assert_eq!(names.len(), PayloadFormat::ALL.len());
    let says: HashSet<_> = PayloadFormat::ALL.into_iter().map(|format| sent_as(format, None)).collect();
    assert_eq!(says.len(), PayloadFormat::ALL.len());
    assert_eq!(sent_as(PayloadFormat::Always(Format::Slack), Some(Format::Slack)), "נשלח כהודעת Slack.");
    assert_eq!(sent_as(PayloadFormat::Auto, Some(Format::Slack)), "לפי הכתובת, נשלח כהודעת Slack.");
    assert!(sent_as(PayloadFormat::Auto, Some(Format::Event)).contains("העדכון המלא"));
    let kinds: HashSet<_> = TestKind::ALL.into_iter().map(test_kind).collect();
    assert_eq!(kinds.len(), TestKind::ALL.len());
}

#[test]
fn a_template_that_is_refused_says_where() {
    let place = Place { line: 3, column: 14 };
    let errors = [TemplateError::NotJson(place), TemplateError::NumberRange(place), TemplateError::Depth(place)];
    for error in errors {
        let text = format_error(InvalidFormat::Template(error));
        assert!(text.contains("שורה 3, תו 14"), "{text}");
    }
    let all = [
        InvalidFormat::Unknown,
        InvalidFormat::NoTemplate,
        InvalidFormat::Template(TemplateError::TooLong),
        InvalidFormat::Template(errors[0]),
        InvalidFormat::Template(errors[1]),
        InvalidFormat::Template(errors[2]),
    ];
    assert_eq!(all.into_iter().map(format_error).collect::<HashSet<_>>().len(), all.len());
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
    assert_eq!(said(Flash::RangeBegun { count: 1, more: false }), "עדכון אחד נשלח שוב.");
    assert!(said(Flash::RangeBegun { count: 10_000, more: true }).starts_with("יותר מ־10,000 עדכונים נשלחים שוב"));
    assert!(said(Flash::RangeBegun { count: 0, more: false }).starts_with("אין מה לשלוח שוב"));
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
    for (millis, text) in
        [(49, "פחות מעשירית שנייה"), (50, "0.1 שניות"), (340, "0.3 שניות"), (960, "שנייה"), (1_340, "1.3 שניות")]
    {
        assert_eq!(seconds(Duration::from_millis(millis)), text);
    }
}

#[test]
fn a_delay_is_told_in_the_unit_that_fits() {
    for (millis, text) in [
        (0, "פחות משנייה"),
        (999, "פחות משנייה"),
        (1_000, "שנייה"),
        (1_800, "שתי שניות"),
        (59_400, "59 שניות"),
        (59_500, "דקה"),
        (120_000, "שתי דקות"),
        (3_570_000, "שעה"),
        (7_200_000, "שעתיים"),
        (47 * 3_600_000, "47 שעות"),
        (48 * 3_600_000, "יומיים"),
        (5 * 86_400_000, "5 ימים"),
    ] {
        assert_eq!(about(Duration::from_millis(millis)), text);
    }
}
