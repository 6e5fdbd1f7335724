//! Splits a template's string into text and placeholders.

/// A piece of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A text that the body has unchanged.
    Text(String),
    /// The name in a placeholder `{{name}}`, without the braces and the white space around the name.
    Field(String),
}

/// Splits a string. A placeholder ends with the next `}}` and begins with the nearest `{{` before that, so `{{{a}}}` is
/// a placeholder between two braces. A `{{` without its `}}` is text.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((begin, end)) = placeholder(rest) {
        if begin > 0 {
            parts.push(Part::Text(rest[..begin].to_owned()));
        }
        parts.push(Part::Field(rest[begin + 2..end].trim().to_owned()));
        rest = &rest[end + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

/// Gives the positions at which the first placeholder and its closing braces begin.
fn placeholder(text: &str) -> Option<(usize, usize)> {
    let open = text.find("{{")?;
    let end = open + 2 + text[open + 2..].find("}}")?;
    // Behind the last opening brace before the end, if there are more.
    let begin = text[..end].rfind("{{").unwrap_or(open);
    Some((begin, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |part| match part {
            Part::Text(text) => text,
            Part::Field(name) => format!("[{name}]"),
        };
        parts(text).into_iter().map(show).collect()
    }

    #[test]
    fn placeholders_are_told_from_text() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{{a}}", "[a]"),
            ("{{ \ta.b\n }}", "[a.b]"),
            ("x {{a}} y {{b}}{{c}} z", "x [a] y [b][c] z"),
            ("{a} {{a}", "{a} {{a}"),
            ("{{a}} {{b", "[a] {{b"),
            ("{{a {{b}}", "{{a [b]"),
            ("{{{a}}}", "{[a]}"),
            ("{{{{a}}}}", "{{[a]}}"),
            ("}} {{a}}", "}} [a]"),
            ("{{}}", "[]"),
            ("{{א}}", "[א]"),
            ("{ {a}}", "{ {a}}"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
