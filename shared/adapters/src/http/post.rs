//! The request that a POST sends.

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::uri::InvalidUri;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use url::Url;

/// Makes the request. The header `Accept: */*` follows the given headers, unless one of them is `Accept` itself: a
/// firewall with the OWASP Core Rule Set (rule 920300) holds it against a request that it has none. The HTTP client adds
/// `Host` and `Content-Length`.
///
/// # Errors
///
/// [`InvalidUri`]. The tests know one reason: a URL of more than 64 KB, which the guard refuses.
pub(super) fn request(url: &Url, mut headers: HeaderMap, body: String) -> Result<Request<Full<Bytes>>, InvalidUri> {
    let uri = Uri::try_from(url.as_str())?;
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use domain::guard::{Target, TargetPolicy};
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Option<Target> {
        Target::parse(text, TargetPolicy::UnsafeForLocalTestsOnly).ok()
    }

    /// Gives the URI of a request to this URL, with the parts that the HTTP client dials and sends.
    fn converted(url: &Url) -> (String, Option<String>, Option<u16>, String, Option<String>) {
        let request = request(url, HeaderMap::new(), String::new()).expect("a URI");
        let uri = request.uri();
        (
            uri.to_string(),
            uri.host().map(ToOwned::to_owned),
            uri.port_u16(),
            uri.path().to_owned(),
            uri.query().map(ToOwned::to_owned),
        )
    }

    /// Gives the same of the URL itself.
    fn parts(url: &Url) -> (String, Option<String>, Option<u16>, String, Option<String>) {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        (url.to_string(), owned(url.host_str()), url.port(), url.path().to_owned(), owned(url.query()))
    }

    #[test]
    fn each_url_becomes_the_uri_that_is_the_same_text() {
        for text in [
            "https://hooks.example/",
            "https://hooks.example",
            "https://hooks.example:8443/a/b?c=d",
            "https://hooks.example:443/",
            "https://hooks.example/?",
            "https://hooks.example/a//b/../c/./d;e=f",
            "https://hooks.example/a^b|c'd`e{f}g[h]\"i<j>k",
            "https://hooks.example/?a^b|c'd`e{f}g[h]\"i<j>k?l/m",
            "https://hooks.example/%20%zz%",
            "https://hooks.example/שלום?q=ש👋",
            "https://קליניקה.example/",
            "https://under_score.example./",
            "https://127.0.0.1:1/",
            "https://0x7f.1/",
            "http://[::1]:8080/x",
            "http://[2A00::1]/x",
        ] {
            let target = target(text).expect(text);
            assert_eq!(converted(target.url()), parts(target.url()), "{text}");
        }
    }

    #[test]
    fn a_url_that_no_uri_can_be_is_an_error() {
        let url = Url::parse(&format!("https://hooks.example/{}", "x".repeat(1 << 16))).expect("a URL");
        assert!(request(&url, HeaderMap::new(), String::new()).is_err());
    }

    #[test]
    fn any_type_of_answer_is_accepted_unless_the_owner_has_said_otherwise() {
        let url = Url::parse("https://hooks.example/").expect("a URL");
        let mut headers = HeaderMap::new();
        headers.insert("x-key", HeaderValue::from_static("v"));
        let made = request(&url, headers.clone(), String::new()).expect("a URI");
        let sent: Vec<_> = made.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(sent, [("x-key", &b"v"[..]), ("accept", b"*/*")]);

        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let made = request(&url, headers, String::new()).expect("a URI");
        let accepted: Vec<_> = made.headers().get_all(ACCEPT).iter().collect();
        assert_eq!(accepted, ["application/json"]);
    }

    proptest! {
        #[test]
        fn whatever_the_guard_lets_through_is_sent_as_it_is(
            host in "[a-z0-9_-]{1,9}(\\.[a-zא-ת]{1,9}){0,2}", port in "(:[0-9]{1,5})?", rest in "[ -~א-ת]{0,60}",
        ) {
            if let Some(target) = target(&format!("https://{host}{port}/{rest}")) {
                prop_assert_eq!(converted(target.url()), parts(target.url()));
            }
        }
    }
}
