//! The JSON API, and the `OpenAPI` document that is generated from its routes.
//!
//! No route takes a business id: the session names the business.

mod body;
mod shapes;
mod summary;
mod export;

pub(crate) use body::{Body, BodyWithLists, OptionalBody};
pub(crate) use export::attachment;

use std::sync::Arc;

use adapters::deliveries_table::{Cursor, Status, Wanted};
use adapters::process::clock;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
use domain::event::{BusinessId, Event};
use domain::{Timestamp, pasted};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::event_id_path::EventIdPath;
use crate::problem::Problem;
use crate::report;
use crate::session::{self, Access};
use crate::use_cases::{FormatIntent, Resent, SigningSecretText, UseCaseError, UseCases};
use shapes::{
    AllOfStatus, DeliveryDetails, DeliveryList, DeliverySummary, ListQuery, Preview, PreviewRequest, ReplayProgress,
    ResendAll, ResendStatus, Sent, SentMany, Settings, SettingsChange, SigningSecret, TestRequest, TestResult,
};

/// How many deliveries a list has by default.
const DEFAULT_LIMIT: usize = 20;

type App = State<Arc<UseCases>>;
type Owner = Extension<BusinessId>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ProSaaS webhooks: the owner's API",
        description = "Settings, test, signing secret and delivery log of one business. The business is the one whose \
                       token is presented; no route takes a business id.",
        license(name = "MIT", identifier = "MIT"),
    ),
    components(schemas(Problem)),
    security(("token" = []))
)]
struct Document;

/// The routes under `/api`.
pub(crate) fn router(use_cases: Arc<UseCases>, access: Arc<Access>) -> Router {
    let (routes, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(settings, save_settings))
        .routes(routes!(test))
        .routes(routes!(preview))
        .routes(routes!(signing_secret))
        .routes(routes!(rotate_signing_secret))
        .routes(routes!(summary::summary))
        .routes(routes!(deliveries))
        .routes(routes!(export::deliveries_csv))
        .routes(routes!(delivery))
        .routes(routes!(resend_all))
        .routes(routes!(resend))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .split_for_parts();
    let document: Arc<str> = describe(document).into();
    let description = get(move || std::future::ready(([("content-type", "application/json")], document.to_string())))
        .layer(middleware::from_fn_with_state(Arc::clone(&access), session::description));
    routes
        .route_layer(middleware::from_fn_with_state(access, session::api))
        .with_state(use_cases)
        .route("/api/openapi.json", description)
}

/// Adds the parts that all operations share: the authentication, and the shape of every refusal.
fn describe(mut document: utoipa::openapi::OpenApi) -> String {
    let problem = || {
        ResponseBuilder::new()
            .description("What was not done, and why")
            .content(
                "application/problem+json",
                ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
            )
            .build()
    };
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), problem().into());
        }
    }
    let token = SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build());
    document.components.get_or_insert_default().security_schemes.insert("token".to_owned(), token.into());
    document.to_json().expect("a document of texts and numbers always serialises")
}

impl IntoResponse for UseCaseError {
    fn into_response(self) -> Response {
        let fault = report::LogNote::fault_of(&self);
        let wait = self.retry_after();
        let mut response = Problem::from(self).into_response();
        wait.map(|wait| response.headers_mut().insert(RETRY_AFTER, wait));
        fault.map(|fault| response.extensions_mut().insert(fault));
        response
    }
}

/// Gives the settings, and the state of the endpoint.
#[utoipa::path(
    get, path = "/api/settings",
    responses((status = OK, description = "The settings as they are now", body = Settings))
)]
async fn settings(State(use_cases): App, Extension(business): Owner) -> Result<Json<Settings>, UseCaseError> {
    Ok(Json(shown(&use_cases, &business).await?))
}

async fn shown(use_cases: &UseCases, business: &BusinessId) -> Result<Settings, UseCaseError> {
    let (owned, held) = use_cases.settings(business).await?;
    let replay = use_cases.replay(business, &owned, held).await?;
    Ok(Settings::new(&owned, held, replay.as_ref(), use_cases))
}

/// Replaces the settings that are named; the others stay. A business's first settings also make its signing secret.
#[utoipa::path(
    put, path = "/api/settings", request_body = SettingsChange,
    responses((status = OK, description = "The settings as they are now", body = Settings))
)]
async fn save_settings(
    State(use_cases): App,
    Extension(business): Owner,
    Body(change): Body<SettingsChange>,
) -> Result<Json<Settings>, UseCaseError> {
    let (url, header, format, email, retention) = change.intents();
    let saved = use_cases.save(&business, url, header, format, email, retention).await?;
    let mut settings = shown(&use_cases, &business).await?;
    // Only these warnings include those of the DNS lookup.
    settings.warnings = saved.warnings;
    Ok(Json(settings))
}

