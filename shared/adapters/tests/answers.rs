//! The client reads an answer as leniently as curl, decodes it by its charset, and finds the clue for the owner.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use adapters::attempter::Attempter;
use adapters::http::{Lookup, SystemLookup, WebhookClient, tls};
use domain::clue::Clue;
use domain::event::Event;
use domain::format::ChosenFormat;
use domain::guard::{Refusal, TargetPolicy};
use domain::outcome::{Answer, Cause, Failure, Outcome, Verdict};
use domain::request::signature::InternalSecret;
use domain::request::{Credentials, Sending};

mod raw;

use raw::{LOOPBACK, TIMEOUT, answer, outcome_of, post, posted_to, serve, unsafe_client};

fn fields(count: usize) -> String {
    (0..count).fold(String::new(), |mut fields, number| {
        write!(fields, "X-{number}: {number}\r\n").unwrap();
        fields
    })
}

async fn answer_to(response: &[u8]) -> Answer {
    match outcome_of(response).await {
        Outcome::Answered(answer) => answer,
        Outcome::Failed(failure) => panic!("{failure:?} of {}", String::from_utf8_lossy(response)),
    }
}

/// curl 7.88 reads all of these too, but for lines without a colon, of which some versions of it read none.
#[tokio::test]
async fn an_answer_is_read_as_leniently_as_curl_reads_it() {
    let many = format!("HTTP/1.1 201 Created\r\n{}Content-Length: 2\r\n\r\nok", fields(999));
    let long = format!("HTTP/1.1 201 Created\r\nSet-Cookie: {}\r\nContent-Length: 2\r\n\r\nok", "x".repeat(60_000));
    for response in [
        many.as_bytes(),
        long.as_bytes(),
        b"HTTP/1.1 201 Created\r\nContent-Security-Policy: default-src 'self';\r\n\tscript-src 'none';\r\n  img-src *\r\n\
          Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nX-Empty:\r\n folded\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nContent-Length : 2\r\nX-Tab\t: x\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nno colon at all\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nno colon at all\r\n and folded\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\n folded onto nothing\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nX-Control: a\x01b\x7f\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nX\x02Name: a\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nX Name: a\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\n: nameless\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nX-Hebrew: \xd7\xa9\xf9\r\n\xd7\xa9: x\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 \r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 \xe9t\xe9\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\nContent-Length: 2\n\nok",
        b"HTTP/1.0 201 Created\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
          HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: identity\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n",
    ] {
        let answer = answer_to(response).await;
        let shown = String::from_utf8_lossy(&response[..response.len().min(120)]);
        assert_eq!((answer.status, answer.snippet.as_str()), (201, "ok"), "{shown}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_protocol_failure() {
    let too_many = format!("HTTP/1.1 200 OK\r\n{}\r\n", fields(1_001));
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2_000_000));
    for response in [
        too_many.as_bytes(),
        endless.as_bytes(),
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\0: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/2.5 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"<html>ok</html>\r\n\r\n",
    ] {
        let shown = String::from_utf8_lossy(&response[..response.len().min(60)]);
        assert_eq!(outcome_of(response).await, Outcome::Failed(Failure::Protocol), "{shown}");
    }
}

#[tokio::test]
async fn a_location_is_read_in_any_bytes_and_resolved() {
    let located = async |location: &[u8]| {
        answer_to(&[b"HTTP/1.1 301 Moved\r\nLocation: ", location, b"\r\nContent-Length: 0\r\n\r\n"].concat())
            .await
            .location
    };
    assert_eq!(located(b"https://other.example/x").await.as_deref(), Some("https://other.example/x"));
    assert!(located(b"/hook/").await.is_some_and(|to| to.starts_with("http://127.0.0.1:") && to.ends_with("/hook/")));
    let hebrew = "https://other.example/שלום".as_bytes();
    assert_eq!(located(hebrew).await.as_deref(), Some("https://other.example/%D7%A9%D7%9C%D7%95%D7%9D"));
    let latin = b"https://other.example/caf\xe9";
    assert_eq!(located(latin).await.as_deref(), Some("https://other.example/caf%C3%A9"));
    assert_eq!(located(b"https://[oops").await.as_deref(), Some("https://[oops"));
    assert_eq!(located(b"").await, None);
}

