//! Look-ups that vet the addresses they find, so that the client dials only vetted addresses.
//!
//! The HTTP client dials the addresses that this resolver returns, and looks nothing up itself. So a name that resolves
//! to another address a moment later ("DNS rebinding") gains nothing. One bad address refuses the whole answer: a name
//! that has both public and private addresses is no honest receiver.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::{Instant, timeout};
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

pub(super) struct VettingResolver<L> {
    lookup: Arc<L>,
    targets: TargetPolicy,
}

impl<L: Lookup> VettingResolver<L> {
    pub(super) fn new(lookup: L, targets: TargetPolicy) -> Self {
        Self { lookup: Arc::new(lookup), targets }
    }
}

impl<L: Lookup> Resolve for VettingResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, targets) = (Arc::clone(&self.lookup), self.targets);
        Box::pin(async move {
            let started = Instant::now();
            let addresses = addresses(&*lookup, name.as_str()).await;
            phases::looked_up(started);
            Ok(vet(&addresses.ok_or(ResolveError::NoAddress)?, targets)?)
        })
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

fn vet(addresses: &[IpAddr], targets: TargetPolicy) -> Result<Addrs, ResolveError> {
    if !addresses.iter().all(|&address| targets.allow(address)) {
        return Err(Refusal::Address.into());
    }
    // Port 0 stands for the port of the URL.
    let vetted: Vec<_> = addresses.iter().map(|&address| SocketAddr::new(address, 0)).collect();
    Ok(Box::new(vetted.into_iter()))
}
