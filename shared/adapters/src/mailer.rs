//! Mails to owners, by SES.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use aws_types::SdkConfig;
use domain::mail::{EmailAddress, Mail};

use crate::lazy::Lazy;

/// A fault of this system or of AWS: SES did not take a mail.
///
/// The fault has the name of SES's error and nothing else, since SES's message may repeat the address.
#[derive(Debug, thiserror::Error)]
#[error("SES did not take the mail: {0}")]
pub struct MailError(String);

/// Sends mails from one address.
///
/// There is no `Debug`, which would show the address.
#[derive(Clone)]
pub struct Mailer {
    client: Lazy<Client>,
    from: String,
}

impl Mailer {
    /// A mailer that sends from an address, which SES has to know as verified.
    #[must_use]
    pub fn new(sdk: &SdkConfig, from: String) -> Self {
        Self { client: Lazy::new(sdk, Client::new), from }
    }

    /// Sends a mail to one address.
    ///
    /// # Errors
    ///
    /// [`MailError`]. SES may have taken the mail all the same, if its answer was lost.
    ///
    /// # Panics
    ///
    /// Never: each part of a mail has its text.
    pub async fn send(&self, to: &EmailAddress, mail: &Mail) -> Result<(), MailError> {
        let body = Body::builder().text(utf8(&mail.text)).html(utf8(&mail.html)).build();
        let message = Message::builder().subject(utf8(&mail.subject)).body(body).build();
        self.client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map_err(|error| MailError(name(&error)))?;
        Ok(())
    }
}

fn utf8(text: &str) -> Content {
    Content::builder().data(text).charset("UTF-8").build().expect("it has its data")
}

fn name(error: &SdkError<SendEmailError>) -> String {
    let name = match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "no connection",
        error => error.code().unwrap_or("an unknown answer"),
    };
    name.to_owned()
}
