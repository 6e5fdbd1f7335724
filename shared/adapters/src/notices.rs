//! Notices to the operator, on an SNS topic: an endpoint is failing, is paused, or has recovered. `notify`
//! reads them there.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lazy::Lazy;
use crate::process::metrics::{Metric, count};
use domain::endpoint::{Notice, NoticeKind};
use domain::event::BusinessId;

/// A fault of this system or of AWS: SNS did not take the notice.
#[derive(Debug, thiserror::Error)]
#[error("the notice was not taken")]
pub struct NoticeError(#[source] Box<aws_sdk_sns::Error>);

/// The topic `OwnerNotices`.
#[derive(Clone, Debug)]
pub struct Notices {
    client: Lazy<Client>,
    topic_arn: String,
}

/// A notice in the form in which the topic's subscribers get it.
#[derive(Serialize)]
struct Message<'a> {
    kind: &'a str,
    business_id: &'a str,
    /// The cause of the failures, as the ledger names it, or the reason of the pause.
    cause: &'a str,
    /// When the endpoint's failing or paused state began, by RFC 3339.
    since: String,
    /// How many events are held. Null: the events could not be counted.
    held: Option<u64>,
}

/// A notice as a subscriber reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedNotice {
    /// The kind of change.
    pub kind: NoticeKind,
    /// The business whose endpoint it is.
    pub business_id: BusinessId,
    /// The name of the cause or of the reason; empty: the notice has none.
    pub cause: String,
    /// When the endpoint's failing or paused state began. None: the notice has no time that can be read.
    pub since: Option<Timestamp>,
    /// How many events wait, counted up to [`domain::endpoint::HELD_COUNTED`]. None: the events could not be counted.
    pub held: Option<u64>,
}

impl ReceivedNotice {
    /// Reads a notice, as leniently as its kind and its business allow. None: the text has no kind or no business.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        /// A member of any type.
        #[derive(Deserialize)]
        struct Members {
            kind: String,
            business_id: String,
            #[serde(default)]
            cause: serde_json::Value,
            #[serde(default)]
            since: serde_json::Value,
            #[serde(default)]
            held: serde_json::Value,
        }
        let members: Members = serde_json::from_str(text).ok()?;
        Some(Self {
            kind: NoticeKind::read(&members.kind),
            business_id: BusinessId::parse(&members.business_id).ok()?,
            cause: members.cause.as_str().unwrap_or_default().to_owned(),
            since: members.since.as_str().and_then(|since| since.parse().ok()),
            held: members.held.as_u64(),
        })
    }
}

impl Notices {
    /// Gives the topic with this ARN.
    #[must_use]
    pub fn new(sdk: &SdkConfig, topic_arn: String) -> Self {
        Self { client: Lazy::new(sdk, Client::new), topic_arn }
    }

    /// Publishes a notice, and logs it. `kind` and `business_id` are message attributes too, so that subscribers can
    /// filter by them.
    ///
    /// # Errors
    ///
    /// [`NoticeError`].
    ///
    /// # Panics
    ///
    /// Never: texts and numbers always serialise, and each attribute has its data type.
    pub async fn announce(
        &self,
        business_id: &BusinessId,
        notice: &Notice,
        held: Option<u64>,
    ) -> Result<(), NoticeError> {
        let kind = notice.kind.as_str();
        let since = rfc3339(notice.since);
        let message = Message { kind, business_id: business_id.as_str(), cause: &notice.cause, since, held };
        let text = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .expect("the data type is given")
        };
        self.client
            .publish()
            .topic_arn(&self.topic_arn)
            .message(serde_json::to_string(&message).expect("texts and a number always serialise"))
            .message_attributes("kind", text(kind))
            .message_attributes("business_id", text(business_id.as_str()))
            .send()
            .await
            .map_err(|error| NoticeError(Box::new(error.into())))?;
        log(business_id, notice, held);
        Ok(())
    }
}

/// Logs and counts a notice that has been given. A recovered endpoint is logged at INFO, all other kinds at WARN.
fn log(business_id: &BusinessId, notice: &Notice, held: Option<u64>) {
    let (business_id, cause, since) = (business_id.as_str(), notice.cause.as_str(), notice.since);
    match notice.kind {
        NoticeKind::Failing => {
            count(Metric::EndpointsFailing);
            tracing::warn!(business_id, cause, %since, held, "endpoint_failing");
        }
        NoticeKind::Paused => {
            count(Metric::EndpointsPaused);
            tracing::warn!(business_id, cause, %since, held, "endpoint_paused");
        }
        NoticeKind::Recovered => {
            count(Metric::EndpointsRecovered);
            tracing::info!(business_id, cause, %since, held, "endpoint_recovered");
        }
        NoticeKind::Other => tracing::warn!(business_id, cause, %since, held, "endpoint_changed"),
    }
}

fn rfc3339(time: Timestamp) -> String {
    format!("{time:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written_and_without_what_cannot_be_read() {
        let since: Timestamp = "2026-03-01T09:12:40Z".parse().expect("a time");
        let message =
            Message { kind: "paused", business_id: "b 1", cause: "gone", since: rfc3339(since), held: Some(7) };
        let text = serde_json::to_string(&message).expect("texts and a number always serialise");
        let read = ReceivedNotice {
            kind: NoticeKind::Paused,
            business_id: BusinessId::parse("b 1").expect("an id"),
            cause: "gone".to_owned(),
            since: Some(since),
            held: Some(7),
        };
        assert_eq!(ReceivedNotice::parse(&text), Some(read.clone()));
        let odd = r#"{"held":"7","since":1,"cause":null,"kind":"paused","business_id":"b 1","more":[1]}"#;
        let without = ReceivedNotice { cause: String::new(), since: None, held: None, ..read };
        assert_eq!(ReceivedNotice::parse(odd), Some(without));
        for text in ["", "[]", "{}", r#"{"kind":"paused"}"#, r#"{"kind":"paused","business_id":""}"#] {
            assert_eq!(ReceivedNotice::parse(text), None, "{text}");
        }
    }
}
