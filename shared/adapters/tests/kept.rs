//! The values that are kept between invocations, after an environment was frozen: the time of day has gone on, and the
//! process's own clock has not. The tests have real servers, and a time of day that jumps.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use adapters::aws::{Timeouts, sdk_config_by_clock};
use adapters::http::{SystemLookup, WebhookClient, tls};
use adapters::process::clock;
use adapters::process::environment::Aws;
use adapters::secret::{SecretError, SecretSource};
use domain::Timestamp;
use domain::guard::TargetPolicy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod raw;

use raw::{LOOPBACK, TIMEOUT, answer, post, serve};

thread_local! {
    /// By how many milliseconds the time of day is ahead; each test has a thread of its own.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

fn jump(seconds: i64) {
    AHEAD.set(AHEAD.get() + seconds * 1_000);
}

fn jumping() -> Timestamp {
    clock::now() + jiff::SignedDuration::from_millis(AHEAD.get())
}

#[tokio::test]
async fn a_receivers_connection_is_used_again_unless_the_environment_was_frozen_meanwhile() {
    let (address, connections) = serve(LOOPBACK, 0, |mut stream| async move {
        loop {
            stream = answer(stream, b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        }
    })
    .await;
    let client =
        WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, &tls::client_config(), SystemLookup)
            .by_clock(jumping);
    for (seconds, expected) in [(0, 1), (0, 1), (5, 2), (0, 2), (3_600, 3), (0, 3), (-7_200, 4), (0, 4), (1, 5)] {
        jump(seconds);
        post(&client, &format!("http://{address}/")).await;
        assert_eq!(connections.load(Ordering::SeqCst), expected, "after {seconds} s");
    }
}

/// A stand-in for Secrets Manager, which has one secret and counts the reads of it.
struct Secrets {
    connections: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
    source: SecretSource<String>,
}

async fn secrets() -> Secrets {
    let (reads, is_down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counter, down) = (Arc::clone(&reads), Arc::clone(&is_down));
    let (address, connections) = serve(LOOPBACK, 0, move |stream| {
        let (counter, down) = (Arc::clone(&counter), Arc::clone(&down));
        async move { tell(stream, &counter, &down).await }
    })
    .await;
    let aws = Aws {
        region: "eu-central-1".into(),
        access_key_id: "key".into(),
        secret_access_key: "secret".into(),
        session_token: None,
        endpoint_url: Some(format!("http://{address}")),
    };
    let config = sdk_config_by_clock(&aws, &tls::client_config(), Timeouts::OF_A_DELIVERY, jumping);
    let source = SecretSource::new(&config, "arn".into(), |text| Some(text.to_owned())).by_clock(jumping);
    Secrets { connections, reads, is_down, source }
}

async fn tell(mut stream: TcpStream, reads: &AtomicUsize, is_down: &AtomicBool) -> io::Result<()> {
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let (status, body) = if is_down.load(Ordering::SeqCst) {
            ("400 Bad Request", r#"{"__type":"AccessDeniedException"}"#.to_owned())
        } else {
            let number = reads.fetch_add(1, Ordering::SeqCst) + 1;
            ("200 OK", format!(r#"{{"SecretString":"secret {number}"}}"#))
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

#[tokio::test]
async fn a_secret_is_kept_for_five_minutes_of_the_time_of_day_and_never_longer() {
    let Secrets { reads, source, .. } = secrets().await;
    for (seconds, number) in [(0, 1), (0, 1), (290, 1), (20, 2), (0, 2), (-3_600, 3), (0, 3), (90_000, 4)] {
        jump(seconds);
        assert_eq!(source.get().await.unwrap(), format!("secret {number}"), "after {seconds} s");
    }
    assert_eq!(reads.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_again_stays_in_use_and_one_that_never_was_is_not_asked_for_at_once() {
    let Secrets { is_down, source, .. } = secrets().await;
    is_down.store(true, Ordering::SeqCst);
    assert!(matches!(source.get().await, Err(SecretError::Read(_))));
    is_down.store(false, Ordering::SeqCst);
    assert!(matches!(source.get().await, Err(SecretError::NotTried)));
    jump(4);
    assert_eq!(source.get().await.unwrap(), "secret 1");

    jump(301);
    is_down.store(true, Ordering::SeqCst);
    assert_eq!(source.get().await.unwrap(), "secret 1", "better than none");
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(source.get().await.unwrap(), "secret 1", "a moment ago it could not be read");
    // Set back, so that nobody knows how long ago that was.
    jump(-3_600);
    assert_eq!(source.get().await.unwrap(), "secret 2");
}

#[tokio::test]
async fn a_connection_to_aws_is_used_again_unless_the_environment_was_frozen_meanwhile() {
    let Secrets { connections, source, .. } = secrets().await;
    source.get().await.unwrap();
    // Read again, since by the time of day it is old; the connection is too.
    jump(301);
    source.get().await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}
