//! The deliveries of the last days, counted: by day and status, the share that arrived, and the usual delay.
//!
//! A day is a day in Israel, and a delivery belongs to the day on which its event was published. The deliveries may come
//! in any order. A counter keeps one number for each delivery that arrived, so its memory is bounded by the number of
//! deliveries that its caller reads.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::israel;

/// The part of a delivery that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The time of the event's first publishing.
    pub created_at: Timestamp,
    /// The status of the delivery.
    pub status: Status,
}

/// The status of a delivery that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The receiver has accepted the event.
    Delivered {
        /// The time of the first success; None: the record does not have this time.
        at: Option<Timestamp>,
    },
    /// The event's message comes back for another attempt.
    Retrying,
    /// The event waits in the ledger.
    Held,
    /// The event's schedule is spent.
    Failed,
}

/// Numbers of deliveries by their status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many deliveries have arrived.
    pub delivered: u32,
    /// How many deliveries are to be tried again.
    pub retrying: u32,
    /// How many deliveries are held.
    pub held: u32,
    /// How many deliveries have failed.
    pub failed: u32,
}

/// The counted deliveries of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The date in Israel.
    pub date: Date,
    /// The deliveries of the events that were published on this day.
    pub counts: Counts,
}

/// The counted deliveries of some days.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// All days, oldest first, those without a delivery included. The last day is the one on which the counter was made.
    pub days: Vec<Day>,
    /// The deliveries of all days together.
    pub total: Counts,
    /// delivered / (delivered + failed), from 0 to 1; None: there are neither delivered nor failed ones.
    pub delivered_share: Option<f64>,
    /// The median of the delays from publishing to the first success, in milliseconds; None: nothing was delivered.
    pub median_delay_ms: Option<u64>,
    /// The publishing of the oldest event that is retrying or held; None: there is none.
    pub oldest_waiting_at: Option<Timestamp>,
    /// The publishing of the oldest event that was counted; None: nothing was counted.
    pub oldest_at: Option<Timestamp>,
    /// The latest success that was counted; None: there is none.
    pub last_delivered_at: Option<Timestamp>,
    /// Whether all deliveries of these days were counted.
    pub complete: bool,
}

/// Counts deliveries.
#[derive(Debug)]
pub struct Counter {
    days: Vec<Day>,
    /// The first instant of each day, and of the day behind the last.
    starts: Vec<Timestamp>,
    delays_ms: Vec<u64>,
    oldest_waiting_at: Option<Timestamp>,
    oldest_at: Option<Timestamp>,
    last_delivered_at: Option<Timestamp>,
}

impl Counts {
    /// How many deliveries wait: those to be tried again, and those that are held.
    #[must_use]
    pub fn waiting(self) -> u32 {
        self.retrying + self.held
    }

    /// How many deliveries there are.
    #[must_use]
    pub fn all(self) -> u32 {
        self.delivered + self.waiting() + self.failed
    }

    fn add(&mut self, status: Status) {
        match status {
            Status::Delivered { .. } => self.delivered += 1,
            Status::Retrying => self.retrying += 1,
            Status::Held => self.held += 1,
            Status::Failed => self.failed += 1,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            delivered: self.delivered + other.delivered,
            retrying: self.retrying + other.retrying,
            held: self.held + other.held,
            failed: self.failed + other.failed,
        }
    }

    fn delivered_share(self) -> Option<f64> {
        let ended = self.delivered + self.failed;
        (ended > 0).then(|| f64::from(self.delivered) / f64::from(ended))
    }
}

