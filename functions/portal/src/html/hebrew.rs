//! What the pages say about data, in Hebrew.
//!
//! Infinitives and plurals throughout, so that nobody is addressed by a gender. Latin with punctuation at its ends stands
//! in directional isolates (U+2066, U+2069), and a comma between two Latin names is followed by U+200F, or the
//! punctuation would jump to the other side. What a page always says
//! stands in its template. What the mails to the owner say too is in [`domain::hebrew`].

mod guides;
mod events;
mod times;

pub(crate) use domain::hebrew::{
    Advice, FAILING_TITLE, WHILE_FAILING, WHILE_PAUSED, advice, attempts, grouped, not_arrived, not_yet_arrived,
    paused, paused_title, refusal, short, updates, waiting,
};
pub(crate) use events::{EventWords, OTHER_EVENT, TEST_EVENT, TYPED_EVENTS, json_type};
pub(crate) use guides::{another_tools_url, elsewhere, kept_format, removed_header, url_label};
pub(crate) use times::{about, day_of_month, duration, seconds, when};

use adapters::deliveries_table::Status;
use domain::format::{Format, PayloadFormat, Place, TemplateError};
use domain::mail::InvalidEmailAddress;
use domain::request::InvalidStaticHeader;

use super::view::{Flash, Hint, Problem, SignedOut};
use crate::use_cases::{InvalidFormat, InvalidRetention, ReplayView, TestKind};

/// What is wrong with the static header.
pub(crate) fn header_error(error: InvalidStaticHeader) -> &'static str {
    match error {
        InvalidStaticHeader::Name => "שם הכותרת יכול לכלול אותיות באנגלית, ספרות ומקפים, בלי רווחים. לדוגמה: X-API-Key",
        InvalidStaticHeader::NameTooLong => "שם הכותרת ארוך מדי. אפשר עד 128 תווים.",
        InvalidStaticHeader::ValueTooLong => "הערך ארוך מדי. אפשר עד 4,096 תווים.",
        InvalidStaticHeader::Reserved => "השם הזה שמור למערכת. צריך לבחור שם אחר, לדוגמה: X-API-Key",
        InvalidStaticHeader::Value => "צריך להזין ערך: אותיות באנגלית, ספרות וסימנים, בלי רווח בהתחלה או בסוף.",
    }
}

/// What is wrong with the address for mails.
pub(crate) fn email_error(error: InvalidEmailAddress) -> &'static str {
    match error {
        InvalidEmailAddress::TooLong => "כתובת המייל ארוכה מדי. אפשר עד 254 תווים.",
        InvalidEmailAddress::Shape => {
            "זו לא נראית כתובת מייל. צריך כתובת אחת, באותיות באנגלית, לדוגמה: \u{2066}name@example.com\u{2069}"
        }
    }
}

/// What is wrong with the number of days for which deliveries are kept.
pub(crate) fn retention_error(InvalidRetention { most }: InvalidRetention) -> String {
    format!("צריך מספר שלם של ימים, מ־1 עד {most}. אפשר גם להשאיר ריק.")
}

/// What probably was not meant.
pub(crate) fn hint(hint: Hint) -> &'static str {
    match hint {
        Hint::N8nTest => {
            "זו כתובת הבדיקה של n8n. היא עובדת לבקשה אחת בלבד, ורק כשהעורך פתוח. לעבודה שוטפת צריך את ה־Production URL."
        }
        Hint::ToolPage => {
            "זו כתובת של עמוד שנפתח בדפדפן, ולא של Webhook. צריך לפתוח אותו, להוסיף שם Webhook, ולהעתיק לכאן את הכתובת שלו."
        }
        Hint::Telegram => {
            "Telegram מקבל רק הודעות במבנה שלו, ולא את העדכון. כדי לקבל בו שיחות כדאי לעבור דרך n8n,\u{200f} Zapier או Make."
        }
        Hint::Teams => {
            "זו כתובת של החיבור הישן ל־Teams, שמיקרוסופט סגרה. יוצרים בערוץ Workflow חדש, מעתיקים לכאן את הכתובת שלו ובוחרים במבנה ״כרטיס Teams״."
        }
        Hint::PowerAutomate => {
            "אם התהליך מפרסם ב־Teams, בוחרים במבנה ״כרטיס Teams״, ואחרי הבדיקה מסתכלים בערוץ: התשובה היא שהכול התקבל גם כשלא מופיעה שם הודעה. כל תהליך אחר מקבל את העדכון המלא."
        }
        Hint::Unresolved => {
            "השם שבכתובת עדיין לא נמצא ברשת. אם הוא חדש, זה יכול לקחת כמה שעות. אם לא, כדאי לבדוק את האיות."
        }
        Hint::Http => "הכתובת מתחילה ב־http, כלומר הפרטים עוברים בלי הצפנה. זה מתאים לבדיקות בלבד.",
        Hint::Mistyped => {
            "בכתובת השמורה יש מילים, כתובת נוספת או מקום למילוי, כמו \u{2066}{{...}}\u{2069}, והעדכונים נשלחים אליה כמו שהיא. כדאי להעתיק לכאן את הכתובת המלאה ולשמור."
        }
    }
}

