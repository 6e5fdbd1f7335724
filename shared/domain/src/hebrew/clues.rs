//! Tells why an event did not arrive, by the attempt's clue: a sentence and a remedy for each clue.

use super::answers::{Advice, with_code};
use super::refusal;
use crate::clue::Clue;
use crate::guard::Refusal;

/// Gives a clue in a few words. None: the words for the cause or the code do not mislead.
pub(super) fn short(clue: Clue) -> Option<&'static str> {
    match clue {
        Clue::NoConnection => Some("לא הצלחנו להתחבר לשרת"),
        Clue::NoTls | Clue::OldTls | Clue::NoHandshake => Some("החיבור המאובטח לא נוצר"),
        Clue::Cloudflare | Clue::Imperva | Clue::Firewall => Some("חומת אש חסמה את הפנייה"),
        Clue::TunnelDown => Some("ה־tunnel למחשב שלך לא פעיל"),
        Clue::SignatureMissing => Some("חסרה חתימה בכתובת"),
        Clue::SecondAuthorization => Some("כותרת האימות מיותרת"),
        Clue::ScriptFailed => Some("הסקריפט ב־Google נכשל"),
        Clue::ScriptUnauthorized => Some("הסקריפט ב־Google מחכה לאישור"),
        Clue::ToLogin => Some("הפניה לעמוד התחברות"),
        _ => None,
    }
}

/// Says what happened, and what to do.
pub(super) fn advice(clue: Clue, code: Option<u16>) -> Option<Advice> {
    if let Clue::Refused(why) = clue {
        return Some(refused(why));
    }
    let kinds = [timeout, tls, in_between, power_automate, apps_script, redirect];
    let (what, fix) = kinds.iter().find_map(|kind| kind(clue))?;
    Some(Advice::new(with_code(what, code) + ".", fix))
}

fn refused(why: Refusal) -> Advice {
    match why {
        Refusal::Address | Refusal::SpecialName => Advice::new(
            "הכתובת מובילה לרשת פרטית או למחשב מקומי, ולשם אי אפשר לשלוח.",
            "צריך כתובת https שנגישה מהאינטרנט. אם n8n מותקן במחשב שלך, צריך לחשוף אותו דרך שירות tunnel.",
        ),
        why => Advice::new("לא שלחנו, כי הכתובת השמורה לא מתאימה לשליחה.", refusal(why)),
    }
}

fn timeout(clue: Clue) -> Option<(&'static str, &'static str)> {
    Some(match clue {
        Clue::NoConnection => (
            "לא הצלחנו להתחבר: השרת לא הגיב לניסיון ההתחברות",
            "כנראה חומת אש חוסמת אותנו, או שהשרת כבוי. צריך לפתוח אותו לחיבורים מהאינטרנט, ולבדוק שהכתובת והפורט נכונים.",
        ),
        Clue::NoHandshake => (
            "השרת קיבל את החיבור, אבל לא השלים את החיבור המאובטח",
            "כדאי לבדוק שהפורט שבכתובת הוא של https, ושהשרת לא עמוס. חברת האחסון יכולה לעזור.",
        ),
        Clue::NoAnswer => (
            "המערכת שלך קיבלה את הפנייה ולא ענתה בזמן",
            "כדאי שהיא תענה מיד ותעבד אחר כך. ב־n8n, בצומת Webhook: בשדה Respond לבחור Immediately.",
        ),
        _ => return None,
    })
}

fn tls(clue: Clue) -> Option<(&'static str, &'static str)> {
    Some(match clue {
        Clue::Expired => (
            "תעודת האבטחה (SSL) של השרת פגה",
            "צריך לחדש את התעודה. אם היא מתחדשת מעצמה, החידוש הפסיק לעבוד. חברת האחסון יכולה לעזור.",
        ),
        Clue::NotYetValid => {
            ("תעודת האבטחה (SSL) של השרת עוד לא נכנסה לתוקף", "צריך להתקין תעודה שכבר בתוקף. חברת האחסון יכולה לעזור.")
        }
        Clue::WrongName => (
            "תעודת האבטחה (SSL) של השרת היא לשם אחר, ולא לשם שבכתובת",
            "צריך לשמור כאן כתובת עם השם שהתעודה ניתנה לו, או להתקין תעודה שכוללת את השם שבכתובת.",
        ),
        Clue::SelfSigned => (
            "תעודת האבטחה (SSL) של השרת חתומה על ידי עצמו, ולא על ידי גורם מוכר",
            "צריך להתקין תעודה מגורם מוכר. אפשר לקבל אותה בחינם, למשל מ־Let's Encrypt, וחברת האחסון יכולה לעזור.",
        ),
        Clue::UnknownIssuer => (
            "לתעודת האבטחה (SSL) של השרת חסרה תעודת הביניים, או שמי שהנפיק אותה לא מוכר",
            "צריך להתקין בשרת את שרשרת התעודות המלאה (fullchain). דפדפנים משלימים אותה לבד, ולכן בדפדפן הכול נראה תקין.",
        ),
        Clue::NoTls => {
            ("השרת ענה בלי הצפנה", "כדאי לבדוק את הפורט שבכתובת: צריך את זה של https. בדרך כלל אפשר פשוט למחוק אותו.")
        }
        Clue::OldTls => (
            "השרת לא תומך בהצפנה שאנחנו משתמשים בה",
            "צריך להפעיל בשרת TLS 1.2 או 1.3, וכנראה לעדכן אותו. חברת האחסון יכולה לעזור.",
        ),
        _ => return None,
    })
}