impl Counter {
    /// Makes a counter for this number of days. The day of `now` is the last one.
    #[must_use]
    pub fn new(days: u8, now: Timestamp) -> Self {
        let today = israel::local(now).date();
        let dates: Vec<Date> = (0..days).rev().map(|back| today.saturating_sub(i32::from(back).days())).collect();
        let behind = today.saturating_add(1.days());
        Self {
            starts: dates.iter().copied().chain([behind]).map(israel::start_of).collect(),
            days: dates.into_iter().map(|date| Day { date, counts: Counts::default() }).collect(),
            delays_ms: Vec::new(),
            oldest_waiting_at: None,
            oldest_at: None,
            last_delivered_at: None,
        }
    }

    /// The first instant of the first day.
    #[must_use]
    pub fn from(&self) -> Timestamp {
        self.starts.first().copied().unwrap_or(Timestamp::MAX)
    }

    /// Counts a delivery. One that was published on none of the days is not counted.
    pub fn count(&mut self, delivery: &Delivery) {
        let Delivery { created_at, status } = *delivery;
        let started = self.starts.partition_point(|start| *start <= created_at);
        let Some(day) = started.checked_sub(1).and_then(|index| self.days.get_mut(index)) else { return };
        day.counts.add(status);
        self.oldest_at = Some(earlier(self.oldest_at, created_at));
        match status {
            Status::Delivered { at } => {
                self.delays_ms.extend(at.map(|at| delay_ms(created_at, at)));
                self.last_delivered_at = self.last_delivered_at.max(at);
            }
            Status::Retrying | Status::Held => {
                self.oldest_waiting_at = Some(earlier(self.oldest_waiting_at, created_at));
            }
            Status::Failed => {}
        }
    }

    /// Gives the sums of the counted deliveries. `complete`: all deliveries of the days were counted.
    #[must_use]
    pub fn summary(self, complete: bool) -> Summary {
        let total = self.days.iter().fold(Counts::default(), |sum, day| sum.plus(day.counts));
        Summary {
            days: self.days,
            total,
            delivered_share: total.delivered_share(),
            median_delay_ms: median(self.delays_ms),
            oldest_waiting_at: self.oldest_waiting_at,
            oldest_at: self.oldest_at,
            last_delivered_at: self.last_delivered_at,
            complete,
        }
    }
}

fn earlier(known: Option<Timestamp>, time: Timestamp) -> Timestamp {
    known.map_or(time, |known| known.min(time))
}

/// Gives the delay from publishing to the first success. The clocks of two machines may differ; if the success seems to
/// be earlier, the delay is 0.
fn delay_ms(created_at: Timestamp, delivered_at: Timestamp) -> u64 {
    u64::try_from(delivered_at.as_millisecond() - created_at.as_millisecond()).unwrap_or(0)
}

