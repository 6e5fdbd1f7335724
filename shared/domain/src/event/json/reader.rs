//! Reads a JSON text in one pass, into the values that JavaScript would hold.
//!
//! The structure and the numbers are read here, because a number is judged by all its digits, which serde's data model
//! does not keep. `serde_json` reads the strings: the escapes are its work, and so are lone surrogates and control
//! characters.

use super::{JsonError, MAX_DEPTH, Object, Value, safe_name, without_nul};

/// A reader at a place in a text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads the one value of the text.
    pub(super) fn read(mut self) -> Result<Value, JsonError> {
        let value = self.value(MAX_DEPTH)?;
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.syntax()),
        }
    }

    /// Reads a value. `depth` is how many levels of nesting are left.
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(depth.checked_sub(1).ok_or(JsonError::Depth)?),
            Some(b'[') => self.array(depth.checked_sub(1).ok_or(JsonError::Depth)?),
            Some(b'"') => Ok(Value::String(without_nul(self.string()?))),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.syntax()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        let mut object = Object::default();
        self.at += 1;
        if self.takes(b'}') {
            return Ok(Value::Object(object));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax());
            }
            let name = safe_name(without_nul(self.string()?));
            if !self.takes(b':') {
                return Err(self.syntax());
            }
            object.insert(name, self.value(depth)?);
            if self.takes(b'}') {
                return Ok(Value::Object(object));
            }
            if !self.takes(b',') {
                return Err(self.syntax());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        let mut items = Vec::new();
        self.at += 1;
        if self.takes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Ok(Value::Array(items));
            }
            if !self.takes(b',') {
                return Err(self.syntax());
            }
        }
    }

    /// Reads the string that begins here.
    fn string(&mut self) -> Result<String, JsonError> {
        let mut strings = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        match strings.next() {
            Some(Ok(string)) => {
                self.at += strings.byte_offset();
                Ok(string)
            }
            Some(Err(error)) => {
                // A string has no line feed before its error, so the error is as many bytes away as its column says.
                self.at += error.column().saturating_sub(1);
                Err(self.syntax())
            }
            None => Err(self.syntax()),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(value)
    }

    /// Reads the number that begins here: `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`.
    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.skips(|byte| byte == b'-', 1);
        if self.skips(|byte| byte == b'0', 1) == 0 && self.digits() == 0 {
            return Err(self.syntax());
        }
        if self.skips(|byte| byte == b'.', 1) == 1 && self.digits() == 0 {
            return Err(self.syntax());
        }
        if self.skips(|byte| matches!(byte, b'e' | b'E'), 1) == 1 {
            self.skips(|byte| matches!(byte, b'+' | b'-'), 1);
            if self.digits() == 0 {
                return Err(self.syntax());
            }
        }
        Value::number(&self.text[start..self.at])
    }

    fn digits(&mut self) -> usize {
        self.skips(|byte| byte.is_ascii_digit(), usize::MAX)
    }

    /// Goes past at most so many bytes that `belongs` takes, and gives their number.
    fn skips(&mut self, belongs: impl Fn(u8) -> bool, most: usize) -> usize {
        let bytes = &self.text.as_bytes()[self.at..];
        let skipped = bytes.iter().take(most).take_while(|byte| belongs(**byte)).count();
        self.at += skipped;
        skipped
    }

    /// Goes past white space, and past `byte` if it follows.
    fn takes(&mut self, byte: u8) -> bool {
        let follows = self.peek() == Some(byte);
        self.at += usize::from(follows);
        follows
    }

    /// Goes past white space, and gives the byte that follows.
    fn peek(&mut self) -> Option<u8> {
        self.skips(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'), usize::MAX);
        self.text.as_bytes().get(self.at).copied()
    }

    /// The error of a text that breaks the grammar here.
    fn syntax(&self) -> JsonError {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = (self.at + 1).min(self.text.len());
        JsonError::Syntax { line, column: end.saturating_sub(start).max(1) }
    }
}
