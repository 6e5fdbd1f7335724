//! Reads the header `Location` of an answer, in any encoding, as an address that an owner can read and save.

use url::Url;

/// Gives the address, resolved against the request's URL (RFC 3986, 5). A value that the URL parser cannot read is
/// given as text. None: the value is empty.
///
/// RFC 9110 allows only ASCII. Some servers send raw UTF-8, and old servers send Latin-1, in which every byte is a
/// character. So a value that is not UTF-8 is read as Latin-1.
pub(super) fn resolved(value: &[u8], request: &Url) -> Option<String> {
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    };
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(request.join(text).map_or_else(|_| text.to_owned(), String::from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from(value: &[u8]) -> Option<String> {
        let request = Url::parse("https://n8n.example/webhook/abc?token=1").expect("a URL");
        resolved(value, &request)
    }

    #[test]
    fn an_address_is_resolved_against_the_requests_url() {
        for (value, address) in [
            ("https://other.example/x", "https://other.example/x"),
            ("/webhook/abc/", "https://n8n.example/webhook/abc/"),
            ("abc/", "https://n8n.example/webhook/abc/"),
            ("../login?next=%2F", "https://n8n.example/login?next=%2F"),
            ("?a=b", "https://n8n.example/webhook/abc?a=b"),
            ("//www.n8n.example/", "https://www.n8n.example/"),
            (" \t/x ", "https://n8n.example/x"),
            ("HTTP://N8N.EXAMPLE:80/x", "http://n8n.example/x"),
        ] {
            assert_eq!(from(value.as_bytes()).as_deref(), Some(address), "{value}");
        }
    }

    #[test]
    fn utf_8_and_latin_1_are_read_and_an_unreadable_address_is_kept_as_text() {
        assert_eq!(
            from("/קליניקה".as_bytes()).as_deref(),
            Some("https://n8n.example/%D7%A7%D7%9C%D7%99%D7%A0%D7%99%D7%A7%D7%94")
        );
        assert_eq!(from("https://קליניקה.example/".as_bytes()).as_deref(), Some("https://xn--8dbjakv3be.example/"));
        assert_eq!(from(b"/caf\xe9").as_deref(), Some("https://n8n.example/caf%C3%A9"));
        assert_eq!(from(b"https://[x").as_deref(), Some("https://[x"));
        assert_eq!((from(b""), from(b"  ")), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(value: Vec<u8>) {
            let _ = from(&value);
        }
    }
}
