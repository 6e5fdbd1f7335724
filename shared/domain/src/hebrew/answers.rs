//! Tells an owner who is no developer why an event did not arrive, and what to do about it: one sentence each.
//!
//! The services named are the ones that owners use, and their words (Active, Respond, Executions) are left in English
//! because that is how their screens show them.

use super::{GONE_FIX, clues};
use crate::clue::Clue;
use crate::outcome::{Cause, Failure};

/// A sentence that says what happened, and another that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The sentence that says what happened.
    pub what: String,
    /// The sentence that says what to do.
    pub fix: &'static str,
}

impl Advice {
    /// Makes an advice of its two sentences.
    pub fn new(what: impl Into<String>, fix: &'static str) -> Self {
        Self { what: what.into(), fix }
    }
}

/// Gives the cause in a few words, for a row of the log.
#[must_use]
pub fn short(cause: Cause, code: Option<u16>, clue: Option<Clue>) -> String {
    let text = clue.and_then(clues::short).unwrap_or_else(|| match cause {
        Cause::Failed(Failure::Dns) => "השרת לא נמצא",
        Cause::Failed(Failure::Refused) => "השרת לא קיבל את החיבור",
        Cause::Failed(Failure::Reset) => "החיבור נותק באמצע",
        Cause::Failed(Failure::Tls) => "בעיה בתעודת האבטחה",
        Cause::Failed(Failure::Timeout) => "לא התקבלה תשובה בזמן",
        Cause::Failed(Failure::Protocol) => "התקבלה תשובה לא מובנת",
        Cause::Failed(Failure::Blocked) => "כתובת שאסור לשלוח אליה",
        Cause::Redirect => "הפניה לכתובת אחרת",
        Cause::SignIn => "הפניה לעמוד התחברות",
        Cause::Gone => "הכתובת נסגרה",
        Cause::Other => "סיבה אחרת",
        Cause::Status => answered(code),
    });
    with_code(text, code)
}

fn answered(code: Option<u16>) -> &'static str {
    match code {
        Some(200..=299) => "n8n עדיין בהפעלה",
        Some(400 | 422) => "המערכת שלך לא הבינה את התוכן",
        Some(401 | 403) => "המערכת שלך דורשת אימות",
        Some(404) => "הכתובת לא נמצאה",
        Some(405) => "הכתובת לא מקבלת POST",
        Some(408 | 504) => "המערכת שלך לא הספיקה לענות",
        Some(413) => "העדכון גדול מדי למערכת שלך",
        Some(429) => "יותר מדי פניות בזמן קצר",
        Some(502 | 503) => "המערכת שלך לא זמינה",
        Some(520..=530) => "Cloudflare לא קיבל תשובה מהשרת שלך",
        Some(500..=599) => "שגיאה במערכת שלך",
        _ => "המערכת שלך ענתה בשגיאה",
    }
}

pub(super) fn with_code(text: &str, code: Option<u16>) -> String {
    code.map_or_else(|| text.to_owned(), |code| format!("{text} ({code})"))
}

/// Gives the cause in a sentence, and the remedy in another. The clue comes first, since the code of a firewall's
/// answer is not the receiver's. The snippet is the beginning of the receiver's answer, in which n8n says what it
/// misses.
#[must_use]
pub fn advice(cause: Cause, code: Option<u16>, clue: Option<Clue>, snippet: Option<&str>) -> Advice {
    let of_clue = clue.filter(|_| cause != Cause::SignIn).and_then(|clue| clues::advice(clue, code));
    of_clue.unwrap_or_else(|| match cause {
        Cause::Failed(failure) => unanswered(failure),
        Cause::Status => status(code, snippet.unwrap_or_default()),
        Cause::Other => Advice::new("השליחה לא הצליחה.", "כדאי לשלוח בדיקה: היא תראה מה קרה."),
        Cause::Redirect => Advice::new(
            with_code("הכתובת מפנה לכתובת אחרת", code) + ".",
            "צריך לשמור בהגדרות את הכתובת הסופית, זו שאליה מפנים.",
        ),
        Cause::SignIn => Advice::new(
            with_code("הכתובת מפנה להתחברות לחשבון Google או Microsoft", code) + ".",
            "ב־Google Apps Script בוחרים בפריסה (Deploy), תחת Who has access, באפשרות Anyone. במערכת אחרת, צריך כתובת שפתוחה בלי התחברות.",
        ),
        Cause::Gone => Advice::new(
            with_code("המערכת שלך ענתה שהכתובת הזו נסגרה", code) + ".",
            GONE_FIX,
        ),
    })
}

/// Gives the advice by the failure alone, if there is no clue.
fn unanswered(failure: Failure) -> Advice {
    match failure {
        Failure::Dns => Advice::new("לא מצאנו שרת בשם שבכתובת.", "כדאי לבדוק שאין שגיאת הקלדה, ושהדומיין פעיל ובתוקף."),
        Failure::Refused => {
            Advice::new("השרת לא קיבל את החיבור.", "כדאי לוודא שהשרת פועל, שהוא פתוח לאינטרנט, ושהפורט שבכתובת נכון.")
        }
        Failure::Reset => Advice::new(
            "החיבור נותק לפני שהתקבלה תשובה.",
            "בדרך כלל זה עובר מעצמו. אם זה חוזר, כדאי לבדוק את חומת האש או את שירות האחסון.",
        ),
        Failure::Tls => Advice::new(
            "לא הצלחנו ליצור חיבור מאובטח.",
            "כדאי לבדוק שתעודת האבטחה (SSL) בתוקף ומתאימה לשם שבכתובת. חברת האחסון יכולה לעזור.",
        ),
        Failure::Timeout => {
            Advice::new("לא התקבלה תשובה בזמן.", "שליחת בדיקה תראה אם השרת לא נגיש או רק איטי, ומה לתקן.")
        }
        Failure::Protocol => Advice::new("התקבלה תשובה שאינה של שרת אינטרנט.", "כדאי לבדוק שהכתובת והפורט נכונים."),
        Failure::Blocked => Advice::new(
            "לכתובת השמורה אי אפשר לשלוח.",
            "כדאי להעתיק שוב את כתובת ה־Webhook מהמערכת שלך ולשמור אותה בהגדרות. אם משהו בה לא מתאים, השמירה תגיד מה.",
        ),
    }
}

