//! The pages with which Google Apps Script answers a POST when the script did not do its work.
//!
//! A script cannot choose its status code. If the script returns a text, Google answers 302. If the script throws, or
//! Google does not run the script at all, Google answers 200 with a page of its own. A script that returns a page
//! (`HtmlService`) also gets a 200, but has done its work. This module tells these pages apart.
//!
//! The titles of Google's pages tell nothing: Google translates them (`Error`, `Fehler`, `Błąd`), and a script chooses
//! the title and the icon of its own page. So the signs are parts of Google's markup that no script can bring into the
//! beginning of its page, where Google escapes each text of the script.

/// A page of Google's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GooglePage {
    /// The script threw an error, or does not exist, or Google could not run it.
    ScriptFailed,
    /// The owner has not allowed the script to use the account, so Google has not run the script.
    Unauthorized,
}

/// The picture on the page of an error, in lower case.
const LOGO: [&str; 2] = ["alt=\"google apps script\"", "/docs/script/images/logo.png"];

/// A script that returns nothing has done its work, but gets the page of an error, which says so. Google also translates
/// this sentence: in other languages, such a script counts as failed.
const COMPLETED: &str = ">the script completed but";

/// Since 2026 a page of Google's may begin with some kilobytes of a script of Google's, so that the beginning of the page
/// does not reach the picture. This name stands for the editors of Google Docs, to which Apps Script belongs. The pages
/// of `HtmlService` do not begin so: they have a line break behind the document type.
const EDITORS: [&str; 2] = ["window['ppconfig']", "26981ed0d57bbad37e728ff58134270c"];
const EDITORS_BEGIN: [&str; 2] = ["<!DOCTYPE html><html", "<html"];

/// The style sheet of the page that asks for authorisation begins with this selector.
const AUTHORIZATION: &str = ".auth-body";

impl GooglePage {
    /// Recognises a page by the beginning of its HTML. None: no sign is there.
    pub(super) fn read(html: &str) -> Option<Self> {
        let lower = html.to_ascii_lowercase();
        let has = |signs: &[&str]| signs.iter().all(|sign| lower.contains(sign));
        let begins_as_the_editors = || EDITORS_BEGIN.iter().any(|begin| html.trim_start().starts_with(begin));
        if asks_for_authorization(&lower) {
            return Some(Self::Unauthorized);
        }
        let has_failed = if has(&LOGO) { !has(&[COMPLETED]) } else { has(&EDITORS) && begins_as_the_editors() };
        has_failed.then_some(Self::ScriptFailed)
    }
}

fn asks_for_authorization(lower: &str) -> bool {
    let style = lower.split_once("<style").and_then(|(_, behind)| behind.split_once('>'));
    style.is_some_and(|(_, css)| css.trim_start().starts_with(AUTHORIZATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Google's pages, as the fake of Apps Script answers with them.
    const ERROR_PAGE: &str = include_str!("../../../../infra/fakes/apps_script/error.html");
    const AUTHORIZATION_PAGE: &str = include_str!("../../../../infra/fakes/apps_script/authorization.html");
    const SCRIPTS_PAGE: &str = include_str!("../../../../infra/fakes/apps_script/html_service.html");

    fn error(title: &str, message: &str) -> String {
        ERROR_PAGE.replace("$title", title).replace("$message", message)
    }

    /// The same page as it is since 2026, as far as an answer is kept.
    fn error_behind_a_script(lang: &str) -> String {
        let script = format!(
            "<script nonce=\"x\">window['ppConfig'] = {{productName: '26981ed0d57bbad37e728ff58134270c', \
             deleteIsEnforced:  false , sealIsEnforced:  false }};{}</script>",
            "(function(){})();".repeat(300)
        );
        let page = error("Error", "Error").replace("<html><head>", &format!("<html{lang}><head>{script}"));
        page.chars().take(1024).collect()
    }

    #[test]
    fn a_script_that_throws_is_known_in_any_language_spelling_and_layout() {
        for (title, message) in [
            ("Error", "TypeError: Cannot read properties of null (reading 'appendRow') (line 12, file \"Code\")"),
            ("Error", "Script function not found: doPost"),
            ("Fehler", "Exception: Sie haben zu viele Tabellen erstellt. (Zeile 3, Datei &quot;Code&quot;)"),
            ("שגיאה", "Error: מפתח שגוי (שורה 25, קובץ \"Code\")"),
            ("", ""),
        ] {
            let page = error(title, message);
            let spaced = page.replace("><", ">\n  <").replace(" src=", "\n\tsrc=");
            for page in [page.to_uppercase(), spaced, page] {
                assert_eq!(GooglePage::read(&page), Some(GooglePage::ScriptFailed), "{page}");
            }
        }
    }

    #[test]
    fn the_sign_of_an_error_is_within_the_part_of_an_answer_that_is_kept() {
        let page = error(&"ש".repeat(50), "Error");
        let kept = page.find("<div style").expect("the message's element is in the page");
        assert!(kept < 1024, "{kept}");
        assert_eq!(GooglePage::read(&page[..kept]), Some(GooglePage::ScriptFailed));
    }

    #[test]
    fn a_page_whose_beginning_is_a_script_of_googles_is_known_by_that_script() {
        for lang in ["", " lang=\"he\""] {
            let page = error_behind_a_script(lang);
            assert!(!page.contains("logo.png"), "the kept part does not reach the picture");
            assert_eq!(GooglePage::read(&page), Some(GooglePage::ScriptFailed), "{lang}");
        }
        let other = error_behind_a_script("").replace("26981ed0d57bbad37e728ff58134270c", "TranslateWebserverUi");
        assert_eq!(GooglePage::read(&other), None);
    }

    #[test]
    fn a_script_that_asks_for_authorization_is_known_in_any_language() {
        for title in ["Authorization needed", "Autorisierung erforderlich"] {
            let page = AUTHORIZATION_PAGE.replace("$title", title);
            for page in [page.replace("<style>", "<style nonce=\"x\">\n"), page.to_uppercase(), page] {
                assert_eq!(GooglePage::read(&page), Some(GooglePage::Unauthorized), "{page}");
            }
        }
    }

    #[test]
    fn a_script_that_returns_nothing_has_done_its_work() {
        let page = error("Error", "The script completed but did not return anything.");
        assert_eq!(GooglePage::read(&page), None);
    }

    #[test]
    fn the_page_of_a_script_is_none_of_googles_whatever_its_title_and_icon() {
        for title in [
            "Error",
            "Authorization needed",
            "&lt;img alt=&quot;Google Apps Script&quot; src=&quot;/docs/script/images/logo.png&quot;&gt;",
            "&lt;style&gt;.auth-body",
            "window[&#39;ppConfig&#39;] 26981ed0d57bbad37e728ff58134270c",
        ] {
            let page = SCRIPTS_PAGE.replace("$title", title);
            assert_eq!(GooglePage::read(&page), None, "{title}");
            let script = error_behind_a_script("");
            let (_, script) = script.split_once("<head>").expect("the page has a head");
            let behind_a_script = page.replace("<head>", &format!("<head>{script}"));
            assert_eq!(GooglePage::read(&behind_a_script), None, "{title}");
        }
        for body in ["", "ok", "{}", "<html></html>", "<!DOCTYPE html><html><head><title>Error</title></head></html>"] {
            assert_eq!(GooglePage::read(body), None, "{body}");
        }
    }
}
