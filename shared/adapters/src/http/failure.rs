//! Which failure an HTTP client's error is: told by types and kinds down its chain of sources, never by its words.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError};

use super::resolver::ResolveError;
use super::verifier::SelfSigned;
use domain::clue::Clue;
use domain::outcome::Failure;

/// The failure, and what the error tells of it besides. Of a timeout it tells nothing.
pub(super) fn classify(error: &reqwest::Error) -> (Failure, Option<Clue>) {
    let connecting = error.is_connect();
    let failure = chain(error).find_map(|cause| of_cause(cause, connecting)).unwrap_or(if error.is_timeout() {
        Failure::Timeout
    } else if connecting {
        Failure::Refused
    } else {
        Failure::Protocol
    });
    (failure, chain(error).find_map(clue))
}

fn clue(cause: &(dyn Error + 'static)) -> Option<Clue> {
    if let Some(ResolveError::Refused(refusal)) = cause.downcast_ref() {
        return Some(Clue::Refused(*refusal));
    }
    match cause.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Clue::NoTls),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            Some(Clue::OldTls)
        }
        _ => None,
    }
}

fn of_certificate(error: &CertificateError) -> Option<Clue> {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Some(Clue::Expired),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Some(Clue::NotYetValid),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Some(Clue::WrongName),
        CertificateError::UnknownIssuer => Some(Clue::UnknownIssuer),
        CertificateError::Other(OtherError(other)) if other.is::<SelfSigned>() => Some(Clue::SelfSigned),
        _ => None,
    }
}

/// An error and what is below it. An `io::Error` is transparent: what it carries comes next, not that one's source.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

fn of_cause(cause: &(dyn Error + 'static), connecting: bool) -> Option<Failure> {
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
    // What an io::Error carries says more than its kind.
    if io.get_ref().is_some() && io.kind() != io::ErrorKind::UnexpectedEof {
        return None;
    }
    match io.kind() {
        io::ErrorKind::TimedOut => Some(Failure::Timeout),
        // TCP was up, so a close while connecting is a close during the handshake.
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
