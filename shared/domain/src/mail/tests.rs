use jiff::Timestamp;

use super::*;
use crate::outcome::Failure;

const PAGE: &str = "https://app.example.com/webhook?a=1&b=\"2\"";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn failing(cause: Cause) -> News {
    News::Failing { since: at("2026-03-01T09:12:40Z"), cause }
}

fn paused(reason: PausedReason) -> News {
    News::Paused { since: at("2026-07-09T05:05:00Z"), reason }
}

fn recovered(cause: &str) -> News {
    News::Recovered { since: Some(at("2026-03-01T09:12:40Z")), cause: cause.to_owned() }
}

/// Every mail that there can be, but for its numbers.
fn every_news() -> Vec<News> {
    let names =
        ["dns", "refused", "reset", "tls", "timeout", "protocol", "blocked", "status", "redirect", "sign_in", "gone"];
    let reasons = [PausedReason::Gone, PausedReason::Spent, PausedReason::Owner, PausedReason::NoUrl];
    let mut news: Vec<_> = names.iter().map(|name| failing(Cause::read(name))).collect();
    news.push(failing(Cause::Other));
    news.extend(reasons.map(paused));
    news.extend(names.map(recovered));
    news.extend(reasons.map(|reason| recovered(reason.as_str())));
    news.push(News::Recovered { since: None, cause: "unheard of".to_owned() });
    news
}

#[test]
fn the_mails_are_those_that_were_read_and_approved() {
    for (name, news, held, page, text, html) in [
        (
            "failing",
            failing(Cause::Failed(Failure::Dns)),
            Some(12),
            Some(PAGE),
            include_str!("approved/failing.txt"),
            include_str!("approved/failing.html"),
        ),
        (
            "paused",
            paused(PausedReason::Gone),
            Some(1_000),
            None,
            include_str!("approved/paused.txt"),
            include_str!("approved/paused.html"),
        ),
        (
            "recovered",
            recovered("status"),
            None,
            Some("https://app.example.com/"),
            include_str!("approved/recovered.txt"),
            include_str!("approved/recovered.html"),
        ),
    ] {
        let mail = Mail::new(&news, held, page);
        assert_eq!(mail.text, text, "{name}");
        assert_eq!(mail.html, html, "{name}");
    }
}

#[test]
fn every_mail_is_hebrew_from_right_to_left_and_says_what_to_do() {
    for news in every_news() {
        let mail = Mail::new(&news, Some(3), Some(PAGE));
        assert!(mail.html.starts_with("<!doctype html>\n<html lang=\"he\" dir=\"rtl\">"), "{news:?}");
        assert!(mail.text.contains(WHAT_TO_DO) && mail.html.contains(WHAT_TO_DO), "{news:?}");
        assert!(mail.text.contains(PAGE), "{news:?}");
        assert!(mail.html.contains("href=\"https://app.example.com/webhook?a=1&amp;b=&quot;2&quot;\""), "{news:?}");
        assert!(
            !mail.subject.contains('\n') && mail.subject.chars().next().is_some_and(|first| first >= 'א'),
            "{news:?}"
        );
        assert!(mail.html.len() + mail.text.len() < 20_000, "{news:?}");
        assert!(!mail.text.contains("כאן"), "a mail is not the page: {}", mail.text);
        for fetched in ["<img", "<link", "<script", "url(", "<style"] {
            assert!(!mail.html.contains(fetched), "{news:?} {fetched}");
        }
    }
}

#[test]
fn without_a_page_no_mail_has_a_link() {
    for news in every_news() {
        let mail = Mail::new(&news, Some(3), None);
        assert!(!mail.html.contains("href") && !mail.text.contains(TO_THE_PAGE), "{news:?}");
    }
}

#[test]
fn what_waits_is_said_as_far_as_it_is_known() {
    let waiting = |news: &News, held| {
        let text = Mail::new(news, held, None).text;
        text.split("\n\n").nth(3).map(ToOwned::to_owned).expect("the fourth paragraph")
    };
    let failing = failing(Cause::Status);
    let (paused, recovered) = (paused(PausedReason::Spent), recovered("status"));
    for (news, held, said) in [
        (&failing, None, hebrew::WHILE_FAILING.to_owned()),
        (&failing, Some(0), hebrew::WHILE_FAILING.to_owned()),
        (&failing, Some(1), format!("עדכון אחד ממתין. {}", hebrew::WHILE_FAILING)),
        (&failing, Some(1_000), format!("יותר מ־999 עדכונים ממתינים. {}", hebrew::WHILE_FAILING)),
        (&paused, None, format!("מה שממתין נשמר. {}", hebrew::WHILE_PAUSED)),
        (&paused, Some(2), format!("שני עדכונים ממתינים. {}", hebrew::WHILE_PAUSED)),
        (&recovered, None, "מה שהמתין נשלח עכשיו, בהדרגה.".to_owned()),
        (&recovered, Some(0), "שום עדכון לא ממתין.".to_owned()),
        (&recovered, Some(1), "עדכון אחד שהמתין נשלח עכשיו.".to_owned()),
        (&recovered, Some(49), "49 עדכונים שהמתינו נשלחים עכשיו, בהדרגה.".to_owned()),
        (&recovered, Some(1_000), "יותר מ־999 עדכונים שהמתינו נשלחים עכשיו, בהדרגה.".to_owned()),
    ] {
        assert_eq!(waiting(news, held), said, "{news:?} {held:?}");
    }
}

/// Writes the mails to target/mails, for people to look at.
#[test]
fn every_kind_of_mail_is_written_where_it_can_be_looked_at() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mails");
    std::fs::create_dir_all(&folder)?;
    let mails = [
        ("failing", Mail::new(&failing(Cause::Failed(Failure::Dns)), Some(12), Some(PAGE))),
        ("paused", Mail::new(&paused(PausedReason::Gone), Some(1_000), None)),
        ("recovered", Mail::new(&recovered("status"), None, Some("https://app.example.com/"))),
    ];
    for (name, mail) in mails {
        std::fs::write(folder.join(format!("{name}.txt")), mail.text)?;
        std::fs::write(folder.join(format!("{name}.html")), mail.html)?;
    }
    Ok(())
}
