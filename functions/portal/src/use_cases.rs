//! The actions of an owner: the use cases, for the page and the API alike.
//!
//! Each use case takes the business from the session and from nowhere else. A refusal is data; [`Fault`] is the only
//! error of this system's own.

mod deliveries;
mod export;
mod formats;
mod health;
mod hints;
mod replay;
mod settings;
mod test_event;

pub(crate) use deliveries::{Resent, SUMMARY_DAYS, Sending, is_overdue};
pub(crate) use export::{Exported, LeftOut};
pub(crate) use formats::{FormatIntent, InvalidFormat, TemplateIntent};
pub(crate) use hints::{Warning, warnings};
pub(crate) use replay::{ReplayKind, ReplayState, ReplayView};
pub(crate) use settings::{
    EmailIntent, HeaderIntent, InvalidRetention, RetentionIntent, SECRET_MASK, SigningSecretText, UrlIntent,
};
pub(crate) use test_event::TestKind;

use std::time::Duration;

use adapters::attempter::{Attempt, Attempter};
use adapters::deliveries_table::Retention;
use adapters::dynamodb::{TableError, Written};
use adapters::notices::{NoticeError, Notices};
use adapters::process::clock;
use adapters::queue::{Commands, QueueError};
use adapters::secret::{SecretError, SecretSource};
use adapters::settings_table::{LastTest, OwnerSettings};
use adapters::tables::Tables;
use axum::http::HeaderValue;
use domain::event::{BusinessId, MalformedEvent};
use domain::guard::{Refusal, TargetPolicy};
use domain::mail::InvalidEmailAddress;
use domain::outcome::Verdict;
use domain::request::signature::InternalSecret;
use domain::request::{self, InvalidStaticHeader};
use health::Intent;

use crate::report;

/// The clients and settings that the use cases need; made once per process.
pub(crate) struct UseCases {
    pub(crate) tables: Tables,
    pub(crate) commands: Commands,
    pub(crate) notices: Notices,
    pub(crate) internal_secret: SecretSource<InternalSecret>,
    pub(crate) attempter: Attempter,
    pub(crate) targets: TargetPolicy,
    /// Whether mails about the endpoint go out.
    pub(crate) sends_mails: bool,
    /// How long the stack keeps a record. A business may choose fewer days.
    pub(crate) retention: Retention,
}

/// Why a use case was not carried out.
#[derive(Debug)]
pub(crate) enum UseCaseError {
    /// A field was refused.
    Refused(Refused),
    /// There is no URL to send to.
    NoUrl,
    /// There is no such delivery.
    NotFound,
    /// The event's body is not kept.
    NotKept,
    /// A replay of a range runs or waits.
    RangeUnderWay,
    /// Another request changed the same setting at the same moment.
    Changed,
    /// The business has made all tests that it may make in this calendar minute; the time until the next minute, 1 to
    /// 60 s.
    TooManyTests(Duration),
    /// A fault of this system.
    Fault(Fault),
}

impl UseCaseError {
    /// The value of the header `Retry-After`, in seconds; None: the answer has no such header.
    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        match self {
            Self::TooManyTests(wait) => Some(wait.as_secs().into()),
            _ => None,
        }
    }
}

/// Which fields of the settings were refused, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) url: Option<Refusal>,
    pub(crate) header: Option<InvalidStaticHeader>,
    pub(crate) format: Option<InvalidFormat>,
    pub(crate) email: Option<InvalidEmailAddress>,
    pub(crate) retention: Option<InvalidRetention>,
}

/// A fault of this system.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("a test event could not be made")]
    Test(#[from] MalformedEvent),
    #[error("no randomness could be had")]
    Random(#[from] getrandom::Error),
    #[error("an endpoint's health changed too often to be stored")]
    Contended,
}

/// Lets `?` turn each fault into a [`UseCaseError`].
macro_rules! faults_are_reasons {
    ($($fault:ty),*) => {
        $(impl From<$fault> for UseCaseError {
            fn from(fault: $fault) -> Self {
                Self::Fault(fault.into())
            }
        })*
    };
}

faults_are_reasons!(Fault, TableError, QueueError, SecretError, MalformedEvent);

/// How many tests a business may make in a calendar minute. That is more than an owner needs, and too few for using the
/// test to send events.
const TESTS_A_MINUTE: u32 = 10;

impl UseCases {
    /// Reads a business's settings, and how many of its events are held (1,000 stands for more).
    pub(crate) async fn settings(&self, business_id: &BusinessId) -> Result<(OwnerSettings, u64), UseCaseError> {
        let settings = self.tables.settings.read_for_owner(business_id, clock::now());
        let (owned, held) = tokio::join!(settings, self.tables.deliveries.count_held(business_id));
        Ok((owned?, held?))
    }

    /// Changes the health after an action that is done already, so that the held events are sent. A fault is only
    /// logged, since the action itself is done. The next change, or the next event, finds the held events again.
    async fn change_or_log(&self, business_id: &BusinessId, intent: Intent) {
        if let Err(UseCaseError::Fault(fault)) = self.change(business_id, intent).await {
            report::fault_of(business_id, &fault);
        }
    }

    /// Sends a test event now, in the way of every delivery. If it is delivered, the held events follow.
    pub(crate) async fn test(&self, business_id: &BusinessId, kind: TestKind) -> Result<Attempt, UseCaseError> {
        let now = clock::now();
        let (read, secret) = tokio::join!(self.tables.read_settings(business_id, now), self.internal_secret.get());
        let (settings, secret) = (read?.settings, secret?);
        let (url, endpoint) = settings.url.zip(settings.endpoint).ok_or(UseCaseError::NoUrl)?;
        if self.tables.settings.count_test(business_id, TESTS_A_MINUTE, now).await? == Written::ConditionFailed {
            return Err(UseCaseError::TooManyTests(rest_of_minute(now)));
        }
        let event = kind.event(business_id, now)?;
        let sending = request::Sending { event: &event, attempt: 1, traceparent: None };
        let attempt = self.attempter.attempt(sending, &url, &settings.format, &settings.credentials, &secret).await;
        let test = LastTest { at: now, was_delivered: attempt.verdict == Verdict::Delivered };
        // The test itself is done, so its result is told even if it cannot be stored.
        if let Err(error) = self.tables.settings.store_last_test(business_id, &endpoint, test).await {
            report::fault_of(business_id, &error.into());
        }
        if test.was_delivered {
            self.change_or_log(business_id, Intent::Resume).await;
        }
        report::tested(business_id, &attempt);
        Ok(attempt)
    }
}

/// How long until the next calendar minute: 1 to 60 s.
fn rest_of_minute(now: domain::Timestamp) -> Duration {
    Duration::from_secs(60 - now.as_second().rem_euclid(60).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_ends_with_its_last_second() {
        let rest = |second| rest_of_minute(domain::Timestamp::from_second(second).expect("a time")).as_secs();
        assert_eq!([0, 1, 59, 60, 119].map(rest), [60, 59, 1, 60, 1]);
    }
}
