//! The events of an owner's tests: every field of the type has a realistic value.
//!
//! Make, Airtable, Zapier and Power Automate learn the structure of what they receive from the first event, so an empty
//! field would be missing in their editors. A receiver can tell a test by its ids, which begin with `test-`, and by
//! `"test": true` in `metadata`.

use domain::Timestamp;
use domain::event::{BusinessId, Event, MalformedEvent};
use serde_json::{Value, json};

/// The type of a test event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
pub(crate) enum TestKind {
    #[default]
    #[serde(rename = "webhook.test")]
    Test,
    #[serde(rename = "call.completed")]
    Call,
    #[serde(rename = "lead.created")]
    Lead,
    #[serde(rename = "appointment.booked")]
    Appointment,
    #[serde(rename = "lead.status_changed")]
    LeadStatus,
}

/// How long the call of a test was, in seconds.
const CALL_SECONDS: i64 = 134;

/// The transcript of a test.
const TRANSCRIPT: &str = "נועה: שלום, הגעתם למרפאת השיניים. מדברת נועה, העוזרת הדיגיטלית. במה אפשר לעזור?
לקוח: שלום, רציתי לקבוע תור לבדיקה ולניקוי אבנית.
נועה: בשמחה. עם מי מדברים?
לקוח: ישראל ישראלי.
נועה: תודה, ישראל. יש תור פנוי ביום חמישי בארבע וחצי אחר הצהריים. מתאים?
לקוח: כן, מצוין. כמה זמן זה לוקח?
נועה: בערך ארבעים דקות. המרפאה נמצאת בחיפה, ויש חניה בבניין.
לקוח: אפשר לקבל תזכורת יום לפני?
נועה: בטח, נשלח תזכורת בהודעה למספר הזה. יש עוד משהו?
לקוח: לא, תודה רבה ויום טוב.";

/// The summary of a test.
const SUMMARY: &str = "נקבע תור לבדיקה ולניקוי אבנית ביום חמישי ב־16:30. ישראל ביקש לקבל תזכורת יום לפני.";

const NAME: &str = "ישראל ישראלי";
const PHONE: &str = "+972550000134";

impl TestKind {
    /// Each type, in the order in which a page offers them.
    pub(crate) const ALL: [Self; 5] = [Self::Test, Self::Call, Self::Lead, Self::Appointment, Self::LeadStatus];

    /// The event's type.
    pub(crate) fn event_type(self) -> &'static str {
        match self {
            Self::Test => "webhook.test",
            Self::Call => "call.completed",
            Self::Lead => "lead.created",
            Self::Appointment => "appointment.booked",
            Self::LeadStatus => "lead.status_changed",
        }
    }

    /// A test event of this type. Two events differ in ids and times only.
    pub(crate) fn event(self, business_id: &BusinessId, now: Timestamp) -> Result<Event, MalformedEvent> {
        let id = format!("test-{}", now.as_millisecond());
        let data = match self {
            Self::Test | Self::Call => call(business_id, &id, now),
            Self::Lead => lead(business_id, &id),
            Self::Appointment => appointment(business_id, &id, now),
            Self::LeadStatus => lead_status(business_id, &id, now),
        };
        match self {
            Self::Test => {
                // Composed as a call first, for a call's fields and their order.
                let call = Event::compose(Self::Call.event_type(), &data.to_string())?;
                Event::compose(self.event_type(), call.body())
            }
            _ => Event::compose(self.event_type(), &data.to_string()),
        }
    }
}

fn at(now: Timestamp, seconds: i64) -> String {
    let time = Timestamp::from_second(now.as_second() + seconds).unwrap_or(now);
    format!("{time:.0}")
}

fn call(business_id: &BusinessId, id: &str, now: Timestamp) -> Value {
    json!({
        "business_id": business_id.as_str(),
        "call_id": id,
        "lead_id": id,
        "phone": PHONE,
        "started_at": at(now, -CALL_SECONDS),
        "ended_at": at(now, 0),
        "duration_sec": CALL_SECONDS,
        "transcript": TRANSCRIPT,
        "summary": SUMMARY,
        "agent_name": "נועה",
        "direction": "inbound",
        "metadata": {"test": true, "intent": "קביעת תור", "city": "חיפה"},
    })
}

fn lead(business_id: &BusinessId, id: &str) -> Value {
    json!({
        "business_id": business_id.as_str(),
        "lead_id": id,
        "name": NAME,
        "phone": PHONE,
        "email": "israel@example.com",
        "source": "טופס באתר",
        "metadata": {"test": true, "campaign": "הלבנת שיניים", "city": "חיפה"},
    })
}

