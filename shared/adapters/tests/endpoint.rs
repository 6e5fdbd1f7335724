//! The client that reaches receivers, against real sockets: the addresses that it dials, the answers that it reads, and
//! the errors that it classifies as failures.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::http::{Lookup, Posted, SystemLookup, WebhookClient, resolves, tls};
use domain::clue::Clue;
use domain::guard::{Refusal, Target, TargetPolicy};
use domain::outcome::{Answer, Failure, Outcome};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

mod raw;

use raw::{LOOPBACK, TIMEOUT, answer, outcome_of, post, serve, unsafe_client};

/// A resolver that gives each of its answers once, and counts how often it is asked.
#[derive(Clone)]
struct Lying {
    answers: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Lying {
    fn new(answers: impl IntoIterator<Item = Vec<IpAddr>>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Lying {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.answers.lock().unwrap().pop_front().unwrap_or_default())
    }
}

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Answered(answer) => Some(answer.status),
        Outcome::Failed(_) => None,
    }
}

#[tokio::test]
async fn the_vetted_address_is_the_one_dialled_and_nothing_is_looked_up_again() {
    let ok = |stream| async move { answer(stream, b"HTTP/1.1 204 No Content\r\n\r\n").await.map(drop) };
    let (address, honest) = serve(LOOPBACK, 0, ok).await;
    let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let (_, elsewhere) = serve(other, address.port(), ok).await;
    let lying = Lying::new([vec![LOOPBACK], vec![other]]);
    let posted = post(&unsafe_client(lying.clone()), &format!("http://rebinding.test:{}/", address.port())).await;
    assert_eq!(status(&posted.outcome), Some(204));
    assert_eq!((honest.load(Ordering::SeqCst), elsewhere.load(Ordering::SeqCst), lying.asked()), (1, 0, 1));
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_the_name_and_nothing_is_dialled() {
    let (address, connections) = serve(LOOPBACK, 0, |_| async { Ok(()) }).await;
    let public = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
    for found in
        [vec![LOOPBACK], vec![public, LOOPBACK], vec![LOOPBACK, public], vec!["::ffff:127.0.0.1".parse().unwrap()]]
    {
        let client =
            WebhookClient::new(TargetPolicy::Public, TIMEOUT, &tls::client_config(), Lying::new([found, vec![public]]));
        let posted = post(&client, &format!("https://half.test:{}/", address.port())).await;
        assert_eq!(posted.outcome, Outcome::Failed(Failure::Blocked));
        assert_eq!(posted.clue, Some(Clue::Refused(Refusal::Address)));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_failure() {
    let posted = post(&unsafe_client(Lying::new([])), "http://nowhere.test/").await;
    assert_eq!(posted.outcome, Outcome::Failed(Failure::Dns));
    assert!(posted.timings.dns.is_some() && posted.timings.connect.is_none());
}

#[tokio::test]
async fn a_closed_port_is_refused_and_a_silent_one_times_out() {
    let closed = TcpListener::bind((LOOPBACK, 0)).await.unwrap().local_addr().unwrap();
    let client = unsafe_client(SystemLookup);
    assert_eq!(post(&client, &format!("http://{closed}/")).await.outcome, Outcome::Failed(Failure::Refused));

    let (silent, _) = serve(LOOPBACK, 0, |stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
        Ok(())
    })
    .await;
    for scheme in ["http", "https"] {
        let outcome = post(&client, &format!("{scheme}://{silent}/")).await.outcome;
        assert_eq!(outcome, Outcome::Failed(Failure::Timeout), "{scheme}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_headers_is_a_reset() {
    for response in [&b""[..], b"HTTP/1.1 200 OK\r\nConte"] {
        assert_eq!(outcome_of(response).await, Outcome::Failed(Failure::Reset));
    }
    let (address, _) = serve(LOOPBACK, 0, |stream| async move {
        // Closing with a linger of zero sends RST instead of FIN.
        stream.set_zero_linger()
    })
    .await;
    let outcome = post(&unsafe_client(SystemLookup), &format!("http://{address}/")).await.outcome;
    assert_eq!(outcome, Outcome::Failed(Failure::Reset));
}

#[tokio::test]
async fn a_body_that_breaks_off_or_never_ends_does_not_undo_its_status() {
    let cut = outcome_of(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    assert!(matches!(cut, Outcome::Answered(Answer { status: 200, snippet, .. }) if snippet == "half"));

    let (address, _) = serve(LOOPBACK, 0, |stream| async move {
        let mut stream = answer(stream, b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(b".").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let posted = post(&unsafe_client(SystemLookup), &format!("http://{address}/")).await;
    assert_eq!(status(&posted.outcome), Some(200));
    assert!(posted.timings.total >= TIMEOUT, "the drip was read until the deadline");
}

#[tokio::test]
async fn of_an_endless_body_1_kib_is_kept_and_reading_stops() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let (address, _) = serve(LOOPBACK, 0, move |stream| {
        let counter = Arc::clone(&counter);
        async move {
            let mut stream = answer(stream, b"HTTP/1.1 500 Oops\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
                counter.fetch_add(4096, Ordering::SeqCst);
            }
        }
    })
    .await;
    let client = WebhookClient::new(
        TargetPolicy::UnsafeForLocalTestsOnly,
        Duration::from_mins(1),
        &tls::client_config(),
        SystemLookup,
    );
    let Posted { outcome, .. } = post(&client, &format!("http://{address}/")).await;
    assert!(matches!(outcome, Outcome::Answered(Answer { status: 500, snippet, .. }) if snippet == "x".repeat(1024)));
    // What the sockets' buffers hold in between is the kernel's affair; endless it is not.
    assert!(sent.load(Ordering::SeqCst) < 32 * 1024 * 1024);
}

#[tokio::test]
async fn redirects_are_not_followed_and_compressed_bodies_not_unpacked() {
    let redirect =
        outcome_of(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n").await;
    assert!(
        matches!(redirect, Outcome::Answered(Answer { status: 302, location: Some(to), .. }) if to.ends_with("/x"))
    );

    let gzip =
        outcome_of(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00").await;
    assert!(matches!(gzip, Outcome::Answered(Answer { snippet, .. }) if snippet == "\x1f\u{fffd}\x08\0"));
}

/// Gives the bytes of one POST, as a receiver gets them. HOST stands for the URL's host.
async fn sent(host: &str, path: &str, headers: &[(&'static str, &'static str)]) -> String {
    let (heard, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let (address, _) = serve(LOOPBACK, 0, move |mut stream| {
        let heard = heard.clone();
        async move {
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                stream.read_buf(&mut request).await?;
            }
            heard.send(String::from_utf8(request).unwrap()).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await
        }
    })
    .await;
    let host = format!("{host}:{}", address.port());
    let target = Target::parse(&format!("http://{host}{path}"), TargetPolicy::UnsafeForLocalTestsOnly).unwrap();
    let headers = headers.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    unsafe_client(Lying::new([vec![LOOPBACK]])).post(&target, headers, "{}".to_owned()).await;
    requests.recv().await.unwrap().replace(&host, "HOST")
}

#[tokio::test]
async fn a_request_has_these_bytes_and_no_others() {
    let path = "/a^b|c'd`e{f}//%zz?q={x}|^`\"'<>&r=https://y.example/?";
    let by_name = sent("receiver.test", path, &[("x-key", "v"), ("user-agent", "ProSaaS")]).await;
    assert_eq!(
        by_name,
        "POST /a^b|c'd%60e%7Bf%7D//%zz?q={x}|^`%22%27%3C%3E&r=https://y.example/? HTTP/1.1\r\n\
         x-key: v\r\nuser-agent: ProSaaS\r\naccept: */*\r\nhost: HOST\r\ncontent-length: 2\r\n\r\n{}"
    );
    let by_address = sent("127.0.0.1", "", &[("accept", "text/plain")]).await;
    assert_eq!(by_address, "POST / HTTP/1.1\r\naccept: text/plain\r\nhost: HOST\r\ncontent-length: 2\r\n\r\n{}");
}

/// An https server with a certificate of its own making, and the roots that trust it.
async fn serve_tls() -> (SocketAddr, RootCertStore, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(["receiver.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (address, connections) = serve(LOOPBACK, 0, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            loop {
                stream = answer(stream, b"HTTP/1.1 204 No Content\r\n\r\n").await?;
            }
        }
    })
    .await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (address, roots, connections)
}

#[tokio::test]
async fn a_tls_connection_is_timed_by_phase_and_kept_for_the_next_delivery() {
    let (address, roots, connections) = serve_tls().await;
    let lookup = Lying::new([vec![LOOPBACK]]);
    let client =
        WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, &tls::with_roots(roots), lookup.clone());
    let url = format!("https://receiver.test:{}/", address.port());

    let first = post(&client, &url).await;
    assert_eq!(status(&first.outcome), Some(204), "{:?}", first.outcome);
    let timings = first.timings;
    let phases = [timings.dns, timings.connect, timings.tls, timings.first_byte].map(|phase| phase.expect("reached"));
    assert!(phases.iter().sum::<Duration>() <= timings.total, "{timings:?}");

    let second = post(&client, &url).await;
    assert_eq!(status(&second.outcome), Some(204));
    assert_eq!((second.timings.dns, second.timings.connect, second.timings.tls), (None, None, None));
    assert_eq!((connections.load(Ordering::SeqCst), lookup.asked()), (1, 1));
}

/// A frozen environment finds connections that were closed while none of its code ran.
#[test]
fn a_kept_connection_that_was_closed_while_frozen_costs_the_receiver_nothing() {
    // The receiver lives outside the frozen runtime. It answers once on each connection, and then closes it.
    let listener = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (answered, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            while !std::io::Read::read(&mut stream, &mut request).is_ok_and(|count| request[..count].ends_with(b"{}")) {
            }
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            drop(stream);
            answered.send(()).unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async { unsafe_client(SystemLookup) });
    for _ in 0..3 {
        let posted = runtime.block_on(async {
            // The settings are read before each POST: the runtime hears what has come in meanwhile.
            let read = tokio::net::UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
            read.send_to(b".", read.local_addr().unwrap()).await.unwrap();
            read.recv_from(&mut [0]).await.unwrap();
            post(&client, &url).await
        });
        assert_eq!(status(&posted.outcome), Some(200));
        told.recv().unwrap();
    }
}

#[tokio::test]
async fn a_certificate_of_unknown_roots_or_for_another_name_is_a_tls_failure() {
    let (address, roots, _) = serve_tls().await;
    for (config, name) in [(tls::client_config(), "receiver.test"), (tls::with_roots(roots), "other.test")] {
        let lookup = Lying::new([vec![LOOPBACK]]);
        let client = WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, &config, lookup);
        let posted = post(&client, &format!("https://{name}:{}/", address.port())).await;
        assert_eq!(posted.outcome, Outcome::Failed(Failure::Tls), "{name}");
    }
    let closing = |stream: TcpStream| async move {
        drop(stream);
        Ok(())
    };
    let (address, _) = serve(LOOPBACK, 0, closing).await;
    let outcome = post(&unsafe_client(SystemLookup), &format!("https://{address}/")).await.outcome;
    assert!(matches!(outcome, Outcome::Failed(Failure::Tls | Failure::Reset)), "{outcome:?}");
}

#[tokio::test]
async fn a_url_is_saved_only_if_each_address_of_its_name_may_be_dialled() {
    let public = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
    let target = Target::parse("https://receiver.example/", TargetPolicy::Public).unwrap();
    for (found, expected) in
        [(vec![public], Ok(true)), (vec![], Ok(false)), (vec![public, LOOPBACK], Err(Refusal::Address))]
    {
        assert_eq!(resolves(&Lying::new([found]), &target, TargetPolicy::Public).await, expected);
    }
    let literal = Target::parse("https://8.8.8.8/", TargetPolicy::Public).unwrap();
    let lying = Lying::new([]);
    assert_eq!(resolves(&lying, &literal, TargetPolicy::Public).await, Ok(true));
    assert_eq!(lying.asked(), 0, "an address needs no look-up");
}
