//! Where a delivery may go: public https endpoints, and nowhere else.
//!
//! An owner types the URL, and whoever takes over an owner's account may type any. What an attacker would want sits
//! next to the function: the Lambda runtime API on loopback, the metadata services, private networks. So the guard acts
//! twice: on the URL when it is read ([`Target::parse`]), and on every address its host resolves to, right before
//! dialling ([`TargetPolicy::allow`]). Both rules are pure; the resolver that applies the second one and pins what it has
//! vetted is in the crate `adapters`.

mod address;
mod refusal;
mod text;
mod target;

pub use address::is_global;
pub use target::Target;

use std::net::IpAddr;

/// Which endpoints may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetPolicy {
    /// Public https endpoints only.
    Public,
    /// Also plain http, any port, private addresses and special-use names.
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

/// Why the guard refuses a URL or an address. None of the messages repeats any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than [`Target::MAX_CHARS`].
    #[error("the URL is longer than 2,048 characters")]
    TooLong,
    /// Two URLs in one text.
    #[error("there is more than one URL")]
    TwoUrls,
    /// Words, white space or quotation marks beside the URL or within.
    #[error("there is something beside the URL")]
    Words,
    /// `{{...}}` or `<TOKEN>`, left in where something had to be filled in.
    #[error("the URL has a placeholder in it")]
    Placeholder,
    /// Has control characters.
    #[error("the URL has control characters")]
    Control,
    /// Has a backslash, which the URL Standard reads as a slash and other readers do not.
    #[error("the URL has a backslash")]
    Backslash,
    /// Not an absolute URL with a host.
    #[error("not a URL with a host")]
    Unreadable,
    /// Neither https nor, where unsafe targets are allowed, http.
    #[error("the URL is not https")]
    Scheme,
    /// `user:password@` in the URL.
    #[error("the URL has a user name or password")]
    UserInfo,
    /// A fragment: the address of a place in a page, and never sent.
    #[error("the URL has a fragment")]
    Fragment,
    /// A port below 1024 other than 443.
    #[error("the port is neither 443 nor at least 1024")]
    Port,
    /// A name that no public DNS has (RFC 6761, 6762, 7686, 8375 and ICANN's `.internal`).
    #[error("the host is a special-use name")]
    SpecialName,
    /// The host is, or resolves to, an address that is not globally reachable.
    #[error("the host has an address that is not public")]
    Address,
}
