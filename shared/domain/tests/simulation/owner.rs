//! What an owner does at a visit, and what other systems do to a business's items.

use domain::endpoint::State;

use crate::business::Visit;
use crate::queue::{DAY, HOUR};
use crate::run::{Happening, Run};
use crate::worker::{Body, event};

impl Run {
    /// While there is trouble the owner does what occurs to an owner; afterwards the owner resumes what is paused.
    pub(crate) fn owner_visits(&mut self, number: usize) {
        if self.is_troubled() {
            let next = self.rng.i64(0..12 * HOUR);
            self.after(next, Happening::OwnerVisits(number));
            match self.businesses[number].visit(&mut self.rng, self.now) {
                Visit::Nothing => {}
                Visit::Pauses => self.pause(number),
                Visit::Resumes => self.resume(number),
                Visit::Breaks => self.businesses[number].break_url(),
                Visit::Mends => self.businesses[number].mend(),
                Visit::Corrects => self.businesses[number].correct_header(),
                Visit::Removes => self.businesses[number].tables.url = None,
                Visit::SendsAgain => self.send_again(number),
                Visit::ReplaysAll => self.invoke_without_message(number, &Body::ReplayAll),
            }
        } else if matches!(self.businesses[number].tables.health.state, State::Paused { .. }) {
            self.resume(number);
        }
    }

    fn pause(&mut self, number: usize) {
        let health = self.businesses[number].tables.health.pause(self.clock(0)).next_version();
        self.businesses[number].tables.store(&health);
    }

    fn resume(&mut self, number: usize) {
        self.invoke_without_message(number, &Body::Resume);
    }

    fn send_again(&mut self, number: usize) {
        let published = self.businesses[number].published;
        if published == 0 {
            return;
        }
        let event = event(self.rng.usize(1..=published));
        let business = &mut self.businesses[number];
        if let Some(body) = business.tables.send_again(&event) {
            *business.sent_again.entry(event.as_str().to_owned()).or_default() += 1;
            self.send(number, body, self.now);
        }
    }

    /// In a run with trouble another system now and then wipes a business's health, or a held event loses its body.
    pub(crate) fn other_system_writes(&mut self, number: usize) {
        if !self.is_troubled() || self.is_calm {
            return;
        }
        let next = self.rng.i64(HOUR..6 * DAY);
        self.after(next, Happening::OtherSystemWrites(number));
        if self.rng.bool() {
            return self.wipe(number);
        }
        let tables = &mut self.businesses[number].tables;
        let first_held = tables.held().next();
        tables.without_body.extend(first_held.map(|event| event.as_str().to_owned()));
    }

    /// The claims of attempts and the promises of replays are forgotten with the health.
    fn wipe(&mut self, number: usize) {
        self.businesses[number].tables.wipe_health();
        self.watch.wipes += 1;
        self.watch.replayed.retain(|(business, _), _| *business != number);
        self.watch.of_ranges.retain(|(business, _, _)| *business != number);
        self.watch.rests.remove(&number);
        for invocation in self.invocations.values_mut().filter(|invocation| invocation.business == number) {
            invocation.has_claimed = false;
        }
    }
}
