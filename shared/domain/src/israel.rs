//! Converts times to the time zone of Israel.
//!
//! The time zone is compiled in from the IANA database: Israel's rule has exceptions before 2013, and a pure crate may
//! not read the system's database.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

static ISRAEL: TimeZone = jiff::tz::get!("Asia/Jerusalem");

/// Gives a point in time in Israel's time zone.
#[must_use]
pub fn local(time: Timestamp) -> Zoned {
    time.to_zoned(ISRAEL.clone())
}

/// Gives the first instant of a day. If a [`Timestamp`] cannot hold that instant, the nearest possible one is given.
#[must_use]
pub fn start_of(date: Date) -> Timestamp {
    let beyond = if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    date.to_zoned(ISRAEL.clone()).map_or(beyond, |start| start.timestamp())
}

/// Gives date and time as an owner reads them: "1.3.2026 11:12".
#[must_use]
pub fn date_and_time(time: Timestamp) -> String {
    let time = local(time);
    format!("{}.{}.{} {:02}:{:02}", time.day(), time.month(), time.year(), time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_in_israel() {
        for (utc, shown) in [
            ("2026-03-01T09:12:00Z", "1.3.2026 11:12"),
            ("2026-07-09T05:05:59.999Z", "9.7.2026 08:05"),
            ("2026-12-31T22:00:00Z", "1.1.2027 00:00"),
            ("0000-01-01T00:00:00Z", "1.1.0 02:20"),
            ("9999-12-30T21:00:00Z", "30.12.9999 23:00"),
        ] {
            assert_eq!(date_and_time(utc.parse().expect("a time")), shown, "{utc}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_israel() {
        for (day, start) in [
            ("2026-03-01", "2026-02-28T22:00:00Z"),
            ("2026-07-09", "2026-07-08T21:00:00Z"),
            ("2026-03-27", "2026-03-26T22:00:00Z"),
        ] {
            let start_of = start_of(day.parse().expect("a date"));
            assert_eq!(start_of.to_string(), start, "{day}");
        }
    }

    /// Summer time by the law of 2013: from the Friday before the last Sunday of March, 02:00, to the last Sunday of
    /// October, 02:00. Before 2013, summer time ended with Yom Kippur: on 23 September 2012.
    #[test]
    fn summer_time_begins_and_ends_by_the_law_of_its_year() {
        for (utc, shown) in [
            ("2026-03-26T23:59:59Z", "27.3.2026 01:59"),
            ("2026-03-27T00:00:00Z", "27.3.2026 03:00"),
            ("2026-10-24T22:59:59Z", "25.10.2026 01:59"),
            ("2026-10-24T23:00:00Z", "25.10.2026 01:00"),
            ("2060-03-26T00:00:00Z", "26.3.2060 03:00"),
            ("2060-07-01T00:00:00Z", "1.7.2060 03:00"),
            ("2012-09-22T23:00:00Z", "23.9.2012 01:00"),
        ] {
            assert_eq!(date_and_time(utc.parse().expect("a time")), shown, "{utc}");
        }
    }
}
