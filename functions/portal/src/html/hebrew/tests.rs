use std::collections::HashSet;
use std::time::Duration;

use domain::clue::Clue;
use domain::outcome::{Cause, Failure};
use jiff::Timestamp;

use super::*;

const CAUSES: [&str; 11] =
    ["dns", "refused", "reset", "tls", "timeout", "protocol", "blocked", "status", "redirect", "sign_in", "gone"];
const REFUSALS: [Refusal; 13] = [
    Refusal::TooLong,
    Refusal::TwoUrls,
    Refusal::Words,
    Refusal::Placeholder,
    Refusal::Backslash,
    Refusal::Fragment,
    Refusal::SpecialName,
    Refusal::Control,
    Refusal::Unreadable,
    Refusal::Scheme,
    Refusal::UserInfo,
    Refusal::Port,
    Refusal::Address,
];

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn is_hebrew(text: &str) -> bool {
    text.chars().any(|char| ('א'..='ת').contains(&char))
}

#[test]
fn every_cause_says_what_happened_and_what_to_do_and_no_two_say_the_same() {
    let mut seen = HashSet::new();
    for name in CAUSES {
        let cause = Cause::parse(name).expect("a cause");
        let Advice { what, fix } = advice(cause, None, None, None);
        assert!(is_hebrew(&what) && is_hebrew(fix) && is_hebrew(&short(cause, None, None)), "{name}");
        assert!(what.ends_with('.') && fix.ends_with('.'), "{name}");
        assert!(seen.insert(what), "{name}");
    }
}

#[test]
fn every_code_is_named_in_what_happened() {
    for code in 100..=599 {
        let advice = advice(Cause::Status, Some(code), None, None);
        let code = format!("({code})");
        assert!(advice.what.contains(&code), "{}", advice.what);
        assert!(is_hebrew(advice.fix), "{code}");
    }
}

#[test]
fn what_n8n_answers_to_404_leads_to_the_remedy() {
    let fix = |snippet| advice(Cause::Status, Some(404), None, Some(snippet)).fix;
    let inactive = r#"{"code":404,"message":"The requested webhook \"POST calls\" is not registered."}"#;
    let get = r#"{"message":"This webhook is not registered for POST requests. Did you mean to make a GET request?"}"#;
    let test = r#"{"message":"...is not registered.","hint":"Click the 'Execute workflow' button on the canvas"}"#;
    assert!(fix(inactive).contains("לא פעיל"));
    assert!(fix(get).contains("HTTP Method"));
    assert!(fix(test).contains("Production URL"));
    assert!(fix("<html>").contains("הועתקה במלואה"));
}

#[test]
fn every_clue_and_every_refusal_has_its_own_sentence_and_remedy() {
    let mut seen = HashSet::new();
    for clue in Clue::ALL {
        let Advice { what, fix } = advice(Cause::Status, Some(403), Some(clue), None);
        assert!(is_hebrew(&what) && what.ends_with("(403).") && fix.ends_with('.'), "{clue:?}: {what} {fix}");
        assert!(seen.insert(what), "{clue:?}");
    }
    for refused in REFUSALS {
        let Advice { what, fix } = advice(Cause::Failed(Failure::Blocked), None, Some(Clue::Refused(refused)), None);
        let is_private = matches!(refused, Refusal::Address | Refusal::SpecialName);
        assert_eq!(what.contains("רשת פרטית"), is_private, "{refused:?}");
        assert_eq!(fix == refusal(refused), !is_private, "{refused:?}");
    }
}

#[test]
fn what_the_attempt_showed_leads_to_another_remedy_than_its_code_alone() {
    let fix = |cause, code, clue: Option<Clue>| advice(cause, code, clue, None).fix;
    let timeout = Cause::Failed(Failure::Timeout);
    assert!(fix(timeout, None, Some(Clue::NoConnection)).contains("חומת אש"));
    assert!(fix(timeout, None, Some(Clue::NoAnswer)).contains("Immediately"));
    assert!(!fix(timeout, None, None).contains("Immediately"), "nobody knows");
    for clue in [Clue::Cloudflare, Clue::Imperva, Clue::Firewall] {
        assert!(!fix(Cause::Status, Some(403), Some(clue)).contains("Header Auth"), "{clue:?}");
        assert_eq!(short(Cause::Status, Some(403), Some(clue)), "חומת אש חסמה את הפנייה (403)");
    }
    assert!(fix(Cause::Status, Some(403), None).contains("Header Auth"));
    assert!(fix(Cause::Status, Some(401), Some(Clue::SignatureMissing)).contains("sig"));
    assert!(fix(Cause::Status, Some(401), Some(Clue::SecondAuthorization)).contains("למחוק"));
    assert!(fix(Cause::SignIn, Some(302), Some(Clue::ToLogin)).contains("Who has access"));
}

#[test]
fn the_codes_from_520_to_530_are_cloudflares_and_not_n8ns() {
    for code in 520..=530 {
        let Advice { what, fix } = advice(Cause::Status, Some(code), None, None);
        assert!(what.contains("Cloudflare") && !fix.contains("Executions"), "{what} {fix}");
        assert!(short(Cause::Status, Some(code), None).contains("Cloudflare"));
    }
    for code in [500, 501, 519, 531] {
        assert!(advice(Cause::Status, Some(code), None, None).fix.contains("Executions"), "{code}");
    }
}

#[test]
fn everything_that_can_be_wrong_with_the_settings_has_its_own_text() {
    let texts: HashSet<_> = REFUSALS.into_iter().map(refusal).collect();
    assert_eq!(texts.len(), REFUSALS.len());
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
    assert!(hints.into_iter().map(hint).chain(texts).all(is_hebrew));
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
