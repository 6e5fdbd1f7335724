//! A batch of messages, each delivered by itself and all at the same time.
//!
//! A slow receiver costs its own time, not the sum. Of one business, though, only so many are under way at once: a
//! burst to an endpoint that hangs would otherwise be all hanging before its first failure is known. Those that wait
//! for a place look at the endpoint's health when they get it, and find it failing.
//!
//! Whatever happens to one message, a panic included, the others are answered for separately.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use shared::event::BusinessId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::delivery::{Deliver, Disposition};
use crate::message::{Content, Message, NotAMessage};
use crate::report;

/// How many messages of one business are under way at once in one environment: as many failures as it takes to know.
pub(crate) const AT_ONCE: usize = 5;

/// Delivers every message before `deadline`; those that must come back are in the answer.
///
/// # Errors
///
/// [`NotAMessage`], before anything is sent.
pub(crate) async fn deliver_all(
    deliver: Arc<Deliver>,
    event: SqsEvent,
    deadline: Instant,
) -> Result<SqsBatchResponse, NotAMessage> {
    let messages = event.records.into_iter().map(Message::try_from).collect::<Result<Vec<_>, _>>()?;
    let mut places: HashMap<BusinessId, Arc<Semaphore>> = HashMap::new();
    let mut deliveries = Vec::with_capacity(messages.len());
    for message in messages {
        let id = message.id.clone();
        let content = Content::read(&message.body);
        let place = content.business_id().map(|business| {
            Arc::clone(places.entry(business.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        });
        let deliver = Arc::clone(&deliver);
        let delivery = async move {
            let _place = match place {
                Some(place) => place.acquire_owned().await.ok(),
                None => None,
            };
            deliver.message(&message, content, deadline).await
        };
        deliveries.push((id, tokio::spawn(delivery)));
    }

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