/// Gives the median: the value in the middle, or half-way between the two values in the middle, rounded down.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(lower.midpoint(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn counted(days: u8, now: &str, deliveries: &[(&str, Status)]) -> Summary {
        let mut counter = Counter::new(days, time(now));
        for (created_at, status) in deliveries {
            counter.count(&Delivery { created_at: time(created_at), status: *status });
        }
        counter.summary(true)
    }

    fn delivered(at: &str) -> Status {
        Status::Delivered { at: Some(time(at)) }
    }

    #[test]
    fn days_are_israels_and_oldest_first_and_those_without_deliveries_are_among_them() {
        let summary = counted(
            3,
            "2026-03-01T21:59:59Z",
            &[
                ("2026-02-26T21:59:59.999Z", Status::Failed),
                ("2026-02-26T22:00:00Z", Status::Failed),
                ("2026-02-27T21:59:59.999Z", Status::Held),
                ("2026-02-28T22:00:00Z", Status::Retrying),
                ("2026-03-01T21:59:59.999Z", delivered("2026-03-01T22:00:00Z")),
                ("2026-03-01T22:00:00Z", Status::Failed),
            ],
        );
        let day = |date: &str, counts| Day { date: date.parse().expect("a date"), counts };
        let expected = [
            day("2026-02-27", Counts { held: 1, failed: 1, ..Counts::default() }),
            day("2026-02-28", Counts::default()),
            day("2026-03-01", Counts { delivered: 1, retrying: 1, ..Counts::default() }),
        ];
        assert_eq!(summary.days, expected);
        assert_eq!(summary.days[0].date.to_string(), "2026-02-27");
        assert_eq!(summary.total, Counts { delivered: 1, retrying: 1, held: 1, failed: 1 });
        assert_eq!((summary.total.waiting(), summary.total.all()), (2, 4));
    }

    /// In 2026 the day of 27 March has 23 hours in Israel, and the day of 25 October has 25.
    #[test]
    fn a_day_on_which_the_clock_is_changed_begins_and_ends_at_midnight() {
        for (now, first, last) in [
            ("2026-03-27T12:00:00Z", "2026-03-26T22:00:00Z", "2026-03-27T20:59:59.999Z"),
            ("2026-10-25T12:00:00Z", "2026-10-24T21:00:00Z", "2026-10-25T21:59:59.999Z"),
        ] {
            assert_eq!(Counter::new(1, time(now)).from(), time(first));
            let summary = counted(1, now, &[(first, Status::Held), (last, Status::Held)]);
            assert_eq!(summary.total.held, 2, "{now}");
            let behind = (time(last) + std::time::Duration::from_millis(1)).to_string();
            assert_eq!(counted(1, now, &[(&behind, Status::Held)]).total.held, 0, "{now}");
        }
    }

    #[test]
    fn share_and_median_are_of_what_ended_and_null_without_any() {
        let now = "2026-03-01T12:00:00Z";
        let empty = counted(14, now, &[("2026-03-01T10:00:00Z", Status::Held)]);
        assert_eq!((empty.days.len(), empty.delivered_share, empty.median_delay_ms), (14, None, None));
        let failed = counted(14, now, &[("2026-03-01T10:00:00Z", Status::Failed)]);
        assert_eq!((failed.delivered_share, failed.median_delay_ms), (Some(0.0), None));
        let created = "2026-03-01T10:00:00Z";
        let mut deliveries = vec![
            (created, delivered("2026-03-01T10:00:00.400Z")),
            (created, delivered("2026-03-01T10:00:02Z")),
            (created, delivered("2026-03-01T11:00:00Z")),
            (created, Status::Failed),
            (created, Status::Retrying),
        ];
        let odd = counted(14, now, &deliveries);
        assert_eq!((odd.delivered_share, odd.median_delay_ms), (Some(0.75), Some(2_000)));
        // An early success and one without its time.
        deliveries.extend([(created, delivered("2026-03-01T09:59:59Z")), (created, Status::Delivered { at: None })]);
        let even = counted(14, now, &deliveries);
        assert_eq!((even.total.delivered, even.median_delay_ms), (5, Some(1_200)));
    }

    #[test]
    fn the_oldest_waiting_event_is_one_that_is_retrying_or_held_in_whatever_order_they_come() {
        let (first, second, third) = ("2026-02-27T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-01T10:00:00Z");
        let now = "2026-03-01T12:00:00Z";
        let one = counted(14, now, &[(third, Status::Held), (first, Status::Failed), (second, Status::Retrying)]);
        assert_eq!((one.oldest_waiting_at, one.oldest_at), (Some(time(second)), Some(time(first))));
        let other = counted(14, now, &[(second, Status::Held), (third, Status::Retrying)]);
        assert_eq!(other.oldest_waiting_at, Some(time(second)));
        let none = counted(14, now, &[(first, delivered(first)), (second, Status::Failed)]);
        assert_eq!(none.oldest_waiting_at, None);
    }

    #[test]
    fn a_counter_can_be_made_at_any_time() {
        for now in [Timestamp::MIN, Timestamp::MAX] {
            let mut counter = Counter::new(31, now);
            counter.count(&Delivery { created_at: now, status: Status::Held });
            assert_eq!(counter.summary(false).days.len(), 31);
        }
    }
}
