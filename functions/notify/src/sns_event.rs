//! Reads SNS's event, as leniently as possible: of each record only its message is needed.

use adapters::notices::ReceivedNotice;
use serde_json::Value;

/// The notices of an event, one for each record; None: the record has no notice.
pub(crate) fn notices(event: &Value) -> Vec<Option<ReceivedNotice>> {
    match event.get("Records").and_then(Value::as_array) {
        Some(records) => records.iter().map(notice).collect(),
        None => vec![None],
    }
}

fn notice(record: &Value) -> Option<ReceivedNotice> {
    record.get("Sns")?.get("Message")?.as_str().and_then(ReceivedNotice::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_has_its_notice_or_none() {
        let message = r#"{"kind":"failing","business_id":"b","cause":"dns","since":"2026-03-01T09:12:40Z","held":3}"#;
        let event = serde_json::json!({"Records": [
            {"EventSource": "aws:sns", "Sns": {"MessageId": "m", "Message": message, "Subject": null}},
            {"Sns": {"Message": "hello"}},
            {"Sns": {"Message": 1}},
            {},
        ]});
        let read = notices(&event);
        assert_eq!(read.len(), 4);
        assert_eq!(read.first().cloned().flatten(), ReceivedNotice::parse(message));
        assert!(read.iter().skip(1).all(Option::is_none));
        for event in ["{}", "null", "[]", "1", r#"{"Records":{}}"#] {
            assert_eq!(notices(&serde_json::from_str(event).expect("JSON")), [None], "{event}");
        }
    }
}
