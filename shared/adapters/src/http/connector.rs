//! The connector below both HTTP clients, the one for receivers and the one for AWS. One time limit covers the look-up,
//! dialling and the TLS handshake. The connector marks the phases of a POST; a connection to AWS belongs to no POST.
//!
//! The connector uses no proxy. It offers no protocol by ALPN, so every connection is HTTP/1.1.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::phases;

/// A connection that has been silent for this long is probed, and then again after each interval of this length.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// After this many unanswered probes the kernel gives a connection up.
const KEEPALIVE_RETRIES: u32 = 3;

/// How long sent bytes may stay unacknowledged before the kernel gives a connection up.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes connections to the addresses that a resolver gives.
#[derive(Clone, Debug)]
pub(crate) struct Connector<R> {
    https: HttpsConnector<HttpConnector<R>>,
    timeout: Duration,
}

impl<R> Connector<R> {
    pub(crate) fn new(resolver: R, tls: Arc<ClientConfig>, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        // The connector above this one makes the TLS connection of an https URL.
        tcp.enforce_http(false);
        // Each of a name's addresses gets its share of the time, so that one dead address leaves time for the next.
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_TIMEOUT));
        Self { https: HttpsConnector::from((tcp, tls)), timeout }
    }
}

impl<R> Service<Uri> for Connector<R>
where
    HttpConnector<R>: Service<Uri, Response = TokioIo<TcpStream>>,
    <HttpConnector<R> as Service<Uri>>::Future: Send + 'static,
    <HttpConnector<R> as Service<Uri>>::Error: Into<BoxError>,
{
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        phases::dialling();
        let connecting = timeout(self.timeout, self.https.call(destination));
        Box::pin(async move {
            let connection = connecting.await.map_err(io::Error::from)??;
            phases::connected();
            Ok(connection)
        })
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
