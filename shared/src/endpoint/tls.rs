//! The one TLS configuration, for receivers and for AWS alike.
//!
//! The roots are Mozilla's, compiled in. TLS 1.2 and 1.3; sessions are kept, since a handshake costs as much CPU as the
//! rest of a delivery.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::phases;

/// A configuration that trusts the bundled roots.
#[must_use]
pub fn client_config() -> ClientConfig {
    with_roots(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// A configuration that trusts these roots alone; tests have their own.
///
/// # Panics
///
/// Never: the provider has cipher suites for both protocol versions.
#[must_use]
pub fn with_roots(roots: RootCertStore) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = phases::timed_resumption();
    config
}
