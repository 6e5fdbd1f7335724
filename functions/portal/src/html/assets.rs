//! The files that every page refers to.
//!
//! Each address names its content by a fingerprint, so that a browser may keep the file for good, and a page of another
//! version never meets another one's style or script from a cache.

/// A file that pages refer to.
pub(crate) struct Asset {
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
    /// What the address has behind `?v=`: the fingerprint of the text, in hex.
    pub(crate) version: &'static str,
}

macro_rules! asset {
    ($name:literal, $content_type:literal, $($file:literal),+) => {{
        const TEXT: &str = concat!($(include_str!(concat!("../../assets/", $file))),+);
        const DIGITS: [u8; 16] = fingerprint(TEXT);
        Asset { path: concat!("/", $name), content_type: $content_type, text: TEXT, version: text(&DIGITS) }
    }};
}

/// How pages look: one file for browsers. Later rules win, so the order of the parts counts.
pub(crate) const STYLE: Asset = asset!(
    "page.css",
    "text/css; charset=utf-8",
    "style/base.css",
    "style/state.css",
    "style/forms.css",
    "style/log.css",
    "style/guides.css",
    "style/sizes.css"
);
/// Comfort only.
pub(crate) const SCRIPT: Asset = asset!("page.js", "text/javascript; charset=utf-8", "page.js");
/// The icon of a browser's tab.
pub(crate) const ICON: Asset = asset!("icon.svg", "image/svg+xml", "icon.svg");

/// FNV-1a of 64 bits (RFC 9923), which the compiler can reckon. It tells contents apart; nothing relies on it for safety.
const fn fingerprint(text: &str) -> [u8; 16] {
    let bytes = text.as_bytes();
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    let (mut digits, mut place) = ([0; 16], 16);
    while place > 0 {
        place -= 1;
        digits[place] = b"0123456789abcdef"[(hash & 15) as usize];
        hash >>= 4;
    }
    digits
}

const fn text(digits: &'static [u8; 16]) -> &'static str {
    match std::str::from_utf8(digits) {
        Ok(text) => text,
        Err(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_the_published_function() {
        for (text, digits) in [("", b"cbf29ce484222325"), ("a", b"af63dc4c8601ec8c"), ("foobar", b"85944171f73967e8")] {
            assert_eq!(&fingerprint(text), digits);
        }
        assert_ne!(STYLE.version, SCRIPT.version);
        assert_eq!(ICON.version.len(), 16);
    }
}
