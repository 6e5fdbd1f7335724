//! JSON whose bytes survive JavaScript: `JSON.stringify(JSON.parse(body)) === body`, for every input.
//!
//! A receiver built on n8n, or on any framework that parses the body before user code runs, can then verify a signature
//! over `JSON.stringify($json.body)` although it never sees the raw bytes. For this, numbers are printed as ECMAScript
//! prints them, and keys that are array indices come first. What JavaScript would lose (digits past 2^53, members named
//! like a property of `Object.prototype`, U+0000) gets a form that JavaScript keeps.
//!
//! Normalising is idempotent, so an event may be normalised on publishing and again on delivery. This module knows
//! nothing of events; [`crate::event`] gives the members their meaning.

mod reader;

use std::fmt::Write as _;

use indexmap::IndexMap;

use reader::Reader;

/// The deepest nesting of arrays and objects that is accepted; the outermost array or object has depth 1.
pub const MAX_DEPTH: usize = 128;

/// `Number.MAX_SAFE_INTEGER`, 2^53 - 1 (ECMA-262, 21.1.2.6).
pub const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The largest array index, 2^32 - 2: keys up to it are enumerated first and ascending (ECMA-262, 10.1.11.1).
const MAX_ARRAY_INDEX: u32 = u32::MAX - 1;

/// The properties that every JavaScript object inherits; n8n's expressions drop members with these names.
const OBJECT_PROTOTYPE: [&str; 12] = [
    "constructor",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "__proto__",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
];

/// Why a text is not JSON, or has a value that JavaScript cannot hold. No message repeats any of the text.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text breaks JSON's grammar (RFC 8259), or a string in it holds a lone surrogate.
    #[error("not valid JSON at line {line}, column {column}")]
    Syntax {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error in bytes, from 1. At the text's end, the column of the last byte.
        column: usize,
    },
    /// A number that a double cannot hold, such as `1e400`.
    #[error("a number is out of a double's range")]
    NumberRange,
    /// Arrays and objects are nested more than [`MAX_DEPTH`] deep.
    #[error("nested more than {MAX_DEPTH} deep")]
    Depth,
}

/// A JSON value in the form in which JavaScript would hold it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A finite double. Whole numbers beyond [`MAX_SAFE_INTEGER`] are [`Value::String`].
    Number(f64),
    /// A string without U+0000.
    String(String),
    /// `[...]`
    Array(Vec<Value>),
    /// `{...}`
    Object(Object),
}

/// Members in the order of the text. A repeated name keeps its first place and takes its last value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(IndexMap<String, Value>);

impl Value {
    /// Reads a JSON text.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the text is not JSON, or has a value that JavaScript cannot hold.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Reader::new(text).read()
    }

    /// Judges a number by its value, not by its spelling: if `1e16` and `10000000000000000` were treated differently, a
    /// body that is normalised again would change.
    fn number(token: &str) -> Result<Self, JsonError> {
        let number: f64 = token.parse().map_err(|_| JsonError::NumberRange)?;
        if number.is_infinite() {
            return Err(JsonError::NumberRange);
        }
        if number.abs() <= MAX_SAFE_INTEGER {
            return Ok(Self::Number(number));
        }
        let printed = if token.contains(['.', 'e', 'E']) { print(number) } else { token.to_owned() };
        Ok(if printed.contains('e') { Self::Number(number) } else { Self::String(printed) })
    }

    /// Names the kind of value for an error message, without the value itself.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Gives the compact text, byte for byte as `JSON.stringify` writes the value.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(value) => out.push_str(&print(*value)),
            Self::String(value) => write_string(value, out),
            Self::Array(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => object.write(out),
        }
    }
}

