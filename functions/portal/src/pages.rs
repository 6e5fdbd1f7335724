//! The owner's pages: what each address shows, and what each form does.
//!
//! A form that succeeds redirects (303), so that a reload does nothing twice. A form that is refused, and a test, are
//! answered with the page itself.

mod settings;
mod guides;
mod events;
mod view_model;

use std::sync::Arc;
use std::time::Duration;

use adapters::deliveries_table::{Cursor, Status, Wanted};
use adapters::process::clock;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use domain::endpoint::{Range, RangeStatuses};
use domain::event::BusinessId;
use domain::summary::Summary;
use domain::{israel, pasted};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use tokio::time::timeout;

use crate::api::attachment;
use crate::event_id_path::EventIdPath;
use crate::html::{self, Flash, Opened, Overview, Problem};
use crate::session::{self, Access};
use crate::use_cases::{Resent, SUMMARY_DAYS, Sending, UseCaseError, UseCases};
use crate::{as_html, report};

/// How long the page waits for its summary.
const SUMMARY_TIMEOUT: Duration = Duration::from_secs(3);

/// How many deliveries the page shows at a time.
const ROWS: usize = 20;

type App = State<Arc<UseCases>>;
type Owner = Extension<BusinessId>;
type Address = Result<Query<OverviewQuery>, QueryRejection>;
type Sent<T> = Result<Form<T>, FormRejection>;

/// The routes of the pages and of their forms.
pub(crate) fn router(use_cases: Arc<UseCases>, access: Arc<Access>) -> Router {
    let exchange_token = middleware::from_fn_with_state(Arc::clone(&access), exchange_token);
    Router::new()
        .route("/", get(overview))
        .route("/settings", post(settings::save))
        .route("/test", post(settings::test))
        .route("/preview", post(settings::preview))
        .route("/connect", get(guides::list))
        .route("/connect/{tool}", get(guides::guide))
        .route("/connect/n8n.json", get(guides::n8n_workflow))
        .route("/connect/google-sheets.gs", get(guides::google_sheets_script))
        .route("/connect/files/{name}", get(guides::file))
        .route("/events", get(events::events))
        .route("/pause", post(pause))
        .route("/resume", post(resume))
        .route("/signing-secret/rotate", post(rotate))
        .route("/deliveries/resend", post(resend_all))
        .route("/deliveries.csv", get(export))
        .route("/deliveries/{event_id}", get(delivery))
        .route("/deliveries/{event_id}/resend", post(resend))
        .route_layer(middleware::from_fn_with_state(access, session::pages))
        .route_layer(exchange_token)
        .with_state(use_cases)
}

#[derive(Deserialize)]
struct Entry {
    token: Option<String>,
}

/// Exchanges a link's token for a session, and removes the token from the address.
async fn exchange_token(
    State(access): State<Arc<Access>>,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let token = Query::<Entry>::try_from_uri(request.uri()).ok().and_then(|Query(entry)| entry.token);
    let Some(token) = token.filter(|_| request.uri().path() == "/" && request.method().is_safe()) else {
        return next.run(request).await;
    };
    match access.verify(&token).await {
        Ok(session) => {
            let cookie = HeaderValue::try_from(access.cookie(&token, &session, clock::now()));
            let cookie = cookie.expect("a token that was verified is base64url and dots");
            (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, cookie)])
                .into_response()
        }
        Err(denied) => access.denied_by_page(&denied),
    }
}

/// The query of the main page's address. Values that cannot be read are ignored, so that an old address still shows the
/// page.
#[derive(Default, Deserialize)]
struct OverviewQuery {
    secret: Option<String>,
    /// What is to be open: `settings` or `range`.
    open: Option<String>,
    status: Option<String>,
    search: Option<String>,
    cursor: Option<String>,
    /// The first and the last day that are looked at, as HTML has dates.
    from: Option<String>,
    to: Option<String>,
    said: Option<String>,
    count: Option<u64>,
    more: Option<String>,
}

impl OverviewQuery {
    fn wanted(&self) -> Wanted {
        let search = self.search.as_deref().map(pasted::cleaned).filter(|text| !text.is_empty());
        Wanted {
            status: self.status.as_deref().and_then(Status::parse),
            search: search.map(|text| text.chars().take(128).collect()),
            limit: ROWS,
            from: day(self.from.as_deref()).map(israel::start_of),
            to: day(self.to.as_deref()).and_then(end_of),
            after: self.cursor.as_deref().and_then(Cursor::parse),
        }
    }

