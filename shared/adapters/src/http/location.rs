//! Where an answer leads: its `Location` in whatever bytes it came, as an address that an owner can read and save.

use url::Url;

/// The address, resolved against the request's (RFC 3986, 5); as text if it is none that can be read. None if it is empty.
///
/// RFC 9110 wants ASCII. Servers send raw UTF-8, and old ones Latin-1, which any bytes are.
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
    fn it_is_resolved_against_the_request() {
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
    fn utf_8_and_latin_1_are_read_and_what_is_no_address_is_kept_as_text() {
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
        fn no_bytes_at_all_make_it_panic(value: Vec<u8>) {
            let _ = from(&value);
        }
    }
}
