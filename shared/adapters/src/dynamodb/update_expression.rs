//! Puts an update expression together.
//!
//! Each attribute stands in the expression as a placeholder, since many names are reserved words of DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

/// The parts of an update: which attributes it sets and removes, and on which conditions.
#[derive(Debug, Default)]
pub(crate) struct UpdateExpression {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl UpdateExpression {
    /// The placeholder of an attribute's name.
    pub(crate) fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// The placeholder of a value; `name` tells it from the other values of this update.
    pub(crate) fn value(&mut self, name: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{name}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Sets an attribute.
    pub(crate) fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(attribute, value));
        self.sets.push(format!("{name} = {value}"));
    }

    /// Sets an attribute unless the item has it already.
    pub(crate) fn set_once(&mut self, attribute: &str, value: AttributeValue) {
        self.set_from(attribute, attribute, value);
    }

    /// Sets an attribute to the value that the item has under `source`, or to `value` where it has none there.
    pub(crate) fn set_from(&mut self, attribute: &str, source: &str, value: AttributeValue) {
        let (name, source, value) = (self.name(attribute), self.name(source), self.value(attribute, value));
        self.sets.push(format!("{name} = if_not_exists({source}, {value})"));
    }

    /// Removes an attribute.
    pub(crate) fn remove(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.removes.push(name);
    }

    /// Sets an attribute, or removes it where there is no value.
    pub(crate) fn set_or_remove(&mut self, attribute: &str, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(attribute, value),
            None => self.remove(attribute),
        }
    }

    /// Writes only if this condition holds too; its names and values are placeholders.
    pub(crate) fn only_if(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// Whether the update changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.removes.is_empty()
    }

    /// The value behind a placeholder, for tests.
    #[cfg(test)]
    pub(crate) fn value_of(&self, placeholder: &str) -> Option<&AttributeValue> {
        self.values.get(placeholder)
    }

    /// The attributes that have a value in the update, for tests.
    #[cfg(test)]
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str).filter(|name| self.values.contains_key(&format!(":{name}")))
    }

    /// The expression's text.
    pub(crate) fn text(&self) -> String {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        clause("SET", &self.sets) + &clause("REMOVE", &self.removes)
    }

    /// Gives the expression to a write that names table and key.
    pub(crate) fn apply(self, write: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let condition = Some(self.conditions.join(" AND ")).filter(|condition| !condition.is_empty());
        write
            .update_expression(self.text())
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(self.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
    }
}
