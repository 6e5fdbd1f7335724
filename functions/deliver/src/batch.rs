//! A batch of messages, each delivered by itself and all at the same time.
//!
//! A slow receiver costs its own time, not the sum. Whatever happens to one message, a panic included, the others are
//! answered for separately.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

use crate::delivery::{Deliver, Disposition};
use crate::message::{Message, NotAMessage};
use crate::report;

/// Delivers every message; those that must come back are in the answer.
///
/// # Errors
///
/// [`NotAMessage`], before anything is sent.
pub(crate) async fn deliver_all(deliver: Arc<Deliver>, event: SqsEvent) -> Result<SqsBatchResponse, NotAMessage> {
    let messages = event.records.into_iter().map(Message::try_from).collect::<Result<Vec<_>, _>>()?;
    let deliveries: Vec<_> = messages
        .into_iter()
        .map(|message| {
            let (deliver, id) = (Arc::clone(&deliver), message.id.clone());
            (id, tokio::spawn(async move { deliver.message(&message).await }))
        })
        .collect();

    let mut response = SqsBatchResponse::default();
    for (id, delivery) in deliveries {
        let disposition = delivery.await.unwrap_or_else(|_panic| {
            report::panicked(&id);
            Disposition::Return
        });
        if disposition == Disposition::Return {
            response.add_failure(id);
        }
    }
    Ok(response)
}
