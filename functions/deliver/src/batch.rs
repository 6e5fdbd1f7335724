//! A batch of messages, which are delivered in parallel, each as a task of its own.
//!
//! So a batch takes as long as its slowest receiver, not as long as all receivers together. Messages of one event run
//! one after the other, so that the second finds the result of the first. At most [`AT_ONCE`] messages of one business
//! run at once: a burst to an endpoint that hangs would otherwise all hang before the first failure is known. A message
//! that waits for its turn reads the endpoint's health only then, and finds the endpoint failing.
//!
//! A panic in one message, or a message that takes longer than the invocation, does not keep the other messages from
//! being answered for. A panic in what the batch reads together makes each message read for itself.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use adapters::process::metrics::{Metric, add};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::event::{BusinessId, EventId};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::handle_message::{Deliver, Disposition};
use crate::message::{Content, Message, NotAMessage};
use crate::report;

/// How many messages of one business run at once in one execution environment: as many as the failures in a row that
/// make an endpoint failing.
pub(crate) const AT_ONCE: usize = 5;

/// How long before the invocation's end every message must have been answered for. An invocation that Lambda cuts off
/// loses the answers for all its messages.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// Delivers every message before `deadline`. The answer names the messages that must come back.
///
/// # Errors
///
/// [`NotAMessage`], before any request is sent.
pub(crate) async fn deliver_all(
    deliver: Arc<Deliver>,
    event: SqsEvent,
    deadline: Instant,
) -> Result<SqsBatchResponse, NotAMessage> {
    add(Metric::Messages, event.records.len());
    // At least a second remains, even after the deadline, so that each message can be told when to come back.
    let end = deadline.checked_sub(TO_ANSWER).unwrap_or(deadline).max(Instant::now() + TO_ANSWER);
    let Batch { messages, unread } = Batch::read(event, Content::read)?;
    let events = messages.iter().filter_map(|(_, content)| match content {
        Content::Event(event) => Some((event.business_id().clone(), event.id().clone())),
        Content::Command(_) | Content::Malformed(_) => None,
    });
    let read = deliver.read_together(events.collect(), end).await.map(Arc::new);
    let mut limits = Limits::default();
    let deliveries = messages.into_iter().map(|(message, content)| {
        let (id, turn) = (message.id.clone(), limits.of(content.business_id(), content.event_id()));
        let (deliver, read) = (Arc::clone(&deliver), read.clone());
        // The future is large, and would be copied on its way into the task.
        let delivery = Box::pin(async move {
            // A message whose turn does not come in time finds no time left, and comes back unattempted.
            let taken = timeout_at(deliver.latest_begin(end), turn.wait()).await;
            // Before a message that has waited, others have changed what was read.
            let read = read.filter(|_| taken.as_ref().is_ok_and(|taken| taken.at_once));
            deliver.handle(&message, content, read.as_deref(), end).await
        });
        (id, delivery)
    });
    let mut response = answer(deliveries.collect(), end).await;
    for id in unread {
        response.add_failure(id);
    }
    Ok(response)
}

/// The messages of a batch, each with its content.
struct Batch {
    messages: Vec<(Message, Content)>,
    /// The ids of messages whose reading panicked.
    unread: Vec<String>,
}

impl Batch {
    fn read(event: SqsEvent, read: impl Fn(&str) -> Content) -> Result<Self, NotAMessage> {
        let messages = event.records.into_iter().map(Message::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut batch = Self { messages: Vec::with_capacity(messages.len()), unread: Vec::new() };
        for message in messages {
            // The assertion holds, because reading changes nothing: no half-changed value can be seen after a panic.
            match panic::catch_unwind(AssertUnwindSafe(|| read(&message.body))) {
                Ok(content) => batch.messages.push((message, content)),
                Err(_panic) => {
                    report::panicked(&message.id);
                    batch.unread.push(message.id);
                }
            }
        }
        Ok(batch)
    }
}

/// Runs each delivery as a task of its own, until `end` at the longest. The answer names the messages that must come
/// back.
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

/// The limits on messages that run at once: by business and by event.
#[derive(Default)]
struct Limits {
    businesses: HashMap<BusinessId, Arc<Semaphore>>,
    events: HashMap<EventId, Arc<Mutex<()>>>,
}

/// The limits that one message has to wait for. None: there is no such limit.
struct Turn {
    business: Option<Arc<Semaphore>>,
    event: Option<Arc<Mutex<()>>>,
    /// Whether an earlier message of the batch is of the same event.
    is_repeated: bool,
}

/// A message's turn.
struct Taken {
    /// Whether the message did not have to wait for others.
    at_once: bool,
    _event: Option<OwnedMutexGuard<()>>,
    _business: Option<OwnedSemaphorePermit>,
}

impl Limits {
    fn of(&mut self, business_id: Option<&BusinessId>, event_id: Option<&EventId>) -> Turn {
        let business = business_id.map(|id| {
            Arc::clone(self.businesses.entry(id.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        });
        let is_repeated = event_id.is_some_and(|id| self.events.contains_key(id));
        let event = event_id.map(|id| Arc::clone(self.events.entry(id.clone()).or_default()));
        Turn { business, event, is_repeated }
    }
}

impl Turn {
    /// Waits for the message's turn. The event's limit comes first: a message that waits for it takes no permit from
    /// the business's other events.
    async fn wait(self) -> Taken {
        let event = match self.event {
            Some(lock) => Some(lock.lock_owned().await),
            None => None,
        };
        let mut at_once = !self.is_repeated;
        let business = match self.business {
            Some(semaphore) => match Arc::clone(&semaphore).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_none_is_left) => {
                    at_once = false;
                    semaphore.acquire_owned().await.ok()
                }
            },
            None => None,
        };
        Taken { at_once, _event: event, _business: business }
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

    /// Runs twelve deliveries, each long enough for the others to begin. Gives how many ran at once at most.
    async fn together(event_of: impl Fn(u32) -> EventId) -> usize {
        let business = BusinessId::parse("b").expect("an id");
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut limits = Limits::default();
        let deliveries = (0..12).map(|number| {
            let turn = limits.of(Some(&business), Some(&event_of(number)));
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let delivery = async move {
                let _taken = turn.wait().await;
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
    async fn only_a_message_that_has_not_waited_begins_with_what_the_batch_has_read() {
        let business = BusinessId::parse("b").expect("an id");
        let mut limits = Limits::default();
        let mut taken = Vec::new();
        let mut turns: Vec<_> = (0..6).map(|number| limits.of(Some(&business), Some(&event(number)))).collect();
        let (sixth, repeated) = (turns.remove(5), limits.of(None, Some(&event(0))));
        for turn in turns {
            taken.push(turn.wait().await);
        }
        assert!(taken.iter().all(|taken| taken.at_once));
        let waits = tokio::spawn(sixth.wait());
        tokio::task::yield_now().await;
        drop(taken);
        assert!(!waits.await.expect("no panic").at_once, "its business had five others under way");
        assert!(!repeated.wait().await.at_once, "another message of its event has ended before it");
    }

    #[test]
    fn a_message_whose_reading_panics_comes_back_and_its_neighbours_are_read() {
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
        let batch = Batch::read(event, read).expect("every record has its ids");
        assert_eq!(batch.unread, ["a bug"]);
        let ids: Vec<_> = batch.messages.iter().map(|(message, _)| message.id.as_str()).collect();
        assert_eq!(ids, ["one", "two"]);
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
