//! Reading a schema, member by member, so that a fault names its place.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lens::Step;
use super::rights::Rights;
use super::rule::{Group, PathRule};
use super::strategy::{Owner, Strategy};
use super::{Collection, Field, FieldType, Schema};
use crate::json::{Object, pointer};

/// What is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}{}", if pointer.is_empty() { String::new() } else { format!(" (at {pointer})") })]
pub struct SchemaFault {
    /// Where, an RFC 6901 pointer into the schema.
    pub pointer: String,
    /// What, and what to do.
    pub detail: String,
}

impl SchemaFault {
    pub(super) fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

pub(super) type Read<T> = Result<T, SchemaFault>;

/// The members of an object that has no others than these.
fn members<'a>(value: &'a Value, at: &str, known: &[&str]) -> Read<&'a Object> {
    let Value::Object(members) = value else { return Err(SchemaFault::at(at, "this is to be an object")) };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => {
            Err(SchemaFault::at(format!("{at}{}", pointer(&[name])), format!("{name:?} is none of its members: {}", known.join(", "))))
        }
    }
}

fn optional<T: DeserializeOwned>(members: &Object, name: &str, at: &str) -> Read<Option<T>> {
    let Some(value) = members.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|error| SchemaFault::at(format!("{at}/{name}"), error.to_string()))
}

fn required<T: DeserializeOwned>(members: &Object, name: &str, at: &str) -> Read<T> {
    optional(members, name, at)?.ok_or_else(|| SchemaFault::at(format!("{at}/{name}"), format!("{name} is missing")))
}

/// The named parts of an object, each read with its place.
fn parts<T>(value: Option<&Value>, at: &str, read: impl Fn(&Value, &str) -> Read<T>) -> Read<BTreeMap<String, T>> {
    let parts = match value {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(parts)) => parts,
        Some(_) => return Err(SchemaFault::at(at, "this is to be an object")),
    };
    parts.iter().map(|(name, part)| Ok((name.clone(), read(part, &format!("{at}{}", pointer(&[name])))?))).collect()
}

fn list<T>(value: Option<&Value>, at: &str, read: impl Fn(&Value, &str) -> Read<T>) -> Read<Vec<T>> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().enumerate().map(|(index, item)| read(item, &format!("{at}/{index}"))).collect(),
        Some(_) => Err(SchemaFault::at(at, "this is to be a list")),
    }
}

pub(super) fn schema(value: &Value) -> Read<Schema> {
    let all = members(value, "", &["name", "version", "oldest_readable", "lenses", "collections", "rules"])?;
    if !all.contains_key("collections") {
        return Err(SchemaFault::at("/collections", "collections is missing; {} takes every collection"));
    }
    Ok(Schema {
        name: required(all, "name", "")?,
        version: required(all, "version", "")?,
        oldest_readable: optional(all, "oldest_readable", "")?.unwrap_or(1),
        lenses: list(all.get("lenses"), "/lenses", step)?,
        collections: parts(all.get("collections"), "/collections", collection)?,
        rules: list(all.get("rules"), "/rules", plain)?,
        upgrades: Vec::new(),
    })
}

fn collection(value: &Value, at: &str) -> Read<Collection> {
    let said = ["delete", "lane", "tier", "visibility", "label", "asks", "deadline", "shift", "groups", "paths", "types", "fields"];
    let known: Vec<&str> = said.into_iter().chain(RIGHTS).chain(["own"]).collect();
    let all = members(value, at, &known)?;
    Ok(Collection {
        delete: optional(all, "delete", at)?.unwrap_or_default(),
        lane: optional(all, "lane", at)?.unwrap_or_default(),
        tier: optional(all, "tier", at)?,
        visibility: optional(all, "visibility", at)?,
        rights: rights(all, at)?,
        own: optional(all, "own", at)?,
        label: optional(all, "label", at)?,
        asks: list(all.get("asks"), &format!("{at}/asks"), owner)?,
        deadline: optional(all, "deadline", at)?,
        shift: optional(all, "shift", at)?,
        groups: parts(all.get("groups"), &format!("{at}/groups"), group)?,
        paths: list(all.get("paths"), &format!("{at}/paths"), path_rule)?,
        types: types(all.get("types"), &format!("{at}/types"))?,
        fields: parts(all.get("fields"), &format!("{at}/fields"), field)?,
    })
}

fn field(value: &Value, at: &str) -> Read<Field> {
    let said = ["type", "values", "sensitivity", "lane", "strategy", "label"];
    let all = members(value, at, &said.into_iter().chain(RIGHTS).collect::<Vec<_>>())?;
    Ok(Field {
        kind: required(all, "type", at)?,
        values: optional(all, "values", at)?.unwrap_or_default(),
        sensitivity: optional(all, "sensitivity", at)?.unwrap_or_default(),
        lane: optional(all, "lane", at)?.unwrap_or_default(),
        strategy: all.get("strategy").map(|value| strategy(value, &format!("{at}/strategy"))).transpose()?,
        label: optional(all, "label", at)?,
        rights: rights(all, at)?,
    })
}

