//! One business: its calls, its receiver with its outages, and an owner who looks after it now and then.

use std::collections::{BTreeMap, BTreeSet};

use domain::endpoint::{EndpointId, PausedReason, State};
use fastrand::Rng;

use crate::queue::{DAY, HOUR, MINUTE, SECOND};
use crate::worker::{Status, Tables, event};

/// What a receiver does with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Well,
    Refuses,
    Hangs,
    /// The receiver answers half of the attempts with success.
    Flaps,
    /// The receiver answers half of the attempts with success, and the others with 429 and Retry-After.
    Limits,
    Gone,
}

#[derive(Debug)]
struct Outage {
    start: i64,
    end: i64,
    manner: Manner,
}

/// What the owner does at one visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    Nothing,
    Pauses,
    Resumes,
    Breaks,
    Mends,
    /// Sets another header. For the events that wait, that is another endpoint.
    Corrects,
    Removes,
    SendsAgain,
    /// Asks for a replay of all that has arrived or failed.
    ReplaysAll,
}

#[derive(Debug, Default)]
pub(crate) struct Business {
    pub(crate) tables: Tables,
    outages: Vec<Outage>,
    /// Whether the receiver has no outages in this run.
    pub(crate) is_always_well: bool,
    /// The URLs that never work.
    pub(crate) broken: BTreeSet<String>,
    urls: u32,
    pub(crate) published: usize,
    /// When each event was published.
    pub(crate) published_at: BTreeMap<String, i64>,
    /// How often each event has arrived.
    pub(crate) arrived: BTreeMap<String, usize>,
    /// How often the owner has sent each event again.
    pub(crate) sent_again: BTreeMap<String, usize>,
    /// The events that were acknowledged because there was no URL.
    pub(crate) not_configured: BTreeSet<String>,
    /// The events of which a reference was copied to the dead-letter queue, since the ledger has no body.
    pub(crate) set_aside: BTreeSet<String>,
}

impl Business {
    pub(crate) fn draw(rng: &mut Rng, until: i64) -> Self {
        let mut business = Self::default();
        business.mend();
        for _ in 0..rng.u8(0..6) {
            let start = rng.i64(0..until);
            let manner = *rng
                .choice(&[Manner::Refuses, Manner::Hangs, Manner::Flaps, Manner::Limits, Manner::Gone])
                .unwrap_or(&Manner::Hangs);
            let longest = *rng.choice(&[10 * MINUTE, 6 * HOUR, 6 * DAY]).unwrap_or(&HOUR);
            business.outages.push(Outage { start, end: start + rng.i64(SECOND..longest), manner });
        }
        business
    }

    /// With a receiver that is always well.
    pub(crate) fn well() -> Self {
        let mut business = Self { is_always_well: true, ..Self::default() };
        business.mend();
        business
    }

    /// With a receiver that is well, and a ledger of so many events: every tenth has failed, and the others have arrived.
    pub(crate) fn with_events(count: usize) -> Self {
        let mut business = Self { published: count, ..Self::default() };
        business.mend();
        let status = |number: usize| if number.is_multiple_of(10) { Status::Failed } else { Status::Delivered };
        business.tables.records = (1..=count).map(|number| (event(number).to_string(), status(number))).collect();
        business
    }

    pub(crate) fn manner(&self, now: i64) -> Manner {
        if self.is_broken() {
            return Manner::Refuses;
        }
        let outage = self.outages.iter().find(|outage| (outage.start..outage.end).contains(&now));
        outage.map_or(Manner::Well, |outage| outage.manner)
    }

    fn is_broken(&self) -> bool {
        let url = self.tables.url.as_ref().and_then(|id| id.0.split('.').next());
        url.is_some_and(|url| self.broken.contains(url))
    }

    /// Calls come by day more often than by night.
    pub(crate) fn until_next_call(rng: &mut Rng, now: i64) -> i64 {
        let by_night = (now % DAY) < 8 * HOUR;
        if by_night { rng.i64(HOUR..6 * HOUR) } else { rng.i64(30 * SECOND..70 * MINUTE) }
    }

    pub(crate) fn visit(&self, rng: &mut Rng, now: i64) -> Visit {
        if self.tables.url.is_none() || self.is_broken() {
            return Visit::Mends;
        }
        match &self.tables.health.state {
            State::Paused { reason: PausedReason::Owner, .. } => Visit::Resumes,
            State::Paused { .. } if self.manner(now) == Manner::Well => Visit::Resumes,
            State::Paused { .. } if rng.u8(0..4) == 0 => Visit::Mends,
            _ => match rng.u8(0..40) {
                0 => Visit::Pauses,
                1 => Visit::Breaks,
                2 => Visit::Removes,
                3 => Visit::SendsAgain,
                4 => Visit::Corrects,
                5 => Visit::ReplaysAll,
                _ => Visit::Nothing,
            },
        }
    }

    /// Sets a URL that works whenever the receiver does. Half of the time the URL is a new one.
    pub(crate) fn mend(&mut self) {
        self.urls += 1;
        self.tables.url = Some(EndpointId(format!("url-{}", self.urls / 2)));
    }

    pub(crate) fn correct_header(&mut self) {
        self.urls += 2;
        if let Some(EndpointId(id)) = &self.tables.url {
            let url = id.split('.').next().unwrap_or_default();
            self.tables.url = Some(EndpointId(format!("{url}.{}", self.urls)));
        }
    }

    pub(crate) fn break_url(&mut self) {
        self.urls += 2;
        let url = format!("broken-{}", self.urls);
        self.broken.insert(url.clone());
        self.tables.url = Some(EndpointId(url));
    }

    /// Ends all outages. A URL that works stays the same.
    pub(crate) fn heal(&mut self) {
        self.outages.clear();
        if self.tables.url.is_none() || self.is_broken() {
            self.mend();
        }
    }
}
