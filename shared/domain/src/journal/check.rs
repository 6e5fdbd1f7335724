//! Checks a journal: the pure code runs once more, with the replies of the journal, and must make the calls of the journal.

use std::future::pending;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::{Call, Content, End, Entry, Reply, Work};
use crate::delivery::{self, DeliveryIo, Ended, NextStatus, Posted, Recorded, Snapshot, Stored, Trigger, Unavailable};
use crate::endpoint::{EndpointIo, Health, Notice, RangeReplay};
use crate::event::EventId;
use crate::replay::{self, Listed, ReplayIo};

/// A journal that is one of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many calls it has.
    pub calls: usize,
    /// Whether the journal has its end. Otherwise the process was killed, or the run was given up for lack of time.
    pub has_end: bool,
}

/// The first place at which a journal is not one of the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {place}: {detail}")]
pub struct Deviation {
    /// The place of the entry.
    pub place: usize,
    /// What the code does there, and what the journal has.
    pub detail: String,
}

/// Checks a journal, whose entries are sorted by their places.
///
/// # Errors
///
/// [`Deviation`] of the first entry that the pure code would not have written.
pub fn check(entries: &[Entry]) -> Result<Checked, Deviation> {
    for (place, entry) in entries.iter().enumerate() {
        if entry.place != place {
            return Err(Deviation { place, detail: format!("it is missing, and {} follows", entry.place) });
        }
    }
    let Some((Entry { content: Content::Begins(work), .. }, rest)) = entries.split_first() else {
        return Err(Deviation { place: 0, detail: "the journal does not begin with the work".to_owned() });
    };
    let script = Script { entries: rest, progress: Mutex::default() };
    let end = {
        let mut code = pin!(script.run(work));
        match code.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        }
    };
    if let Some(end) = end {
        script.compare_end(end);
    }
    let progress = script.progress();
    match &progress.deviation {
        Some(deviation) => Err(deviation.clone()),
        None => Ok(Checked { calls: progress.calls, has_end: progress.has_end }),
    }
}

/// The I/O of the code, by the replies of a journal.
struct Script<'a> {
    /// All entries but the first.
    entries: &'a [Entry],
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// How many calls the code has made.
    calls: usize,
    /// How many times of the next entry the code has read.
    times: usize,
    /// The time that was read last.
    now: Timestamp,
    has_end: bool,
    deviation: Option<Deviation>,
}

impl Script<'_> {
    async fn run(&self, work: &Work) -> End {
        match work {
            Work::Delivery { event, trigger, instead_of_holding } => {
                End::Delivery(delivery::deliver(self, event, *trigger, *instead_of_holding).await)
            }
            Work::Step { replay, step, message } => End::Step(replay::run_step(self, *replay, *step, message).await),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().expect("nobody panics while it is held")
    }

    /// Gives the reply to a call. After a call that is not the journal's, and where the journal ends, the code waits here
    /// for ever.
    async fn ask<T>(&self, call: Call, read: impl FnOnce(&Reply) -> Option<T>) -> Result<T, Unavailable> {
        match self.reply(&call) {
            Some(Reply::Unavailable) => return Err(Unavailable),
            Some(reply) => {
                if let Some(value) = read(reply) {
                    return Ok(value);
                }
                self.deviates(|| format!("{reply:?} is no reply to {call:?}"));
            }
            None => {}
        }
        pending().await
    }

    fn reply(&self, call: &Call) -> Option<&Reply> {
        let entry = self.next()?;
        match &entry.content {
            Content::Calls(written, reply) if written == call => {
                self.turn_over(entry);
                self.progress().calls += 1;
                Some(reply)
            }
            other => {
                self.deviates(|| format!("the code calls {call:?}, the journal has {other:?}"));
                None
            }
        }
    }

    fn compare_end(&self, end: End) {
        match self.next() {
            None => {}
            Some(entry) if entry.content == Content::Ends(end) => {
                self.turn_over(entry);
                self.progress().has_end = true;
                if self.entries.last() != Some(entry) {
                    self.deviates(|| "an entry follows the end".to_owned());
                }
            }
            Some(entry) => self.deviates(|| format!("the code ends with {end:?}, the journal has {:?}", entry.content)),
        }
    }

    fn next(&self) -> Option<&Entry> {
        self.entries.get(self.progress().calls)
    }

    /// Compares how often the clock was read before this entry.
    fn turn_over(&self, entry: &Entry) {
        let times = std::mem::take(&mut self.progress().times);
        if times != entry.clock.len() {
            self.deviates(|| format!("the code reads the clock {times} times, the journal has {:?}", entry.clock));
        }
    }

    /// Keeps the first deviation.
    fn deviates(&self, detail: impl FnOnce() -> String) {
        let mut progress = self.progress();
        if progress.deviation.is_none() {
            progress.deviation = Some(Deviation { place: progress.calls + 1, detail: detail() });
        }
    }
}

impl EndpointIo for Script<'_> {
    fn now(&self) -> Timestamp {
        let mut progress = self.progress();
        // Beyond the end of a journal any time will do, since the code gets no further reply.
        if let Some(time) = self.entries.get(progress.calls).and_then(|entry| entry.clock.get(progress.times)) {
            progress.now = *time;
        }
        progress.times += 1;
        progress.now
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        self.ask(Call::Read, |reply| match reply {
            Reply::Read(snapshot) => Some((**snapshot).clone()),
            _ => None,
        })
        .await
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        self.ask(Call::Store(Box::new(health.clone())), |reply| match reply {
            Reply::Stored(stored) => Some(*stored),
            _ => None,
        })
        .await
    }

    async fn send_step(&self, replay: u64, step: u64, at: Option<Timestamp>) -> Result<(), Unavailable> {
        self.ask(Call::SendStep { replay, step, at }, done).await
    }

    async fn announce(&self, notice: &Notice) -> Result<(), Unavailable> {
        self.ask(Call::Announce(notice.clone()), done).await
    }
}

impl DeliveryIo for Script<'_> {
    async fn post(&self) -> Result<Posted, Unavailable> {
        self.ask(Call::Post, |reply| match reply {
            Reply::Posted(posted) => Some(*posted),
            _ => None,
        })
        .await
    }

    async fn send_again(&self, at: Timestamp) -> Result<(), Unavailable> {
        self.ask(Call::SendAgain(at), done).await
    }

    async fn record(&self, status: NextStatus, was_held: bool) -> Result<Recorded, Unavailable> {
        self.ask(Call::Record { status, was_held }, |reply| match reply {
            Reply::Recorded(recorded) => Some(*recorded),
            _ => None,
        })
        .await
    }
}

impl ReplayIo for Script<'_> {
    async fn list(&self, range: Option<&RangeReplay>) -> Result<Listed, Unavailable> {
        self.ask(Call::List(range.cloned().map(Box::new)), |reply| match reply {
            Reply::Listed(listed) => Some(listed.clone()),
            _ => None,
        })
        .await
    }

    async fn deliver(&self, event: &EventId, trigger: Trigger) -> Ended {
        let call = Call::Deliver { event: event.clone(), trigger };
        let ended = self.ask(call, |reply| match reply {
            Reply::Ended(ended) => Some(*ended),
            _ => None,
        });
        if let Ok(ended) = ended.await {
            return ended;
        }
        self.deviates(|| "a delivery is always replied to".to_owned());
        pending().await
    }
}

fn done(reply: &Reply) -> Option<()> {
    matches!(reply, Reply::Done).then_some(())
}