const RIGHTS: [&str; 3] = ["read", "write", "mask"];

fn rights(all: &Object, at: &str) -> Read<Rights> {
    let mask: Option<_> = optional(all, "mask", at)?;
    Ok(Rights { read: optional(all, "read", at)?, write: optional(all, "write", at)?, mask: mask.unwrap_or_default() })
}

fn plain<T: DeserializeOwned>(value: &Value, at: &str) -> Read<T> {
    T::deserialize(value).map_err(|error| SchemaFault::at(at, error.to_string()))
}

fn strategy(value: &Value, at: &str) -> Read<Strategy> {
    Strategy::from_value(value).map_err(|fault| SchemaFault::at(at, fault))
}

fn owner(value: &Value, at: &str) -> Read<Owner> {
    let text = value.as_str().ok_or_else(|| SchemaFault::at(at, "an owner is a string such as role:lead"))?;
    Owner::parse(text).map_err(|fault| SchemaFault::at(at, fault))
}

fn group(value: &Value, at: &str) -> Read<Group> {
    let all = members(value, at, &["fields", "strategy"])?;
    let declared = all.get("strategy").map(|value| strategy(value, &format!("{at}/strategy"))).transpose()?;
    Ok(Group { fields: required(all, "fields", at)?, strategy: declared.unwrap_or(Strategy::Ask) })
}

fn path_rule(value: &Value, at: &str) -> Read<PathRule> {
    let all = members(value, at, &["path", "strategy"])?;
    let declared = all.get("strategy").ok_or_else(|| SchemaFault::at(format!("{at}/strategy"), "strategy is missing"))?;
    Ok(PathRule { path: required(all, "path", at)?, strategy: strategy(declared, &format!("{at}/strategy"))? })
}

fn types(value: Option<&Value>, at: &str) -> Read<BTreeMap<FieldType, Strategy>> {
    let by_name = parts(value, at, strategy)?;
    by_name.into_iter().map(|(name, strategy)| Ok((plain(&Value::from(name.as_str()), &format!("{at}/{name}"))?, strategy))).collect()
}

fn step(value: &Value, at: &str) -> Read<Step> {
    let all = members(value, at, &["to", "collections"])?;
    let moves = |value: &Value, at: &str| {
        list(Some(value), at, |value, at| {
            serde::Deserialize::deserialize(value).map_err(|error: serde_json::Error| SchemaFault::at(at, error.to_string()))
        })
    };
    Ok(Step { to: required(all, "to", at)?, collections: parts(all.get("collections"), &format!("{at}/collections"), moves)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_with_a_fault_is_refused_with_its_place() {
        let collections = |inner: &str| format!(r#"{{"name":"x","version":1,"collections":{{{inner}}}}}"#);
        let lenses = |inner: &str| format!(r#"{{"name":"x","version":2,"lenses":{inner},"collections":{{}}}}"#);
        for (text, place, words) in [
            ("{".into(), "", "line 1"),
            ("[]".into(), "", "object"),
            (r#"{"name":"x","version":1}"#.into(), "/collections", "missing"),
            (r#"{"version":1,"collections":{}}"#.into(), "/name", "missing"),
            (r#"{"name":"x","version":"1","collections":{}}"#.into(), "/version", "expected u32"),
            (r#"{"name":"x","version":1,"collections":{},"more":1}"#.into(), "/more", "oldest_readable"),
            (collections(r#""Bad":{}"#), "/collections/Bad", "[a-z]"),
            (collections(r#""a":{"delete":"never"}"#), "/collections/a/delete", "edit_wins"),
            (collections(r#""a":{"tier":4}"#), "/collections/a", "tier"),
            (collections(r#""a":{"feilds":{}}"#), "/collections/a/feilds", "fields"),
            (collections(r#""a":{"visibility":{"field":"v"}}"#), "/collections/a/visibility", "audiences"),
            (collections(r#""a":{"fields":{"f/g":{"type":"txt"}}}"#), "/collections/a/fields/f~1g/type", "text"),
            (collections(r#""a":{"fields":{"f":{"type":"text","lane":9}}}"#), "/collections/a/fields/f", "lane"),
            (collections(r#""a":{"fields":{"f":{"type":"enum"}}}"#), "/collections/a/fields/f", "values"),
            (lenses("{}"), "/lenses", "list"),
            (lenses(r#"[{"collections":{}}]"#), "/lenses/0/to", "missing"),
            (lenses(r#"[{"to":2,"collections":{"a":[{"move":"rename","field":"f"}]}}]"#), "/lenses/0/collections/a/0", "`to`"),
            (lenses(r#"[{"to":2,"collections":{"a":[{"move":"wrap","field":"f","to":"g"}]}}]"#), "/lenses/0/collections/a/0", "`to`"),
            (lenses(r#"[{"to":2,"collections":{"a":[{"move":"split"}]}}]"#), "/lenses/0/collections/a/0", "rename"),
        ] {
            let fault = Schema::parse(&text).unwrap_err();
            assert_eq!(fault.pointer, place, "{text}: {fault}");
            assert!(fault.to_string().contains(words), "{fault}");
        }
    }
}
