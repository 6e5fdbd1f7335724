//! The words of a guide that depend on its tool, or on what is stored.

use domain::format::PayloadFormat;

use crate::guides::Guide;

/// The label of the field for a guide's URL.
pub(crate) fn url_label(guide: Guide) -> String {
    let tool = guide.tool();
    match guide {
        Guide::GoogleSheets => "הכתובת מ־Google (\u{2066}Web app URL\u{2069})".into(),
        Guide::Monday => "הכתובת מ־Make".into(),
        Guide::Email => "הכתובת מ־Zapier או מ־Make".into(),
        Guide::Other => "כתובת ה־Webhook".into(),
        _ if tool.url.is_empty() => format!("הכתובת מ־{}", tool.name),
        _ => format!("הכתובת ב־{}", tool.name),
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

/// The header of the previous connection, which saving in a guide removes.
pub(crate) fn removed_header(name: &str) -> String {
    format!("הכותרת \u{2066}{name}\u{2069}, ששייכת לחיבור הקודם, תוסר בשמירה.")
}

/// The format that the owner has chosen elsewhere, and that saving in a guide keeps.
pub(crate) fn kept_format(format: PayloadFormat) -> String {
    format!("נשלח לפי ״{}״, כמו שהוגדר.", super::format(format))
}
