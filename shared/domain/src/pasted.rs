//! Removes invisible characters from pasted texts, and from texts that other systems have written.
//!
//! A URL that was copied from a messenger ends in U+200F; a phone number from the contacts of a phone stands between
//! U+202A and U+202C; a value from a web page has U+00A0 at its end. An owner cannot see these characters, and a
//! receiver takes them for a part of the path, the password or the number. So every pasted text goes through this one
//! function: when it is saved, when it is searched for, and whenever the settings are read.
//!
//! An invisible character is removed even where its owner may have meant it. A host that spells a word with U+200C
//! (Persian has such words), or a path with such a character, is still reached by its ASCII form (`xn--`, `%E2%80%8C`),
//! which browsers copy.

/// Gives the text without invisible and no-break characters, and without white space around it.
///
/// ```
/// assert_eq!(domain::pasted::cleaned("\u{200f}https://n8n.example/hook\u{200f}\u{a0}\n"), "https://n8n.example/hook");
/// ```
#[must_use]
pub fn cleaned(text: &str) -> String {
    // No invisible character is ASCII.
    if text.is_ascii() {
        return text.trim().to_owned();
    }
    let visible: String = text.chars().filter(|&character| !is_invisible(character)).collect();
    let inner = visible.trim();
    if inner.len() == visible.len() { visible } else { inner.to_owned() }
}

/// Whether a character shows nothing and separates nothing. Such characters are those of the Unicode property
/// `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`), the no-break spaces, the interlinear annotation marks
/// and the blank Braille pattern. Separating white space and control characters are not among them: the parser of the
/// text judges those.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{a0}' | '\u{2007}' | '\u{202f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{2800}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The marks that were found in pasted text, and the spaces that end it.
    const FOUND: &str = "\u{200e}\u{200f}\u{61c}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\
                         \u{200b}\u{200c}\u{200d}\u{2060}\u{2061}\u{2062}\u{2063}\u{2064}\u{feff}\u{ad}\u{a0}\u{202f}";

    #[test]
    fn a_mark_is_lost_wherever_it_stands() {
        for mark in FOUND.chars() {
            for text in
                [format!("a b{mark}"), format!("{mark}a b"), format!("a {mark}b"), format!("\n{mark} a b\t{mark}\r")]
            {
                assert_eq!(cleaned(&text), "a b", "U+{:04X}", u32::from(mark));
            }
        }
        assert_eq!(cleaned(&format!(" \n{FOUND}\u{3000}")), "");
    }

    #[test]
    fn what_is_seen_stays_and_what_separates_is_not_joined() {
        for text in ["שלום עולם", "a\u{2009}b", "a\tb", "a\nb", "https://x.example/?a=%E2%80%8F&b=\u{5be}", "é", "👍"]
        {
            assert_eq!(cleaned(text), text);
        }
    }

    proptest! {
        #[test]
        fn cleaning_again_changes_nothing_and_nothing_invisible_is_left(text in "(\\PC|[\u{a0}\u{ad}\u{200b}-\u{200f}\u{202a}-\u{202f} \n\t])*") {
            let once = cleaned(&text);
            prop_assert_eq!(cleaned(&once), once.clone());
            prop_assert!(!once.chars().any(|character| is_invisible(character) || FOUND.contains(character)));
            prop_assert_eq!(once.trim(), &once);
        }

        #[test]
        fn visible_ascii_is_left_as_it_is(text in "[!-~]([ -~]*[!-~])?") {
            prop_assert_eq!(cleaned(&text), text);
        }

        #[test]
        fn marks_change_nothing_but_themselves(
            text in "[!-~א-ת]{1,40}",
            marks in proptest::collection::vec((0..40usize, proptest::sample::select(FOUND.chars().collect::<Vec<_>>())), 0..9),
        ) {
            let mut marked: Vec<char> = text.chars().collect();
            for (place, mark) in marks {
                marked.insert(place % (marked.len() + 1), mark);
            }
            prop_assert_eq!(cleaned(&marked.into_iter().collect::<String>()), text);
        }
    }
}
