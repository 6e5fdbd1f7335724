//! The words of a guide that depend on its tool, or on what is stored.

use crate::guides::{Asks, Guide};

/// The label of the field for a guide's URL.
pub(crate) fn url_label(guide: Guide) -> String {
    let tool = guide.tool();
    match (guide, tool.asks) {
        (Guide::GoogleSheets, _) => "הכתובת מ־Google (\u{2066}Web app URL\u{2069})".into(),
        (Guide::Monday, _) => "הכתובת מ־Make".into(),
        (Guide::Email, _) => "הכתובת מ־Zapier או מ־Make".into(),
        (Guide::Other, _) => "כתובת ה־Webhook".into(),
        (_, Asks::Record(_)) => format!("הכתובת ב־{}", tool.name),
        _ => format!("הכתובת מ־{}", tool.name),
    }
}

/// Where events go while a guide's field for the URL is empty.
pub(crate) fn elsewhere(host: &str) -> String {
    format!("העדכונים נשלחים עכשיו אל \u{2066}{host}\u{2069}. שמירה כאן מחליפה את הכתובת הזאת.")
}

/// The doubt about a URL that was saved in the guide of a tool whose URLs have another host.
pub(crate) fn another_tools_url(name: &str, usual_host: &str) -> String {
    format!(
        "הכתובת נשמרה, אבל כתובות של {name} נמצאות בדרך כלל ב־\u{2066}{usual_host}\u{2069}. כדאי לוודא שהועתקה הכתובת הנכונה."
    )
}

/// The header that goes with every event although the guide does not ask for one.
pub(crate) fn further_header(name: &str) -> String {
    format!(
        "עם כל עדכון נשלחת גם הכותרת \u{2066}{name}\u{2069}, שהוגדרה קודם. אם היא לא שייכת לכאן, מסירים אותה בהגדרות."
    )
}
