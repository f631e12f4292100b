//! What a schema must keep to beyond its form: fields and strategies that make sense, and lenses that can be applied to
//! anything, twice, without losing anything.

mod places;
mod rights;
mod rules;
mod strategies;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lens::{Lens, Move};
use super::read::{Read, SchemaFault};
use super::{Collection, FieldType, Schema};
use crate::document::is_collection_name;
use crate::json::pointer;

/// The highest version of a schema.
const MAX_VERSION: u32 = 1_000_000;

pub(super) fn collections(schema: &Schema) -> Read<()> {
    if !(1..=MAX_VERSION).contains(&schema.version) {
        return Err(SchemaFault::at("/version", format!("version counts from 1, to {MAX_VERSION} at most")));
    }
    if !(1..=schema.version).contains(&schema.oldest_readable) {
        let detail = format!("oldest_readable is a version from 1 to {}, the schema's own", schema.version);
        return Err(SchemaFault::at("/oldest_readable", detail));
    }
    for (name, collection) in &schema.collections {
        let at = format!("/collections{}", pointer(&[name]));
        if !is_collection_name(name) {
            return Err(SchemaFault::at(at, format!("collection {name:?} is not named [a-z][a-z0-9_]{{0,63}}")));
        }
        if collection.lane > 3 || collection.tier.is_some_and(|tier| tier > 3) {
            return Err(SchemaFault::at(at, format!("{name}: lane and tier are 0 to 3")));
        }
        for (field_name, field) in &collection.fields {
            let at = || format!("{at}/fields{}", pointer(&[field_name]));
            if (field.kind == FieldType::Enum) == field.values.is_empty() {
                return Err(SchemaFault::at(at(), format!("{name}.{field_name}: an enum, and only an enum, lists its values")));
            }
            if field.lane > 3 || field.sensitivity > 3 {
                return Err(SchemaFault::at(at(), format!("{name}.{field_name}: lane and sensitivity are 0 to 3")));
            }
        }
        places::check(collection, &at)?;
        rules::of_collection(name, collection, &at)?;
        rights::check(collection, &at)?;
    }
    rules::of_schema(schema)
}

pub(super) fn lenses(schema: &Schema) -> Read<()> {
    let Some(first) = schema.lenses.first().map(|step| step.to) else { return Ok(()) };
    let mut expected = first;
    let mut trails: BTreeMap<&str, Trail> = BTreeMap::new();
    for (index, step) in schema.lenses.iter().enumerate() {
        let at = format!("/lenses/{index}");
        if step.to < 2 || step.to != expected {
            let detail = format!("this step is to lead to version {}: from 2 on, one step for each version, in order", expected.max(2));
            return Err(SchemaFault::at(format!("{at}/to"), detail));
        }
        expected = expected.saturating_add(1);
        for (name, moves) in &step.collections {
            let at = format!("{at}/collections{}", pointer(&[name]));
            if schema.collection(name).is_none() || !is_collection_name(name) {
                return Err(SchemaFault::at(at, format!("{name} is none of the schema's collections")));
            }
            let trail = trails.entry(name).or_default();
            for (index, made) in moves.iter().enumerate() {
                trail.follow(made).map_err(|detail| SchemaFault::at(format!("{at}/{index}"), detail))?;
            }
        }
    }
    if expected != schema.version.saturating_add(1) {
        let detail = format!("the steps end at version {}, the schema is at {}: add the missing steps", expected - 1, schema.version);
        return Err(SchemaFault::at("/lenses", detail));
    }
    for (name, trail) in trails {
        if let Some(collection) = schema.collections.get(name) {
            trail.arrive(name, collection)?;
        }
    }
    Ok(())
}

/// What the moves of a collection have said so far.
#[derive(Default)]
struct Trail {
    /// Names that are not used any more.
    retired: BTreeSet<String>,
    /// Names that are in use.
    used: BTreeSet<String>,
    /// By present name: the values that maps took away, and those that they gave.
    mapped: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
    /// By present name: whether the last of wrap and unwrap was wrap.
    wrapped: BTreeMap<String, bool>,
    lens: Lens,
}