#[tokio::test]
async fn a_body_is_read_by_its_charset() {
    let hebrew: &[u8] = b"\xf9\xec\xe5\xed";
    for head in ["Content-Type: text/html; charset=windows-1255", "Content-Type: text/html"] {
        let body = [b"<meta charset=windows-1255>", hebrew].concat();
        let response = [format!("HTTP/1.1 500 Oops\r\n{head}\r\n\r\n").as_bytes(), &body].concat();
        assert_eq!(answer_to(&response).await.snippet, "<meta charset=windows-1255>שלום", "{head}");
    }
    let long = "ש".repeat(2_000);
    let response = format!("HTTP/1.1 500 Oops\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n.{long}");
    let snippet = answer_to(response.as_bytes()).await.snippet;
    assert_eq!(snippet, format!(".{}", "ש".repeat(511)), "1 KiB, cut between characters");
}

#[tokio::test]
async fn what_answers_tell_beside_their_code_is_found_in_their_headers_and_body() {
    for (response, clue) in [
        (
            &b"HTTP/1.1 403 Forbidden\r\ncf-mitigated: challenge\r\nServer: cloudflare\r\n\r\n<html>"[..],
            Clue::Cloudflare,
        ),
        (
            b"HTTP/1.1 401 Unauthorized\r\n\r\n{\"error\":{\"code\":\"DirectApiAuthorizationRequired\"}}",
            Clue::SignatureMissing,
        ),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\n\r\n", Clue::ToHost),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", Clue::ToLogin),
    ] {
        let posted = posted_to(response).await;
        assert_eq!(posted.clue, Some(clue), "{}", String::from_utf8_lossy(response));
    }
    assert_eq!(posted_to(b"HTTP/1.1 500 Oops\r\n\r\n").await.clue, None);
}

/// A port whose backlog is full: the kernel drops new connections, as a firewall does.
fn swallowing() -> (std::net::TcpListener, Vec<std::net::TcpStream>) {
    let listener = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100));
    let waiting = std::iter::from_fn(|| connect().ok()).take(10_000).collect();
    (listener, waiting)
}

#[tokio::test]
async fn a_timeout_tells_which_phase_never_ended() {
    let client =
        WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, &tls::client_config(), SystemLookup);
    let (listener, _waiting) = swallowing();
    let (silent, _) = serve(LOOPBACK, 0, |stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
        Ok(())
    })
    .await;
    let (kept, _) = serve(LOOPBACK, 0, |stream| async move {
        let stream = answer(stream, b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
        Ok(())
    })
    .await;
    post(&client, &format!("http://{kept}/")).await;
    for (url, clue) in [
        (format!("http://{}/", listener.local_addr().unwrap()), Clue::NoConnection),
        (format!("https://{silent}/"), Clue::NoHandshake),
        (format!("http://{silent}/"), Clue::NoAnswer),
        (format!("http://{kept}/"), Clue::NoAnswer),
    ] {
        let posted = post(&client, &url).await;
        assert_eq!((posted.outcome, posted.clue), (Outcome::Failed(Failure::Timeout), Some(clue)), "{url}");
    }
}

/// A resolver by which every name has two addresses of this machine.
struct Twice;

const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

impl Lookup for Twice {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![LOOPBACK, OTHER])
    }
}

