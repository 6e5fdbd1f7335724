//! Escapes a text for a chat's own notation, so that no words of people become markup, a mention or a masked link.
//!
//! A message is plain text until this module escapes each of its lines, this system's own words with the rest. Each
//! receiver documents which characters it reads as markup:
//!
//! - Slack: only `&`, `<` and `>` are escaped, as entities. Everything that acts stands between `<` and `>`
//!   (docs.slack.dev, "Formatting message text"). `*bold*` is shown bold: Slack has no escape for it.
//! - Discord: a backslash takes the meaning of the next character, if that is neither letter, digit nor white space.
//! - Google Chat has no escape. A zero-width space takes the meaning of the character before it.
//! - Teams: the `CommonMark` subset of an Adaptive Card's `TextBlock`, and `{{DATE(...)}}`, which cards evaluate.
//!
//! **Bare URLs.** Each of these receivers makes a link of `https://...` in any text. In Discord and Teams an escaped
//! colon prevents the link, and the escape is not shown. Without it, the other escapes would show within the link,
//! whose text the receiver takes unchanged. In Slack and Google Chat only an invisible character could prevent the
//! link, and a copied address would then no longer work. Such a link shows its address, and a lead may have written it,
//! so it stays.

/// The notation of a chat, and the way in which the chat counts sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markup {
    Slack,
    Discord,
    GoogleChat,
    Teams,
}

/// A line in a chat's notation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Escaped {
    pub(super) text: String,
    /// The size of the text, as [`Markup::size`] counts it.
    pub(super) size: usize,
    /// Whether the text is the whole line.
    pub(super) is_whole: bool,
}

const ZERO_WIDTH_SPACE: char = '\u{200b}';

impl Markup {
    /// Escapes as much of a line as there is room for. The cut is between two characters of the line, never within an
    /// escape.
    pub(super) fn escape(self, line: &str, room: usize) -> Escaped {
        let block = block_mark(line);
        let mut escaped = Escaped { text: String::new(), size: 0, is_whole: true };
        for (at, character) in line.char_indices() {
            let length = escaped.text.len();
            self.push(character, &line[at..], block == Some(at), &mut escaped.text);
            let size = self.size(&escaped.text[length..]);
            if size > room - escaped.size {
                escaped.text.truncate(length);
                escaped.is_whole = false;
                break;
            }
            escaped.size += size;
        }
        escaped
    }

    /// Gives the size of a text as its receiver counts it. The escapes are counted too, since some receivers count
    /// them: Slack counts entities, Discord backslashes.
    pub(super) fn size(self, text: &str) -> usize {
        match self {
            Self::Slack | Self::Discord | Self::GoogleChat => text.chars().count(),
            Self::Teams => text.chars().map(json_bytes).sum(),
        }
    }

    /// Gives the separator of two lines of one text.
    pub(super) fn line_break(self) -> &'static str {
        match self {
            Self::Slack | Self::Discord | Self::GoogleChat => "\n",
            // A single line feed is a space in CommonMark.
            Self::Teams => "\n\n",
        }
    }

    /// Writes one character. `rest` is the line from this character on. `is_block_mark` says that a list, a heading or
    /// a quote would begin with the character.
    fn push(self, character: char, rest: &str, is_block_mark: bool, out: &mut String) {
        match self {
            Self::Slack => match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                _ => out.push(character),
            },
            Self::Discord => {
                let is_markup = "\\*_~|`<>[]".contains(character) || is_call_to_all(rest);
                push_escaped(character, is_markup || is_block_mark || is_colon_of_url(rest), out);
            }
            Self::Teams => {
                let is_markup = "\\*_~|`<>[]&{}".contains(character);
                push_escaped(character, is_markup || is_block_mark || is_colon_of_url(rest), out);
            }
            Self::GoogleChat => {
                // Before a block's mark, since a space behind some marks, such as a quote's, does not take their
                // meaning.
                if is_block_mark {
                    out.push(ZERO_WIDTH_SPACE);
                }
                out.push(character);
                if "*_~`<".contains(character) || rest.starts_with("](") {
                    out.push(ZERO_WIDTH_SPACE);
                }
            }
        }
    }
}

fn push_escaped(character: char, is_markup: bool, out: &mut String) {
    if is_markup {
        out.push('\\');
    }
    out.push(character);
}

/// Whether a mention of all begins here. `allowed_mentions` keeps `@everyone` and `@here` from notifying people, but
/// Discord might still colour the words as a mention.
fn is_call_to_all(rest: &str) -> bool {
    rest.strip_prefix('@').is_some_and(|name| name.starts_with("everyone") || name.starts_with("here"))
}

fn is_colon_of_url(rest: &str) -> bool {
    rest.starts_with("://")
}

/// Gives the position of the mark that would make the line a heading, an item of a list, a quote, a rule or the
/// underline of a heading: `#`, `-`, `+`, `=` or `>` at the line's beginning, or the dot or bracket behind a number.
/// (`*` is escaped everywhere.)
fn block_mark(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return line.starts_with(['#', '-', '+', '=', '>']).then_some(0);
    }
    let behind = line[digits..].strip_prefix(['.', ')'])?;
    (behind.is_empty() || behind.starts_with(char::is_whitespace)).then_some(digits)
}

