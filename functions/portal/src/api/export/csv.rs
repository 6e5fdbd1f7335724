//! Deliveries as CSV (RFC 4180), for people who open the file in Excel.

use std::borrow::Cow;

use adapters::deliveries_table::Summary;

use crate::api::shapes::rfc3339;
use crate::use_cases::LeftOut;

/// The byte order mark, by which Excel recognises UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

const COLUMNS: [&str; 11] = [
    "event_id",
    "event_type",
    "status",
    "cause",
    "status_code",
    "attempts",
    "created_at",
    "updated_at",
    "subject",
    "phone_last_digits",
    "title",
];

/// The characters at a cell's beginning by which a spreadsheet takes the cell for a formula.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// The largest file, in bytes of the JSON string that it becomes. Lambda takes 6 MiB of JSON as an answer, in which the
/// file is one string beside the headers.
const MAX_BYTES: usize = 5_500_000;

/// Gives the file, with a row for each delivery. The last row says if deliveries are left out: some of those given
/// here, or those that the caller has left out already.
pub(super) fn file(deliveries: &[Summary], left_out: Option<LeftOut>) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    push(&mut text, &COLUMNS);
    let mut size = json_len(&text);
    for (index, delivery) in deliveries.iter().enumerate() {
        let before = text.len();
        push_delivery(&mut text, delivery);
        size += json_len(&text[before..]);
        if size > MAX_BYTES {
            text.truncate(before);
            push_left_out(&mut text, index, LeftOut::Older);
            return text;
        }
    }
    if let Some(left_out) = left_out {
        push_left_out(&mut text, deliveries.len(), left_out);
    }
    text
}

fn push_delivery(text: &mut String, delivery: &Summary) {
    let status_code = delivery.status_code.map(|code| code.to_string());
    let optional = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    let cells: [&str; COLUMNS.len()] = [
        delivery.event_id.as_str(),
        &delivery.event_type,
        delivery.status.as_str(),
        delivery.cause.map_or("", |cause| cause.as_str()),
        &optional(&status_code),
        &delivery.attempts.to_string(),
        &rfc3339(delivery.created_at),
        &rfc3339(delivery.updated_at),
        delivery.subject.as_deref().unwrap_or_default(),
        delivery.phone_ending.as_deref().unwrap_or_default(),
        delivery.title.as_deref().unwrap_or_default(),
    ];
    push(text, &cells);
}

fn push_left_out(text: &mut String, rows: usize, left_out: LeftOut) {
    let why = match left_out {
        LeftOut::Older => {
            format!("הקובץ נחתך כאן: יש בו רק את העדכונים החדשים ביותר ({rows}), ובהיסטוריה יש גם ישנים יותר.")
        }
        LeftOut::Unsearched => {
            "הקובץ נחתך כאן: החיפוש לא הגיע עד סוף ההיסטוריה, וייתכן שיש בו עוד עדכונים, ישנים יותר.".to_owned()
        }
    };
    let mut cells = [""; COLUMNS.len()];
    cells[0] = &why;
    push(text, &cells);
}

fn push(text: &mut String, cells: &[&str; COLUMNS.len()]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&quoted(&guarded(cell)));
    }
    text.push_str("\r\n");
}

fn guarded(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA) { format!("'{cell}").into() } else { cell.into() }
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\"")).into()
    } else {
        cell.into()
    }
}

/// How many bytes a text has in a JSON string (RFC 8259, 7) of `serde_json`.
fn json_len(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

#[cfg(test)]
mod tests {
    use adapters::deliveries_table::Status;
    use domain::event::EventId;
    use domain::outcome::Cause;

    use super::*;

    fn delivery() -> Summary {
        Summary {
            event_id: EventId::parse("evt_0123456789abcdef0123456789abcdef").expect("an id"),
            event_type: "call.completed".into(),
            subject: None,
            phone_ending: None,
            title: None,
            status: Status::Failed,
            cause: Some(Cause::Status),
            status_code: Some(404),
            clue: None,
            format: None,
            attempts: 16,
            created_at: "2026-03-01T10:00:00.5Z".parse().expect("a time"),
            updated_at: "2026-03-04T10:00:00Z".parse().expect("a time"),
            next_attempt_at: None,
        }
    }

    #[test]
    fn a_file_is_a_mark_a_row_of_names_and_a_row_for_each_delivery() {
        let title = Some("תור, \"דחוף\"".to_owned());
        let one = Summary { subject: Some("CA1".into()), phone_ending: Some("0127".into()), title, ..delivery() };
        let created_at = rfc3339(one.created_at);
        let updated_at = rfc3339(one.updated_at);
        let expected = format!(
            "\u{feff}event_id,event_type,status,cause,status_code,attempts,created_at,updated_at,subject,\
             phone_last_digits,title\r\n\
             evt_0123456789abcdef0123456789abcdef,call.completed,failed,status,404,16,{created_at},{updated_at},CA1,0127,\
             \"תור, \"\"דחוף\"\"\"\r\n"
        );
        assert_eq!(file(&[one], None), expected);
        let empty = file(&[Summary { cause: None, status_code: None, ..delivery() }], None);
        assert!(empty.contains(",failed,,,16,") && empty.ends_with("Z,,,\r\n"), "{empty}");
    }

    #[test]
    fn a_cell_that_looks_like_a_formula_is_made_a_text() {
        for (subject, cell) in [
            ("=1+1", "'=1+1"),
            ("+972", "'+972"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("\nx", "\"'\nx\""),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
            ("", ""),
        ] {
            let text = file(&[Summary { subject: Some(subject.into()), ..delivery() }], None);
            assert!(text.ends_with(&format!("Z,{cell},,\r\n")), "{subject:?}: {text:?}");
        }
    }

    #[test]
    fn a_file_from_which_deliveries_are_left_out_says_so_in_its_last_row() {
        for (left_out, words) in
            [(LeftOut::Older, "החדשים ביותר (1)"), (LeftOut::Unsearched, "לא הגיע עד סוף ההיסטוריה")]
        {
            let text = file(&[delivery()], Some(left_out));
            let last = text.lines().last().expect("a row");
            assert!(last.contains(words) && last.starts_with("\"הקובץ נחתך"), "{last}");
            assert_eq!(text.lines().count(), 3);
        }
    }

    #[test]
    fn a_file_fits_into_an_answer_of_lambda_whatever_the_cells_have() {
        for filler in ["\u{1}", "\"", "א", "\u{10ffff}", "\r"] {
            let title = Some(filler.repeat(80));
            let one = Summary { subject: Some(filler.repeat(128)), title, ..delivery() };
            let text = file(&vec![one; 10_000], None);
            let size = serde_json::to_string(&text).expect("a text").len();
            assert!(size < 6 * 1024 * 1024 - 100_000, "{filler:?}: {size}");
            assert_eq!(json_len(&text) + 2, size, "{filler:?}");
        }
    }
}
