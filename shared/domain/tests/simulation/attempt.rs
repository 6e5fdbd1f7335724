//! Attempts: what the endpoint does with a POST, and how long it takes.

use std::time::Duration;

use domain::delivery::Posted;
use domain::endpoint::Attempted;
use domain::event::EventId;
use domain::outcome::{Cause, Failure};

use crate::business::Manner;
use crate::invocation::Invocation;
use crate::queue::{HOUR, SECOND};
use crate::run::Run;

const ATTEMPT_TIMEOUT: i64 = 30 * SECOND;

impl Run {
    /// How long the attempt lasts. The endpoint decides now, at the attempt's beginning, what comes of it.
    pub(crate) fn begin_attempt(&mut self, invocation: &mut Invocation, event: &EventId) -> i64 {
        let manner = match self.businesses[invocation.business].manner(self.now) {
            Manner::Flaps | Manner::Limits if self.rng.bool() => Manner::Well,
            Manner::Flaps => Manner::Refuses,
            manner => manner,
        };
        invocation.manner = Some(manner);
        self.watch_attempt(invocation, event);
        match manner {
            Manner::Hangs => ATTEMPT_TIMEOUT,
            _ => self.rng.i64(20..3_000),
        }
    }

    pub(crate) fn end_attempt(&mut self, invocation: &Invocation, event: &EventId) -> Posted {
        let cause = match invocation.manner.unwrap_or(Manner::Hangs) {
            Manner::Well => {
                let business = &mut self.businesses[invocation.business];
                *business.arrived.entry(event.as_str().to_owned()).or_default() += 1;
                self.drill.note_arrival(business, event, self.now);
                return made(Attempted::Succeeded);
            }
            Manner::Gone => Cause::Gone,
            Manner::Limits => return self.limit(invocation),
            Manner::Hangs => Cause::Failed(Failure::Timeout),
            Manner::Refuses | Manner::Flaps => Cause::Failed(Failure::Refused),
        };
        let delay = self.schedule.delay_after(invocation.attempt(), None, self.rng.f64());
        made(Attempted::Failed { cause, next: delay.map(|delay| self.clock(invocation.skew) + delay) })
    }

    /// 429 with Retry-After.
    fn limit(&mut self, invocation: &Invocation) -> Posted {
        let wait = self.rng.i64(SECOND..HOUR);
        if let Some(replay) = invocation.worker.replay() {
            self.watch.rests.insert(invocation.business, (replay, self.now + wait));
        }
        let wait = Duration::from_millis(wait.unsigned_abs());
        let delay = self.schedule.delay_after(invocation.attempt(), Some(wait), self.rng.f64());
        let clock = self.clock(invocation.skew);
        let attempted = Attempted::Failed { cause: Cause::Status, next: delay.map(|delay| clock + delay) };
        Posted::Made { attempted, not_before: Some(clock + wait), is_rate_limit: true }
    }
}

fn made(attempted: Attempted) -> Posted {
    Posted::Made { attempted, not_before: None, is_rate_limit: false }
}
