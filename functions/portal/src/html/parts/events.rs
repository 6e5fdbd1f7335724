//! What is sent: each event, with its fields as its schema has them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::body;
use crate::html::hebrew::{self, EventWords, OTHER_EVENT, TEST_EVENT, TYPED_EVENTS};
use crate::use_cases::TestKind;

/// The schema of each typed event, in the order of the page.
const SCHEMAS: [(TestKind, &str); 4] = [
    (TestKind::Call, include_str!("../../../../../events/schemas/call.completed.schema.json")),
    (TestKind::Lead, include_str!("../../../../../events/schemas/lead.created.schema.json")),
    (TestKind::Appointment, include_str!("../../../../../events/schemas/appointment.booked.schema.json")),
    (TestKind::LeadStatus, include_str!("../../../../../events/schemas/lead.status_changed.schema.json")),
];

/// The schema of an event of any other type.
const OTHER_SCHEMA: &str = include_str!("../../../../../events/schemas/event.schema.json");

/// The part of a JSON Schema that the page shows.
#[derive(Deserialize)]
struct Schema {
    /// The fields in their order.
    required: Vec<String>,
    properties: BTreeMap<String, Property>,
    #[serde(rename = "$defs", default)]
    definitions: BTreeMap<String, Property>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Property {
    r#type: Option<String>,
    format: Option<String>,
    r#const: Option<String>,
    r#enum: Vec<String>,
    #[serde(rename = "anyOf")]
    any_of: Vec<Property>,
    #[serde(rename = "$ref")]
    reference: Option<String>,
}

/// One kind of event.
pub(in crate::html) struct EventPart {
    /// The id of its part of the page.
    pub(in crate::html) id: String,
    /// None: it stands for many types.
    pub(in crate::html) event_type: Option<&'static str>,
    pub(in crate::html) title: &'static str,
    pub(in crate::html) when: &'static str,
    pub(in crate::html) fields: Vec<FieldPart>,
    /// A whole event as JSON; None: there is none to show.
    pub(in crate::html) example: Option<String>,
}

/// One field of an event.
pub(in crate::html) struct FieldPart {
    pub(in crate::html) name: String,
    pub(in crate::html) meaning: &'static str,
    pub(in crate::html) json_type: &'static str,
    /// The values that the field may have; empty: any of its type.
    pub(in crate::html) values: Vec<String>,
}

/// Each kind of event. `examples`: the body of each kind of test event.
pub(in crate::html) fn events(examples: &[(TestKind, String)]) -> Vec<EventPart> {
    let example = |kind| {
        let body = examples.iter().find_map(|(shown, body)| (*shown == kind).then_some(body));
        body.map(|body| body::indented(body))
    };
    let typed = SCHEMAS.into_iter().zip(&TYPED_EVENTS).map(|((kind, schema), (event_type, words))| EventPart {
        example: example(kind),
        ..event(Some(*event_type), words, Some(schema))
    });
    let test =
        EventPart { example: example(TestKind::Test), ..event(Some(TestKind::Test.event_type()), &TEST_EVENT, None) };
    typed.chain([test, event(None, &OTHER_EVENT, Some(OTHER_SCHEMA))]).collect()
}

fn event(event_type: Option<&'static str>, words: &EventWords, schema: Option<&str>) -> EventPart {
    EventPart {
        id: event_type.unwrap_or("other").replace(['.', '_'], "-"),
        event_type,
        title: words.title,
        when: words.when,
        fields: schema.map(|schema| read(schema).fields(words)).unwrap_or_default(),
        example: None,
    }
}

fn read(schema: &str) -> Schema {
    serde_json::from_str(schema).expect("the schemas are files of this build, and a test reads each")
}

impl Schema {
    fn fields(self, words: &EventWords) -> Vec<FieldPart> {
        let field = |name: &String| {
            let property = self.resolved(self.properties.get(name)?);
            let (_, meaning) = words.fields.iter().find(|(field, _)| field == name)?;
            Some(FieldPart {
                name: name.clone(),
                meaning,
                json_type: hebrew::json_type(property.json_type()),
                values: property.r#const.iter().chain(&property.r#enum).cloned().collect(),
            })
        };
        self.required.iter().filter_map(field).collect()
    }

    /// A property, or the definition that it refers to.
    fn resolved<'a>(&'a self, property: &'a Property) -> &'a Property {
        let name = property.reference.as_deref().and_then(|reference| reference.strip_prefix("#/$defs/"));
        name.and_then(|name| self.definitions.get(name)).unwrap_or(property)
    }
}

impl Property {
    /// The name of the type: the format's where there is one, that of what is not a constant where there is a choice.
    fn json_type(&self) -> &str {
        if let Some(one) = self.any_of.iter().find(|one| one.r#const.is_none()) {
            return one.json_type();
        }
        let of_constant = self.r#const.as_ref().map(|_| "string");
        self.format.as_deref().or(self.r#type.as_deref()).or(of_constant).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each schema with its words.
    fn schemas() -> Vec<(Schema, &'static EventWords)> {
        let typed = SCHEMAS.into_iter().zip(&TYPED_EVENTS).map(|((_, schema), (_, words))| (read(schema), words));
        typed.chain([(read(OTHER_SCHEMA), &OTHER_EVENT)]).collect()
    }

    #[test]
    fn the_words_are_those_of_the_schemas_and_in_their_order() {
        for ((kind, schema), (event_type, _)) in SCHEMAS.into_iter().zip(&TYPED_EVENTS) {
            assert_eq!(kind.event_type(), *event_type);
            assert_eq!(read(schema).properties["event_type"].r#const.as_deref(), Some(*event_type));
        }
    }

    #[test]
    fn every_field_of_a_schema_has_words_and_no_words_are_without_a_field() {
        for (schema, words) in schemas() {
            let named: Vec<_> = words.fields.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(named, schema.required, "{}", words.title);
            let properties: Vec<_> = schema.properties.keys().cloned().collect();
            let mut required = schema.required.clone();
            required.sort_unstable();
            assert_eq!(properties, required, "{}: a field that need not be there", words.title);
        }
    }

    #[test]
    fn every_field_has_a_type_with_a_name() {
        for (schema, words) in schemas() {
            let count = schema.required.len();
            let fields = schema.fields(words);
            assert_eq!(fields.len(), count);
            for field in fields {
                assert_ne!(field.json_type, hebrew::json_type(""), "{} {}", words.title, field.name);
            }
        }
        let call = read(SCHEMAS[0].1).fields(&TYPED_EVENTS[0].1);
        let of =
            |name: &str| call.iter().find(|field| field.name == name).map(|one| (one.json_type, one.values.clone()));
        assert_eq!(of("started_at"), Some(("תאריך ושעה", vec![])));
        assert_eq!(of("duration_sec"), Some(("מספר שלם", vec![])));
        assert_eq!(of("direction"), Some(("טקסט", vec!["inbound".into(), "outbound".into()])));
        assert_eq!(of("event_type"), Some(("טקסט", vec!["call.completed".into()])));
    }
}
