//! The beginning of a response's body as text, decoded by its charset.
//!
//! Three places can name the charset, in the order of the Encoding and HTML Standards: a byte order mark, the header
//! `Content-Type`, and the beginning of the document. If none names one, the text is UTF-8. There is one exception:
//! bytes that are not UTF-8 are read as windows-1255, a charset that is usual where the owners are, if in windows-1255
//! all their non-ASCII characters are Hebrew.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1255};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

/// Gives the text, at most `max_bytes` of UTF-8, cut between characters. A last character that is incomplete is left
/// out.
pub(super) fn decoded(bytes: &[u8], headers: &HeaderMap, max_bytes: usize) -> String {
    let encoding = if headers.contains_key(CONTENT_ENCODING) {
        // Compressed bytes are not text, whatever charset the header or the document names.
        UTF_8
    } else {
        named_by_header(headers).or_else(|| named_by_document(bytes)).unwrap_or_else(|| guessed(bytes))
    };
    // The decoder prefers a byte order mark to this encoding.
    let mut decoder = encoding.new_decoder();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(max_bytes));
    let _ = decoder.decode_to_string(bytes, &mut text, false);
    text.truncate(text.floor_char_boundary(max_bytes));
    text
}

fn named_by_header(headers: &HeaderMap) -> Option<&'static Encoding> {
    encoding_after(headers.get(CONTENT_TYPE)?.as_bytes(), b"charset=")
}

/// Gives the encoding that a document names as `<meta charset="...">`, `<meta ... content="...; charset=...">` or
/// `<?xml ... encoding="..."?>`. A document that names UTF-16 in readable ASCII is not UTF-16, and counts as UTF-8.
fn named_by_document(bytes: &[u8]) -> Option<&'static Encoding> {
    let named = if bytes.trim_ascii_start().starts_with(b"<?xml") {
        encoding_after(&bytes[..position_of(bytes, b"?>")?], b"encoding=")
    } else {
        let meta = &bytes[position_of(bytes, b"<meta")?..];
        encoding_after(&meta[..position_of(&meta.to_ascii_lowercase(), b"<body").unwrap_or(meta.len())], b"charset=")
    };
    named.map(|encoding| if encoding.is_ascii_compatible() { encoding } else { UTF_8 })
}

/// Gives the encoding whose label follows this name, with or without quotation marks.
fn encoding_after(text: &[u8], name: &[u8]) -> Option<&'static Encoding> {
    let rest = text[position_of(text, name)? + name.len()..].trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end = rest.iter().position(|byte| b"\"'; \t\r\n/>?".contains(byte)).unwrap_or(rest.len());
    Encoding::for_label_no_replacement(&rest[..end])
}

/// Gives the first position of the wanted bytes. Upper and lower case count as equal.
fn position_of(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))
}

fn guessed(bytes: &[u8]) -> &'static Encoding {
    // Hebrew letters, dashes, quotation marks, the shekel sign and the no-break space.
    let is_hebrew = |byte: &u8| matches!(byte, 0xe0..=0xfa | 0x91..=0x97 | 0xa0 | 0xa4);
    let mut beyond_ascii = bytes.iter().filter(|byte| !byte.is_ascii()).peekable();
    if beyond_ascii.peek().is_some() && beyond_ascii.all(is_hebrew) && !is_utf_8(bytes) { WINDOWS_1255 } else { UTF_8 }
}

/// Whether the bytes are UTF-8. The last character may be incomplete.
fn is_utf_8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEBREW: &[u8] = b"\xf9\xec\xe5\xed \xf2\xe5\xec\xed";

    fn text(content_type: &str, body: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, content_type.parse().expect("a header's value"));
        }
        decoded(body, &headers, 1024)
    }

    #[test]
    fn the_header_names_the_charset_in_any_spelling() {
        for content_type in [
            "text/html; charset=windows-1255",
            "text/html;charset=\"Windows-1255\"",
            "text/plain; format=flowed; CHARSET='cp1255'",
            "text/html; charset=x-cp1255; boundary=x",
            "text/html; charset=iso-8859-8-i",
        ] {
            assert_eq!(text(content_type, HEBREW), "שלום עולם", "{content_type}");
        }
        assert_eq!(text("text/plain; charset=iso-8859-1", b"caf\xe9"), "café");
        assert_eq!(text("text/plain; charset=utf-16le", b"\xe9\x05\xd5\x05"), "שו");
    }

    #[test]
    fn the_document_names_the_charset_if_the_header_does_not() {
        for head in [
            "<html><head><META CHARSET=windows-1255>",
            "<!doctype html><meta http-equiv=\"Content-Type\" content=\"text/html; charset=windows-1255\" />",
            "<?xml version=\"1.0\" encoding=\"windows-1255\"?>",
        ] {
            let body = [head.as_bytes(), b"caf\xe9 ", HEBREW].concat();
            assert_eq!(text("text/html", &body), format!("{head}cafי שלום עולם"), "{head}");
        }
        let utf_16 = "<meta charset=utf-16>שלום";
        assert_eq!(text("", utf_16.as_bytes()), utf_16, "what could be read so far is not UTF-16");
        assert_eq!(
            text("text/html; charset=utf-8", "<meta charset=windows-1255>ש".as_bytes()),
            "<meta charset=windows-1255>ש"
        );
    }

    #[test]
    fn a_byte_order_mark_wins_over_both_and_is_not_text() {
        assert_eq!(text("text/html; charset=windows-1255", b"\xef\xbb\xbf\xd7\xa9"), "ש");
        assert_eq!(text("", b"\xff\xfe\xe9\x05"), "ש");
    }

    #[test]
    fn a_text_without_a_charset_is_utf_8_or_hebrew_in_windows_1255() {
        assert_eq!(text("", "שלום".as_bytes()), "שלום");
        assert_eq!(text("application/json", HEBREW), "שלום עולם");
        assert_eq!(text("text/html; charset=unheard-of", HEBREW), "שלום עולם");
        assert_eq!(text("", b"a\xffb"), "a\u{fffd}b");
        assert_eq!(text("", b"\xf9\xec\xc3\x28"), "\u{fffd}\u{fffd}\u{fffd}(");
    }

    #[test]
    fn compressed_bytes_are_not_text() {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, "br".parse().expect("a header's value"))]);
        assert_eq!(decoded(b"\xf9\xec.", &headers, 1024), "\u{fffd}\u{fffd}.");
    }

    #[test]
    fn the_text_is_cut_between_characters() {
        let long = "ש".repeat(600);
        assert_eq!(text("", &long.as_bytes()[..1023]), "ש".repeat(511), "the last one was broken off by the reader");
        assert_eq!(text("text/plain; charset=windows-1255", &[0xf9; 1024]), "ש".repeat(512), "1 KiB of UTF-8");
        assert_eq!(decoded("aש".as_bytes(), &HeaderMap::new(), 2), "a");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic_or_the_text_too_long(body: Vec<u8>, charset in "[a-z0-9-]{0,12}") {
            let content_type = format!("text/html; charset={charset}");
            prop_assert!(text(&content_type, &body).len() <= 1024);
        }
    }
}