impl Trail {
    fn follow(&mut self, made: &Move) -> Result<(), String> {
        let field = made.field();
        if self.retired.contains(field) {
            return Err(format!("{field} was renamed before; use the name that it has at this step"));
        }
        match made {
            Move::Rename { to, .. } => self.rename(field, to)?,
            Move::Map { values, .. } => self.map(field, values)?,
            Move::Default { value, .. } if value.is_null() => return Err(format!("the default of {field} is null, which is no value")),
            Move::Default { .. } if self.used.contains(field) => {
                return Err(format!("{field} is no new field: a document that does not have it may have lost it by an edit; leave it so"));
            }
            Move::Default { .. } => {}
            Move::Wrap { .. } => drop(self.wrapped.insert(field.to_owned(), true)),
            Move::Unwrap { .. } => drop(self.wrapped.insert(field.to_owned(), false)),
        }
        if !self.retired.contains(field) {
            self.used.insert(field.to_owned());
        }
        self.lens.add(made);
        Ok(())
    }

    fn rename(&mut self, field: &str, to: &str) -> Result<(), String> {
        if to.is_empty() || field == to {
            return Err(format!("{field} is to be renamed to another name"));
        }
        if self.retired.contains(to) {
            return Err(format!("{to} was renamed before: operations in the old form still use it; choose a name that was never used"));
        }
        if self.used.contains(to) {
            return Err(format!("{to} is a field already, and two can't become one; choose another name"));
        }
        self.retired.insert(field.to_owned());
        self.used.remove(field);
        self.used.insert(to.to_owned());
        if let Some(mapped) = self.mapped.remove(field) {
            self.mapped.insert(to.to_owned(), mapped);
        }
        if let Some(wrapped) = self.wrapped.remove(field) {
            self.wrapped.insert(to.to_owned(), wrapped);
        }
        Ok(())
    }

    fn map(&mut self, field: &str, values: &BTreeMap<String, String>) -> Result<(), String> {
        if values.is_empty() {
            return Err(format!("the map of {field} names no value"));
        }
        let (taken, given) = self.mapped.entry(field.to_owned()).or_default();
        taken.extend(values.iter().filter(|(old, new)| old != new).map(|(old, _)| old.clone()));
        given.extend(values.values().cloned());
        match values.values().find(|new| taken.contains(*new)) {
            None => Ok(()),
            Some(new) => {
                Err(format!("{new:?} of {field} is an old value itself: what is lifted already would change again; choose another value"))
            }
        }
    }

