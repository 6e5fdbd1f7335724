//! The Hebrew texts that the page and the mails have in common.
//!
//! The sentences have infinitives and plurals, so that no reader is addressed by a gender. Latin text with punctuation
//! at its ends stands in directional isolates (U+2066, U+2069), and U+200F follows a comma between two Latin names; the
//! punctuation would otherwise jump to the other side. A sentence that mails have too does not say "here": in a mail,
//! that word would not mean the page.

mod answers;
mod clues;
mod counts;

pub use answers::{Advice, advice, short};
pub use counts::{at_least, attempts, counted, grouped, not_arrived, not_yet_arrived, updates, waiting};

use crate::endpoint::PausedReason;
use crate::guard::Refusal;

/// The title of an endpoint that fails.
pub const FAILING_TITLE: &str = "העדכונים לא מגיעים למערכת שלך";

/// Says when the events that wait for a failing endpoint are sent.
pub const WHILE_FAILING: &str = "ממשיכים לנסות, וברגע שהמערכת שלך תענה הכול יישלח מעצמו.";

/// Says when the events that wait for a paused endpoint are sent.
pub const WHILE_PAUSED: &str = "הכול יישלח עם חידוש השליחה.";

/// Says what is wrong with the URL.
#[must_use]
pub fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooLong => "הכתובת ארוכה מדי. אפשר עד 2,048 תווים.",
        Refusal::TwoUrls => "הודבקו כאן כמה כתובות. צריך להשאיר רק אחת, פעם אחת.",
        Refusal::Words => "בשדה הזה צריכה להיות רק הכתובת עצמה, בלי מילים, רווחים או מירכאות.",
        Refusal::Placeholder => {
            "נשאר בכתובת מקום למילוי, כמו \u{2066}{{...}}\u{2069} או \u{2066}<TOKEN>\u{2069}. צריך להעתיק את הכתובת המלאה, אחרי שמולא."
        }
        Refusal::Backslash => "בכתובת יש לוכסן הפוך \u{2066}(\\)\u{2069}. כדאי להעתיק אותה שוב מהמערכת שלך ולהדביק.",
        Refusal::Fragment => {
            "בכתובת יש הסימן #, כמו בכתובת של עמוד שנפתח בדפדפן. צריך להעתיק את כתובת ה־Webhook עצמה, מתוך המערכת שלך."
        }
        Refusal::SpecialName => {
            "השם שבכתובת קיים רק במחשב או ברשת מקומית, ולשם אי אפשר לשלוח. צריך כתובת שנגישה מהאינטרנט."
        }
        Refusal::Control => "בכתובת יש תווים נסתרים. כדאי להעתיק אותה שוב ולהדביק.",
        Refusal::Unreadable => "זו לא נראית כתובת מלאה. צריך להעתיק את כולה, כולל \u{2066}https://\u{2069} שבהתחלה.",
        Refusal::Scheme => "הכתובת צריכה להתחיל ב־\u{2066}https://\u{2069}, כדי שפרטי השיחות יעברו מוצפנים.",
        Refusal::UserInfo => "אי אפשר לכלול בכתובת שם משתמש או סיסמה. במקומם אפשר להגדיר כותרת אימות בהגדרות המתקדמות.",
        Refusal::Port => "מספר הפורט שבכתובת לא נתמך. אפשר 443, או 1024 ומעלה. בדרך כלל אפשר פשוט למחוק אותו.",
        Refusal::Address => "הכתובת מובילה לרשת פרטית או למחשב מקומי, ולשם אי אפשר לשלוח. צריך כתובת שנגישה מהאינטרנט.",
    }
}

/// What to do after a 410. Make answers so while a scenario is off, and Slack when a channel is archived.
pub(crate) const GONE_FIX: &str = "ב־Make מפעילים את התרחיש ושולחים בדיקה. ב־Slack הערוץ הועבר לארכיון, וצריך כתובת של ערוץ אחר. במערכת אחרת יוצרים כתובת חדשה ושומרים אותה.";

/// The title of a pause.
#[must_use]
pub fn paused_title(reason: PausedReason) -> &'static str {
    match reason {
        PausedReason::Owner => "השליחה מושהית",
        PausedReason::Gone | PausedReason::Spent | PausedReason::NoUrl => "השליחה נעצרה",
    }
}

/// Says why the endpoint is paused, and what to do.
#[must_use]
pub fn paused(reason: PausedReason) -> Advice {
    match reason {
        PausedReason::Owner => Advice::new(
            "השליחה הושהתה ידנית. עדכונים חדשים נשמרים ולא הולכים לאיבוד.",
            "כשמוכנים להמשיך, לוחצים על ״חידוש השליחה״.",
        ),
        PausedReason::Gone => Advice::new("המערכת שלך ענתה שהכתובת הזו נסגרה (קוד 410), ולכן השליחה נעצרה.", GONE_FIX),
        PausedReason::Spent => Advice::new(
            "ניסינו שוב ושוב והמערכת שלך לא קיבלה את העדכונים, ולכן השליחה נעצרה. עדכונים חדשים נשמרים אצלנו.",
            "כדאי לשלוח בדיקה כדי לראות מה קורה. אחרי התיקון, חידוש השליחה ישלח את כל מה שממתין.",
        ),
        PausedReason::NoUrl => {
            Advice::new("לא הייתה כתובת לשלוח אליה, ולכן השליחה נעצרה.", "צריך לשמור כתובת, וכל מה שממתין יישלח אליה.")
        }
    }
}

#[cfg(test)]
mod tests;