/// A format in the list to choose from.
pub(crate) fn format(format: PayloadFormat) -> &'static str {
    match format {
        PayloadFormat::Auto => "אוטומטי, לפי הכתובת",
        PayloadFormat::Always(format) => body(format),
    }
}

/// What a body is.
pub(crate) fn body(format: Format) -> &'static str {
    match format {
        Format::Event => "העדכון המלא (JSON)",
        Format::Flat => "שדות טקסט פשוטים",
        Format::Slack => "הודעת Slack",
        Format::Discord => "הודעת Discord",
        Format::GoogleChat => "הודעת Google Chat",
        Format::Teams => "כרטיס Teams",
        Format::Template => "תבנית בהתאמה אישית",
    }
}

/// What events are sent as, as the end of a sentence.
pub(crate) fn sent_in_form_of(format: Format) -> &'static str {
    match format {
        Format::Event => "בתור עדכון מלא (JSON)",
        Format::Flat => "כשדות טקסט פשוטים",
        Format::Slack => "כהודעות Slack",
        Format::Discord => "כהודעות Discord",
        Format::GoogleChat => "כהודעות Google Chat",
        Format::Teams => "ככרטיסי Teams",
        Format::Template => "לפי תבנית בהתאמה אישית",
    }
}

/// What the chosen format comes to; `resolved`: at the URL, if there is one.
pub(crate) fn sent_as(format: PayloadFormat, resolved: Option<Format>) -> String {
    let sent = match (format, resolved) {
        (PayloadFormat::Auto, None) => {
            return "המבנה ייבחר לפי הכתובת: הודעה ל־Slack, ל־Discord ול־Google Chat, והעדכון המלא לכל מערכת אחרת."
                .into();
        }
        (PayloadFormat::Always(format), _) | (PayloadFormat::Auto, Some(format)) => match format {
            Format::Event => "נשלח העדכון המלא, כמו שהוא (JSON).",
            Format::Flat => "נשלח כשדות טקסט פשוטים, בלי שדה בתוך שדה. כך מקבל אותם Workflow של Slack.",
            Format::Slack => "נשלח כהודעת Slack.",
            Format::Discord => "נשלח כהודעת Discord.",
            Format::GoogleChat => "נשלח כהודעת Google Chat.",
            Format::Teams => "נשלח ככרטיס Teams.",
            Format::Template => "נשלח לפי התבנית.",
        },
    };
    match format {
        PayloadFormat::Auto => format!("לפי הכתובת, {sent}"),
        PayloadFormat::Always(_) => sent.into(),
    }
}

/// How a template is written.
pub(crate) const TEMPLATE_HELP: &str = "כותבים JSON, ובתוך המירכאות שמים שדות של העדכון, למשל \u{2066}{{phone}}\u{2069} או \u{2066}{{metadata.city}}\u{2069}. שדה שעומד לבדו שומר על הסוג שלו.";

