//! The one TLS configuration, for connections to receivers and to AWS.
//!
//! The roots are Mozilla's, compiled in. The versions are TLS 1.2 and 1.3. TLS sessions are kept, because a handshake
//! costs as much CPU as the rest of a delivery.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};

use super::phases;
use super::verifier::Verifier;

/// Gives a configuration that trusts the bundled roots.
#[must_use]
pub fn client_config() -> ClientConfig {
    with_roots(bundled_roots())
}

/// An additional root that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRoot {
    /// The file cannot be read.
    #[error("the additional root cannot be read")]
    Unreadable(#[from] io::Error),
    /// The file is no certificate in DER, or its certificate is no root.
    #[error("the additional root is no certificate")]
    NoCertificate(#[from] rustls::Error),
}

/// Gives a configuration that also trusts the certificate in this file, if there is one. Only local tests have one.
///
/// # Errors
///
/// [`InvalidRoot`].
pub fn client_config_with(extra_root: Option<&Path>) -> Result<ClientConfig, InvalidRoot> {
    let mut roots = bundled_roots();
    if let Some(file) = extra_root {
        roots.add(fs::read(file)?.into())?;
    }
    Ok(with_roots(roots))
}

fn bundled_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Gives a configuration that trusts these roots alone. Tests have roots of their own.
///
/// # Panics
///
/// If there are no roots.
#[must_use]
pub fn with_roots(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .expect("there are roots, and no lists of revoked certificates that could be unreadable");
    // rustls calls every custom verifier dangerous. This one refuses the same certificates as the usual verifier.
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(verifier)))
        .with_no_client_auth();
    config.resumption = phases::timed_resumption();
    config
}
