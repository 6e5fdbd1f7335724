//! Pages as they could be, for the tests and for people to look at.

use adapters::deliveries_table::PastAttempt;
use adapters::settings_table::LastTest;
use domain::event::EventId;
use domain::format::{Format, PayloadFormat, Place, TemplateError};
use domain::summary::{Counter, Delivery, Status as CountedStatus, Summary as SummaryOfDays};

use super::*;
use crate::use_cases::{InvalidFormat, ReplayKind, ReplayState, ReplayView, TestKind};

pub(super) fn now() -> Timestamp {
    "2026-03-03T12:40:00Z".parse().expect("a time")
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

pub(super) fn endpoint(state: EndpointState, held: u64) -> EndpointView {
    EndpointView { state, held, is_replaying: false }
}

pub(super) fn overview_view() -> Overview {
    Overview {
        now: now(),
        said: None,
        settings: SettingsForm {
            url: "https://n8n.example.co.il/webhook/4f6c2d0e-8a31-4a0e-9a57-0c1d2e3f4a5b".into(),
            resolved: Some(Format::Event),
            has_mails: true,
            retention_most: 30,
            ..SettingsForm::default()
        },
        opened: None,
        is_unsaved: false,
        preview: None,
        test_kind: TestKind::default(),
        connection: ConnectionView {
            host: Some("n8n.example.co.il".into()),
            format: Some(Format::Event),
            tested: Some(LastTest { at: ago(60 * 26), was_delivered: true }),
            email: Some("owner@example.com".into()),
        },
        endpoint: endpoint(EndpointState::Active, 0),
        summary: Some(summary(&[(0, 24, 1, 1, 2), (1, 31, 0, 0, 0), (6, 18, 0, 0, 1), (9, 44, 0, 0, 0)])),
        test: None,
        secret: SecretView { exists: true, ..SecretView::default() },
        log: LogView { rows: rows(), next_cursor: Some("older".into()), ..LogView::default() },
    }
}

/// A summary of 14 days, of which some have deliveries: how many days ago, and how many were delivered after 1.8 s, are
/// retrying, are held, and failed.
pub(super) fn summary(days: &[(i64, usize, usize, usize, usize)]) -> SummaryOfDays {
    let mut counter = Counter::new(14, now());
    for (days_ago, delivered, retrying, held, failed) in days {
        let created_at = ago(days_ago * 24 * 60 + 30);
        let at = Some(created_at + SignedDuration::from_millis(1_800));
        for (status, count) in [
            (CountedStatus::Delivered { at }, delivered),
            (CountedStatus::Retrying, retrying),
            (CountedStatus::Held, held),
            (CountedStatus::Failed, failed),
        ] {
            (0..*count).for_each(|_| counter.count(&Delivery { created_at, status }));
        }
    }
    counter.summary(true)
}

pub(super) fn replay_view(state: ReplayState) -> ReplayView {
    let time = |text: &str| text.parse().expect("a time");
    ReplayView {
        kind: ReplayKind::Range,
        from: Some(time("2026-02-24T22:00:00Z")),
        to: Some(time("2026-03-03T21:59:59.999Z")),
        done: 310,
        failed: 2,
        total: Some(1_204),
        state,
    }
}

pub(super) fn row(index: i64, status: Status, cause: Option<Cause>) -> Summary {
    Summary {
        event_id: EventId::parse(&format!("evt_{:032x}", index + 0x00c0_ffee)).expect("an id"),
        event_type: "call.completed".into(),
        subject: Some(format!("CAb81c60f2d94e4f0aa3e7715c08d2{:04}", 946 + index)),
        phone_ending: Some(format!("{:04}", (index * 1_733 + 127) % 10_000)),
        title: Some(TITLES[usize::try_from(index).expect("a small number") % TITLES.len()].into()),
        created_at: ago(7 + index * 397),
        updated_at: ago(6 + index * 397),
        status,
        cause,
        status_code: match cause {
            None if status == Status::Delivered => Some(200),
            Some(Cause::Status) => Some(404),
            _ => None,
        },
        clue: None,
        format: Some(Format::Event),
        attempts: match status {
            Status::Delivered => 1,
            Status::Retrying => 3,
            Status::Held | Status::Other => 0,
            Status::Failed => 16,
        },
        next_attempt_at: (status == Status::Retrying).then(|| ago(-12)),
    }
}

/// The first words of summaries.
const TITLES: [&str; 4] = [
    "נקבע תור לשיננית ביום חמישי ב־16:30",
    "דנה שאלה על מחיר של הלבנת שיניים וביקשה שיחזרו אליה",
    "ביטול תור של מחר",
    "אורי לוי רוצה הצעת מחיר לשיפוץ מטבח בדירת ארבעה חדרים בגבעתיים, וישלח תמונות",
];

pub(super) fn rows() -> Vec<Summary> {
    let mut rows = vec![
        row(0, Status::Retrying, Some(Cause::Status)),
        row(1, Status::Held, None),
        row(2, Status::Delivered, None),
        row(3, Status::Failed, Some(Cause::Failed(Failure::Timeout))),
        row(4, Status::Delivered, None),
        row(5, Status::Delivered, None),
        row(6, Status::Failed, Some(Cause::Failed(Failure::Tls))),
    ];
    (rows[4].event_type, rows[4].subject) = ("appointment.booked".into(), Some("3306".into()));
    (rows[4].title, rows[5].title) = (None, None);
    (rows[5].event_type, rows[5].subject, rows[5].phone_ending) = ("survey.answered".into(), None, None);
    rows
}

pub(super) fn test_view(cause: Option<Cause>, status_code: Option<u16>) -> TestView {
    let millis = |millis| Some(Duration::from_millis(millis));
    TestView {
        cause,
        status_code,
        clue: None,
        timings: Timings {
            dns: millis(12),
            connect: millis(48),
            tls: millis(61),
            first_byte: millis(219),
            total: Duration::from_millis(340),
        },
        snippet: status_code.map(|code| match code {
            404 => r#"{"code":404,"message":"The requested webhook \"POST 4f6c2d0e\" is not registered."}"#.into(),
            _ => r#"{"message":"Workflow was started"}"#.into(),
        }),
        location: None,
    }
}

/// A preview of the settings as they are typed.
pub(super) fn of_form(body: &str) -> Preview {
    Preview { body: body.into(), of_form: true }
}

pub(super) fn shown_secret() -> ShownSecret {
    ShownSecret {
        secret: "whsec_UXcxM2VSdDVZdTdJbzlQYXNEZkdoSmtMelhjVmJObTE=".into(),
        text: Some("Qw13eRt5Yu7Io9PasDfGhJkLzXcVbNm1".into()),
    }
}

pub(super) fn secret_view() -> SecretView {
    SecretView { exists: true, shown: Some(shown_secret()), previous_until: Some(ago(-60 * 23)) }
}

pub(super) fn details() -> Details {
    let snippet = Some(r#"{"code":404,"message":"The requested webhook is not registered."}"#.to_owned());
    let attempt = |number, minutes, cause, status_code| PastAttempt {
        number,
        at: ago(minutes),
        cause,
        status_code,
        clue: None,
        timings: Timings { total: Duration::from_millis(187), ..Timings::default() },
        response_snippet: snippet.clone(),
        location: None,
        format: Some(Format::Event),
    };
    Details {
        summary: row(0, Status::Retrying, Some(Cause::Status)),
        response_snippet: snippet.clone(),
        attempts: vec![
            PastAttempt { response_snippet: None, ..attempt(1, 7, Some(Cause::Failed(Failure::Timeout)), None) },
            PastAttempt {
                location: Some("https://www.example.co.il/webhook/".into()),
                response_snippet: None,
                ..attempt(2, 6, Some(Cause::Redirect), Some(301))
            },
            attempt(3, 4, Some(Cause::Status), Some(404)),
        ],
        body: Some(include_str!("../../../../../events/samples/call.completed.short.json").to_owned()),
    }
}

/// The page of a delivery that was opened while there is a URL.
pub(super) fn delivery_page(details: &Details) -> String {
    delivery(details, None, EndpointState::Active, now())
}

/// All pages, in the states that matter.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let overviews = overviews().into_iter().chain(overviews_of_ranges()).chain(of_formats());
    let mut pages: Vec<_> = overviews.map(|(name, view)| (name, overview(&view))).collect();
    let delivered = Details {
        summary: row(2, Status::Delivered, None),
        attempts: vec![PastAttempt { cause: None, status_code: Some(200), ..details().attempts.remove(2) }],
        ..details()
    };
    pages.push(("delivery", delivery_page(&details())));
    pages.push(("delivery-delivered", delivery(&delivered, Some(Flash::Resent), EndpointState::Active, now())));
    pages.push(("delivery-without-content", delivery_page(&Details { body: None, ..details() })));
    pages.extend(guides::pages());
    pages.push(("signed-out", signed_out(SignedOut::Expired, Some("https://app.example.com/webhook"))));
    pages.push(("problem", problem(Problem::Fault)));
    pages
}

fn overviews_of_ranges() -> [(&'static str, Overview); 2] {
    let replayed = Overview {
        said: Some(Flash::RangeBegun { count: 1_204, more: false }),
        log: LogView { replay: Some(replay_view(ReplayState::Running)), ..overview_view().log },
        ..overview_view()
    };
    let moved = Overview { said: Some(Flash::SavedAnother), ..overview_view() };
    [("replayed", replayed), ("moved", moved)]
}

/// The page of a business that has saved nothing yet.
fn new_overview() -> Overview {
    Overview {
        settings: SettingsForm::default(),
        connection: ConnectionView::default(),
        endpoint: endpoint(EndpointState::NotSet, 0),
        summary: Some(summary(&[])),
        secret: SecretView::default(),
        log: LogView::default(),
        ..overview_view()
    }
}

fn overviews() -> Vec<(&'static str, Overview)> {
    let new = new_overview();
    let refused = Overview {
        settings: SettingsForm {
            url: "n8n.example.co.il/webhook/4f6c2d0e".into(),
            url_error: Some(Refusal::Unreadable),
            header_name: "Host".into(),
            has_header_value: true,
            header_error: Some(InvalidStaticHeader::Reserved),
            ..SettingsForm::default()
        },
        ..new.clone()
    };
    let active = Overview {
        said: Some(Flash::Saved),
        test: Some(test_view(None, Some(200))),
        summary: Some(summary(&[(0, 24, 0, 0, 0), (2, 31, 0, 0, 0), (13, 1, 0, 0, 0)])),
        log: LogView {
            rows: rows().into_iter().filter(|row| row.status == Status::Delivered).collect(),
            ..LogView::default()
        },
        ..overview_view()
    };
    let failing = Overview {
        endpoint: endpoint(EndpointState::Failing { since: ago(60 * 19), cause: Cause::Status }, 12),
        test: Some(test_view(Some(Cause::Status), Some(404))),
        ..overview_view()
    };
    let paused = Overview {
        said: Some(Flash::Paused),
        settings: SettingsForm {
            hints: vec![Hint::N8nTest, Hint::Unresolved],
            header_name: "X-API-Key".into(),
            has_header_value: true,
            ..overview_view().settings
        },
        endpoint: endpoint(EndpointState::Paused { since: ago(60 * 24 * 40), reason: PausedReason::Owner }, 2),
        secret: secret_view(),
        ..overview_view()
    };
    let narrowed = Overview {
        log: LogView {
            filter: Some(Status::Held),
            search: "4567".into(),
            rows: Vec::new(),
            next_cursor: Some("older".into()),
            is_older: true,
            ..LogView::default()
        },
        ..overview_view()
    };
    vec![
        ("new", new),
        ("refused", refused),
        ("active", active),
        ("failing", failing),
        ("paused", paused),
        ("narrowed", narrowed),
    ]
}

/// A preview of a message, and a template that is refused.
fn of_formats() -> [(&'static str, Overview); 2] {
    let previewed = Overview {
        settings: SettingsForm {
            format: PayloadFormat::Always(Format::Slack),
            resolved: Some(Format::Slack),
            ..overview_view().settings
        },
        preview: Some(of_form("{\"text\":\"הסתיימה שיחה נכנסת (בדיקה)\\nמאת: \u{2068}+972-55-000-0134\u{2069}\"}")),
        test_kind: TestKind::Call,
        ..overview_view()
    };
    let mistaken = Overview {
        settings: SettingsForm {
            format: PayloadFormat::Always(Format::Template),
            resolved: Some(Format::Template),
            template: "{\n  \"text\": }".into(),
            format_error: Some(InvalidFormat::Template(TemplateError::NotJson(Place { line: 2, column: 11 }))),
            ..overview_view().settings
        },
        ..overview_view()
    };
    [("previewed", previewed), ("mistaken", mistaken)]
}
