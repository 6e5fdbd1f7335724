//! The duration of each phase of a POST.
//!
//! The HTTP client does not measure its phases. But in the task of the request it runs three pieces of this crate's
//! code: the resolver, the connector, and the store of TLS sessions, which every handshake asks first.
//! Each piece stores a mark in a task-local of the request. A request on a kept connection runs none of them, and has
//! no marks.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use domain::clue::Clue;

/// The most receivers whose TLS sessions are kept.
const MAX_SESSIONS: usize = 256;

tokio::task_local! {
    static CURRENT: Phases;
}

/// The duration of each phase. None: the request did not reach the phase, or did not need it on a kept connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// The look-up of the host's addresses.
    pub dns: Option<Duration>,
    /// From dialling to the TCP connection.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the connection, TLS included, to the response's headers; on a kept connection, from the beginning.
    pub first_byte: Option<Duration>,
    /// The whole request, to the last byte that was read.
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

    /// Runs a request and stores the request's marks in this value.
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

    /// Gives the phase that has begun and has not ended. On a kept connection only the answer can be missing.
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

/// Sets a mark of the current request. A connection that is finished in the background belongs to no request, and sets
/// none.
fn mark(set: impl FnOnce(&mut Marks)) {
    let _ = CURRENT.try_with(|phases| phases.mark(set));
}

/// Marks that the look-up which began at `started` has ended, and that dialling begins.
pub(super) fn looked_up(started: Instant) {
    mark(|marks| {
        marks.dns = Some(started.elapsed());
        marks.dialling = Some(Instant::now());
    });
}

/// Marks that connecting begins. A look-up that follows moves this mark to its own end.
pub(super) fn dialling() {
    mark(|marks| marks.dialling = Some(Instant::now()));
}

/// Marks that the connection, TLS included, has been made.
pub(super) fn connected() {
    mark(|marks| marks.connected = Some(Instant::now()));
}

/// Gives a store of TLS sessions that marks when a handshake begins.
pub(super) fn timed_resumption() -> Resumption {
    Resumption::store(Arc::new(TimedSessions(ClientSessionMemoryCache::new(MAX_SESSIONS))))
}

#[derive(Debug)]
struct TimedSessions(ClientSessionMemoryCache);

impl ClientSessionStore for TimedSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server_name, group);
    }

    /// Marks the beginning of a handshake, because every handshake asks this first.
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
