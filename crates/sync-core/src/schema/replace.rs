//! Whether a space's schema may be replaced by another: what is there, and what may still come, must stay readable.

use super::read::{Read, SchemaFault};
use super::{FieldType, Schema};
use crate::json::pointer;
use serde_json::Value;

impl Schema {
    /// Checks that this schema may follow another one in a space. A space without a schema takes any.
    ///
    /// # Errors
    /// What stands in the way, in words, and where.
    pub fn may_follow(&self, before: &Self) -> Read<()> {
        if self.name != before.name {
            let detail = format!(
                "the space's schema is {:?}, and versions of another schema can't be compared with its own; keep the name",
                before.name
            );
            return Err(SchemaFault::at("/name", detail));
        }
        if self.version <= before.version {
            let detail = format!("the space's schema is at version {}; a schema that differs has a higher one", before.version);
            return Err(SchemaFault::at("/version", detail));
        }
        if let Some(name) = before.collections.keys().find(|name| self.collection(name).is_none()) {
            let detail = format!("collection {name} is missing: its documents would be left without rules; keep it");
            return Err(SchemaFault::at("/collections", detail));
        }
        self.keeps_lenses(before)?;
        before.collections.keys().try_for_each(|name| self.takes_values(before, name))
    }

    fn keeps_lenses(&self, before: &Self) -> Read<()> {
        let Some(first) = self.lenses.first() else {
            if before.lenses.is_empty() {
                return Ok(());
            }
            return Err(SchemaFault::at(
                "/lenses",
                "the lenses are missing: operations in older forms may still come; keep them, and add a step for each new version",
            ));
        };
        if first.to > before.version.saturating_add(1) {
            let detail = format!("the space is at version {}, and no step leads on from there; add those that are missing", before.version);
            return Err(SchemaFault::at("/lenses/0/to", detail));
        }
        for step in &before.lenses {
            match self.lenses.iter().position(|other| other.to == step.to) {
                Some(index) if self.lenses.get(index) == Some(step) => {}
                Some(index) => {
                    let detail = "this step is registered already, and what it lifted stays so; leave it as it was, and add another";
                    return Err(SchemaFault::at(format!("/lenses/{index}"), detail));
                }
                None => {
                    let detail = format!("the step to version {} is missing: operations in older forms may still come; keep it", step.to);
                    return Err(SchemaFault::at("/lenses", detail));
                }
            }
        }
        Ok(())
    }

    /// Whether every value that an enum declared has a place in the new one, and no field is pushed aside.
    fn takes_values(&self, before: &Self, name: &str) -> Read<()> {
        let (Some(old), Some(new)) = (before.collections.get(name), self.collections.get(name)) else { return Ok(()) };
        let lens = self.lens(name, before.version).unwrap_or_default();
        for (field_name, field) in &old.fields {
            let now = lens.name_of(field_name);
            let at = || format!("/collections{}", pointer(&[name, "fields", now]));
            if now != field_name && old.fields.contains_key(now) {
                let detail = format!("a lens renames {field_name} to {now}, which is a field already; choose another name");
                return Err(SchemaFault::at(at(), detail));
            }
            if lens.defaults().contains_key(now) {
                let detail =
                    format!("a lens gives {field_name} a default, but it is a field already: a document without it may have lost it");
                return Err(SchemaFault::at(at(), detail));
            }
            let Some(target) = new.fields.get(now).filter(|target| target.kind == FieldType::Enum && field.kind == FieldType::Enum) else {
                continue;
            };
            let place = pointer(&[field_name]);
            if let Some(value) = field.values.iter().find(|value| !target.admits(&lens.lift_value(&place, Value::from(value.as_str())))) {
                let detail = format!("{value:?} of {field_name} is no value any more, and no lens maps it; map it, or keep it");
                return Err(SchemaFault::at(at(), detail));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_there_stays_readable() {
        let schema = |version: u32, lenses: Value, fields: Value| {
            Schema::from_value(&json!({"name": "x", "version": version, "lenses": lenses, "collections": {"a": {"fields": fields}}}))
                .unwrap()
        };
        let of = |values: &[&str]| json!({"s": {"type": "enum", "values": values}});
        let map = |values: Value| json!({"to": 2, "collections": {"a": [{"move": "map", "field": "s", "values": values}]}});
        let rename =
            |to: u32, field: &str, name: &str| json!({"to": to, "collections": {"a": [{"move": "rename", "field": field, "to": name}]}});
        let text = || json!({"t": {"type": "text"}, "u": {"type": "text"}});
        for (before, after, place) in [
            (schema(1, json!([]), text()), schema(2, json!([]), text()), None),
            (schema(1, json!([]), text()), schema(2, json!([rename(2, "t", "v")]), json!({"v": {"type": "text"}})), None),
            // how changes come together may be decided anew
            (schema(1, json!([]), text()), schema(2, json!([]), json!({"t": {"type": "text", "strategy": "lww"}})), None),
            (schema(1, json!([]), json!({"t": {"type": "text", "strategy": "server"}})), schema(2, json!([]), text()), None),
            (schema(2, json!([]), text()), schema(2, json!([]), json!({})), Some("/version")),
            (schema(2, json!([]), text()), schema(1, json!([]), json!({})), Some("/version")),
            (schema(1, json!([]), text()), schema(2, json!([rename(2, "t", "u")]), json!({})), Some("/collections/a/fields/u")),
            (
                schema(1, json!([]), text()),
                schema(2, json!([{"to": 2, "collections": {"a": [{"move": "default", "field": "t", "value": "x"}]}}]), json!({})),
                Some("/collections/a/fields/t"),
            ),
            (schema(1, json!([]), text()), schema(3, json!([{"to": 3}]), json!({})), Some("/lenses/0/to")),
            (schema(2, json!([rename(2, "a", "b")]), json!({})), schema(3, json!([]), json!({})), Some("/lenses")),
            (schema(2, json!([rename(2, "a", "b")]), json!({})), schema(3, json!([{"to": 3}]), json!({})), Some("/lenses")),
            (schema(2, json!([rename(2, "a", "b")]), json!({})), schema(3, json!([{"to": 2}, {"to": 3}]), json!({})), Some("/lenses/0")),
            (schema(2, json!([rename(2, "a", "b")]), json!({})), schema(3, json!([rename(2, "a", "b"), {"to": 3}]), json!({})), None),
            (schema(1, json!([]), of(&["x", "y"])), schema(2, json!([map(json!({"x": "z"}))]), of(&["y", "z"])), None),
            (schema(1, json!([]), of(&["x", "y"])), schema(2, json!([]), of(&["x"])), Some("/collections/a/fields/s")),
            (
                schema(1, json!([]), of(&["x", "y"])),
                schema(2, json!([map(json!({"x": "z"}))]), of(&["z"])),
                Some("/collections/a/fields/s"),
            ),
        ] {
            assert_eq!(after.may_follow(&before).err().map(|fault| fault.pointer).as_deref(), place, "{after:?}");
        }
        let other = Schema { name: "y".into(), ..schema(2, json!([]), json!({})) };
        assert_eq!(other.may_follow(&schema(1, json!([]), json!({}))).unwrap_err().pointer, "/name");
        let fewer = Schema::from_value(&json!({"name": "x", "version": 2, "collections": {"b": {}}})).unwrap();
        assert_eq!(fewer.may_follow(&schema(1, json!([]), json!({}))).unwrap_err().pointer, "/collections");
    }
}