    fn said(&self) -> Option<Flash> {
        Some(match self.said.as_deref()? {
            "saved" => Flash::Saved,
            "saved-another" => Flash::SavedAnother,
            "cleared" => Flash::Cleared,
            "paused" => Flash::Paused,
            "resumed" => Flash::Resumed,
            "resent" => Flash::Resent,
            "waits" => Flash::Waits,
            "replay" => Flash::RangeBegun { count: self.count.unwrap_or_default(), more: self.more.is_some() },
            "replay-refused" => Flash::RangeRefused,
            "replay-under-way" => Flash::RangeUnderWay,
            "released" => Flash::ReleasedHeld,
            "rotated" => Flash::Rotated,
            "not-kept" => Flash::NotKept,
            "no-url" => Flash::NoUrl,
            _ => return None,
        })
    }
}

/// A day of an address or a form; None: there is none, or the text is no date.
fn day(text: Option<&str>) -> Option<Date> {
    text?.parse().ok()
}

/// The last millisecond of a day in Israel, since events have milliseconds.
fn end_of(day: Date) -> Option<Timestamp> {
    Some(israel::start_of(day.tomorrow().ok()?) - Duration::from_millis(1))
}

type Answer = Result<Response, PageError>;

/// Why a page cannot be shown.
enum PageError {
    UseCaseError(UseCaseError),
    /// The request is none of the page's forms.
    Form(FormRejection),
}

impl From<UseCaseError> for PageError {
    fn from(why: UseCaseError) -> Self {
        Self::UseCaseError(why)
    }
}

impl From<FormRejection> for PageError {
    fn from(rejection: FormRejection) -> Self {
        Self::Form(rejection)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let why = match self {
            Self::UseCaseError(why) => why,
            Self::Form(rejection) => {
                let is_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
                let problem = if is_large { Problem::TooLarge } else { Problem::Refused };
                return as_html(rejection.status(), html::problem(problem));
            }
        };
        match &why {
            UseCaseError::NotFound => as_html(StatusCode::NOT_FOUND, html::problem(Problem::NotFound)),
            UseCaseError::NoUrl => redirect("/?said=no-url"),
            UseCaseError::NotKept => redirect("/?said=not-kept"),
            UseCaseError::RangeUnderWay => redirect("/?said=replay-under-way"),
            UseCaseError::Changed => redirect("/"),
            // The handlers of these forms show a refusal on the page itself, so none comes here.
            UseCaseError::Refused(_) | UseCaseError::TooManyTests(_) => {
                as_html(StatusCode::UNPROCESSABLE_ENTITY, html::problem(Problem::Refused))
            }
            UseCaseError::Fault(_) => {
                let mut response = as_html(StatusCode::SERVICE_UNAVAILABLE, html::problem(Problem::Fault));
                report::LogNote::fault_of(&why).map(|noted| response.extensions_mut().insert(noted));
                response
            }
        }
    }
}