fn appointment(business_id: &BusinessId, id: &str, now: Timestamp) -> Value {
    json!({
        "business_id": business_id.as_str(),
        "appointment_id": id,
        "lead_id": id,
        "lead_name": NAME,
        "lead_phone": PHONE,
        // At a full hour, the day after tomorrow.
        "scheduled_at": at(now, 48 * 3600 - now.as_second().rem_euclid(3600)),
        "service": "בדיקה וניקוי אבנית",
        "notes": "רגישות לקור בצד ימין. לשלוח תזכורת יום לפני.",
        "metadata": {"test": true, "room": "חדר 2", "city": "חיפה"},
    })
}

fn lead_status(business_id: &BusinessId, id: &str, now: Timestamp) -> Value {
    json!({
        "business_id": business_id.as_str(),
        "lead_id": id,
        "lead_name": NAME,
        "lead_phone": PHONE,
        "old_status": "חדש",
        "new_status": "נקבעה פגישה",
        "source": "שיחה נכנסת",
        "changed_at": at(now, 0),
        "metadata": {"test": true, "changed_by": "נועה", "city": "חיפה"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: TestKind, ms: i64) -> Event {
        let business = BusinessId::parse("b").expect("an id");
        kind.event(&business, Timestamp::from_millisecond(ms).expect("a time")).expect("well-formed")
    }

    fn members(kind: TestKind) -> serde_json::Map<String, Value> {
        serde_json::from_str(event(kind, 1_772_359_200_123).body()).expect("an object")
    }

    #[test]
    fn a_test_has_the_fields_of_a_call_and_is_a_new_event_each_time() {
        let body = event(TestKind::Test, 1).body().to_owned();
        let fields =
            ["event_type", "business_id", "call_id", "lead_id", "phone", "started_at", "ended_at", "duration_sec"];
        let places = fields.map(|field| body.find(&format!(r#""{field}":"#)).expect(field));
        assert!(places.is_sorted() && body.starts_with(r#"{"event_type":"webhook.test","business_id":"b","#), "{body}");
        for kind in TestKind::ALL {
            assert_eq!(event(kind, 1).event_type().as_str(), kind.event_type());
            assert_ne!(event(kind, 1).id(), event(kind, 2).id());
        }
    }

    #[test]
    fn no_field_is_empty_and_every_id_is_a_tests() {
        for kind in TestKind::ALL {
            let members = members(kind);
            for (name, value) in &members {
                let is_empty = matches!(value, Value::Null) || value.as_str() == Some("") || value.as_i64() == Some(0);
                assert!(!is_empty, "{kind:?} {name}");
                let is_id = name.ends_with("_id") && name != "business_id";
                assert!(!is_id || value.as_str().is_some_and(|id| id.starts_with("test-")), "{kind:?} {name}");
            }
            let metadata = members["metadata"].as_object().expect("an object");
            assert_eq!((metadata.len(), &metadata["test"]), (3, &Value::Bool(true)), "{kind:?}");
        }
    }

    #[test]
    fn every_field_of_the_schema_is_there_and_nothing_else() {
        for kind in TestKind::ALL {
            let name = if kind == TestKind::Test { "call.completed" } else { kind.event_type() };
            let path = format!("{}/../../events/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let schema = std::fs::read_to_string(path).expect("a schema");
            let schema: Value = serde_json::from_str(&schema).expect("JSON");
            let required = schema["required"].as_array().expect("a list");
            let members = members(kind);
            assert!(required.iter().all(|name| name.as_str().is_some_and(|name| members.contains_key(name))), "{name}");
            assert_eq!(members.len(), required.len(), "{name}");
        }
    }

    #[test]
    fn a_test_call_has_ten_lines_and_a_duration_that_fits_its_times() {
        let call = members(TestKind::Call);
        assert_eq!(call["transcript"].as_str().map(|text| text.lines().count()), Some(10));
        let time = |name: &str| call[name].as_str().and_then(|text| text.parse::<Timestamp>().ok()).expect("a time");
        let seconds = time("ended_at").as_second() - time("started_at").as_second();
        assert_eq!(call["duration_sec"].as_i64(), Some(seconds));
        let booked: Timestamp =
            members(TestKind::Appointment)["scheduled_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        assert_eq!(booked.as_second() % 3600, 0);
    }
}
