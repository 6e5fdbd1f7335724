//! SQS, as far as it matters here: visibility, delay, receive counts, dead letters, duplicates, retention.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::worker::Body;

/// All times are milliseconds.
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

const VISIBILITY_TIMEOUT: i64 = 6 * MINUTE;
const LONGEST_VISIBILITY: i64 = 12 * HOUR;
const LONGEST_DELAY: i64 = 15 * MINUTE;
const RETENTION: i64 = 14 * DAY;

/// A message, and the business to which it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) business: usize,
    pub(crate) body: Body,
    pub(crate) visible_at: i64,
    sent_at: i64,
    /// When the message was sent whose place this one has taken, if it was sent anew.
    first_sent: i64,
    pub(crate) received: u32,
}

/// The result of a receive.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Message),
    /// The message is in the dead-letter queue now.
    Dead,
    /// The message is invisible, deleted or too old.
    Nothing,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: BTreeMap<u64, Message>,
    pub(crate) dead: Vec<Message>,
    pub(crate) expired: usize,
    last: u64,
}

impl Queue {
    /// Returns the id of the new message, and when the message becomes visible.
    pub(crate) fn send(&mut self, business: usize, body: Body, at: i64, now: i64) -> (u64, i64) {
        let visible_at = at.clamp(now, now + LONGEST_DELAY);
        self.last += 1;
        self.messages
            .insert(self.last, Message { business, body, visible_at, sent_at: now, first_sent: now, received: 0 });
        (self.last, visible_at)
    }

    /// Sends a message anew. Returns the new message's id, and when it becomes visible. None: the message has been deleted.
    pub(crate) fn send_anew(&mut self, id: u64, at: i64, now: i64) -> Option<(u64, i64)> {
        let Message { business, body, first_sent, .. } = self.messages.get(&id)?.clone();
        let (new, visible_at) = self.send(business, body, at, now);
        self.messages.get_mut(&new)?.first_sent = first_sent;
        Some((new, visible_at))
    }

    /// How long ago a message was first sent.
    pub(crate) fn age(&self, id: u64, now: i64) -> Duration {
        let age = self.messages.get(&id).map_or(0, |message| now - message.first_sent);
        Duration::from_millis(age.unsigned_abs())
    }

    /// `anyway`: as a duplicate, although the message is invisible.
    pub(crate) fn receive(&mut self, id: u64, max_attempts: u32, anyway: bool, now: i64) -> Received {
        let Some(message) = self.messages.get_mut(&id) else { return Received::Nothing };
        if now > message.sent_at + RETENTION {
            self.messages.remove(&id);
            self.expired += 1;
            return Received::Nothing;
        }
        if message.visible_at > now && !anyway {
            return Received::Nothing;
        }
        if message.received == max_attempts {
            self.dead.extend(self.messages.remove(&id));
            return Received::Dead;
        }
        message.received += 1;
        message.visible_at = now + VISIBILITY_TIMEOUT;
        let received = message.clone();
        message.body.note_received();
        Received::Message(received)
    }

    /// Returns when the message becomes visible; None: the message has been deleted.
    pub(crate) fn set_visible_at(&mut self, id: u64, at: i64, now: i64) -> Option<i64> {
        let message = self.messages.get_mut(&id)?;
        message.visible_at = at.clamp(now, now + LONGEST_VISIBILITY);
        Some(message.visible_at)
    }

    pub(crate) fn delete(&mut self, id: u64) {
        self.messages.remove(&id);
    }

    pub(crate) fn body(&self, id: u64) -> Option<Body> {
        self.messages.get(&id).map(|message| message.body.clone())
    }

    pub(crate) fn of(&self, business: usize) -> impl Iterator<Item = &Message> {
        self.messages.values().chain(&self.dead).filter(move |message| message.business == business)
    }

    pub(crate) fn has(&self, business: usize, is: impl Fn(&Body) -> bool) -> bool {
        self.messages.values().any(|message| message.business == business && is(&message.body))
    }

    pub(crate) fn has_died(&self, business: usize, is: impl Fn(&Body) -> bool) -> bool {
        self.dead.iter().any(|message| message.business == business && is(&message.body))
    }
}