/// What is wrong with the format or the template.
pub(crate) fn format_error(error: InvalidFormat) -> String {
    let at = |place: Place| format!("שורה {}, תו {}", place.line, place.column);
    match error {
        InvalidFormat::Unknown => "צריך לבחור מבנה מהרשימה.".into(),
        InvalidFormat::NoTemplate | InvalidFormat::Template(TemplateError::Empty) => {
            "כדי לשלוח לפי תבנית, צריך לכתוב אותה כאן.".into()
        }
        InvalidFormat::Template(TemplateError::TooLong) => {
            "התבנית ארוכה מדי. אפשר עד 4,096 בתים, ואות בעברית תופסת שני בתים.".into()
        }
        InvalidFormat::Template(TemplateError::NotJson(place)) => {
            format!("התבנית אינה JSON תקין. הבעיה כאן: {}.", at(place))
        }
        InvalidFormat::Template(TemplateError::NumberRange(place)) => {
            format!("יש בתבנית מספר גדול מדי. הבעיה כאן: {}.", at(place))
        }
        InvalidFormat::Template(TemplateError::Depth(place)) => {
            format!("יש בתבנית יותר מדי שדות זה בתוך זה. הבעיה כאן: {}.", at(place))
        }
    }
}

/// The type of a test's event in the list to choose from.
pub(crate) fn test_kind(kind: TestKind) -> &'static str {
    match kind {
        TestKind::Test => "שיחה לדוגמה",
        TestKind::Call => "שיחה שהסתיימה",
        TestKind::Lead => "ליד חדש",
        TestKind::Appointment => "פגישה שנקבעה",
        TestKind::LeadStatus => "שינוי סטטוס של ליד",
    }
}

/// What to do after a test that a workflow has taken: Teams answers 202 to whatever it gets.
pub(crate) const LOOK_IN_THE_CHANNEL: &str = "כדאי לוודא שהכרטיס הופיע בערוץ: Teams עונה ״התקבל״ גם כשאין לו מה להציג.";

/// A delivery's status, in one or two words. Of one that is overdue nobody knows that it is tried again.
pub(crate) fn status(status: Status, is_overdue: bool) -> &'static str {
    match status {
        Status::Retrying if is_overdue => "מתעכב",
        Status::Delivered => "הגיע",
        Status::Retrying => "מנסים שוב",
        Status::Held => "ממתין",
        Status::Failed => "לא הגיע",
        Status::Other => "מצב אחר",
    }
}

/// The button that sends one delivery.
pub(crate) fn resend(status: Status) -> &'static str {
    match status {
        Status::Delivered => "שליחה נוספת",
        Status::Retrying | Status::Held => "שליחה עכשיו",
        Status::Failed | Status::Other => "שליחה שוב",
    }
}

/// The filter that shows one status, or all.
pub(crate) fn filter(status: Option<Status>) -> &'static str {
    match status {
        None => "הכול",
        Some(Status::Delivered) => "הגיעו",
        Some(Status::Retrying) => "מנסים שוב",
        Some(Status::Held) => "ממתינים",
        Some(Status::Failed) => "לא הגיעו",
        Some(Status::Other) => "מצב אחר",
    }
}

/// What a delivery tells of.
pub(crate) fn kind(event_type: &str) -> &'static str {
    match event_type {
        "call.completed" => "שיחה",
        "lead.created" => "ליד חדש",
        "lead.status_changed" => "שינוי סטטוס של ליד",
        "appointment.booked" => "פגישה",
        "webhook.test" => "בדיקה",
        _ => "עדכון",
    }
}

/// What a delivery's id stands for.
pub(crate) fn subject(event_type: &str) -> &'static str {
    match event_type {
        "call.completed" => "מזהה שיחה",
        "lead.created" | "lead.status_changed" => "מזהה ליד",
        "appointment.booked" => "מזהה פגישה",
        _ => "מזהה",
    }
}