/// Gives the bytes of a character in a JSON string, as [`crate::event::json`] writes it.
fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use Markup::{Discord, GoogleChat, Slack, Teams};

    use super::*;

    fn escaped(markup: Markup, line: &str) -> String {
        let escaped = markup.escape(line, usize::MAX);
        assert!(escaped.is_whole);
        assert_eq!(escaped.size, markup.size(&escaped.text));
        escaped.text
    }

    #[test]
    fn slack_gets_three_entities_and_nothing_else() {
        for (line, expected) in [
            ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
            ("<https://evil.example|הבנק>", "&lt;https://evil.example|הבנק&gt;"),
            ("&lt;!here&gt; R&B", "&amp;lt;!here&amp;gt; R&amp;B"),
            ("*a* _b_ `c` \\ https://x.example/?a=1&b=2", "*a* _b_ `c` \\ https://x.example/?a=1&amp;b=2"),
            ("> ציטוט", "&gt; ציטוט"),
        ] {
            assert_eq!(escaped(Slack, line), expected);
        }
    }

    #[test]
    fn discord_gets_backslashes() {
        for (line, expected) in [
            ("**a** _b_ ~~c~~ ||d|| `e`", r"\*\*a\*\* \_b\_ \~\~c\~\~ \|\|d\|\| \`e\`"),
            ("# כותרת", r"\# כותרת"),
            ("-# קטן", r"\-# קטן"),
            ("- פריט", r"\- פריט"),
            ("1. פריט", r"1\. פריט"),
            ("12) פריט", r"12\) פריט"),
            (">>> ציטוט", r"\>\>\> ציטוט"),
            ("[הבנק](https://evil.example/a_b)", r"\[הבנק\](https\://evil.example/a\_b)"),
            (
                "<https://evil.example> <@1> <@&2> <#3> <:a:4> <t:5>",
                r"\<https\://evil.example\> \<@1\> \<@&2\> \<#3\> \<:a:4\> \<t:5\>",
            ),
            ("@everyone @here", r"\@everyone \@here"),
            (r"\*a\*", r"\\\*a\\\*"),
            (
                "a@b.example, +972-54-123-4567, 1.3.2026 11:12 (#5)",
                "a@b.example, +972-54-123-4567, 1.3.2026 11:12 (#5)",
            ),
            ("1.3.2026", "1.3.2026"),
        ] {
            assert_eq!(escaped(Discord, line), expected);
        }
    }

    #[test]
    fn google_chat_gets_zero_width_spaces() {
        for (line, expected) in [
            ("*a* _b_ ~c~ `d`", "*\u{200b}a*\u{200b} _\u{200b}b_\u{200b} ~\u{200b}c~\u{200b} `\u{200b}d`\u{200b}"),
            ("```", "`\u{200b}`\u{200b}`\u{200b}"),
            ("<users/all> <https://evil.example|הבנק>", "<\u{200b}users/all> <\u{200b}https://evil.example|הבנק>"),
            ("[הבנק](https://evil.example)", "[הבנק]\u{200b}(https://evil.example)"),
            ("- פריט", "\u{200b}- פריט"),
            ("1. פריט", "1\u{200b}. פריט"),
            ("> ציטוט", "\u{200b}> ציטוט"),
            (r"\ & > [a] - # +972-54-123-4567", r"\ & > [a] - # +972-54-123-4567"),
        ] {
            assert_eq!(escaped(GoogleChat, line), expected);
        }
    }

    #[test]
    fn teams_gets_backslashes_and_no_function_of_a_card() {
        for (line, expected) in [
            ("**a** _b_ `c` ~d~", r"\*\*a\*\* \_b\_ \`c\` \~d\~"),
            ("[הבנק](https://evil.example)", r"\[הבנק\](https\://evil.example)"),
            ("<at>דנה</at> &lt;b&gt;", r"\<at\>דנה\</at\> \&lt;b\&gt;"),
            ("{{DATE(2026-03-01T09:12:00Z,SHORT)}}", r"\{\{DATE(2026-03-01T09:12:00Z,SHORT)\}\}"),
            ("- פריט", r"\- פריט"),
            ("---", r"\---"),
            ("===", r"\==="),
            ("1. פריט", r"1\. פריט"),
            ("# כותרת", r"\# כותרת"),
            ("|a|b|", r"\|a\|b\|"),
            (r"\", r"\\"),
            ("+972-54-123-4567 1.3.2026 11:12", r"\+972-54-123-4567 1.3.2026 11:12"),
        ] {
            assert_eq!(escaped(Teams, line), expected);
        }
    }

    #[test]
    fn a_line_is_cut_between_characters_and_never_within_an_escape() {
        let cut = |markup: Markup, room| {
            let cut = markup.escape("א<*😀", room);
            (cut.text, cut.is_whole)
        };
        assert_eq!(cut(Slack, 0), (String::new(), false));
        assert_eq!(cut(Slack, 4), ("א".into(), false));
        assert_eq!(cut(Slack, 5), ("א&lt;".into(), false));
        assert_eq!(cut(Discord, 4), (r"א\<".into(), false));
        assert_eq!(cut(Discord, 6), (r"א\<\*😀".into(), true));
        assert_eq!(cut(GoogleChat, 2), ("א".into(), false));
        assert_eq!(cut(Teams, 11), (r"א\<\*".into(), false), "two bytes a backslash");
        assert_eq!(cut(Teams, 12), (r"א\<\*😀".into(), true));
    }
}
