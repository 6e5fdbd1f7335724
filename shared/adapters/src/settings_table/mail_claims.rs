//! When a business was last mailed, as one attribute of the settings item for each kind of notice: `mailed_failing`,
//! `mailed_paused` and `mailed_recovered`.
//!
//! The attribute is written before the mail is sent, so that of two invocations one sends. It is a text: the Unix
//! milliseconds in thirteen digits, a dot, and the invocation that has claimed the hour. So texts are in the order of
//! their times, and an invocation recognises its own claim when the SDK writes it a second time.

use std::time::Duration;

use domain::endpoint::NoticeKind;
use domain::event::BusinessId;
use jiff::Timestamp;

use super::SettingsTable;
use crate::dynamodb::attributes::s;
use crate::dynamodb::update_expression::UpdateExpression;
use crate::dynamodb::{self, TableError, Written};

/// How long after a mail no other mail of its kind is sent.
const HOUR: Duration = Duration::from_hours(1);

/// The claim of an invocation to mail a business about one kind of notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailClaim {
    attribute: String,
    value: String,
    an_hour_ago: String,
}

impl MailClaim {
    /// The claim of an invocation, by its id, at the time `now`.
    #[must_use]
    pub fn new(kind: NoticeKind, invocation: &str, now: Timestamp) -> Self {
        let text = |time: Timestamp| format!("{:013}", time.as_millisecond());
        Self {
            attribute: format!("mailed_{kind}"),
            value: format!("{}.{invocation}", text(now)),
            // Behind every text of that millisecond: the hour is over then.
            an_hour_ago: text(now - HOUR) + "/",
        }
    }
}

impl SettingsTable {
    /// Claims the hour from now on. [`Written::ConditionFailed`]: a mail of this kind was sent within the last hour, or
    /// the business has no settings any more.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The claim may be stored all the same.
    pub async fn claim_mail(&self, business_id: &BusinessId, claim: &MailClaim) -> Result<Written, TableError> {
        let mut update = UpdateExpression::default();
        let (business, mailed) = (update.name("business_id"), update.name(&claim.attribute));
        let before = update.value("an_hour_ago", s(&claim.an_hour_ago));
        update.set(&claim.attribute, s(&claim.value));
        // The value of the claim itself is there already if the SDK repeats a write of which it has lost the answer.
        let own = format!(":{}", claim.attribute);
        update.only_if(format!("attribute_exists({business})"));
        update.only_if(format!("(attribute_not_exists({mailed}) OR {mailed} < {before} OR {mailed} = {own})"));
        dynamodb::send(update.apply(self.update(business_id))).await
    }

    /// Gives a claim back, so that the next notice of its kind is mailed. [`Written::ConditionFailed`]: the claim is not
    /// stored any more.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The claim may be given back all the same.
    pub async fn give_mail_back(&self, business_id: &BusinessId, claim: &MailClaim) -> Result<Written, TableError> {
        let mut update = UpdateExpression::default();
        let own = update.value("own", s(&claim.value));
        update.remove(&claim.attribute);
        let mailed = update.name(&claim.attribute);
        update.only_if(format!("{mailed} = {own}"));
        dynamodb::send(update.apply(self.update(business_id))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_ordered_by_time_and_an_hour_is_over_to_the_millisecond() {
        let claim = |ms| {
            let now = Timestamp::from_millisecond(ms).expect("a time");
            MailClaim::new(NoticeKind::Failing, "8f1c", now)
        };
        let first = claim(1_762_155_755_000);
        assert_eq!((first.attribute.as_str(), first.value.as_str()), ("mailed_failing", "1762155755000.8f1c"));
        assert!(first.value > claim(1_762_155_755_000 + 3_599_999).an_hour_ago);
        assert!(first.value < claim(1_762_155_755_000 + 3_600_000).an_hour_ago);
    }
}
