//! The address that an owner's mails go to.
//!
//! The rules are stricter than RFC 5321: no quoted local parts, no address literals, and ASCII only, since SES takes no
//! other addresses. A list of addresses or a name beside the address must not pass: SES would mail them all.

use std::fmt;

/// The longest address, in characters: RFC 5321, 4.5.3.1.3, without the angle brackets.
const MAX_CHARS: usize = 254;

/// An address that a mail can be sent to.
///
/// `Debug` does not show the address, which is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// The text has more than 254 characters.
    #[error("it is longer than 254 characters")]
    TooLong,
    /// The text is not one address of the form `name@example.com`.
    #[error("it is not one address of the form name@example.com")]
    Shape,
}

impl InvalidEmailAddress {
    /// The reason in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Shape => "address",
        }
    }
}

impl EmailAddress {
    /// Reads an address, which has to be cleaned already ([`crate::pasted::cleaned`]).
    ///
    /// # Errors
    ///
    /// [`InvalidEmailAddress`].
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        if text.chars().count() > MAX_CHARS {
            return Err(InvalidEmailAddress::TooLong);
        }
        match text.split_once('@') {
            Some((local, domain)) if is_local_part(local) && is_domain(domain) => Ok(Self(text.to_owned())),
            _ => Err(InvalidEmailAddress::Shape),
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EmailAddress(..)")
    }
}

/// A dot-atom of RFC 5322, 3.2.3.
fn is_local_part(text: &str) -> bool {
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// A host's name of two labels or more.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_addresses_are_taken_as_they_are() {
        let longest = format!("{}@example.com", "a".repeat(242));
        for text in
            ["owner@example.com", "O'Hara+web_hook@mail.example.co.il", "a@b.c", "1.2-3@xn--4dbrk0ce.il", &longest]
        {
            assert_eq!(EmailAddress::parse(text).map(|address| address.as_str().to_owned()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn whatever_is_not_one_address_is_refused() {
        for text in [
            "",
            "owner",
            "@example.com",
            "owner@",
            "owner@example",
            "a@b@example.com",
            "a b@example.com",
            "a@exam ple.com",
            "a@example.com,b@example.com",
            "a@example.com;b@example.com",
            "Owner <a@example.com>",
            "<a@example.com>",
            "\"a\"@example.com",
            "a@[127.0.0.1]",
            "a\n@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com\0",
            ".a@example.com",
            "a..b@example.com",
            "a.@example.com",
            "a@.example.com",
            "a@example..com",
            "a@example.com.",
            "a@-example.com",
            "a@example-.com",
            "בעלים@example.com",
            "a@דוגמה.com",
            "mailto:a@example.com",
            "a(b)@example.com",
            "a\\b@example.com",
            "a@example.com ",
            " a@example.com",
            "a\u{7f}@example.com",
            "a@exam\u{ad}ple.com",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmailAddress::Shape), "{text:?}");
        }
        let too_long = format!("{}@example.com", "a".repeat(243));
        assert_eq!(EmailAddress::parse(&too_long), Err(InvalidEmailAddress::TooLong));
    }

    #[test]
    fn its_debug_does_not_show_it() {
        let address = EmailAddress::parse("owner@example.com").expect("an address");
        assert!(!format!("{address:?}").contains("owner"));
    }
}
