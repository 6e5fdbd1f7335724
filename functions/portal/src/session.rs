//! The middleware of every request: its session, its origin, its log line, and the security headers of its answer.
//!
//! A session is the dashboard's token itself, as a bearer token or in a cookie that scripts cannot read. A browser
//! sends the cookie also with a request that another site has caused. So with a cookie, a request that changes
//! something is accepted from this origin only.

use std::sync::Arc;

use adapters::process::clock;
use adapters::process::metrics::WriteAtEnd;
use adapters::secret::{SecretError, SecretSource};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use domain::event::BusinessId;
use domain::owner_link::{InvalidToken, PortalSecret, Session};
use lambda_http::Context;
use tokio::time::Instant;

use crate::as_html;
use crate::html::{self, SignedOut};
use crate::problem::Problem;
use crate::report::{self, Line, LogNote};

/// The name of the session's cookie. With the prefix `__Host-`, a browser takes the cookie from this host alone, so no
/// sibling host can set another.
const COOKIE_NAME: &str = "__Host-session";

/// The settings by which requests are authenticated and pages are framed.
pub(crate) struct Access {
    pub(crate) portal_secret: SecretSource<PortalSecret>,
    /// The origin that may show the page in a frame. None: no origin may.
    pub(crate) dashboard_origin: Option<String>,
    /// The dashboard's page from which an owner gets here. None: it is not known.
    pub(crate) dashboard_url: Option<String>,
}

/// Why a request has no session.
#[derive(Debug)]
pub(crate) enum Denied {
    /// The request has neither a bearer token nor the cookie.
    Missing,
    /// The request has a token, which is not valid.
    Invalid(InvalidToken),
    /// Another site made the browser send the request.
    CrossSite,
    /// A fault of this system.
    Fault(SecretError),
}

impl Denied {
    /// Gives the note for the request's log line.
    fn noted(&self) -> LogNote {
        match self {
            Self::Missing => LogNote::Denied("missing"),
            Self::Invalid(InvalidToken::Malformed) => LogNote::Denied("malformed"),
            Self::Invalid(InvalidToken::Signature) => LogNote::Denied("signature"),
            Self::Invalid(InvalidToken::Expired) => LogNote::Denied("expired"),
            Self::Invalid(InvalidToken::TooLong) => LogNote::Denied("too_long"),
            Self::Invalid(InvalidToken::Subject) => LogNote::Denied("subject"),
            Self::CrossSite => LogNote::Denied("cross_site"),
            Self::Fault(error) => LogNote::fault(error),
        }
    }
}

impl Access {
    /// Gives the session of a request.
    async fn session(&self, method: &Method, headers: &HeaderMap) -> Result<Session, Denied> {
        if let Some(bearer) = headers.get(AUTHORIZATION) {
            return self.verify(bearer_token(bearer).ok_or(Denied::Invalid(InvalidToken::Malformed))?).await;
        }
        let mut denied = Denied::Missing;
        // The first valid token counts, since a browser may hold several cookies of this name.
        for token in cookies(headers) {
            match self.verify(token).await {
                Ok(session) if method.is_safe() || is_same_origin(headers) => return Ok(session),
                Ok(_) => return Err(Denied::CrossSite),
                Err(error) => denied = error,
            }
        }
        Err(denied)
    }

    /// Gives the session of a token.
    pub(crate) async fn verify(&self, token: &str) -> Result<Session, Denied> {
        let secret = self.portal_secret.get().await.map_err(Denied::Fault)?;
        secret.verify(token, clock::now()).map_err(Denied::Invalid)
    }

    /// Gives the value of `Set-Cookie` that keeps the session until it expires.
    pub(crate) fn cookie(&self, token: &str, session: &Session, now: Timestamp) -> String {
        let seconds = session.expires_at.duration_since(now).as_secs().max(1);
        // In the dashboard's frame this page is a third party. The browser then sends only a cookie with
        // `SameSite=None` and `Partitioned`.
        let site = if self.dashboard_origin.is_some() { "None; Partitioned" } else { "Lax" };
        format!("{COOKIE_NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite={site}")
    }
}

fn bearer_token(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let pairs = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
    pairs.flat_map(|pairs| pairs.split(';')).filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

/// Whether a page of this origin made the request. Most browsers say so in `Sec-Fetch-Site`. The pages forbid
/// referrers, so the header `Origin` of a browser's request is `null`; `Origin` counts only if `Sec-Fetch-Site` is
/// missing.
fn is_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}

/// Passes a request to the API on with its session, or answers with a problem.
pub(crate) async fn api(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.session(request.method(), request.headers()).await {
        Ok(session) => as_business(session.business_id, request, next).await,
        Err(denied) => denied_by_api(&denied),
    }
}