/// Sends a test event now, signed and sent like every delivery. If it is delivered, the held events follow.
///
/// Every field of the event has a value, its ids begin with `test-`, and `metadata` has `"test": true`. Without a body, it
/// is a `webhook.test`.
///
/// Each business may make ten tests in a calendar minute.
#[utoipa::path(
    post, path = "/api/test", request_body = Option<TestRequest>,
    responses(
        (status = OK, description = "What the test came to", body = TestResult),
        (status = TOO_MANY_REQUESTS, description = "Ten were made in this minute", body = Problem,
         content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds until the next minute")))
    )
)]
async fn test(
    State(use_cases): App,
    Extension(business): Owner,
    OptionalBody(request): OptionalBody<Option<TestRequest>>,
) -> Result<Json<TestResult>, UseCaseError> {
    let kind = request.unwrap_or_default().event_type;
    Ok(Json(TestResult::new(&use_cases.test(&business, kind).await?)))
}

/// Gives the body that a test would send. Nothing is sent or stored.
///
/// A member that the request names replaces the stored setting, and is judged as if it were saved.
#[utoipa::path(
    post, path = "/api/preview", request_body = PreviewRequest,
    responses((status = OK, description = "The body", body = Preview))
)]
async fn preview(
    State(use_cases): App,
    Extension(business): Owner,
    Body(request): Body<PreviewRequest>,
) -> Result<Json<Preview>, UseCaseError> {
    let PreviewRequest { payload_format, payload_template, event_type, generic_webhook_url } = request;
    let format = FormatIntent { format: payload_format, template: payload_template };
    let body = use_cases.preview(&business, generic_webhook_url, format, event_type).await?;
    Ok(Json(Preview { body }))
}

/// Gives the secret by which receivers verify signatures; null as long as there is none.
#[utoipa::path(
    get, path = "/api/signing-secret",
    responses((status = OK, description = "The secret as it is now", body = SigningSecret))
)]
async fn signing_secret(
    State(use_cases): App,
    Extension(business): Owner,
) -> Result<Json<SigningSecret>, UseCaseError> {
    let (owned, _) = use_cases.settings(&business).await?;
    let secret = owned.signing_secret.as_deref().map(SigningSecretText::of);
    Ok(Json(SigningSecret::new(secret, owned.previous_secret_until)))
}

/// Replaces the secret; the previous one stays valid for 24 hours. Without a secret, this makes the first.
#[utoipa::path(
    post, path = "/api/signing-secret/rotate",
    responses((status = OK, description = "The secret as it is now", body = SigningSecret))
)]
async fn rotate_signing_secret(use_cases: App, owner: Owner) -> Result<Json<SigningSecret>, UseCaseError> {
    use_cases.rotate(&owner).await?;
    signing_secret(use_cases, owner).await
}

/// Lists the deliveries, newest first, without their bodies.
///
/// A list may have fewer than `limit` deliveries, even none, and yet a `next_cursor` for older ones: a search for rare
/// deliveries goes through the log in parts.
#[utoipa::path(
    get, path = "/api/deliveries", params(ListQuery),
    responses((status = OK, description = "A part of the list", body = DeliveryList))
)]
async fn deliveries(
    State(use_cases): App,
    Extension(business): Owner,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<DeliveryList>, Response> {
    let wanted = query
        .map_err(|rejection| rejection.body_text())
        .and_then(|Query(query)| wanted(query))
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail).into_response())?;
    let listed = use_cases.list(&business, &wanted).await.map_err(UseCaseError::into_response)?;
    let now = clock::now();
    Ok(Json(DeliveryList {
        deliveries: listed.deliveries.iter().map(|summary| DeliverySummary::new(summary, now)).collect(),
        next_cursor: listed.next.as_ref().map(Cursor::to_text),
    }))
}

fn wanted(query: ListQuery) -> Result<Wanted, String> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let status = given(query.status).map(|name| Status::parse(&name).ok_or("status is none that there is"));
    let after = given(query.cursor).map(|text| Cursor::parse(&text).ok_or("cursor is none that a list has given"));
    let search = given(query.search.as_deref().map(pasted::cleaned));
    let (from, to) = (time("from", given(query.from))?, time("to", given(query.to))?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err("from is later than to".to_owned());
    }
    if search.as_ref().is_some_and(|text| text.chars().count() > Event::SUBJECT_CHARS) {
        return Err("search is longer than 128 characters".to_owned());
    }
    let limit = match given(query.limit).map(|text| text.parse()) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=100)) => limit,
        Some(_) => return Err("limit is not 1 to 100".to_owned()),
    };
    Ok(Wanted { status: status.transpose()?, search, from, to, limit, after: after.transpose()? })
}

fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>, String> {
    text.map(|text| text.parse().map_err(|_| format!("{name} is no time of RFC 3339"))).transpose()
}

/// Gives one delivery, with its body and attempts.
#[utoipa::path(
    get, path = "/api/deliveries/{event_id}",
    params((
        "event_id" = String, Path, description = "The event's id, as `webhook-id` has it",
        pattern = "^evt_[0-9a-f]{32}$", example = "evt_0123456789abcdef0123456789abcdef"
    )),
    responses(
        (status = OK, description = "The delivery", body = DeliveryDetails),
        (status = NOT_FOUND, description = "There is no such delivery", body = Problem,
         content_type = "application/problem+json")
    )
)]
async fn delivery(
    State(use_cases): App,
    Extension(business): Owner,
    EventIdPath(event_id): EventIdPath,
) -> Result<Json<DeliveryDetails>, UseCaseError> {
    Ok(Json(DeliveryDetails::new(use_cases.delivery(&business, &event_id).await?, clock::now())))
}

/// Sends one delivery again, whatever its status.
///
/// If the endpoint is failing or paused, the event is held with the others. An event whose next attempt comes within a
/// minute is left to that attempt.
#[utoipa::path(
    post, path = "/api/deliveries/{event_id}/resend",
    params((
        "event_id" = String, Path, description = "The event's id, as `webhook-id` has it",
        pattern = "^evt_[0-9a-f]{32}$", example = "evt_0123456789abcdef0123456789abcdef"
    )),
    responses(
        (status = ACCEPTED, description = "They are on their way", body = Sent),
        (status = NOT_FOUND, description = "There is no such delivery", body = Problem,
         content_type = "application/problem+json")
    )
)]
async fn resend(
    State(use_cases): App,
    Extension(business): Owner,
    EventIdPath(event_id): EventIdPath,
) -> Result<(StatusCode, Json<Sent>), UseCaseError> {
    use_cases.resend(&business, &event_id).await?;
    Ok((StatusCode::ACCEPTED, Json(Sent { resent: 1, more: false })))
}

/// Sends all deliveries again that are held, or whose schedule is spent, or that are of a range of time.
///
/// The last two are a replay of a range. Such a replay sends its deliveries in the order in which their events were first
/// published, one at a time. Held deliveries go first. A business has one such replay at a time.
#[utoipa::path(
    post, path = "/api/deliveries/resend", request_body = ResendAll,
    responses(
        (status = ACCEPTED, description = "They are on their way", body = SentMany),
        (status = CONFLICT, description = "A replay of a range runs or waits, or no URL is set", body = Problem,
         content_type = "application/problem+json")
    )
)]
async fn resend_all(
    State(use_cases): App,
    Extension(business): Owner,
    BodyWithLists(all): BodyWithLists<ResendAll>,
) -> Result<(StatusCode, Json<SentMany>), Response> {
    let resent = match all {
        ResendAll::All(AllOfStatus { status: ResendStatus::Held }) => use_cases.replay_held(&business).await,
        ResendAll::All(AllOfStatus { status: ResendStatus::Failed }) => use_cases.replay_failed(&business).await,
        ResendAll::Range(range) => {
            let refused = |detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).into_response();
            use_cases.replay_range(&business, range.parse().map_err(refused)?).await
        }
    };
    let Resent { count, more, replay } = resent.map_err(UseCaseError::into_response)?;
    let replay = replay.as_ref().map(ReplayProgress::from);
    Ok((StatusCode::ACCEPTED, Json(SentMany { resent: count, more, replay })))
}

/// Pauses the endpoint: nothing is sent from now on, and new events are held. A replay of a range ends.
#[utoipa::path(
    post, path = "/api/pause",
    responses((status = OK, description = "The settings as they are now", body = Settings))
)]
async fn pause(use_cases: App, owner: Owner) -> Result<Json<Settings>, UseCaseError> {
    use_cases.pause(&owner).await?;
    settings(use_cases, owner).await
}

/// Resumes the endpoint: events are sent again, the held ones first.
#[utoipa::path(
    post, path = "/api/resume",
    responses((status = OK, description = "The settings as they are now", body = Settings))
)]
async fn resume(use_cases: App, owner: Owner) -> Result<Json<Settings>, UseCaseError> {
    use_cases.resume(&owner).await?;
    settings(use_cases, owner).await
}
