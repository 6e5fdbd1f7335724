//! Receivers down to the bytes: real sockets that send any bytes as their answer.

#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapters::http::{Lookup, Posted, SystemLookup, WebhookClient, tls};
use domain::guard::{Target, TargetPolicy};
use domain::outcome::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const TIMEOUT: Duration = Duration::from_millis(600);

/// Serves every connection on a port of loopback and counts them.
pub async fn serve<F, Fut>(ip: IpAddr, port: u16, connection: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind((ip, port)).await.unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(connection(stream));
        }
    });
    (address, connections)
}

/// Reads one request, whose body ends with `{}` or `{}}`, and answers it with these bytes.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, response: &[u8]) -> io::Result<S> {
    let mut request = Vec::new();
    while !request.ends_with(b"{}") && !request.ends_with(b"{}}") {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..count]);
    }
    stream.write_all(response).await?;
    Ok(stream)
}

pub fn unsafe_client(lookup: impl Lookup) -> WebhookClient {
    WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, &tls::client_config(), lookup)
}

pub async fn post(client: &WebhookClient, url: &str) -> Posted {
    let target = Target::parse(url, TargetPolicy::UnsafeForLocalTestsOnly).unwrap();
    client.post(&target, http::HeaderMap::new(), "{}".to_owned()).await
}

pub async fn outcome_of(response: &[u8]) -> Outcome {
    posted_to(response).await.outcome
}

/// Gives the result of a POST that is answered with these bytes.
pub async fn posted_to(response: &[u8]) -> Posted {
    let response: Arc<[u8]> = response.into();
    let (address, _) = serve(LOOPBACK, 0, move |stream| {
        let response = Arc::clone(&response);
        async move { answer(stream, &response).await.map(drop) }
    })
    .await;
    post(&unsafe_client(SystemLookup), &format!("http://{address}/")).await
}
