//! A batch of messages, each delivered by itself and all at the same time.
//!
//! A slow receiver costs its own time, not the sum. Messages of one event go one after the other, so that the second finds
//! what became of the first. Of one business only so many are under way at once: a burst to an endpoint that hangs would
//! otherwise be all hanging before its first failure is known. Those that wait for a place look at the endpoint's health
//! when they get it, and find it failing.
//!
//! Whatever happens to one message, the others are answered for: a panic and a message that takes longer than the
//! invocation are its own trouble.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::event::{BusinessId, EventId};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::delivery::{Deliver, Disposition};
use crate::message::{Content, Message, NotAMessage};
use crate::report;

/// How many messages of one business are under way at once in one environment: as many failures as it takes to know.
pub(crate) const AT_ONCE: usize = 5;

/// How long before the invocation's end every message has been answered for. An invocation that is cut off loses the
/// answers for all of its messages.
const TO_ANSWER: Duration = Duration::from_secs(1);

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
    // Also where the deadline has passed, a message can be told when to come back.
    let end = deadline.checked_sub(TO_ANSWER).unwrap_or(deadline).max(Instant::now() + TO_ANSWER);
    let by_itself = |message: Message, content, place: Place| {
        let deliver = Arc::clone(&deliver);
        async move {
            // Who gets no place in time finds that there is no time.
            let _taken = timeout_at(deliver.latest_begin(end), place.take()).await;
            deliver.message(&message, content, end).await
        }
    };
    each(event, Content::read, by_itself, end).await
}

/// Reads every message and delivers it by itself until `end` at the longest, and says which must come back.
async fn each<D>(
    event: SqsEvent,
    read: impl Fn(&str) -> Content,
    deliver: impl Fn(Message, Content, Place) -> D,
    end: Instant,
) -> Result<SqsBatchResponse, NotAMessage>
where
    D: Future<Output = Disposition> + Send + 'static,
{
    let messages = event.records.into_iter().map(Message::try_from).collect::<Result<Vec<_>, _>>()?;
    let mut places = Places::default();
    let mut deliveries = Vec::with_capacity(messages.len());
    let mut unread = Vec::new();
    for message in messages {
        let id = message.id.clone();
        // Nothing that the reading has changed is seen after a panic: the message is only looked at.
        let Ok(content) = panic::catch_unwind(AssertUnwindSafe(|| read(&message.body))) else {
            report::panicked(&id);
            unread.push(id);
            continue;
        };
        let place = places.of(content.business_id(), content.event_id());
        deliveries.push((id, deliver(message, content, place)));
    }
    let mut response = answer(deliveries, end).await;
    for id in unread {
        response.add_failure(id);
    }
    Ok(response)
}

/// Lets each go on by itself until `end` at the longest, and says which must come back.
async fn answer<D>(deliveries: Vec<(String, D)>, end: Instant) -> SqsBatchResponse
where
    D: Future<Output = Disposition> + Send + 'static,
{
    let begun: Vec<_> =
        deliveries.into_iter().map(|(id, delivery)| (id, tokio::spawn(timeout_at(end, delivery)))).collect();
    let mut response = SqsBatchResponse::default();
    for (id, delivery) in begun {
        let disposition = match delivery.await {
            Ok(Ok(disposition)) => disposition,
            Ok(Err(_elapsed)) => {
                report::overdue(&id);
                Disposition::Return
            }
            Err(_panic) => {
                report::panicked(&id);
                Disposition::Return
            }
        };
        if disposition == Disposition::Return {
            response.add_failure(id);
        }
    }
    response
}

/// Who may be under way beside whom.
#[derive(Default)]
struct Places {
    businesses: HashMap<BusinessId, Arc<Semaphore>>,
    events: HashMap<EventId, Arc<Mutex<()>>>,
}

/// What one message has to wait for. None: nothing.
struct Place {
    business: Option<Arc<Semaphore>>,
    event: Option<Arc<Mutex<()>>>,
}

