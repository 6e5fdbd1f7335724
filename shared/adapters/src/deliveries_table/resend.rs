//! Marks that the owner's resends leave in records.

use std::time::Duration;

use domain::event::{BusinessId, EventId};
use jiff::Timestamp;

use super::{DeliveriesTable, Status, Summary};
use crate::dynamodb::attributes::{ms, s};
use crate::dynamodb::{self, TableError, Written};

/// A resend that was asked for this recently has its message on the way, unless a crash lost the message.
const JUST_ASKED: Duration = Duration::from_mins(1);

impl DeliveriesTable {
    /// Marks a delivered event as asked for again at the time `now`. [`Written::ConditionFailed`]: the event is not
    /// `delivered`, or a resend was asked for less than a minute ago and has not been delivered since.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The mark may be stored all the same.
    pub async fn mark_resend(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        now: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .update(business_id, event_id)
            .update_expression("SET resend_asked_at = :now")
            // The last alternative is this very mark, from a write whose answer was lost.
            .condition_expression(
                "#status = :delivered AND (attribute_not_exists(resend_asked_at) OR resend_asked_at < :lately \
                 OR resend_asked_at <= last_delivered_at OR resend_asked_at <= delivered_at \
                 OR resend_asked_at = :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":delivered", s(Status::Delivered.as_str()))
            .expression_attribute_values(":lately", ms(now - JUST_ASKED))
            .expression_attribute_values(":now", ms(now));
        dynamodb::send(write).await
    }

    /// Removes the mark of a resend whose message could not be sent, by the time of [`Self::mark_resend`].
    /// [`Written::ConditionFailed`]: the record has no such mark.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The mark may be removed all the same.
    pub async fn unmark_resend(
        &self,
        business_id: &BusinessId,
        event_id: &EventId,
        asked_at: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .update(business_id, event_id)
            .update_expression("REMOVE resend_asked_at")
            .condition_expression("resend_asked_at = :asked_at")
            .expression_attribute_values(":asked_at", ms(asked_at));
        dynamodb::send(write).await
    }

    /// Makes a failed or retrying event `retrying`, with its next attempt at the time `now`.
    /// [`Written::ConditionFailed`]: the record has changed since `read`, and stays as it is.
    ///
    /// # Errors
    ///
    /// [`TableError`]. The record may be changed all the same.
    pub async fn mark_retrying(
        &self,
        business_id: &BusinessId,
        read: &Summary,
        now: Timestamp,
    ) -> Result<Written, TableError> {
        let write = self
            .update(business_id, &read.event_id)
            .update_expression("SET #status = :retrying, next_attempt_at = :now, updated_at = :now")
            .condition_expression("#status = :read AND updated_at = :read_at")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":retrying", s(Status::Retrying.as_str()))
            .expression_attribute_values(":read", s(read.status.as_str()))
            .expression_attribute_values(":read_at", ms(read.updated_at))
            .expression_attribute_values(":now", ms(now));
        dynamodb::send(write).await
    }
}
