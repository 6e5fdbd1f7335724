//! The books: where each published event is, and whether it may be there.

use std::fmt;

use domain::event::EventId;

use crate::business::Business;
use crate::run::Run;
use crate::world::{Body, Status, event};

/// All runs together.
#[derive(Debug, Default)]
pub(crate) struct Books {
    runs: usize,
    published: usize,
    arrived: usize,
    dead: usize,
    dismissed: usize,
    arrivals_beyond_the_first: usize,
    attempts: usize,
    crashes: usize,
    out_of_order: usize,
    held: usize,
    replays: usize,
    sweeps: usize,
    pauses: usize,
}

impl Books {
    pub(crate) fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.attempts += run.attempts;
        self.crashes += run.crashes;
        self.held += run.held;
        self.replays += run.replays;
        self.sweeps += run.sweeps;
        self.pauses += run.pauses;
        self.out_of_order += run.replayed_out_of_order;
        for (number, business) in run.businesses.iter().enumerate() {
            self.published += business.published;
            self.arrived += business.arrived.len();
            self.dismissed += business.dismissed.iter().filter(|event| !business.arrived.contains_key(*event)).count();
            let dead = |id: &EventId| !business.has(id) && run.is_dead(number, id);
            self.dead += business.events().filter(dead).count();
            self.arrivals_beyond_the_first += business.unasked();
        }
    }
}

impl fmt::Display for Books {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, published, arrived, dead, dismissed, attempts, crashes, out_of_order, .. } = self;
        let Self { held, replays, pauses, sweeps, .. } = self;
        let per_thousand = self.arrivals_beyond_the_first * 10_000 / arrived.max(&1);
        write!(
            formatter,
            "{runs} runs: {published} published = {arrived} arrived + {dead} in the dead-letter queue + {dismissed} \
             without a URL; {attempts} attempts, {held} times held, {replays} replays, {pauses} pauses, {sweeps} sweeps, {crashes} crashes, {}.{} duplicates per thousand, {out_of_order} \
             replayed out of order",
            per_thousand / 10,
            per_thousand % 10,
        )
    }
}

impl Business {
    fn events(&self) -> impl Iterator<Item = EventId> {
        (1..=self.published).map(event)
    }

    /// Arrivals beyond the first and those that the owner asked for.
    fn unasked(&self) -> usize {
        let asked = |event: &String| self.tables.asked.get(event).copied().map_or(0, u32::from);
        let unasked = self.arrived.iter().map(|(event, times)| times.saturating_sub(1 + asked(event)));
        usize::try_from(unasked.sum::<u32>()).unwrap_or(usize::MAX)
    }

    fn has(&self, event: &EventId) -> bool {
        self.arrived.contains_key(event.as_str())
    }

    fn is_excused(&self, event: &EventId) -> bool {
        self.dismissed.contains(event.as_str())
    }
}

impl Run {
    /// How often an event has arrived that had arrived, and that its owner did not ask for.
    pub(crate) fn arrived_again(&self) -> usize {
        self.businesses.iter().map(Business::unasked).sum()
    }

    /// At the end: the notices that the operator has not been given.
    pub(crate) fn untold(&self) -> Vec<&domain::endpoint::Notice> {
        self.businesses.iter().flat_map(|business| &business.tables.health.notices).collect()
    }

    fn is_dead(&self, business: usize, event: &EventId) -> bool {
        self.queue.has_died(business, |body| matches!(body, Body::Event { event: of, .. } if of == event))
    }

    /// In the middle of it all: the events that are neither somewhere nor on their way anywhere.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.missing(|number, business, id| {
            let alive =
                self.queue.of(number).any(|message| matches!(&message.body, Body::Event { event, .. } if event == id));
            // `sweep` finds what is held, and a probe whose message is lost, if the ledger has it.
            let tables = &business.tables;
            let held = tables.says(id, Status::Held);
            let probes = tables.health.is_probe(id) && tables.says(id, Status::Retrying);
            alive || held || probes || self.is_at_work(number)
        })
    }

    /// At the end, when all has been well for long.
    pub(crate) fn left(&self) -> Vec<String> {
        self.missing(|number, _, id| self.is_dead(number, id))
    }

    fn missing(&self, may_be_absent: impl Fn(usize, &Business, &EventId) -> bool) -> Vec<String> {
        let mut missing = Vec::new();
        for (number, business) in self.businesses.iter().enumerate() {
            for id in business.events() {
                if !business.has(&id) && !business.is_excused(&id) && !may_be_absent(number, business, &id) {
                    let record = business.tables.records.get(id.as_str());
                    missing.push(format!("{id} of business {number}: {record:?}, {:?}", business.tables.health));
                }
            }
        }
        missing
    }
}
