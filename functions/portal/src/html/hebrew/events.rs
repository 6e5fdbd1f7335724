//! What an event tells of, when it is sent, and what each of its fields means.
//!
//! Which fields an event has, their order, types and allowed values are in its schema and not here. A test holds the two
//! together.

/// The words for an event.
pub(crate) struct EventWords {
    pub(crate) title: &'static str,
    /// When the event is sent.
    pub(crate) when: &'static str,
    /// The meaning of each field.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

const EVENT_TYPE: (&str, &str) = ("event_type", "סוג העדכון");
const BUSINESS_ID: (&str, &str) = ("business_id", "מזהה העסק ב־ProSaaS");
const METADATA: (&str, &str) = ("metadata", "פרטים נוספים, במבנה חופשי. כשאין, האובייקט ריק");
const LEAD_NAME: (&str, &str) = ("lead_name", "שם הליד. ריק אם לא ידוע");
const LEAD_PHONE: (&str, &str) = ("lead_phone", "הטלפון של הליד. ריק אם לא ידוע");

/// The typed events: their types, and their words.
pub(crate) const TYPED_EVENTS: [(&str, EventWords); 4] = [
    (
        "call.completed",
        EventWords {
            title: "שיחה שהסתיימה",
            when: "בסוף כל שיחה, כשהתמליל והסיכום מוכנים.",
            fields: &[
                EVENT_TYPE,
                BUSINESS_ID,
                ("call_id", "מזהה השיחה. אם אותה שיחה מגיעה פעמיים, המזהה זהה"),
                ("lead_id", "מזהה הליד של השיחה. ריק אם אין ליד"),
                ("phone", "הטלפון של הצד השני. ריק אם המספר חסוי"),
                ("started_at", "מתי השיחה התחילה"),
                ("ended_at", "מתי השיחה הסתיימה"),
                ("duration_sec", "משך השיחה בשניות. 0 אם לא ידוע"),
                ("transcript", "כל השיחה, שורה לכל תור, ובתחילתה שם הדובר"),
                ("summary", "כמה משפטים על מה שנאמר וסוכם"),
                ("agent_name", "שם הנציג הדיגיטלי"),
                ("direction", "כיוון השיחה: נכנסת לעסק, או יוצאת ממנו"),
                METADATA,
            ],
        },
    ),
    (
        "lead.created",
        EventWords {
            title: "ליד חדש",
            when: "כשנרשם ליד חדש.",
            fields: &[
                EVENT_TYPE,
                BUSINESS_ID,
                ("lead_id", "מזהה הליד"),
                ("name", "שם הליד. ריק אם לא ידוע"),
                ("phone", "הטלפון של הליד. ריק אם לא ידוע"),
                ("email", "כתובת המייל של הליד, כמו שנמסרה. ריקה אם לא ידועה"),
                ("source", "מאיפה הליד הגיע. ריק אם לא ידוע"),
                METADATA,
            ],
        },
    ),
    (
        "appointment.booked",
        EventWords {
            title: "פגישה שנקבעה",
            when: "כשנקבעת פגישה.",
            fields: &[
                EVENT_TYPE,
                BUSINESS_ID,
                ("appointment_id", "מזהה הפגישה"),
                ("lead_id", "מזהה הליד שהפגישה נקבעה לו. ריק אם אין ליד"),
                LEAD_NAME,
                LEAD_PHONE,
                ("scheduled_at", "מתי הפגישה"),
                ("service", "השירות שהוזמן. ריק אם לא ידוע"),
                ("notes", "הערות לפגישה. ריק אם אין"),
                METADATA,
            ],
        },
    ),
    (
        "lead.status_changed",
        EventWords {
            title: "שינוי סטטוס של ליד",
            when: "כשהסטטוס של ליד משתנה.",
            fields: &[
                EVENT_TYPE,
                BUSINESS_ID,
                ("lead_id", "מזהה הליד"),
                LEAD_NAME,
                LEAD_PHONE,
                ("old_status", "הסטטוס הקודם. ריק אם לא ידוע"),
                ("new_status", "הסטטוס החדש. ריק אם לא ידוע"),
                ("source", "מה שינה את הסטטוס. ריק אם לא ידוע"),
                ("changed_at", "מתי הסטטוס השתנה"),
                METADATA,
            ],
        },
    ),
];

/// The test's event, which has the fields of a call.
pub(crate) const TEST_EVENT: EventWords = EventWords {
    title: "בדיקה",
    when: "כשלוחצים כאן על ״שליחת בדיקה״. השדות הם של שיחה שהסתיימה, והמזהים מתחילים ב־\u{2066}test-\u{2069}.",
    fields: &[],
};

/// An event of a type that has no schema of its own.
pub(crate) const OTHER_EVENT: EventWords = EventWords {
    title: "כל סוג אחר",
    when: "סוג חדש של עדכון נשלח כמו שהוא. שני השדות האלה תמיד בו, ואחריהם כל השאר.",
    fields: &[("event_type", "סוג העדכון: מילים באנגלית עם נקודה ביניהן"), BUSINESS_ID],
};

/// A type of JSON.
pub(crate) fn json_type(name: &str) -> &'static str {
    match name {
        "string" => "טקסט",
        "integer" => "מספר שלם",
        "number" => "מספר",
        "boolean" => "כן או לא",
        "object" => "אובייקט",
        "array" => "רשימה",
        "date-time" => "תאריך ושעה",
        _ => "כל ערך",
    }
}
