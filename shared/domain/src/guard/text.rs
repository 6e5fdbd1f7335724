//! What shows in a text before it is parsed.
//!
//! The URL Standard's parser reads like the address bar of a browser: a backslash becomes a slash, a brace is encoded, a
//! line end is dropped. A hook's URL that has any of these is not the one that its owner meant, and a POST to it would be
//! answered by whoever answers there.

use super::Refusal;

/// Judges what somebody has typed or pasted, once it has been cleaned: that it is one URL and nothing else. A URL that
/// another system has stored is not judged so: should it have braces or two schemes in it, they may be meant.
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

/// Judges any text: that it has nothing which readers of URLs read differently.
pub(super) fn judge(text: &str) -> Result<(), Refusal> {
    if text.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')) {
        return Err(Refusal::Control);
    }
    if text.contains('\\') {
        return Err(Refusal::Backslash);
    }
    Ok(())
}

/// Where URLs begin.
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

/// Whether a URL that begins behind another is a part of it: a value in its query, and not the same one pasted again.
fn is_part(text: &str, first: usize, at: usize) -> bool {
    let before = &text[first..at];
    before.contains('?') && before.ends_with(['=', '?', '&']) && !text[at..].starts_with(before)
}

/// Whether what stands in front of `http` is no word beside the URL but another scheme's name (or its beginning), which
/// the parser refuses by its name.
fn is_scheme_of(before: &str) -> bool {
    before.contains("://") || before.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `{{id}}`, `{id}` and `<TOKEN>`, which documentation and tools leave to be filled in. No URL has braces or angle brackets
/// as they are (RFC 3986, 2). Encoded, as a browser copies them, they may be meant, unless they are two braces or one word
/// between the brackets.
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