fn redirect(place: &str) -> Response {
    let place = HeaderValue::try_from(place).expect("places are of this file, with ids and numbers in them");
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

async fn overview(State(use_cases): App, Extension(business): Owner, asked: Address) -> Answer {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let mut view = show(&use_cases, &business, &asked.wanted(), asked.secret.as_deref() == Some("shown")).await?;
    view.said = asked.said();
    view.opened = asked.open.as_deref().and_then(Opened::parse);
    Ok(as_html(StatusCode::OK, html::overview(&view)))
}

async fn show(
    use_cases: &UseCases,
    business: &BusinessId,
    wanted: &Wanted,
    with_secret: bool,
) -> Result<Overview, UseCaseError> {
    let (settings, listed, summary) = Box::pin(async {
        tokio::join!(use_cases.settings(business), use_cases.list(business, wanted), summary(use_cases, business))
    })
    .await;
    let ((owned, held), listed) = (settings?, listed?);
    let mut view = view_model::overview(&owned, held, listed, wanted, use_cases.targets, with_secret, clock::now());
    view.settings.has_mails = use_cases.sends_mails;
    view_model::set_retention(&mut view.settings, &owned, use_cases.retention);
    Ok(Overview { summary, ..view })
}

/// The deliveries of the last days; None: they cannot be counted now, or not in time. The page is shown without them.
async fn summary(use_cases: &UseCases, business: &BusinessId) -> Option<Summary> {
    match timeout(SUMMARY_TIMEOUT, use_cases.summary(business, SUMMARY_DAYS)).await {
        Ok(Ok(summary)) => Some(summary),
        Ok(Err(why)) => {
            report::no_summary(business, &why);
            None
        }
        Err(_) => {
            report::late_summary(business);
            None
        }
    }
}

/// The log as a file. Its address is one of the pages', since a session that has ended is answered with a page there.
async fn export(State(use_cases): App, Extension(business): Owner, asked: Address) -> Answer {
    let wanted = asked.map(|Query(asked)| asked.wanted()).unwrap_or_default();
    Ok(attachment(&use_cases.export(&business, wanted).await?))
}

fn newest() -> Wanted {
    Wanted { limit: ROWS, ..Wanted::default() }
}

async fn pause(State(use_cases): App, Extension(business): Owner) -> Answer {
    use_cases.pause(&business).await?;
    Ok(redirect("/?said=paused"))
}

async fn resume(State(use_cases): App, Extension(business): Owner) -> Answer {
    use_cases.resume(&business).await?;
    Ok(redirect("/?said=resumed"))
}

#[derive(Deserialize)]
struct RotateForm {
    confirm: Confirmed,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Confirmed {
    Yes,
}

async fn rotate(State(use_cases): App, Extension(business): Owner, form: Sent<RotateForm>) -> Answer {
    let Form(RotateForm { confirm: Confirmed::Yes }) = form?;
    // A form that is sent twice in a row must not end the secret that receivers still use.
    if !use_cases.has_just_rotated(&business).await? {
        use_cases.rotate(&business).await?;
    }
    Ok(redirect("/?said=rotated"))
}

#[derive(Deserialize)]
struct ResendForm {
    status: Resend,
    /// The first day of a range, as HTML has dates.
    #[serde(default)]
    from: String,
    /// Its last day.
    #[serde(default)]
    to: String,
    /// Present: the range has what has arrived too.
    delivered: Option<String>,
}

impl ResendForm {
    /// The range of the form's days in Israel; None: they are none, or in the wrong order.
    fn range(&self) -> Option<Range> {
        let [first, last]: [Date; 2] = [self.from.parse().ok()?, self.to.parse().ok()?];
        let (from, to) = (israel::start_of(first), end_of(last)?);
        let statuses = if self.delivered.is_some() { RangeStatuses::Both } else { RangeStatuses::Failed };
        (first <= last).then_some(Range { from: Some(from), to, statuses })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Resend {
    Failed,
    Held,
    Range,
}

async fn resend_all(State(use_cases): App, Extension(business): Owner, form: Sent<ResendForm>) -> Answer {
    let Form(form) = form?;
    match form.status {
        Resend::Failed => Ok(redirect_to_replay(&use_cases.replay_failed(&business).await?)),
        Resend::Range => match form.range() {
            Some(range) => Ok(redirect_to_replay(&use_cases.replay_range(&business, range).await?)),
            None => Ok(redirect("/?said=replay-refused&open=range#range")),
        },
        Resend::Held => {
            use_cases.replay_held(&business).await?;
            Ok(redirect("/?said=released"))
        }
    }
}

fn redirect_to_replay(resent: &Resent) -> Response {
    let more = if resent.more { "&more=yes" } else { "" };
    redirect(&format!("/?said=replay&count={}{more}", resent.count))
}

async fn delivery(
    State(use_cases): App,
    Extension(business): Owner,
    which: Result<EventIdPath, UseCaseError>,
    asked: Address,
) -> Answer {
    let EventIdPath(event_id) = which?;
    let (details, owned) = tokio::join!(
        use_cases.delivery(&business, &event_id),
        use_cases.tables.settings.read_for_owner(&business, clock::now())
    );
    let (details, owned) = (details?, owned.map_err(UseCaseError::from)?);
    let (now, said) = (clock::now(), asked.ok().and_then(|Query(asked)| asked.said()));
    Ok(as_html(StatusCode::OK, html::delivery(&details, said, view_model::state(&owned, now), now)))
}

async fn resend(State(use_cases): App, Extension(business): Owner, which: Result<EventIdPath, UseCaseError>) -> Answer {
    let EventIdPath(event_id) = which?;
    let said = match use_cases.resend(&business, &event_id).await? {
        Sending::Now => "resent",
        Sending::Waits => "waits",
    };
    Ok(redirect(&format!("/deliveries/{event_id}?said={said}")))
}
