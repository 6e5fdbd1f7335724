//! Recognises the addresses of the API in any spelling.
//!
//! A client that calls `/API/settings`, `//api` or `/api/deliveries/..%2f..` is a program, so the answer must be a
//! problem and not a page for people. Clients, gateways and the adapter each decode and resolve an address in their own
//! way; the adapter would resolve the last of these addresses to the main page. So this module judges an address before
//! the adapter resolves it. An address that is at or below `/api` in any of these ways, but is not spelt like a route,
//! becomes `/api`, which is no route.

use std::borrow::Cow;

use domain::pasted;
use percent_encoding::percent_decode_str;

/// The API's root, for which there is no route.
const ROOT: &str = "/api";

/// Gives the path that the router gets for a request's path.
pub(crate) fn routed(path: &str) -> &str {
    let decoded = decoded(path);
    let segments: Vec<String> = decoded.split(['/', '\\']).map(pasted::cleaned).collect();
    let is_api = is_root(first_named(&segments)) || is_root(resolved(&segments).first().copied());
    let is_plain = path.starts_with("/api/") && !segments.iter().skip(1).any(|segment| is_dots(segment));
    if is_api && !is_plain { ROOT } else { path }
}

/// Whether a path that the router got belongs to the API.
pub(crate) fn is_api(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Decodes percent-encoded octets (RFC 3986, 2.1) until none is left.
fn decoded(path: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(path);
    loop {
        let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if next == text {
            return text;
        }
        text = Cow::Owned(next);
    }
}

fn first_named(segments: &[String]) -> Option<&str> {
    segments.iter().map(String::as_str).find(|segment| !is_dots(segment))
}

/// Removes dot segments (RFC 3986, 5.2.4) and empty segments.
fn resolved(segments: &[String]) -> Vec<&str> {
    let mut resolved = Vec::new();
    for segment in segments {
        match segment.as_str() {
            "" | "." => {}
            ".." => drop(resolved.pop()),
            named => resolved.push(named),
        }
    }
    resolved
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "" | "." | "..")
}

fn is_root(segment: Option<&str>) -> bool {
    segment.is_some_and(|segment| segment.eq_ignore_ascii_case("api"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_spelt_like_a_route_is_left_to_the_router() {
        for path in [
            "/",
            "",
            "/settings",
            "/deliveries/evt_1/resend",
            "/api/settings",
            "/api/deliveries/evt%5f1",
            "/api/deliveries/a%2Fb",
            "/api/nothing",
            "/apis",
            "/x/api",
            "/deliveries/../settings",
            "/%",
            "/%ff%",
        ] {
            assert_eq!(routed(path), path);
        }
    }

    #[test]
    fn an_address_of_the_api_in_any_other_spelling_is_no_route() {
        for path in [
            "/api",
            "/api/",
            "api/settings",
            "//api/settings",
            "/API/settings",
            "/api//settings",
            "/api/settings/",
            "/%61p%69/x",
            "/%2561pi",
            "/api%2fsettings",
            "\\api\\settings",
            "/./api",
            "/../api/settings",
            "/x/../api",
            "/x/..%2fapi/settings",
            "/api/..",
            "/api/deliveries/%2e%2e%2f%2e%2e",
            "/api/deliveries/%252e%252e/x",
            "/api%20",
            "/a\u{200b}pi/settings",
        ] {
            assert_eq!(routed(path), ROOT, "{path}");
        }
        assert!(is_api(ROOT) && is_api("/api/x") && !is_api("/apis") && !is_api("/"));
    }
}
