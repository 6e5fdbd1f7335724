//! The publisher's place in a distributed trace, by W3C Trace Context, level 1: `version-traceid-parentid-flags`.
//!
//! This system takes no part in a trace. It hands a traceparent on as it came, as a proxy may (section 3.4), and makes
//! none. A traceparent is read from a message attribute that any publisher may fill, and becomes a header. So only a
//! text that is valid becomes a [`Traceparent`], and no valid text has a character that a header could not have.

use std::fmt;

use http::header::HeaderValue;

/// The length of version 00, and of the part that every later version begins with.
const BASE_CHARS: usize = 55;

/// A later version may be longer; the specification names no limit. This one keeps a header and a record small.
const MAX_CHARS: usize = 256;

/// A valid traceparent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceparent(String);

impl Traceparent {
    /// The name of the header, of the message attribute and of the ledger's attribute.
    pub const NAME: &str = "traceparent";

    /// Reads a text. None: the text is not valid by section 3.2.2 or, if its version is later than 00, by section 3.2.4
    /// (versioning): such a text begins like version 00, and what it adds stands behind a further dash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (base, added) = text.split_at_checked(BASE_CHARS)?;
        let mut fields = base.split('-');
        let [version, trace_id, parent_id, flags] = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
        let are_well_formed = fields.next().is_none()
            && is_hex(version, 2)
            && version != "ff"
            && is_id(trace_id, 32)
            && is_id(parent_id, 16)
            && is_hex(flags, 2);
        let may_be_added = match version {
            "00" => added.is_empty(),
            _ => added.is_empty() || added.starts_with('-') && added.bytes().all(|byte| byte.is_ascii_graphic()),
        };
        (are_well_formed && may_be_added && text.len() <= MAX_CHARS).then(|| Self(text.to_owned()))
    }

    /// Gives the whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the id of the trace: 32 lowercase hex digits.
    ///
    /// # Panics
    ///
    /// Never: a valid text has the id behind its first dash.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.split('-').nth(1).expect("a valid text has four fields")
    }

    /// Gives the header's value.
    ///
    /// # Panics
    ///
    /// Never: a valid text is visible ASCII.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::try_from(&self.0).expect("a valid text is visible ASCII")
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_hex(field: &str, chars: usize) -> bool {
    field.len() == chars && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a field is an id, which must not be all zeros.
fn is_id(field: &str, chars: usize) -> bool {
    is_hex(field, chars) && field.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_traceparent_is_handed_on_as_it_came() {
        let later = |text: &str| EXAMPLE.replacen("00", text, 1);
        for text in [
            EXAMPLE.to_owned(),
            EXAMPLE.replace("-01", "-00"),
            EXAMPLE.replace("-01", "-ff"),
            later("01"),
            later("cc") + "-what-the-future-will-be-like",
            later("cc") + "-",
            later("fe") + "-" + &"x".repeat(MAX_CHARS - BASE_CHARS - 1),
        ] {
            let traceparent = Traceparent::parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(traceparent.as_str(), text);
            assert_eq!(traceparent.trace_id(), "0af7651916cd43dd8448eb211c80319c");
            assert_eq!(traceparent.to_header(), text);
        }
    }

    #[test]
    fn what_is_not_valid_is_none() {
        let zeros = |field: &str| EXAMPLE.replace(field, &"0".repeat(field.len()));
        for text in [
            String::new(),
            "00".to_owned(),
            "-".repeat(BASE_CHARS),
            EXAMPLE.to_uppercase(),
            EXAMPLE.replace('f', "g"),
            EXAMPLE.replacen("00", "ff", 1),
            EXAMPLE.replacen("00", "0g", 1),
            EXAMPLE.replace('-', "_"),
            zeros("0af7651916cd43dd8448eb211c80319c"),
            zeros("b7ad6b7169203331"),
            EXAMPLE[..54].to_owned(),
            EXAMPLE.to_owned() + "-",
            EXAMPLE.to_owned() + "-00",
            EXAMPLE.to_owned() + " ",
            format!(" {EXAMPLE}"),
            EXAMPLE.to_owned() + "\r\nx-injected: 1",
            EXAMPLE.replacen("00", "cc", 1) + ".what-the-future-will-be-like",
            EXAMPLE.replacen("00", "cc", 1) + "-a\r\nx-injected: 1",
            EXAMPLE.replacen("00", "cc", 1) + "-עתיד",
            EXAMPLE.replacen("00", "cc", 1) + "-" + &"x".repeat(MAX_CHARS),
            EXAMPLE.replacen('0', "א", 1),
        ] {
            assert_eq!(Traceparent::parse(&text), None, "{text:?}");
        }
    }
}
