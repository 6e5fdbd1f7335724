//! The rules for a URL's text before the URL parser reads it.
//!
//! The URL Standard's parser reads like the address bar of a browser: a backslash becomes a slash, a brace is encoded,
//! a line end is dropped. A webhook's URL with any of these is not the URL that its owner meant, and a POST to it could
//! reach another server.

use super::Refusal;

/// Judges a cleaned text that somebody has typed or pasted: it must be one URL and nothing else. A URL that another
/// system has stored is not judged by this rule, because its braces or its second scheme may be meant.
pub(super) fn judge_typed(text: &str) -> Result<(), Refusal> {
    let begins = begins(text);
    if begins.iter().skip(1).any(|&at| !is_part(text, begins[0], at)) {
        return Err(Refusal::TwoUrls);
    }
    if begins.first().is_some_and(|&at| !is_scheme_of(&text[..at])) {
        return Err(Refusal::Words);
    }
    if has_placeholder(text) {
        return Err(Refusal::Placeholder);
    }
    judge(text)?;
    if !begins.is_empty()
        && text.contains(|character: char| character.is_whitespace() || matches!(character, '"' | '`'))
    {
        return Err(Refusal::Words);
    }
    Ok(())
}

/// Judges any text: it must have no character that different URL parsers read differently.
pub(super) fn judge(text: &str) -> Result<(), Refusal> {
    if text.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')) {
        return Err(Refusal::Control);
    }
    if text.contains('\\') {
        return Err(Refusal::Backslash);
    }
    Ok(())
}

/// Gives the byte positions in the text at which `http://` or `https://` begins.
fn begins(text: &str) -> Vec<usize> {
    let begin = |(at, _): (usize, &str)| {
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            let before = at.checked_sub(scheme.len()).and_then(|start| text.get(start..at));
            before.is_some_and(|before| before.eq_ignore_ascii_case(scheme))
        });
        scheme.map(|scheme| at - scheme.len())
    };
    text.match_indices("://").filter_map(begin).collect()
}

/// Whether a second URL in the text is a part of the first: a value in the first one's query, and not the first URL
/// pasted again.
fn is_part(text: &str, first: usize, at: usize) -> bool {
    let before = &text[first..at];
    before.contains('?') && before.ends_with(['=', '?', '&']) && !text[at..].starts_with(before)
}

/// Whether the text before `http` is another scheme's name, or the beginning of one, and not a word beside the URL. The
/// parser then refuses the scheme, and the owner is told so.
fn is_scheme_of(before: &str) -> bool {
    before.contains("://") || before.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether the text has a placeholder that documentation or a tool left to be filled in: `{{id}}`, `{id}` or `<TOKEN>`.
/// No URL may have unencoded braces or angle brackets (RFC 3986, 2). A browser copies them encoded, and encoded ones
/// may be meant, except for two braces or for one word between the brackets.
fn has_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let mut behind_brackets = lower.split("%3c").skip(1);
    text.contains(['{', '}', '<', '>'])
        || lower.contains("%7b%7b")
        || behind_brackets.any(|rest| rest.split_once("%3e").is_some_and(|(word, _)| is_word(word)))
}