    /// Holds what came of the moves to what the schema declares.
    fn arrive(&self, name: &str, collection: &Collection) -> Read<()> {
        let fault =
            |field: &str, detail: String| Err(SchemaFault::at(format!("/collections{}", pointer(&[name, "fields", field])), detail));
        for (field_name, field) in &collection.fields {
            if self.retired.contains(field_name) {
                let detail = format!("{field_name} was renamed by a lens: operations in the old form still use it; choose another name");
                return fault(field_name, detail);
            }
            if let Some((taken, given)) = self.mapped.get(field_name).filter(|_| field.kind == FieldType::Enum) {
                if let Some(old) = field.values.iter().find(|value| taken.contains(*value)) {
                    return fault(field_name, format!("{old:?} was mapped by a lens, and can't be declared again; choose another value"));
                }
                // what a later map took away again is no value any more
                if let Some(new) = given.iter().find(|value| !taken.contains(*value) && !field.values.contains(value)) {
                    return fault(field_name, format!("a lens maps to {new:?}, which is none of its values; declare it"));
                }
            }
            let is_list = matches!(field.kind, FieldType::Set | FieldType::List);
            match self.wrapped.get(field_name) {
                Some(true) if !is_list => return fault(field_name, "a lens makes it a list; declare it as set or list".into()),
                Some(false) if is_list => return fault(field_name, "a lens makes it a scalar; declare it as one".into()),
                _ => {}
            }
            if let Some(value) = self.lens.defaults().get(field_name).filter(|value: &&Value| !field.admits(value)) {
                return fault(field_name, format!("a lens gives it the default {value}, which is not {}", field.describe()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(version: u32, lenses: &Value, fields: &Value) -> Result<(), String> {
        let schema = json!({"name": "x", "version": version, "lenses": lenses, "collections": {"a": {"fields": fields}}});
        Schema::from_value(&schema).map(drop).map_err(|fault| fault.pointer)
    }

    #[test]
    fn steps_follow_each_other_up_to_the_version() {
        let step = |to: u32| json!({"to": to});
        for (version, lenses, place) in [
            (1, json!([]), None),
            (7, json!([]), None),
            (3, json!([step(2), step(3)]), None),
            (5, json!([step(4), step(5)]), None),
            (3, json!([step(2)]), Some("/lenses")),
            (3, json!([step(2), step(3), step(4)]), Some("/lenses")),
            (3, json!([step(3), step(2)]), Some("/lenses/1/to")),
            (4, json!([step(2), step(4)]), Some("/lenses/1/to")),
            (1, json!([step(1)]), Some("/lenses/0/to")),
            (2, json!([{"to": 2, "collections": {"b": []}}]), Some("/lenses/0/collections/b")),
        ] {
            assert_eq!(check(version, &lenses, &json!({})).err().as_deref(), place, "{lenses}");
        }
        let readable = |oldest: u32| Schema::from_value(&json!({"name": "x", "version": 2, "oldest_readable": oldest, "collections": {}}));
        assert!(readable(1).is_ok() && readable(2).is_ok());
        assert_eq!([readable(0), readable(3)].map(|read| read.unwrap_err().pointer), ["/oldest_readable", "/oldest_readable"]);
        assert_eq!(Schema::from_value(&json!({"name": "x", "version": 0, "collections": {}})).unwrap_err().pointer, "/version");
    }

    #[test]
    fn moves_can_be_applied_twice_and_lose_nothing() {
        let rename = |field: &str, to: &str| json!({"move": "rename", "field": field, "to": to});
        let map = |values: Value| json!({"move": "map", "field": "s", "values": values});
        let text = json!({"type": "text"});
        for (moves, fields, place) in [
            (json!([rename("a", "b"), rename("b", "c")]), json!({"c": text}), None),
            (json!([rename("a", "b")]), json!({"a": text}), Some("/collections/a/fields/a")),
            (json!([rename("a", "b"), rename("b", "a")]), json!({}), Some("/lenses/0/collections/a/1")),
            (json!([rename("a", "c"), rename("b", "c")]), json!({}), Some("/lenses/0/collections/a/1")),
            (json!([rename("a", "b"), rename("a", "c")]), json!({}), Some("/lenses/0/collections/a/1")),
            (json!([rename("a", "a")]), json!({}), Some("/lenses/0/collections/a/0")),
            (json!([map(json!({"x": "y"}))]), json!({"s": {"type": "enum", "values": ["y", "z"]}}), None),
            (json!([map(json!({"x": "y"})), map(json!({"y": "z"}))]), json!({"s": {"type": "enum", "values": ["z"]}}), None),
            (json!([map(json!({"x": "y", "y": "x"}))]), json!({}), Some("/lenses/0/collections/a/0")),
            (json!([map(json!({"x": "y"})), map(json!({"z": "x"}))]), json!({}), Some("/lenses/0/collections/a/1")),
            (json!([map(json!({}))]), json!({}), Some("/lenses/0/collections/a/0")),
            (json!([map(json!({"x": "y"}))]), json!({"s": {"type": "enum", "values": ["x", "y"]}}), Some("/collections/a/fields/s")),
            (json!([map(json!({"x": "y"}))]), json!({"s": {"type": "enum", "values": ["z"]}}), Some("/collections/a/fields/s")),
            (json!([{"move": "default", "field": "d", "value": 1}]), json!({"d": {"type": "integer"}}), None),
            (json!([{"move": "default", "field": "d", "value": 1}]), json!({"d": text}), Some("/collections/a/fields/d")),
            (json!([rename("a", "b"), {"move": "default", "field": "b", "value": 1}]), json!({}), Some("/lenses/0/collections/a/1")),
            (json!([{"move": "default", "field": "d", "value": null}]), json!({}), Some("/lenses/0/collections/a/0")),
            (json!([{"move": "wrap", "field": "w"}]), json!({"w": {"type": "set"}}), None),
            (json!([{"move": "wrap", "field": "w"}]), json!({"w": text}), Some("/collections/a/fields/w")),
            (json!([{"move": "unwrap", "field": "w"}]), json!({"w": {"type": "list"}}), Some("/collections/a/fields/w")),
        ] {
            assert_eq!(check(2, &json!([{"to": 2, "collections": {"a": moves}}]), &fields).err().as_deref(), place, "{moves}");
        }
    }
}
