//! Writes a journal while the code runs: a decorator of the code's I/O.

use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;

use super::{Call, Content, End, Entry, Reply, Work};
use crate::delivery::{self, DeliveryIo, Ended, NextStatus, Posted, Recorded, Snapshot, Stored, Trigger, Unavailable};
use crate::endpoint::{EndpointId, EndpointIo, Health, NO_URL, Notice, RangeReplay};
use crate::event::EventId;
use crate::replay::{self, Listed, ReplayIo, StepAction};

/// Does the same as [`crate::delivery::deliver`], and gives each entry of the journal to `write`. None: there is no journal,
/// and each call costs one comparison more.
pub async fn deliver<I: DeliveryIo, W: Fn(&Entry) + Send + Sync>(
    io: &I,
    write: Option<W>,
    event: &EventId,
    trigger: Trigger,
    instead_of_holding: Option<NextStatus>,
) -> Ended {
    let recorder = Recorder::new(io, write);
    recorder.note(|_| Content::Begins(Work::Delivery { event: event.clone(), trigger, instead_of_holding }));
    let ended = delivery::deliver(&recorder, event, trigger, instead_of_holding).await;
    recorder.note(|_| Content::Ends(End::Delivery(ended)));
    ended
}

/// Does the same as [`crate::replay::run_step`], and gives each entry of the journal to `write`. None: there is no journal.
pub async fn run_step<I: ReplayIo, W: Fn(&Entry) + Send + Sync>(
    io: &I,
    write: Option<W>,
    replay: u64,
    step: u64,
    message: &str,
) -> StepAction {
    let recorder = Recorder::new(io, write);
    recorder.note(|_| Content::Begins(Work::Step { replay, step, message: message.to_owned() }));
    let action = replay::run_step(&recorder, replay, step, message).await;
    recorder.note(|_| Content::Ends(End::Step(action)));
    action
}

/// The code's I/O, with a journal or without one.
struct Recorder<'a, I, W> {
    io: &'a I,
    journal: Option<(W, Mutex<Progress>)>,
}

/// What the next entry depends on.
#[derive(Default)]
struct Progress {
    place: usize,
    clock: Vec<Timestamp>,
    hashes: Hashes,
}

/// The hashes in the ids of endpoints, each of which stands in the journal as its place in this list.
#[derive(Default)]
struct Hashes(Vec<String>);

impl Hashes {
    fn number(&mut self, EndpointId(id): &EndpointId) -> EndpointId {
        let number = |hash: &str| {
            // The code itself writes this id, in place of a hash.
            if hash == NO_URL {
                return hash.to_owned();
            }
            let known = self.0.iter().position(|known| known == hash);
            let place = known.unwrap_or_else(|| {
                self.0.push(hash.to_owned());
                self.0.len() - 1
            });
            place.to_string()
        };
        EndpointId(id.split('.').map(number).collect::<Vec<_>>().join("."))
    }

    fn in_health(&mut self, health: &Health) -> Health {
        Health { endpoint: health.endpoint.as_ref().map(|id| self.number(id)), ..health.clone() }
    }

    fn in_snapshot(&mut self, seen: &Snapshot) -> Snapshot {
        Snapshot {
            health: self.in_health(&seen.health),
            endpoint: seen.endpoint.as_ref().map(|id| self.number(id)),
            ..seen.clone()
        }
    }
}

impl<'a, I, W: Fn(&Entry) + Send + Sync> Recorder<'a, I, W> {
    fn new(io: &'a I, write: Option<W>) -> Self {
        Self { io, journal: write.map(|write| (write, Mutex::default())) }
    }

    fn note(&self, content: impl FnOnce(&mut Hashes) -> Content) {
        let Some((write, progress)) = &self.journal else { return };
        let mut progress = locked(progress);
        let content = content(&mut progress.hashes);
        let entry = Entry { place: progress.place, clock: std::mem::take(&mut progress.clock), content };
        progress.place += 1;
        write(&entry);
    }

    /// Notes a call after its reply.
    fn called<T>(
        &self,
        call: impl FnOnce(&mut Hashes) -> Call,
        replied: Result<T, Unavailable>,
        reply: impl FnOnce(&mut Hashes, &T) -> Reply,
    ) -> Result<T, Unavailable> {
        self.note(|hashes| {
            let call = call(hashes);
            let reply = replied.as_ref().map_or(Reply::Unavailable, |replied| reply(hashes, replied));
            Content::Calls(call, reply)
        });
        replied
    }
}

fn locked(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().expect("nobody panics while it is held, unless writing the log does")
}

impl<I: EndpointIo, W: Fn(&Entry) + Send + Sync> EndpointIo for Recorder<'_, I, W> {
    fn now(&self) -> Timestamp {
        let now = self.io.now();
        if let Some((_, progress)) = &self.journal {
            locked(progress).clock.push(now);
        }
        now
    }

    async fn read(&self) -> Result<Snapshot, Unavailable> {
        let read = self.io.read().await;
        self.called(|_| Call::Read, read, |hashes, seen| Reply::Read(Box::new(hashes.in_snapshot(seen))))
    }

    async fn store(&self, health: &Health) -> Result<Stored, Unavailable> {
        let stored = self.io.store(health).await;
        self.called(
            |hashes| Call::Store(Box::new(hashes.in_health(health))),
            stored,
            |_, stored| Reply::Stored(*stored),
        )
    }

    async fn send_step(&self, replay: u64, step: u64, at: Option<Timestamp>) -> Result<(), Unavailable> {
        let sent = self.io.send_step(replay, step, at).await;
        self.called(|_| Call::SendStep { replay, step, at }, sent, |_, ()| Reply::Done)
    }

    async fn announce(&self, notice: &Notice) -> Result<(), Unavailable> {
        let announced = self.io.announce(notice).await;
        self.called(|_| Call::Announce(notice.clone()), announced, |_, ()| Reply::Done)
    }
}

impl<I: DeliveryIo, W: Fn(&Entry) + Send + Sync> DeliveryIo for Recorder<'_, I, W> {
    async fn post(&self) -> Result<Posted, Unavailable> {
        let posted = self.io.post().await;
        self.called(|_| Call::Post, posted, |_, posted| Reply::Posted(*posted))
    }

    async fn send_again(&self, at: Timestamp) -> Result<(), Unavailable> {
        let sent = self.io.send_again(at).await;
        self.called(|_| Call::SendAgain(at), sent, |_, ()| Reply::Done)
    }

    async fn record(&self, status: NextStatus, was_held: bool) -> Result<Recorded, Unavailable> {
        let recorded = self.io.record(status, was_held).await;
        self.called(|_| Call::Record { status, was_held }, recorded, |_, recorded| Reply::Recorded(*recorded))
    }
}

impl<I: ReplayIo, W: Fn(&Entry) + Send + Sync> ReplayIo for Recorder<'_, I, W> {
    async fn list(&self, range: Option<&RangeReplay>) -> Result<Listed, Unavailable> {
        let listed = self.io.list(range).await;
        self.called(|_| Call::List(range.cloned().map(Box::new)), listed, |_, listed| Reply::Listed(listed.clone()))
    }

    async fn deliver(&self, event: &EventId, trigger: Trigger) -> Ended {
        let ended = self.io.deliver(event, trigger).await;
        self.note(|_| Content::Calls(Call::Deliver { event: event.clone(), trigger }, Reply::Ended(ended)));
        ended
    }
}
