//! The attempts that have had no answer for a while, as the attribute `waiting` of the settings item, a set of numbers:
//! of each attempt the Unix microsecond by which it will have ended.
//!
//! It bounds, across environments, how many attempts wait at one endpoint before five of them have failed and its health
//! says so. It costs what answers at once nothing, since it is read with the settings, and written only by an attempt
//! that waits. It is a help and no record: what cannot be read is not there, and what a crash has left is over by its
//! time.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::Item;

/// No attempt waits longer than a function runs. What says so comes of a wrong clock, and must not keep events back.
const OVER_AFTER: Duration = Duration::from_mins(1);

/// When the attempts that wait will have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting(Vec<Timestamp>);

impl Waiting {
    pub(super) fn from_item(item: &Item) -> Self {
        let Some(AttributeValue::Ns(numbers)) = item.get("waiting") else {
            return Self::default();
        };
        let time = |number: &String| Timestamp::from_microsecond(number.parse().ok()?).ok();
        Self(numbers.iter().filter_map(time).collect())
    }

    /// How many wait.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|until| waits(**until, now)).count()
    }

    /// Those that are over and that nobody has taken back.
    pub fn over(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.0.iter().copied().filter(move |until| !waits(*until, now))
    }
}

fn waits(until: Timestamp, now: Timestamp) -> bool {
    now < until && until <= now + OVER_AFTER
}

/// A set with one number twice would be refused.
pub(super) fn to_attribute(times: &BTreeSet<Timestamp>) -> AttributeValue {
    AttributeValue::Ns(times.iter().map(|time| time.as_microsecond().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microsecond: i64) -> Timestamp {
        Timestamp::from_microsecond(microsecond).expect("a time")
    }

    #[test]
    fn what_waits_counts_until_its_time() {
        let times = [at(1_000_000), at(1_000_001), at(61_000_000), at(61_000_001)];
        let waiting = Waiting::from_item(&Item::from([("waiting".to_owned(), to_attribute(&times.into()))]));
        assert_eq!(waiting, Waiting(times.to_vec()));
        assert_eq!(waiting.count(at(1_000_000)), 2);
        assert_eq!(waiting.over(at(1_000_000)).collect::<Vec<_>>(), [times[0], times[3]], "past, and a wrong clock's");
    }

    #[test]
    fn what_cannot_be_read_does_not_wait() {
        let numbers = ["", "x", "1.5", "99999999999999999999"].map(ToOwned::to_owned).to_vec();
        for value in [AttributeValue::Ns(numbers), AttributeValue::Null(true), AttributeValue::N("1".to_owned())] {
            assert_eq!(Waiting::from_item(&Item::from([("waiting".to_owned(), value)])), Waiting::default());
        }
        assert_eq!(Waiting::from_item(&Item::new()), Waiting::default());
    }
}
