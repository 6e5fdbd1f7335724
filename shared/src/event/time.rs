//! Points in time, as the call service writes them and as a receiver gets them.
//!
//! In: RFC 3339, or ISO 8601 without an offset, which is what Python's `datetime.isoformat()` makes of a naive UTC
//! time. Out: RFC 3339 in UTC with `Z`, the fraction with the digits it came with. A date alone names no point in time
//! and is refused.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Brings a time to UTC; None if it is not one, or its year is outside RFC 3339's 0000 to 9999.
pub(super) fn to_utc(text: &str) -> Option<String> {
    // Time zone annotations in brackets are RFC 9557's, not RFC 3339's.
    if !text.contains(':') || text.contains('[') {
        return None;
    }
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) if has_offset(text) => return None,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    let printed = format!("{timestamp:.*}", fraction_digits(text));
    printed.starts_with(|c: char| c.is_ascii_digit()).then_some(printed)
}

/// A civil time is read leniently, offset ignored; one that has an offset must not come that far.
fn has_offset(text: &str) -> bool {
    let clock = text.find(':').map_or("", |colon| &text[colon..]);
    clock.contains(['Z', 'z', '+', '-', '['])
}

fn fraction_digits(text: &str) -> usize {
    let fraction = text.split(['.', ',']).nth(1).unwrap_or("");
    fraction.bytes().take_while(u8::is_ascii_digit).count()
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
            ("2026-03-01T10:15:00", "2026-03-01T10:15:00Z"),
            ("2026-03-01 10:15:00", "2026-03-01T10:15:00Z"),
            ("2026-03-01T10:15", "2026-03-01T10:15:00Z"),
            ("2026-03-01T00:30:00+02:00", "2026-02-28T22:30:00Z"),
        ] {
            assert_eq!(to_utc(input).as_deref(), Some(output), "{input}");
        }
    }

    #[test]
    fn fractions_keep_their_digits() {
        for (input, output) in [
            ("2026-03-01T10:15:00.123456", "2026-03-01T10:15:00.123456Z"),
            ("2026-03-01T10:15:00.500+02:00", "2026-03-01T08:15:00.500Z"),
            ("2026-03-01T10:15:00.000000001Z", "2026-03-01T10:15:00.000000001Z"),
        ] {
            assert_eq!(to_utc(input).as_deref(), Some(output), "{input}");
        }
    }

    #[test]
    fn what_names_no_point_in_time_is_refused() {
        for input in [
            "2026-03-01",
            "yesterday",
            "10:15:00",
            "2026-13-01T10:15:00Z",
            "2026-02-30T10:15:00",
            "2026-03-01T25:00:00Z",
            "2026-03-01T10:15:00+99:00",
            "-000001-03-01T10:15:00Z",
            "2026-03-01T10:15:00.1234567890Z",
            "1767225600",
            "2026-03-01T10:15:00Z[Asia/Jerusalem]",
            "9999-12-31T23:30:00-05:00",
        ] {
            assert_eq!(to_utc(input), None, "{input}");
        }
    }
}
