//! Brings a point in time from the forms that the call service writes to the form that a receiver gets.
//!
//! In: RFC 3339, or ISO 8601 without an offset, which is what Python's `datetime.isoformat()` makes of a naive UTC
//! time. Out: RFC 3339 in UTC with `Z`; the fraction of a second keeps its digits, nine at most. A date alone names no
//! point in time and is refused.

use std::borrow::Cow;

use jiff::SignedDuration;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

/// How many digits of a second's fraction are kept: nanoseconds. RFC 3339 allows any number of digits.
const FRACTION_DIGITS: usize = 9;

/// Brings a time to UTC. None: the text is no point in time, or its year is outside RFC 3339's 0000 to 9999.
pub(super) fn to_utc(text: &str) -> Option<String> {
    // A suffix in brackets belongs to RFC 9557, not to RFC 3339.
    if text.contains('[') {
        return None;
    }
    let (text, digits) = to_nanoseconds(text);
    let pieces = Pieces::parse(&*text).ok()?;
    // A `Timestamp` cannot be used here, because its last day is a day before RFC 3339's.
    let offset = SignedDuration::from(pieces.to_numeric_offset().unwrap_or(Offset::UTC));
    let utc = pieces.date().to_datetime(pieces.time()?).checked_sub(offset).ok()?;
    (utc.year() >= 0).then(|| format!("{utc:.digits$}Z"))
}

/// Cuts the fraction of a second to the digits that are kept. Gives the text, and the number of those digits.
fn to_nanoseconds(text: &str) -> (Cow<'_, str>, usize) {
    let Some(point) = text.find(['.', ',']) else { return (text.into(), 0) };
    let fraction = &text[point + 1..];
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits <= FRACTION_DIGITS {
        return (text.into(), digits);
    }
    let kept = format!("{}{}", &text[..=point + FRACTION_DIGITS], &fraction[digits..]);
    (kept.into(), FRACTION_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::to_utc;

    #[test]
    fn offsets_are_brought_to_utc_and_their_absence_means_utc() {
        for (input, output) in [
            ("2026-03-01T10:15:00+02:00", "2026-03-01T08:15:00Z"),
            ("2026-03-01T10:15:00Z", "2026-03-01T10:15:00Z"),
            ("2026-03-01t10:15:00z", "2026-03-01T10:15:00Z"),
            ("2026-03-01T10:15:00-00:00", "2026-03-01T10:15:00Z"),
            ("2026-03-01T10:15:00", "2026-03-01T10:15:00Z"),
            ("2026-03-01 10:15:00", "2026-03-01T10:15:00Z"),
            ("2026-03-01T10:15", "2026-03-01T10:15:00Z"),
            ("20260301T101500", "2026-03-01T10:15:00Z"),
            ("2026-03-01T00:30:00+02:00", "2026-02-28T22:30:00Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
            ("2026-03-01T10-02:00", "2026-03-01T12:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(to_utc(input).as_deref(), Some(output), "{input}");
        }
    }

    /// A leap second is one in which nothing else ever is: the second before stands for it.
    #[test]
    fn a_leap_second_is_read() {
        assert_eq!(to_utc("1990-12-31T23:59:60Z").as_deref(), Some("1990-12-31T23:59:59Z"));
        assert_eq!(to_utc("1990-12-31T15:59:60-08:00").as_deref(), Some("1990-12-31T23:59:59Z"));
    }

    #[test]
    fn fractions_keep_their_digits_up_to_nanoseconds() {
        for (input, output) in [
            ("2026-03-01T10:15:00.123456", "2026-03-01T10:15:00.123456Z"),
            ("2026-03-01T10:15:00.500+02:00", "2026-03-01T08:15:00.500Z"),
            ("2026-03-01T10:15:00,5", "2026-03-01T10:15:00.5Z"),
            ("2026-03-01T10:15:00.000000001Z", "2026-03-01T10:15:00.000000001Z"),
            ("2026-03-01T10:15:00.1234567899+02:00", "2026-03-01T08:15:00.123456789Z"),
            ("2026-03-01T10:15:00.123456789123456789", "2026-03-01T10:15:00.123456789Z"),
        ] {
            assert_eq!(to_utc(input).as_deref(), Some(output), "{input}");
        }
    }

    #[test]
    fn what_names_no_point_in_time_is_refused() {
        for input in [
            "",
            "2026-03-01",
            "20260301",
            "01/03/2026 10:15",
            "01.03.2026 10:15:00",
            "yesterday",
            "10:15:00",
            "Sun, 01 Mar 2026 10:15:00 GMT",
            "2026-03-01T10:15:00 UTC",
            "2026-13-01T10:15:00Z",
            "2026-02-30T10:15:00",
            "2026-03-01T25:00:00Z",
            "2026-03-01T10:15:00+99:00",
            "2026-03-01T10-99:00",
            "-000001-03-01T10:15:00Z",
            "0000-01-01T00:00:00+02:00",
            "1767225600",
            "2026-03-01T10:15:00Z[Asia/Jerusalem]",
            "2026-03-01T10:15:00[u-ca=hebrew]",
            "9999-12-31T23:30:00-05:00",
        ] {
            assert_eq!(to_utc(input), None, "{input}");
        }
    }
}
