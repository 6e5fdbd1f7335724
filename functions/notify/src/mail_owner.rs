//! Mails one notice to the owner, if the notice is still true and no mail of its kind was sent within the last hour.

use adapters::dynamodb::{TableError, Written};
use adapters::mailer::{MailError, Mailer};
use adapters::notices::ReceivedNotice;
use adapters::process::clock;
use adapters::settings_table::{MailClaim, OwnerSettings, SettingsTable};
use domain::Timestamp;
use domain::mail::{EmailAddress, Mail, News};
use serde_json::Value;

use crate::report;
use crate::sns_event::notices;

/// The clients that an invocation needs, made once per process.
pub(crate) struct Notifier {
    pub(crate) settings: SettingsTable,
    pub(crate) mailer: Mailer,
    /// The address of the page that mails link to. None: mails have no link.
    pub(crate) page: Option<String>,
}

/// The result of handling a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Mailed,
    NotMailed(Reason),
}

/// Why no mail was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The business has no address, or no settings.
    NoAddress,
    /// The stored text, which another system has written, is no email address.
    InvalidAddress,
    /// The endpoint's state is not what the notice says.
    NoLongerTrue,
    /// A mail of this kind was sent within the last hour.
    WithinTheHour,
}

/// A fault of this system or of AWS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// The answer of an invocation that Lambda is to repeat. Its text goes into the dead-letter queue.
#[derive(Debug, thiserror::Error)]
#[error("a notice was not mailed; the log of notify says why")]
pub(crate) struct NotDone;

impl Notifier {
    /// Mails the notices of one invocation, whose id is `invocation`. After a fault, the other notices are mailed all
    /// the same. When Lambda repeats the invocation, those notices have claimed their hour and are not mailed again.
    pub(crate) async fn run(&self, event: &Value, invocation: &str) -> Result<(), NotDone> {
        let mut result = Ok(());
        for notice in notices(event) {
            let Some(notice) = notice else {
                report::unreadable();
                continue;
            };
            match self.mail(&notice, invocation).await {
                Ok(outcome) => report::outcome(&notice, outcome),
                Err(fault) => {
                    report::fault(&notice, &fault);
                    result = Err(NotDone);
                }
            }
        }
        result
    }

    async fn mail(&self, notice: &ReceivedNotice, invocation: &str) -> Result<Outcome, Fault> {
        let now = clock::now();
        let settings = self.settings.read_for_owner(&notice.business_id, now).await?;
        let (address, news) = match judge(notice, &settings, now) {
            Ok(judged) => judged,
            Err(reason) => return Ok(Outcome::NotMailed(reason)),
        };
        let claim = MailClaim::new(notice.kind, invocation, now);
        if self.settings.claim_mail(&notice.business_id, &claim).await? == Written::ConditionFailed {
            return Ok(Outcome::NotMailed(Reason::WithinTheHour));
        }
        let mail = Mail::new(&news, notice.held, self.page.as_deref());
        if let Err(error) = self.mailer.send(&address, &mail).await {
            // If this fails too, the repeated invocation finds the hour claimed; both faults are in the log then.
            if let Err(kept) = self.settings.give_mail_back(&notice.business_id, &claim).await {
                report::fault(notice, &kept.into());
            }
            return Err(error.into());
        }
        Ok(Outcome::Mailed)
    }
}

/// Gives the address and the news of the mail for a notice, or the reason why no mail is sent.
fn judge(notice: &ReceivedNotice, settings: &OwnerSettings, now: Timestamp) -> Result<(EmailAddress, News), Reason> {
    let address = settings.notify_email.as_deref().ok_or(Reason::NoAddress)?;
    let address = EmailAddress::parse(address).map_err(|_| Reason::InvalidAddress)?;
    // Without a URL the page says so, whatever the state was.
    let is_here = settings.url.is_some();
    let state = settings.here(now).state;
    let news = News::new(notice.kind, &notice.cause, notice.since, &state).filter(|_| is_here);
    Ok((address, news.ok_or(Reason::NoLongerTrue)?))
}

#[cfg(test)]
mod tests {
    use domain::endpoint::{EndpointId, Health, PausedReason, State};

    use super::*;

    fn paused_at(endpoint: &str, email: Option<&str>) -> OwnerSettings {
        let state = State::Paused { since: Timestamp::UNIX_EPOCH, reason: PausedReason::Gone };
        let health = Health { version: 1, endpoint: Some(EndpointId(endpoint.to_owned())), state, ..Health::default() };
        OwnerSettings {
            url: Some("https://receiver.example/".to_owned()),
            endpoint: Some(EndpointId("a.1".to_owned())),
            notify_email: email.map(ToOwned::to_owned),
            health,
            ..OwnerSettings::default()
        }
    }

    fn judged(kind: &str, settings: &OwnerSettings) -> Result<String, Reason> {
        let text = format!(r#"{{"kind":"{kind}","business_id":"b","cause":"gone","since":"","held":null}}"#);
        let notice = ReceivedNotice::parse(&text).expect("a notice");
        judge(&notice, settings, Timestamp::UNIX_EPOCH).map(|(address, _)| address.as_str().to_owned())
    }

    #[test]
    fn an_owner_with_an_address_is_told_what_is_true_of_the_present_endpoint() {
        let email = Some("owner@example.com");
        assert_eq!(judged("paused", &paused_at("a.1", email)), Ok("owner@example.com".to_owned()));
        assert_eq!(judged("failing", &paused_at("a.1", email)), Err(Reason::NoLongerTrue));
        assert_eq!(judged("paused", &paused_at("b.1", email)), Err(Reason::NoLongerTrue), "another URL meanwhile");
        assert_eq!(judged("unheard_of", &paused_at("a.1", email)), Err(Reason::NoLongerTrue));
        assert_eq!(judged("paused", &paused_at("a.1", None)), Err(Reason::NoAddress));
        assert_eq!(judged("paused", &paused_at("a.1", Some("a@b.example, c@d.example"))), Err(Reason::InvalidAddress));
        let without_url = OwnerSettings { url: None, endpoint: None, ..paused_at("a.1", email) };
        assert_eq!(judged("paused", &without_url), Err(Reason::NoLongerTrue));
        assert_eq!(judged("paused", &OwnerSettings::default()), Err(Reason::NoAddress));
    }
}
