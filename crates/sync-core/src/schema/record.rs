//! A schema as a space's record holds it: by the name of a built-in version or whole, with the upgrades that the space
//! went through.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Schema;

/// A space's way from one version of its schema to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The version before.
    pub from: u32,
    /// The head of the space's log before: up to it, everything has the form of that version.
    pub before: i64,
    /// The head after: in between are the changes that lifted the documents.
    pub after: i64,
}

impl Schema {
    /// The schema that a space's record names: `None` when it can't be read any more.
    #[must_use]
    pub fn of_space(source: Option<&str>) -> Option<Arc<Self>> {
        let Some(text) = source else { return Some(Self::open()) };
        let (schema, upgrades) = split(text)?;
        let schema = match &schema {
            // what was stored by its name alone is the first version
            Value::String(name) if name.contains('@') => Self::built_in(name),
            Value::String(name) => Self::built_in(&format!("{name}@1")),
            _ => Self::from_value(&schema).ok().map(Arc::new),
        }?;
        Some(if upgrades.is_empty() { schema } else { Arc::new(Self { upgrades, ..Self::clone(&schema) }) })
    }

    /// The schema in a space's record, without the upgrades: as it was sent, a built-in one with its version.
    #[must_use]
    pub fn source_of_space(text: &str) -> Option<Value> {
        split(text).map(|(schema, _)| schema)
    }

    /// The record of a schema: its source, a built-in one pinned to its version, and the upgrades.
    #[must_use]
    pub fn to_record(&self, source: &Value) -> String {
        let source = match source {
            Value::String(_) if self.version > 1 => format!("{}@{}", self.name, self.version).into(),
            Value::String(_) => self.name.as_str().into(),
            inline => inline.clone(),
        };
        if self.upgrades.is_empty() { source.to_string() } else { json!({"schema": source, "upgrades": self.upgrades}).to_string() }
    }

    /// The version whose form everything had at a place of the space's log.
    #[must_use]
    pub fn version_at(&self, place: i64) -> u32 {
        self.upgrades.iter().find(|upgrade| place <= upgrade.before).map_or(self.version, |upgrade| upgrade.from)
    }

    /// Whether a change was made by the schema itself, to lift a document.
    #[must_use]
    pub fn is_upgrade(&self, version: i64) -> bool {
        self.upgrades.iter().any(|upgrade| upgrade.before < version && version <= upgrade.after)
    }
}

fn split(text: &str) -> Option<(Value, Vec<Upgrade>)> {
    match serde_json::from_str(text).ok()? {
        Value::Object(mut record) if record.contains_key("schema") => {
            let upgrades = record.remove("upgrades").unwrap_or_default();
            Some((record.remove("schema")?, serde_json::from_value(upgrades).ok()?))
        }
        schema => Some((schema, Vec::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_the_schema_and_its_upgrades() {
        let inline = json!({"name": "x", "version": 3, "collections": {}});
        let mut schema = Schema::from_value(&inline).unwrap();
        assert_eq!(schema.to_record(&inline), inline.to_string());
        schema.upgrades = vec![Upgrade { from: 1, before: 10, after: 12 }, Upgrade { from: 2, before: 20, after: 20 }];
        let record = schema.to_record(&inline);
        assert_eq!(Schema::of_space(Some(&record)).as_deref(), Some(&schema));
        assert_eq!(Schema::source_of_space(&record), Some(inline));
        let versions = [0, 10, 11, 20, 21].map(|place| schema.version_at(place));
        assert_eq!(versions, [1, 1, 2, 2, 3]);
        assert_eq!([10, 11, 12, 13, 20].map(|version| schema.is_upgrade(version)), [false, true, true, false, false]);
    }

    #[test]
    fn a_built_in_schema_is_pinned() {
        for (name, version, record) in [("wedding@1", 1, "\"wedding\""), ("wedding", 3, "\"wedding@3\""), ("wedding@2", 2, "\"wedding@2\"")]
        {
            let schema = Schema::built_in(name).unwrap();
            assert_eq!((schema.version, schema.to_record(&json!(name)).as_str()), (version, record));
            assert_eq!(Schema::of_space(Some(record)), Some(schema));
        }
        for (record, found) in [("\"wedding\"", true), ("\"wedding@1\"", true), ("\"wedding@99\"", false), ("7", false), ("{", false)] {
            assert_eq!(Schema::of_space(Some(record)).is_some(), found, "{record}");
        }
    }
}