impl Object {
    /// Sets a member. A name that the object already has keeps its place.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) {
        self.0.insert(name.into(), value);
    }

    /// Appends a member, unless the object already has one of that name.
    pub fn insert_new(&mut self, name: impl Into<String>, value: Value) {
        self.0.entry(name.into()).or_insert(value);
    }

    /// Removes the members of these names, and gives the value of each, in the order of the names. The other members
    /// keep their order.
    pub fn take(&mut self, names: &[&str]) -> Vec<Option<Value>> {
        let mut taken = vec![None; names.len()];
        self.0.retain(|name, value| match names.iter().position(|wanted| wanted == name) {
            Some(place) => {
                taken[place] = Some(std::mem::replace(value, Value::Null));
                false
            }
            None => true,
        });
        taken
    }

    /// Gives a member's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Gives a member's value, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.get_mut(name)
    }

    /// The members, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Appends the members of `other` behind those of this object.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Gives the compact text, byte for byte as `JSON.stringify` writes the object.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_json_of_about(0)
    }

    /// Gives the same text, in a string with room for about so many bytes.
    #[must_use]
    pub fn to_json_of_about(&self, bytes: usize) -> String {
        let mut out = String::with_capacity(bytes);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let mut indices: Vec<(u32, &String, &Value)> =
            self.0.iter().filter_map(|(name, value)| Some((array_index(name)?, name, value))).collect();
        indices.sort_unstable_by_key(|(index, ..)| *index);
        let numbered = indices.into_iter().map(|(_, name, value)| (name, value));
        let named = self.0.iter().filter(|(name, _)| array_index(name).is_none());

        out.push('{');
        for (position, (name, value)) in numbered.chain(named).enumerate() {
            if position > 0 {
                out.push(',');
            }
            write_string(name, out);
            out.push(':');
            value.write(out);
        }
        out.push('}');
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(members: I) -> Self {
        Self(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// `Number::toString` of ECMA-262, 6.1.6.1.20.
fn print(number: f64) -> String {
    ryu_js::Buffer::new().format_finite(number).to_owned()
}

/// `QuoteJSONString` of ECMA-262, 25.5.2.3: only `"`, `\` and U+0000 to U+001F are escaped.
fn write_string(value: &str, out: &mut String) {
    out.push('"');
    let mut written = 0;
    for position in to_escape(value.as_bytes()) {
        out.push_str(&value[written..position]);
        written = position + 1;
        out.push('\\');
        match value.as_bytes()[position] {
            byte @ (b'"' | b'\\') => out.push(char::from(byte)),
            0x08 => out.push('b'),
            0x0c => out.push('f'),
            b'\n' => out.push('n'),
            b'\r' => out.push('r'),
            b'\t' => out.push('t'),
            byte => write!(out, "u{byte:04x}").expect("a string takes all"),
        }
    }
    out.push_str(&value[written..]);
    out.push('"');
}

/// The positions of the bytes that are escaped. Most parts of a text have none, and a part is searched without a branch
/// for each byte, which the compiler turns into vector instructions.
#[expect(clippy::needless_bitwise_bool, reason = "the other operators are branches")]
fn to_escape(text: &[u8]) -> impl Iterator<Item = usize> {
    const PART: usize = 32;
    let is_escaped = |byte: &u8| (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
    let parts = text.chunks(PART).enumerate();
    let some = parts.filter(move |(_, part)| part.iter().fold(false, |found, byte| found | is_escaped(byte)));
    some.flat_map(move |(number, part)| {
        let escaped = part.iter().enumerate().filter(move |(_, byte)| is_escaped(byte));
        escaped.map(move |(place, _)| number * PART + place)
    })
}

fn without_nul(mut value: String) -> String {
    if value.contains('\0') {
        value.retain(|character| character != '\0');
    }
    value
}

/// A member's name, with an underscore behind one that every JavaScript object inherits.
pub(crate) fn safe_name(mut name: String) -> String {
    if OBJECT_PROTOTYPE.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// Reads a name that is a canonical array index: no sign, no leading zero, at most 2^32 - 2. None: the name is no such
/// index.
fn array_index(name: &str) -> Option<u32> {
    let canonical = name == "0" || (name.starts_with(|c: char| matches!(c, '1'..='9')) && name.len() <= 10);
    if !canonical || !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    name.parse().ok().filter(|index| *index <= MAX_ARRAY_INDEX)
}

#[cfg(test)]
mod tests;
