//! A mail as HTML that mail clients show alike.
//!
//! Mail clients know less than browsers: Outlook lays out by Word, and Gmail drops `html`, `body` and most of `style`. So the
//! layout is a table, each cell has its direction and its style, and nothing is fetched. The colours are dark on white, with
//! room for a client's own dark mode, which inverts them.

use super::{Content, TO_THE_PAGE, WHAT_TO_DO, WHY_THIS_MAIL};

const FONT: &str = "font-family:Arial,Helvetica,sans-serif;direction:rtl;text-align:right";

/// Gives the mail's HTML document.
pub(super) fn document(content: &Content<'_>) -> String {
    let rows = [
        cell("font-size:20px;line-height:28px;font-weight:bold;color:#111827;padding:24px 24px 8px", content.subject),
        content.happened.iter().map(|line| paragraph(&escaped(line))).collect(),
        paragraph(&format!("<b>{WHAT_TO_DO}</b> {}", escaped(content.fix))),
        paragraph(&escaped(&content.waiting)),
        content.page.map(button).unwrap_or_default(),
        cell("font-size:13px;line-height:20px;color:#6b7280;padding:16px 24px 24px", WHY_THIS_MAIL),
    ]
    .concat();
    let subject = content.subject;
    format!(
        "<!doctype html>\n\
         <html lang=\"he\" dir=\"rtl\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{subject}</title>\n\
         </head>\n\
         <body dir=\"rtl\" style=\"margin:0;padding:0;background-color:#f3f4f6\">\n\
         <table role=\"presentation\" dir=\"rtl\" lang=\"he\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
         style=\"background-color:#f3f4f6\">\n\
         <tr><td align=\"center\" style=\"padding:24px 12px\">\n\
         <table role=\"presentation\" dir=\"rtl\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
         style=\"max-width:560px;background-color:#ffffff;border:1px solid #e5e7eb\">\n\
         {rows}\
         </table>\n\
         </td></tr>\n\
         </table>\n\
         </body>\n\
         </html>\n"
    )
}

fn paragraph(html: &str) -> String {
    cell("font-size:16px;line-height:24px;color:#1f2937;padding:8px 24px", html)
}

fn cell(style: &str, html: &str) -> String {
    format!("<tr><td dir=\"rtl\" align=\"right\" style=\"{FONT};{style}\">{html}</td></tr>\n")
}

/// A link that looks like a button: the cell has the colour, since Outlook ignores the padding of a link.
fn button(page: &str) -> String {
    let page = escaped(page);
    format!(
        "<tr><td dir=\"rtl\" align=\"right\" style=\"padding:16px 24px\">\
         <table role=\"presentation\" dir=\"rtl\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr>\
         <td align=\"center\" bgcolor=\"#1d4ed8\" style=\"background-color:#1d4ed8;padding:12px 24px\">\
         <a href=\"{page}\" style=\"font-family:Arial,Helvetica,sans-serif;font-size:16px;font-weight:bold;color:#ffffff;\
         text-decoration:none\">{TO_THE_PAGE}</a></td>\
         </tr></table></td></tr>\n"
    )
}

/// Escapes a text for HTML, also within a quoted attribute.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