fn status(code: Option<u16>, snippet: &str) -> Advice {
    let what = with_code(sentence(code), code) + ".";
    let fix = match code {
        Some(200..=299) => "אין מה לתקן: זה עובר מעצמו תוך דקות.",
        Some(404) => not_found(snippet),
        Some(400 | 422) => {
            "כדאי לוודא שבהגדרות נבחר המבנה שהמערכת מצפה לו. ב־Slack, ב־Discord וב־Google Chat מתאים ״אוטומטי, לפי הכתובת״. מערכת עם שמות שדות משלה צריכה תבנית."
        }
        Some(401 | 403) => {
            "אם הוגדר אימות (ב־n8n: Header Auth), מזינים את אותו שם ואותו ערך תחת ״כותרת אימות״ בהגדרות."
        }
        Some(405) => "ב־n8n, בצומת Webhook: בשדה HTTP Method לבחור POST.",
        Some(408 | 504) => "כדאי שהמערכת תענה מיד ותעבד אחר כך. ב־n8n, בצומת Webhook: בשדה Respond לבחור Immediately.",
        Some(413) => "כדאי להגדיל במערכת שלך את הגודל המותר לפנייה.",
        Some(429) => "בדרך כלל זה עובר מעצמו. אם זה חוזר, כדאי לבדוק את מכסת השימוש ב־Zapier או ב־Make.",
        Some(502 | 503) => "כדאי לוודא שהשרת פועל. אם הוא בתחזוקה, העדכונים יישלחו כשיחזור.",
        Some(code @ 520..=530) => cloudflare(code),
        Some(500..=599) => {
            "ב־n8n, הפירוט נמצא תחת Executions. ב־Make, תחת History. במערכת אחרת, אפשר לפנות למי שבנה אותה."
        }
        None => "שליחת בדיקה תראה מה בדיוק השתבש, ומה לתקן.",
        _ => "כדאי להראות את התשובה למי שבנה את החיבור.",
    };
    Advice::new(what, fix)
}

fn sentence(code: Option<u16>) -> &'static str {
    match code {
        Some(200..=299) => "n8n עדיין בהפעלה ולא קלט את העדכון",
        Some(400 | 422) => "המערכת שלך קיבלה את הפנייה אבל לא הבינה את התוכן",
        Some(401 | 403) => "המערכת שלך דורשת אימות ולא קיבלה את הפנייה",
        Some(404) => "השרת ענה שהכתובת הזו לא קיימת",
        Some(405) => "הכתובת קיימת, אבל היא לא מקבלת פניות מסוג POST",
        Some(429) => "המערכת שלך ענתה שהיא מקבלת יותר מדי פניות בזמן קצר",
        Some(521) => "השרת שלך לא קיבל את החיבור מ־Cloudflare",
        Some(522 | 523) => "Cloudflare לא הצליח להתחבר לשרת שלך",
        Some(524) => "השרת שלך לא הספיק לענות ל־Cloudflare",
        Some(525 | 526) => "Cloudflare לא הצליח ליצור חיבור מאובטח עם השרת שלך",
        Some(530) => "Cloudflare לא מצא את השרת שלך",
        Some(500 | 501 | 505..=519 | 531..=599) => "אירעה שגיאה בתוך המערכת שלך",
        _ => answered(code),
    }
}

/// Gives the remedy for a code by which Cloudflare says that the owner's server behind it did not answer.
fn cloudflare(code: u16) -> &'static str {
    match code {
        524 => "כדאי שהמערכת תענה מיד ותעבד אחר כך. ב־n8n, בצומת Webhook: בשדה Respond לבחור Immediately.",
        525 | 526 => "צריך לתקן בשרת את תעודת האבטחה (SSL). חברת האחסון יכולה לעזור.",
        530 => "כדאי לבדוק ב־Cloudflare את הגדרות ה־DNS. אם הכתובת היא של tunnel, צריך לוודא שהוא פעיל.",
        _ => "כדאי לוודא שהשרת פועל, ושחומת האש שלו לא חוסמת את Cloudflare. חברת האחסון יכולה לעזור.",
    }
}

/// Gives the remedy for a 404. n8n's answer tells apart a workflow that is not active, a test address on which no
/// editor listens, and a node that waits for GET.
fn not_found(snippet: &str) -> &'static str {
    if snippet.contains("not registered for POST") {
        "ב־n8n, בצומת Webhook: בשדה HTTP Method לבחור POST, ולשמור."
    } else if snippet.contains("Execute workflow") || snippet.contains("test mode") {
        "זו כתובת הבדיקה של n8n. צריך להעתיק ממנו את ה־Production URL ולשמור אותו כאן."
    } else if snippet.contains("not registered") {
        "ה־workflow ב־n8n לא פעיל. צריך להפעיל אותו (Active או Publish) ואז לבדוק שוב."
    } else {
        "כדאי לוודא שהכתובת הועתקה במלואה. ב־n8n, צריך גם שה־workflow יהיה פעיל (Active או Publish)."
    }
}
