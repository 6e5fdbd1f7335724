use std::collections::HashSet;

use super::*;
use crate::clue::Clue;
use crate::outcome::{Cause, Failure};

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
fn a_script_of_googles_that_failed_is_not_called_n8n_and_leads_to_its_executions() {
    let failed = advice(Cause::Status, Some(200), Some(Clue::ScriptFailed), Some("<!DOCTYPE html>"));
    assert_eq!(failed.what, "הסקריפט ב־Google נכשל, והעדכון לא נרשם (200).");
    for step in ["Executions", "Manage deployments", "New version", "ContentService"] {
        assert!(failed.fix.contains(step), "{step}");
    }
    assert_eq!(short(Cause::Status, Some(200), Some(Clue::ScriptFailed)), "הסקריפט ב־Google נכשל (200)");
    let unauthorized = advice(Cause::Status, Some(200), Some(Clue::ScriptUnauthorized), None);
    assert!(unauthorized.what.contains("אין אישור") && unauthorized.fix.contains("Run"));
    assert!(!short(Cause::Status, Some(200), Some(Clue::ScriptUnauthorized)).contains("n8n"));
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
fn what_waits_is_counted_up_to_a_thousand() {
    for (held, text) in [
        (1, "עדכון אחד ממתין."),
        (2, "שני עדכונים ממתינים."),
        (999, "999 עדכונים ממתינים."),
        (1_000, "יותר מ־999 עדכונים ממתינים."),
        (5_000, "יותר מ־999 עדכונים ממתינים."),
    ] {
        assert_eq!(waiting(held).as_deref(), Some(text));
    }
    assert_eq!(waiting(0), None);
}

#[test]
fn every_refusal_has_its_own_text() {
    let texts: HashSet<_> = REFUSALS.into_iter().map(refusal).collect();
    assert_eq!(texts.len(), REFUSALS.len());
    assert!(texts.into_iter().all(is_hebrew));
}
