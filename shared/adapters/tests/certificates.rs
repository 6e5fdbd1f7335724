//! Refused certificates: each reason has its own clue, since each has its own remedy.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::IpAddr;
use std::sync::Arc;

use adapters::http::tls::{self, InvalidRoot};
use adapters::http::{Lookup, Posted, WebhookClient};
use domain::clue::Clue;
use domain::guard::TargetPolicy;
use domain::outcome::{Failure, Outcome};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

mod raw;

use raw::{LOOPBACK, TIMEOUT, answer, post, serve};

const NAME: &str = "receiver.test";

struct Loopback;

impl Lookup for Loopback {
    async fn lookup(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(vec![LOOPBACK])
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}

fn leaf(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// Gives a configuration that trusts this root alone.
fn trusting(root: &CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    tls::with_roots(roots)
}

/// POSTs to a server with this chain, by a client with this configuration.
async fn posted(chain: Vec<CertificateDer<'static>>, key: &KeyPair, tls: &ClientConfig) -> Posted {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (address, _) = serve(LOOPBACK, 0, move |stream| {
        let acceptor = acceptor.clone();
        async move { answer(acceptor.accept(stream).await?, b"HTTP/1.1 204 No Content\r\n\r\n").await.map(drop) }
    })
    .await;
    let client = WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, tls, Loopback);
    post(&client, &format!("https://{NAME}:{}/", address.port())).await
}

#[tokio::test]
async fn expired_for_another_name_self_signed_and_without_its_issuer_are_told_apart() {
    let root = CertifiedIssuer::self_signed(authority("a root"), KeyPair::generate().unwrap()).unwrap();
    let between = CertifiedIssuer::signed_by(authority("in between"), KeyPair::generate().unwrap(), &root).unwrap();
    let trusting_root = trusting(root.der());
    let key = KeyPair::generate().unwrap();
    let (mut expired, mut early, mut own_authority) = (leaf(NAME), leaf(NAME), leaf(NAME));
    expired.not_after = date_time_ymd(2020, 1, 1);
    expired.not_before = date_time_ymd(2019, 1, 1);
    early.not_before = date_time_ymd(4000, 1, 1);
    own_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);

    let signed = |params: &CertificateParams| params.signed_by(&key, &between).unwrap().der().clone();
    let own = |params: &CertificateParams| params.self_signed(&key).unwrap().der().clone();
    let between = between.der().clone();
    for (chain, clue) in [
        (vec![signed(&expired), between.clone()], Clue::Expired),
        (vec![signed(&early), between.clone()], Clue::NotYetValid),
        (vec![signed(&leaf("other.test")), between.clone()], Clue::WrongName),
        (vec![signed(&leaf(NAME))], Clue::UnknownIssuer),
        (vec![own(&leaf(NAME))], Clue::SelfSigned),
        (vec![own(&own_authority)], Clue::SelfSigned),
    ] {
        let posted = posted(chain, &key, &trusting_root).await;
        assert_eq!((posted.outcome, posted.clue), (Outcome::Failed(Failure::Tls), Some(clue)), "{clue:?}");
    }
    let whole = posted(vec![signed(&leaf(NAME)), between], &key, &trusting_root).await;
    assert!(matches!(whole.outcome, Outcome::Answered(_)), "{:?}", whole.outcome);
}

#[tokio::test]
async fn an_additional_root_is_a_file_with_a_certificate_that_is_trusted() {
    let root = CertifiedIssuer::self_signed(authority("a root"), KeyPair::generate().unwrap()).unwrap();
    let file = std::env::temp_dir().join(format!("root-{}.der", std::process::id()));
    let trusting = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let config = tls::client_config_with(Some(&file));
        std::fs::remove_file(&file).unwrap();
        config
    };
    let key = KeyPair::generate().unwrap();
    let chain = vec![leaf(NAME).signed_by(&key, &root).unwrap().der().clone()];
    let trusted = posted(chain.clone(), &key, &trusting(root.der()).unwrap()).await;
    assert!(matches!(trusted.outcome, Outcome::Answered(_)), "{:?}", trusted.outcome);
    let without = posted(chain, &key, &tls::client_config_with(None).unwrap()).await;
    assert_eq!(without.clue, Some(Clue::UnknownIssuer));

    assert!(matches!(trusting(b"no certificate"), Err(InvalidRoot::NoCertificate(_))));
    assert!(matches!(tls::client_config_with(Some(&file)), Err(InvalidRoot::Unreadable(_))));
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_told_from_a_bad_certificate() {
    let (address, _) = serve(LOOPBACK, 0, |mut stream| async move {
        // As web servers do on their plain port.
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        tokio::time::sleep(TIMEOUT).await;
        drop(stream);
        Ok(())
    })
    .await;
    let client = WebhookClient::new(TargetPolicy::UnsafeForLocalTestsOnly, TIMEOUT, &tls::client_config(), Loopback);
    let posted = post(&client, &format!("https://{NAME}:{}/", address.port())).await;
    assert_eq!((posted.outcome, posted.clue), (Outcome::Failed(Failure::Tls), Some(Clue::NoTls)));
}
