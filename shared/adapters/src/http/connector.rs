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

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes connections to the addresses that a resolver gives. The HTTP client clones its connector twice for every
/// request, also for one on a kept connection. So a clone is one more reference.
#[derive(Clone, Debug)]
pub(crate) struct Connector<R>(Arc<Dialling<R>>);

#[derive(Debug)]
struct Dialling<R> {
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
        Self(Arc::new(Dialling { https: HttpsConnector::from((tcp, tls)), timeout }))
    }
}

impl<R> Service<Uri> for Connector<R>
where
    R: Clone,
    HttpConnector<R>: Service<Uri, Response = TokioIo<TcpStream>>,
    <HttpConnector<R> as Service<Uri>>::Future: Send + 'static,
    <HttpConnector<R> as Service<Uri>>::Error: Into<BoxError>,
{
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    /// Is always ready. The TCP connector asks its resolver once more, before each look-up.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        phases::dialling();
        let mut https = self.0.https.clone();
        let connecting = timeout(self.0.timeout, https.call(destination));
        Box::pin(async move {
            let connection = connecting.await.map_err(io::Error::from)??;
            phases::connected();
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use domain::guard::TargetPolicy;
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::resolver::{Lookup, VettingResolver};
    use crate::http::tls;

    /// A resolver that never answers.
    struct Silent;

    impl Lookup for Silent {
        async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn the_time_limit_covers_the_look_up_and_the_handshake() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let resolver = VettingResolver::new(Silent, TargetPolicy::UnsafeForLocalTestsOnly);
        let mut connector = Connector::new(resolver, Arc::new(tls::client_config()), Duration::from_millis(50));
        for url in ["http://receiver.test/".to_owned(), format!("https://{address}/")] {
            let connecting = connector.call(url.parse().expect("a URI"));
            // Longer than the limit of a look-up.
            let connected = timeout(Duration::from_secs(10), connecting).await.expect("the limit is shorter");
            let error = connected.expect_err("nobody answers").downcast::<io::Error>().expect("by the time limit");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{url}");
        }
    }
}