fn in_between(clue: Clue) -> Option<(&'static str, &'static str)> {
    Some(match clue {
        Clue::Cloudflare => (
            "Cloudflare חסם את הפנייה לפני שהגיעה למערכת שלך",
            "מי שמנהל את האתר צריך ליצור ב־Cloudflare, תחת WAF, כלל שמדלג על הבדיקה בכתובת ה־Webhook. כותרת אימות לא תעזור כאן.",
        ),
        Clue::Imperva => (
            "Imperva חסם את הפנייה לפני שהגיעה למערכת שלך",
            "מי שמנהל את האתר צריך להחריג ב־Imperva את כתובת ה־Webhook. כותרת אימות לא תעזור כאן.",
        ),
        Clue::Firewall => (
            "חומת אש חסמה את הפנייה לפני שהגיעה למערכת שלך",
            "מי שמנהל את האתר צריך להחריג את כתובת ה־Webhook בחומת האש או בתוסף האבטחה. כותרת אימות לא תעזור כאן.",
        ),
        Clue::TunnelDown => (
            "הכתובת היא של tunnel למחשב שלך, והוא לא פעיל",
            "צריך להפעיל אותו (ngrok או cloudflared) ולהשאיר אותו פעיל. אם הכתובת שלו השתנתה, צריך לשמור כאן את החדשה.",
        ),
        _ => return None,
    })
}

fn power_automate(clue: Clue) -> Option<(&'static str, &'static str)> {
    Some(match clue {
        Clue::SignatureMissing => (
            "Power Automate דחה את הפנייה: חסרה חתימה בכתובת",
            "צריך להעתיק משם את הכתובת המלאה, כולל ה־sig שבסופה. אם אין בה sig, בוחרים תחת Who can trigger the flow באפשרות Anyone, שומרים ומעתיקים שוב.",
        ),
        Clue::SecondAuthorization => (
            "Power Automate דחה את הפנייה: יש חתימה בכתובת וגם כותרת אימות",
            "צריך למחוק את ״כותרת אימות״ בהגדרות. החתימה שבכתובת מספיקה.",
        ),
        _ => return None,
    })
}

fn apps_script(clue: Clue) -> Option<(&'static str, &'static str)> {
    Some(match clue {
        Clue::ScriptFailed => (
            "הסקריפט ב־Google נכשל, והעדכון לא נרשם",
            "ב־Apps Script, תחת Executions, כתוב מה השתבש. אחרי התיקון צריך לפרסם: Deploy, שם Manage deployments, עיפרון, New version ושוב Deploy. הפונקציה doPost צריכה גם להחזיר טקסט (ContentService).",
        ),
        Clue::ScriptUnauthorized => (
            "לסקריפט ב־Google אין אישור לפעול בחשבון שלך, והעדכון לא נרשם",
            "ב־Apps Script לוחצים על Run, מאשרים את הגישה לחשבון, ושולחים שוב בדיקה.",
        ),
        _ => return None,
    })
}

fn redirect(clue: Clue) -> Option<(&'static str, &'static str)> {
    Some(match clue {
        Clue::ToHttps => {
            ("השרת מפנה לאותה כתובת עם https", "צריך לשמור כאן את אותה כתובת, עם \u{2066}https://\u{2069} בהתחלה.")
        }
        Clue::ToHttp => (
            "השרת מפנה לכתובת בלי הצפנה, ולשם אי אפשר לשלוח",
            "צריך לתקן בשרת את ההפניה ל־http. חברת האחסון או מי שבנה את המערכת יכולים לעזור.",
        ),
        Clue::ToSlash => (
            "השרת מפנה לאותה כתובת, בהבדל של לוכסן בסוף",
            "צריך לשמור כאן את הכתובת בדיוק כמו זו שאליה מפנים, עם הלוכסן שבסוף או בלעדיו.",
        ),
        Clue::ToWww => (
            "השרת מפנה לאותו אתר, בהבדל של www בהתחלה",
            "צריך לשמור כאן את הכתובת בדיוק כמו זו שאליה מפנים, עם ה־www שבהתחלה או בלעדיו.",
        ),
        Clue::ToLogin => (
            "הכתובת מפנה לעמוד התחברות",
            "כנראה זו כתובת של עמוד לאנשים, או שהיא סגורה למי שלא התחבר. צריך כתובת Webhook שפתוחה בלי התחברות.",
        ),
        Clue::ToHost => (
            "הכתובת מפנה לאתר אחר",
            "אם האתר הזה נכון, צריך לשמור כאן את הכתובת החדשה. אם לא, כדאי לבדוק שהדומיין עדיין שלך ובתוקף.",
        ),
        _ => return None,
    })
}
