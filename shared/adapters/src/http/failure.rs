//! Classifies an HTTP client's error as a failure, by the types and kinds in its chain of sources, never by its text.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError};

use super::resolver::ResolveError;
use super::verifier::SelfSigned;
use domain::clue::Clue;
use domain::outcome::Failure;

/// Gives the failure, and the clue that the error contains. The error of a timeout contains no clue.
pub(super) fn classify(error: &legacy::Error) -> (Failure, Option<Clue>) {
    let connecting = error.is_connect();
    let failure = chain(error).find_map(|cause| failure_of(cause, connecting)).unwrap_or(if connecting {
        Failure::Refused
    } else {
        Failure::Protocol
    });
    (failure, chain(error).find_map(clue_of))
}

fn clue_of(cause: &(dyn Error + 'static)) -> Option<Clue> {
    if let Some(ResolveError::Refused(refusal)) = cause.downcast_ref() {
        return Some(Clue::Refused(*refusal));
    }
    match cause.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => clue_of_certificate(error),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Clue::NoTls),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            Some(Clue::OldTls)
        }
        _ => None,
    }
}

fn clue_of_certificate(error: &CertificateError) -> Option<Clue> {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Some(Clue::Expired),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Some(Clue::NotYetValid),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Some(Clue::WrongName),
        CertificateError::UnknownIssuer => Some(Clue::UnknownIssuer),
        CertificateError::Other(OtherError(other)) if other.is::<SelfSigned>() => Some(Clue::SelfSigned),
        _ => None,
    }
}

/// Gives an error and the errors below it. Below an `io::Error` comes the error that it wraps, which the method
/// `source` would skip.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

fn failure_of(cause: &(dyn Error + 'static), connecting: bool) -> Option<Failure> {
    if let Some(resolving) = cause.downcast_ref::<ResolveError>() {
        return Some(match resolving {
            ResolveError::NoAddress => Failure::Dns,
            ResolveError::Refused(_) => Failure::Blocked,
        });
    }
    if cause.is::<rustls::Error>() {
        return Some(Failure::Tls);
    }
    if let Some(http) = cause.downcast_ref::<hyper::Error>() {
        return match () {
            () if http.is_incomplete_message() => Some(Failure::Reset),
            () if http.is_parse() => Some(Failure::Protocol),
            () => None,
        };
    }
    let io = cause.downcast_ref::<io::Error>()?;
    // The error that an `io::Error` wraps says more than its kind, except of these two.
    if io.get_ref().is_some() && !matches!(io.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::TimedOut) {
        return None;
    }
    match io.kind() {
        io::ErrorKind::TimedOut => Some(Failure::Timeout),
        // The TCP connection had been made, so a close while connecting is a close during the TLS handshake.
        io::ErrorKind::UnexpectedEof if connecting => Some(Failure::Tls),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(Failure::Reset),
        _ if connecting => Some(Failure::Refused),
        _ => None,
    }
}
