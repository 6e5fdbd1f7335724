//! The guard lets a delivery go to public https endpoints only.
//!
//! An owner types the URL, and an attacker who takes over an owner's account may type any URL. The targets of such an
//! attacker are near the function: the Lambda runtime API on loopback, the metadata services, private networks. So the
//! guard acts twice: on the URL when it is read ([`Target::parse`]), and right before dialling on every address that
//! the host resolves to ([`TargetPolicy::allow`]). Both rules are pure. The resolver in the crate `adapters` applies
//! the second rule, and the client dials only the addresses that passed it.

mod address;
mod refusal;
mod text;
mod target;

pub use address::is_global;
pub use target::Target;

use std::net::IpAddr;

/// The policy that says which endpoints may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetPolicy {
    /// Public https endpoints only.
    Public,
    /// All endpoints: plain http, any port, private addresses and special-use names are allowed too.
    UnsafeForLocalTestsOnly,
}

impl TargetPolicy {
    /// Whether this address may be dialled.
    #[must_use]
    pub fn allow(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_global(address),
            Self::UnsafeForLocalTestsOnly => true,
        }
    }
}

/// Why the guard refuses a URL or an address. No message repeats any part of the URL or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The URL is longer than [`Target::MAX_CHARS`].
    #[error("the URL is longer than 2,048 characters")]
    TooLong,
    /// The text has two URLs.
    #[error("there is more than one URL")]
    TwoUrls,
    /// The text has words, white space or quotation marks beside the URL or within it.
    #[error("there is something beside the URL")]
    Words,
    /// The URL still has `{{...}}` or `<TOKEN>`, where the owner had to fill something in.
    #[error("the URL has a placeholder in it")]
    Placeholder,
    /// The URL has control characters.
    #[error("the URL has control characters")]
    Control,
    /// The URL has a backslash. The URL Standard reads it as a slash, and other readers do not.
    #[error("the URL has a backslash")]
    Backslash,
    /// The text is not an absolute URL with a host.
    #[error("not a URL with a host")]
    Unreadable,
    /// The scheme is neither https nor, where unsafe targets are allowed, http.
    #[error("the URL is not https")]
    Scheme,
    /// The URL has `user:password@`.
    #[error("the URL has a user name or password")]
    UserInfo,
    /// The URL has a fragment: the address of a place in a page, which is never sent.
    #[error("the URL has a fragment")]
    Fragment,
    /// The port is below 1024 and is not 443.
    #[error("the port is neither 443 nor at least 1024")]
    Port,
    /// The host is a name that no public DNS has (RFC 6761, 6762, 7686, 8375 and ICANN's `.internal`).
    #[error("the host is a special-use name")]
    SpecialName,
    /// The host is, or resolves to, an address that is not globally reachable.
    #[error("the host has an address that is not public")]
    Address,
}