/// What was just done.
pub(crate) fn said(said: Flash) -> String {
    match said {
        Flash::Saved | Flash::SavedAnother => "נשמר.".into(),
        Flash::Cleared => "הכתובת הוסרה. מעכשיו לא נשלחים עדכונים.".into(),
        Flash::Paused => "השליחה הושהתה. עדכונים חדשים יישמרו כאן עד לחידוש.".into(),
        Flash::Resumed => "השליחה חודשה. אם יש מה שהמתין, הוא נשלח עכשיו, בהדרגה.".into(),
        Flash::Resent => "העדכון נשלח שוב. כדאי לרענן בעוד כמה שניות.".into(),
        Flash::Waits => "העדכון ממתין, ויישלח עם חידוש השליחה או כשהמערכת שלך תענה שוב.".into(),
        Flash::RangeBegun { count, more } => range_begun(count, more),
        Flash::RangeWaits { count } => format!("{} בתור, ויישלחו כשהשליחה תחזור לפעול.", updates(count)),
        Flash::RangeRefused => "לא התחלנו: תאריך ההתחלה צריך להיות לפני תאריך הסיום.".into(),
        Flash::RangeUnderWay => "כבר רצה שליחה חוזרת. כשתסתיים אפשר להתחיל חדשה.".into(),
        Flash::ReleasedHeld => "כל מה שהמתין נשלח עכשיו, בהדרגה.".into(),
        Flash::Rotated => "נוצר סוד חתימה חדש.".into(),
        Flash::NotKept => "אי אפשר לשלוח שוב: התוכן כבר לא שמור אצלנו.".into(),
        Flash::TooManyTests => "הבדיקה לא נשלחה: אפשר לשלוח עשר בדיקות בדקה. כדאי לחכות דקה ולנסות שוב.".into(),
        Flash::NoUrl => "אין עדיין כתובת לשלוח אליה. קודם שומרים כתובת.".into(),
    }
}

fn range_begun(count: u64, more: bool) -> String {
    match count {
        0 => "אין מה לשלוח שוב: לא נמצאו בהיסטוריה עדכונים כאלה.".into(),
        1 => "עדכון אחד נשלח שוב.".into(),
        _ if more => format!("יותר מ־{} נשלחים שוב, בהדרגה ולפי הסדר.", updates(count)),
        _ => format!("{} נשלחים שוב, בהדרגה ולפי הסדר.", updates(count)),
    }
}

/// How far a replay of a range is.
pub(crate) fn replayed(replay: &ReplayView) -> String {
    let done = match (replay.done, replay.total) {
        (_, Some(0)) => "לא נמצאו עדכונים כאלה.".into(),
        (done, Some(total)) => format!("{} מתוך {}.", grouped(done), updates(total)),
        (done, None) => format!("{} עד עכשיו.", updates(done)),
    };
    match replay.failed {
        0 => done,
        1 => format!("{done} אחד לא התקבל."),
        failed => format!("{done} {} לא התקבלו.", grouped(failed)),
    }
}

/// Whether what was said is bad news.
pub(crate) fn is_refusal(said: Flash) -> bool {
    matches!(said, Flash::NotKept | Flash::NoUrl | Flash::TooManyTests | Flash::RangeRefused | Flash::RangeUnderWay)
}

/// A title and what to do.
pub(crate) fn signed_out(reason: SignedOut) -> Advice {
    let again = "צריך לפתוח את העמוד מחדש מלוח הבקרה של ProSaaS.";
    match reason {
        // Within the dashboard, a browser that refuses cookies there ends here again and again.
        SignedOut::Missing => Advice::new(
            "הכניסה לעמוד היא מלוח הבקרה",
            "צריך לפתוח את העמוד מלוח הבקרה של ProSaaS. אם זה חוזר, כדאי לפתוח אותו בלשונית חדשה.",
        ),
        SignedOut::Expired => Advice::new("פג תוקף הכניסה לעמוד", again),
        SignedOut::Invalid => Advice::new("הקישור לעמוד אינו תקין", again),
    }
}

/// A title and what to do.
pub(crate) fn problem(problem: Problem) -> Advice {
    match problem {
        Problem::NotFound => Advice::new("לא מצאנו את מה שחיפשת", "ייתכן שהקישור ישן, או שהעדכון כבר לא שמור אצלנו."),
        Problem::Refused => {
            Advice::new("הפעולה לא בוצעה", "כדאי לחזור לעמוד, לרענן אותו ולנסות שוב. אם זה חוזר, כדאי לעדכן את הדפדפן.")
        }
        Problem::TooLarge => Advice::new("מה שנשלח גדול מדי", "כדאי לחזור לעמוד, לקצר ולנסות שוב."),
        Problem::Fault => Advice::new("משהו השתבש אצלנו", "שום עדכון לא הולך לאיבוד. כדאי לנסות שוב בעוד דקה."),
    }
}

#[cfg(test)]
mod tests;
