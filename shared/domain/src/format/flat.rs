//! Flattens an event to one object of strings without nesting, for receivers that map a field to a column or a
//! variable.

use std::collections::HashSet;

use crate::event::json::{Object, Value, safe_name};

/// The largest sum of names and values, in bytes. An event of 1 MiB stays below, even with its lists quoted. Only
/// nested members below very long names exceed the bound, since each member repeats the names above it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The character that joins the names of nested members.
const JOINT: char = '_';

/// Makes the body. None: the body would be larger than [`MAX_BYTES`].
pub(super) fn body(event: &Object) -> Option<String> {
    let is_field = |value: &Value| !matches!(value, Value::Object(_));
    let fields = event.iter().filter(|(_, value)| is_field(value)).map(|(name, _)| name).collect();
    let mut flat = Flat { fields, members: Object::default(), room: MAX_BYTES };
    for (name, value) in event.iter() {
        match value {
            Value::Object(nested) => flat.nested(&mut name.to_owned(), nested)?,
            value => flat.insert(name.to_owned(), text(value))?,
        }
    }
    Some(flat.members.to_json())
}

struct Flat<'a> {
    /// The names of the fields at the top level, which win over flattened ones.
    fields: HashSet<&'a str>,
    members: Object,
    room: usize,
}

impl Flat<'_> {
    /// Adds the members of an object. `path` is the object's name; it is changed meanwhile and restored at the end.
    fn nested(&mut self, path: &mut String, object: &Object) -> Option<()> {
        path.push(JOINT);
        let end = path.len();
        for (name, value) in object.iter() {
            path.push_str(name);
            match value {
                Value::Object(nested) => self.nested(path, nested)?,
                value => self.flattened(path, value)?,
            }
            path.truncate(end);
        }
        path.pop();
        Some(())
    }

    fn flattened(&mut self, path: &str, value: &Value) -> Option<()> {
        // Before the name is copied: a long one may stand above a hundred thousand members.
        self.room.checked_sub(path.len())?;
        let name = safe_name(path.to_owned());
        if self.fields.contains(name.as_str()) {
            return Some(());
        }
        self.insert(name, text(value))
    }

    fn insert(&mut self, name: String, value: String) -> Option<()> {
        self.room = self.room.checked_sub(name.len() + value.len())?;
        self.members.insert(name, Value::String(value));
        Some(())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(is_scalar) => {
            let texts: Vec<_> = items.iter().filter(|item| **item != Value::Null).map(text).collect();
            texts.join(", ")
        }
        value => value.to_json(),
    }
}

/// Whether a value is neither a list nor an object.
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an object as an event is read: normalised once.
    fn object(text: &str) -> Object {
        let normalised = Value::parse(text).expect("JSON").to_json();
        match Value::parse(&normalised) {
            Ok(Value::Object(object)) => object,
            _ => panic!("an object: {text}"),
        }
    }

    fn flat(event: &str) -> String {
        body(&object(event)).expect("a body")
    }

    #[test]
    fn every_value_is_a_string() {
        assert_eq!(
            flat(r#"{"a":"x","b":92.50,"c":-0.0,"d":true,"e":false,"f":null,"g":"","h":9007199254740993,"i":1e21}"#),
            r#"{"a":"x","b":"92.5","c":"0","d":"true","e":"false","f":"","g":"","h":"9007199254740993","i":"1e+21"}"#,
        );
    }

    #[test]
    fn nested_members_are_joined_and_an_empty_object_gives_none() {
        assert_eq!(
            flat(r#"{"metadata":{"city":"חיפה","utm":{"source":"x","deep":{}},"7":1},"empty":{},"z":{"":{"":2}}}"#),
            r#"{"metadata_7":"1","metadata_city":"חיפה","metadata_utm_source":"x","z__":"2"}"#,
        );
    }

    #[test]
    fn a_list_of_scalars_is_joined_without_its_nulls_and_any_other_is_json_text() {
        assert_eq!(
            flat(r#"{"a":["x",null,1.0,true,""],"b":[],"c":[null],"d":[{"k":"\"v\""}],"e":["x",[]],"f":{"g":[1,2]}}"#),
            r#"{"a":"x, 1, true, ","b":"","c":"","d":"[{\"k\":\"\\\"v\\\"\"}]","e":"[\"x\",[]]","f_g":"1, 2"}"#,
        );
    }

    #[test]
    fn of_two_flattened_fields_the_last_wins_at_the_place_of_the_first() {
        assert_eq!(flat(r#"{"a":{"b_c":1},"x":2,"a_b":{"c":3}}"#), r#"{"a_b_c":"3","x":"2"}"#);
    }

    #[test]
    fn a_field_of_the_top_level_keeps_its_place_and_wins() {
        assert_eq!(flat(r#"{"a":{"b":1},"x":2,"a_b":3}"#), r#"{"x":"2","a_b":"3"}"#);
        assert_eq!(flat(r#"{"a_b":3,"x":2,"a":{"b":1}}"#), r#"{"a_b":"3","x":"2"}"#);
        assert_eq!(flat(r#"{"a_b":null,"a":{"b":1}}"#), r#"{"a_b":""}"#);
        assert_eq!(flat(r#"{"a_b":{},"a":{"b":1}}"#), r#"{"a_b":"1"}"#, "an empty object is no field");
    }

    #[test]
    fn names_of_object_prototype_get_their_underscore_after_joining() {
        assert_eq!(flat(r#"{"_":{"":{"proto_":{"":1}}},"to":{"String":2}}"#), r#"{"___proto__":"1","to_String":"2"}"#);
        assert_eq!(flat(r#"{"":{"_proto__":1}}"#), r#"{"__proto___":"1"}"#);
        assert_eq!(flat(r#"{"":{"_proto__":1},"__proto___":2}"#), r#"{"__proto___":"2"}"#, "the field wins");
        assert_eq!(flat(r#"{"__proto":{"_":1}}"#), r#"{"__proto___":"1"}"#);
        assert_eq!(flat(r#"{"__define":{"Getter__":1}}"#), r#"{"__define_Getter__":"1"}"#);
    }

    #[test]
    fn names_that_are_array_indices_come_first() {
        assert_eq!(flat(r#"{"b":1,"7":2,"a":{"7":3}}"#), r#"{"7":"2","b":"1","a_7":"3"}"#);
    }

    #[test]
    fn a_long_name_above_many_members_is_given_up_early() {
        let members: Vec<_> = (0..50_000).map(|index| format!(r#""m{index}":0"#)).collect();
        let event = format!(r#"{{"{}":{{{}}}}}"#, "n".repeat(500_000), members.join(","));
        assert_eq!(body(&object(&event)), None);
    }

    #[test]
    fn an_event_of_a_megabyte_is_flattened() {
        let event = format!(r#"{{"list":[["{}"]],"transcript":"{}"}}"#, r#"\""#.repeat(250_000), "א".repeat(250_000));
        assert!(event.len() > 1_000_000);
        assert!(flat(&event).len() > 1_500_000, "a list's quotes are escaped twice");
    }
}