#[tokio::test]
async fn an_address_that_drops_connections_leaves_time_for_the_next() {
    let (listener, _waiting) = swallowing();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://receiver.test:{port}/");
    let refused = post(&unsafe_client(Twice), &url).await;
    assert_eq!((refused.outcome, refused.clue), (Outcome::Failed(Failure::Timeout), Some(Clue::NoConnection)));

    serve(OTHER, port, |stream| async move { answer(stream, b"HTTP/1.1 204 No Content\r\n\r\n").await.map(drop) })
        .await;
    let answered = post(&unsafe_client(Twice), &url).await;
    assert!(matches!(answered.outcome, Outcome::Answered(Answer { status: 204, .. })), "{:?}", answered.outcome);
}

/// A resolver by which every name has the address of this machine.
struct Everywhere;

impl Lookup for Everywhere {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![LOOPBACK])
    }
}

/// Gives the result of one attempt at this host, which answers 302 to another host.
async fn attempted(url: &str, location: &str) -> (Verdict, Option<Clue>) {
    let head = format!("HTTP/1.1 302 Moved Temporarily\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    answered(url, head).await
}

/// Gives the result of one attempt at this host, which gives this response.
async fn answered(url: &str, response: String) -> (Verdict, Option<Clue>) {
    let response: &'static str = response.leak();
    let (address, _) =
        serve(LOOPBACK, 0, move |stream| async move { answer(stream, response.as_bytes()).await.map(drop) }).await;
    let targets = TargetPolicy::UnsafeForLocalTestsOnly;
    let attempter = Attempter::new(WebhookClient::new(targets, TIMEOUT, &tls::client_config(), Everywhere), targets);
    // It ends as the server expects a request to.
    let event = Event::parse(r#"{"event_type":"a.b","business_id":"b","x":[],"y":{}}"#).unwrap();
    let secret = InternalSecret::new("secret").unwrap();
    let url = url.replace("PORT", &address.port().to_string());
    let sending = Sending { event: &event, attempt: 1, traceparent: None };
    let attempt = attempter.attempt(sending, &url, &ChosenFormat::default(), &Credentials::default(), &secret).await;
    (attempt.verdict, attempt.clue)
}

#[tokio::test]
async fn a_script_of_google_is_delivered_to_by_its_redirect_and_nobody_else_is() {
    let echo = "https://script.googleusercontent.com/macros/echo?user_content_key=x";
    let retry = |cause| Verdict::Retry { cause, not_before: None };
    let script = "http://script.google.com:PORT/macros/s/x/exec";
    assert_eq!(attempted(script, echo).await.0, Verdict::Delivered);
    assert_eq!(attempted("http://script.google.com.evil.test:PORT/", echo).await.0, retry(Cause::Redirect));
    let login = "https://accounts.google.com/ServiceLogin?continue=x";
    assert_eq!(attempted(script, login).await, (retry(Cause::SignIn), Some(Clue::ToLogin)));
    let refused = attempted("http://script.google.com@evil.test:PORT/", echo).await;
    assert_eq!(refused, (retry(Cause::Failed(Failure::Blocked)), Some(Clue::Refused(Refusal::UserInfo))));
}

#[tokio::test]
async fn a_script_of_google_that_failed_is_tried_again_and_the_same_page_is_a_success_elsewhere() {
    let error = include_str!("../../../infra/fakes/apps_script/error.html");
    let unauthorized = include_str!("../../../infra/fakes/apps_script/authorization.html");
    let by_the_script = include_str!("../../../infra/fakes/apps_script/html_service.html");
    let retry = Verdict::Retry { cause: Cause::Status, not_before: None };
    let page = |html: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{html}",
            html.len()
        )
    };
    let script = "http://script.google.com:PORT/macros/s/x/exec";
    assert_eq!(answered(script, page(error)).await, (retry, Some(Clue::ScriptFailed)));
    assert_eq!(answered(script, page(unauthorized)).await, (retry, Some(Clue::ScriptUnauthorized)));
    assert_eq!(answered(script, page(by_the_script)).await, (Verdict::Delivered, None));
    assert_eq!(answered("http://n8n.test:PORT/webhook/x", page(error)).await, (Verdict::Delivered, None));
}
