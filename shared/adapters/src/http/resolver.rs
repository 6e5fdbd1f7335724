//! Look-ups that vet the addresses they find, so that the client dials only vetted addresses.
//!
//! The HTTP client dials the addresses that this resolver returns, and looks nothing up itself. So a name that resolves
//! to another address a moment later ("DNS rebinding") gains nothing. One bad address refuses the whole answer: a name
//! that has both public and private addresses is no honest receiver.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::time::{Instant, timeout};
use tower_service::Service;
use url::Host;

use super::phases;
use domain::guard::{Refusal, Target, TargetPolicy};

/// The longest time of a look-up. It is shorter than the time for connecting, so that a look-up that takes too long is
/// told apart from a connection that takes too long.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(4);

/// Finds the addresses of a name.
pub trait Lookup: Send + Sync + 'static {
    /// Gives all addresses of a name, in the order of preference.
    fn lookup(&self, name: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;
}

/// The system's resolver, `getaddrinfo`.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The reason why a name was not dialled. No message repeats the name or an address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the name has no address")]
    NoAddress,
    #[error(transparent)]
    Refused(#[from] Refusal),
}

type Resolving = Pin<Box<dyn Future<Output = Result<vec::IntoIter<SocketAddr>, ResolveError>> + Send>>;

/// Looks names up and vets their addresses. The kind of look-up is not in this type, so that it is not in the type of
/// the HTTP client either.
#[derive(Clone)]
pub(super) struct VettingResolver(Arc<dyn Fn(Name) -> Resolving + Send + Sync>);

impl VettingResolver {
    pub(super) fn new(lookup: impl Lookup, targets: TargetPolicy) -> Self {
        let lookup = Arc::new(lookup);
        Self(Arc::new(move |name| {
            let lookup = Arc::clone(&lookup);
            Box::pin(async move {
                let started = Instant::now();
                let addresses = addresses(&*lookup, name.as_str()).await;
                phases::looked_up(started);
                vet(&addresses.ok_or(ResolveError::NoAddress)?, targets)
            })
        }))
    }
}

impl Service<Name> for VettingResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Resolving;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        (self.0)(name)
    }
}

/// Whether a URL's host has an address now, for an owner who is about to save the URL. The addresses are vetted again
/// before each connection.
///
/// # Errors
///
/// [`Refusal::Address`] if one of its addresses may not be dialled.
pub async fn resolves(lookup: &impl Lookup, target: &Target, targets: TargetPolicy) -> Result<bool, Refusal> {
    match target.url().host() {
        Some(Host::Domain(name)) => match addresses(lookup, name).await {
            Some(addresses) if addresses.iter().all(|&address| targets.allow(address)) => Ok(true),
            Some(_) => Err(Refusal::Address),
            None => Ok(false),
        },
        // `Target` has judged an address that stands in the URL.
        _ => Ok(true),
    }
}

async fn addresses(lookup: &impl Lookup, name: &str) -> Option<Vec<IpAddr>> {
    let found = timeout(LOOKUP_TIMEOUT, lookup.lookup(name)).await;
    found.ok().and_then(Result::ok).filter(|addresses| !addresses.is_empty())
}

fn vet(addresses: &[IpAddr], targets: TargetPolicy) -> Result<vec::IntoIter<SocketAddr>, ResolveError> {
    if !addresses.iter().all(|&address| targets.allow(address)) {
        return Err(Refusal::Address.into());
    }
    // Port 0 stands for the port of the URL.
    let vetted: Vec<_> = addresses.iter().map(|&address| SocketAddr::new(address, 0)).collect();
    Ok(vetted.into_iter())
}