/// Passes a request for the API's description on, or answers with a problem. The description is public, so a request
/// needs no token; but a token that is not valid is refused.
pub(crate) async fn description(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.session(request.method(), request.headers()).await {
        Ok(_) | Err(Denied::Missing) => next.run(request).await,
        Err(denied) => denied_by_api(&denied),
    }
}

async fn as_business(business_id: BusinessId, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(business_id.clone());
    let mut response = next.run(request).await;
    // The request's log line names the business.
    response.extensions_mut().insert(business_id);
    response
}

fn denied_by_api(denied: &Denied) -> Response {
    let noted = denied.noted();
    let problem = match denied {
        Denied::Missing => Problem::new(StatusCode::UNAUTHORIZED, "a bearer token is required"),
        Denied::Invalid(invalid) => Problem::new(StatusCode::UNAUTHORIZED, invalid.to_string()),
        Denied::CrossSite => Problem::new(StatusCode::FORBIDDEN, "the request did not come from the page"),
        Denied::Fault(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "something of ours failed; try again"),
    };
    let mut response = problem.into_response();
    response.extensions_mut().insert(noted);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Passes a request for a page on with its session, or answers with a page that says how to get a session.
pub(crate) async fn pages(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.session(request.method(), request.headers()).await {
        Ok(session) => as_business(session.business_id, request, next).await,
        Err(denied) => access.denied_by_page(&denied),
    }
}

impl Access {
    /// The page in place of one that is not shown to this request.
    pub(crate) fn denied_by_page(&self, denied: &Denied) -> Response {
        let signed_out =
            |reason| as_html(StatusCode::UNAUTHORIZED, html::signed_out(reason, self.dashboard_url.as_deref()));
        let mut response = match denied {
            Denied::Missing => signed_out(SignedOut::Missing),
            Denied::Invalid(InvalidToken::Expired) => signed_out(SignedOut::Expired),
            Denied::Invalid(_) => signed_out(SignedOut::Invalid),
            Denied::CrossSite => as_html(StatusCode::FORBIDDEN, html::problem(html::Problem::Refused)),
            Denied::Fault(_) => as_html(StatusCode::SERVICE_UNAVAILABLE, html::problem(html::Problem::Fault)),
        };
        response.extensions_mut().insert(denied.noted());
        response
    }
}

/// Writes a request's log line and the security headers of its answer.
pub(crate) async fn log_and_secure(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    // An invocation is one request.
    let _metrics = WriteAtEnd;
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let request_id = request.extensions().get::<Context>().map(|context| context.request_id.clone());
    let mut response = next.run(request).await;
    protect(response.headers_mut(), access.dashboard_origin.as_deref());
    report::answered(&Line {
        request_id: request_id.as_deref(),
        // A client may send any word as the method, so only the method of a known route is logged.
        method: route.as_ref().map(|_| method.as_str()),
        route: route.as_deref(),
        business_id: response.extensions().get::<BusinessId>().map(BusinessId::as_str),
        status: response.status(),
        took: started.elapsed(),
        noted: response.extensions().get(),
    });
    response
}

fn protect(headers: &mut HeaderMap, dashboard_origin: Option<&str>) {
    let framed_by = dashboard_origin.unwrap_or("'none'");
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors {framed_by}; require-trusted-types-for 'script'"
    );
    let policy = HeaderValue::try_from(policy).expect("the origin was checked when the environment was read");
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(STRICT_TRANSPORT_SECURITY, "max-age=63072000");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    // An asset has set its own `Cache-Control`, since an asset is the same for everybody.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_request_is_same_origin_only_if_a_page_of_this_origin_made_it() {
        for (pairs, expected) in [
            (vec![("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (vec![("sec-fetch-site", "same-site"), ("origin", "https://a.example"), ("host", "a.example")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("origin", "https://a.example"), ("host", "a.example")], true),
            (vec![("origin", "https://b.example"), ("host", "a.example")], false),
            (vec![("origin", "null"), ("host", "null")], false),
            (vec![("host", "a.example")], false),
        ] {
            assert_eq!(is_same_origin(&headers(&pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_token_is_found_among_other_cookies_and_under_no_other_name() {
        let headers =
            headers(&[("cookie", "a=1; __Host-session=x.y.z; session=no; __Host-session=second; __Host-session")]);
        assert_eq!(cookies(&headers).collect::<Vec<_>>(), ["x.y.z", "second"]);
    }

    #[test]
    fn every_answer_says_who_may_frame_it_and_only_the_dashboard_may() {
        let policy = |origin| {
            let mut headers = HeaderMap::new();
            protect(&mut headers, origin);
            assert_eq!(headers["cache-control"], "no-store");
            headers["content-security-policy"].to_str().expect("ASCII").to_owned()
        };
        assert!(policy(None).contains("frame-ancestors 'none'"));
        assert!(policy(Some("https://app.example")).contains("frame-ancestors https://app.example;"));
        assert!(!policy(None).contains("unsafe"));
    }
}
