//! Notices to the operator, on an SNS topic: an endpoint is failing, is paused, or has recovered.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde::Serialize;

use domain::endpoint::{Notice, NoticeKind};
use domain::event::BusinessId;

/// A fault of ours: SNS did not take the notice.
#[derive(Debug, thiserror::Error)]
#[error("the notice was not taken")]
pub struct NoticeError(#[source] Box<aws_sdk_sns::Error>);

/// The topic `OwnerNotices`.
#[derive(Clone, Debug)]
pub struct Notices {
    client: Client,
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

impl Notices {
    /// Gives the topic with this ARN.
    #[must_use]
    pub fn new(sdk: &SdkConfig, topic_arn: String) -> Self {
        Self { client: Client::new(sdk), topic_arn }
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

/// Logs a notice that has been given. A recovered endpoint is logged at INFO, all other kinds at WARN.
fn log(business_id: &BusinessId, notice: &Notice, held: Option<u64>) {
    let (business_id, cause, since) = (business_id.as_str(), notice.cause.as_str(), notice.since);
    match notice.kind {
        NoticeKind::Failing => tracing::warn!(business_id, cause, %since, held, "endpoint_failing"),
        NoticeKind::Paused => tracing::warn!(business_id, cause, %since, held, "endpoint_paused"),
        NoticeKind::Recovered => tracing::info!(business_id, cause, %since, held, "endpoint_recovered"),
        NoticeKind::Other => tracing::warn!(business_id, cause, %since, held, "endpoint_changed"),
    }
}

fn rfc3339(time: Timestamp) -> String {
    format!("{time:.0}")
}
