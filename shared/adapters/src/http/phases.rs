//! How long the phases of a POST took.
//!
//! The HTTP client has no such figures, but it passes three points that are ours, in the task of the request: the
//! resolver, a layer around the connector, and the store of TLS sessions, which a handshake asks first of all. Each
//! leaves its mark in the request's own task-local. Where a connection is kept from before, there are no marks.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use tokio::time::Instant;
use tower::{Layer, Service};

use domain::clue::Clue;

/// How many receivers' TLS sessions are kept.
const SESSIONS: usize = 256;

tokio::task_local! {
    static CURRENT: Phases;
}

/// How long each phase took. A phase that was not reached, or not needed on a kept connection, is None.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Finding the host's addresses.
    pub dns: Option<Duration>,
    /// Until the TCP connection stood.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the connection standing to the response's headers.
    pub first_byte: Option<Duration>,
    /// All of it, to the last byte that was read.
    pub total: Duration,
}

#[derive(Debug)]
struct Marks {
    started: Instant,
    dns: Option<Duration>,
    dialling: Option<Instant>,
    handshaking: Option<Instant>,
    connected: Option<Instant>,
    first_byte: Option<Instant>,
}

/// The marks of one request.
#[derive(Clone, Debug)]
pub(super) struct Phases(Arc<Mutex<Marks>>);

impl Phases {
    pub(super) fn start() -> Self {
        Self(Arc::new(Mutex::new(Marks {
            started: Instant::now(),
            dns: None,
            dialling: None,
            handshaking: None,
            connected: None,
            first_byte: None,
        })))
    }

    /// Runs a request so that what it passes leaves its marks here.
    pub(super) async fn record<T>(self, request: impl Future<Output = T>) -> T {
        CURRENT.scope(self, request).await
    }

    pub(super) fn first_byte(&self) {
        self.mark(|marks| marks.first_byte = Some(Instant::now()));
    }

    pub(super) fn finish(&self) -> Timings {
        let mut timings = Timings::default();
        self.mark(|marks| {
            let until = |from: Option<Instant>, to: Option<Instant>| Some(to? - from?);
            timings = Timings {
                dns: marks.dns,
                connect: until(marks.dialling, marks.handshaking.or(marks.connected)),
                tls: until(marks.handshaking, marks.connected),
                first_byte: until(marks.connected.or(Some(marks.started)), marks.first_byte),
                total: marks.started.elapsed(),
            };
        });
        timings
    }

    /// The phase that has begun and never ended. On a kept connection only the answer can be missing.
    pub(super) fn unended(&self) -> Clue {
        let mut unended = Clue::NoAnswer;
        self.mark(|marks| {
            unended = match (marks.connected, marks.handshaking, marks.dialling) {
                (None, Some(_), _) => Clue::NoHandshake,
                (None, None, Some(_)) => Clue::NoConnection,
                _ => Clue::NoAnswer,
            };
        });
        unended
    }

    fn mark(&self, set: impl FnOnce(&mut Marks)) {
        set(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Outside a request (a connection that is finished in the background) there is nothing to mark.
fn mark(set: impl FnOnce(&mut Marks)) {
    let _ = CURRENT.try_with(|phases| phases.mark(set));
}

/// A look-up that began at `started` is done; dialling begins.
pub(super) fn looked_up(started: Instant) {
    mark(|marks| {
        marks.dns = Some(started.elapsed());
        marks.dialling = Some(Instant::now());
    });
}

/// Marks when connecting begins and when the connection stands, TLS included.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectLayer;

impl<S> Layer<S> for ConnectLayer {
    type Service = TimedConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        TimedConnector(connector)
    }
}

#[derive(Clone, Debug)]
pub(super) struct TimedConnector<S>(S);

impl<S, R> Service<R> for TimedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        mark(|marks| marks.dialling = Some(Instant::now()));
        let connecting = self.0.call(destination);
        Box::pin(async move {
            let connection = connecting.await?;
            mark(|marks| marks.connected = Some(Instant::now()));
            Ok(connection)
        })
    }
}

/// A store of TLS sessions that marks when a handshake begins.
pub(super) fn timed_resumption() -> Resumption {
    Resumption::store(Arc::new(TimedSessions(ClientSessionMemoryCache::new(SESSIONS))))
}

#[derive(Debug)]
struct TimedSessions(ClientSessionMemoryCache);

impl ClientSessionStore for TimedSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server_name, group);
    }

    /// The first question of every handshake.
    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        mark(|marks| marks.handshaking = Some(Instant::now()));
        self.0.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.0.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(server_name)
    }
}