impl Places {
    fn of(&mut self, business_id: Option<&BusinessId>, event_id: Option<&EventId>) -> Place {
        let business = business_id.map(|id| {
            Arc::clone(self.businesses.entry(id.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        });
        let event = event_id.map(|id| Arc::clone(self.events.entry(id.clone()).or_default()));
        Place { business, event }
    }
}

impl Place {
    /// The event's turn first: who waits for that takes no place from the business's other events.
    async fn take(self) -> (Option<OwnedMutexGuard<()>>, Option<OwnedSemaphorePermit>) {
        let turn = match self.event {
            Some(event) => Some(event.lock_owned().await),
            None => None,
        };
        let place = match self.business {
            Some(business) => business.acquire_owned().await.ok(),
            None => None,
        };
        (turn, place)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_lambda_events::event::sqs::SqsMessage;

    use super::*;

    fn event(number: u32) -> EventId {
        EventId::parse(&format!("evt_{number:032x}")).expect("32 hex digits")
    }

    /// How many of twelve are under way at once at the most, each for as long as the others need to begin.
    async fn together(event_of: impl Fn(u32) -> EventId) -> usize {
        let business = BusinessId::parse("b").expect("an id");
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut places = Places::default();
        let deliveries = (0..12).map(|number| {
            let place = places.of(Some(&business), Some(&event_of(number)));
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let delivery = async move {
                let _taken = place.take().await;
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                Disposition::Acknowledge
            };
            (number.to_string(), delivery)
        });
        let response = answer(deliveries.collect(), Instant::now() + Duration::from_mins(1)).await;
        assert!(response.batch_item_failures.is_empty());
        most.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn five_of_a_business_are_under_way_at_once_and_messages_of_one_event_one_after_the_other() {
        assert_eq!(together(event).await, AT_ONCE);
        assert_eq!(together(|_| event(1)).await, 1);
        assert_eq!(together(|number| event(number % 2)).await, 2);
    }

    #[tokio::test]
    async fn a_message_whose_reading_panics_comes_back_and_its_neighbours_are_delivered() {
        let mut event = SqsEvent::default();
        for body in ["one", "a bug", "two"] {
            let mut record = SqsMessage::default();
            record.message_id = Some(body.to_owned());
            record.receipt_handle = Some("r".to_owned());
            record.body = Some(body.to_owned());
            event.records.push(record);
        }
        let read = |body: &str| {
            assert_ne!(body, "a bug");
            Content::Malformed(String::new())
        };
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let deliver = |message: Message, _content, _place| {
            let delivered = Arc::clone(&delivered);
            async move {
                delivered.lock().await.push(message.id);
                Disposition::Acknowledge
            }
        };
        let end = Instant::now() + Duration::from_mins(1);
        let response = each(event, read, deliver, end).await.expect("every record has its ids");
        let failures: Vec<_> = response.batch_item_failures.iter().map(|failure| &failure.item_identifier).collect();
        assert_eq!(failures, ["a bug"]);
        assert_eq!(*delivered.lock().await, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_panic_and_a_message_that_takes_too_long_cost_no_other_its_answer() {
        type Delivery = std::pin::Pin<Box<dyn Future<Output = Disposition> + Send>>;
        let deliveries: Vec<(String, Delivery)> = vec![
            ("hangs".to_owned(), Box::pin(std::future::pending())),
            ("panics".to_owned(), Box::pin(async { panic!("a bug") })),
            ("returns".to_owned(), Box::pin(async { Disposition::Return })),
            ("arrives".to_owned(), Box::pin(async { Disposition::Acknowledge })),
        ];
        let response = answer(deliveries, Instant::now() + Duration::from_millis(20)).await;
        let failures: Vec<_> = response.batch_item_failures.iter().map(|failure| &failure.item_identifier).collect();
        assert_eq!(failures, ["hangs", "panics", "returns"]);
    }
}
