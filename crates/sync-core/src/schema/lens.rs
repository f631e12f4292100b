//! Lenses: what turns what is said in an older version of a schema into its present version.
//!
//! A schema lists moves by version step and collection. [`Schema::lens`] makes one [`Lens`] of all the steps above a
//! version; it lifts documents, merge patches, inline bases, and single places. After Cambria (Ink & Switch, 2020), one
//! way only; `docs/adr/0010-lenses.md` says why.
//!
//! Guarantees, each one a property test: lifting twice is lifting once; lifting a patched document is patching the
//! lifted document with the lifted patch; no value is lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Schema;
use crate::json::{Object, pointer, pointer_tokens};

/// What leads from the version before to one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The version that it leads to.
    pub to: u32,
    /// The moves of each collection, in order. What is not named stays as it is.
    pub collections: BTreeMap<String, Vec<Move>>,
}

/// One change of a collection's documents. Moves touch top-level members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "move", rename_all = "snake_case", deny_unknown_fields)]
pub enum Move {
    /// A field has another name. Where the new name has a value already, the old one stays, as an unknown field.
    Rename {
        /// Before.
        field: String,
        /// After.
        to: String,
    },
    /// A field's values have other names, alone or as a list's items. A value that is not named stays as it came.
    Map {
        /// The field.
        field: String,
        /// The old values with the new ones.
        values: BTreeMap<String, String>,
    },
    /// A document that does not have a new field gets it. Patches don't.
    Default {
        /// The field.
        field: String,
        /// What it gets.
        value: Value,
    },
    /// A scalar becomes a list of one.
    Wrap {
        /// The field.
        field: String,
    },
    /// A list of one scalar becomes that scalar, an empty list goes; others stay.
    Unwrap {
        /// The field.
        field: String,
    },
}

impl Move {
    /// The field that it is about, by its name before.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Rename { field, .. }
            | Self::Map { field, .. }
            | Self::Default { field, .. }
            | Self::Wrap { field }
            | Self::Unwrap { field } => field,
        }
    }
}

/// What happens to a value on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Turn {
    Map(BTreeMap<String, String>),
    Wrap,
    Unwrap,
}

impl Turn {
    fn apply(&self, value: &mut Value) {
        match (self, &mut *value) {
            (Self::Map(values), Value::Array(items)) => items.iter_mut().for_each(|item| rename(values, item)),
            (Self::Map(values), value) => rename(values, value),
            (Self::Wrap, Value::Bool(_) | Value::Number(_) | Value::String(_)) => *value = Value::Array(vec![value.take()]),
            (Self::Unwrap, Value::Array(items)) => match items.as_mut_slice() {
                [] => *value = Value::Null,
                [only @ (Value::Bool(_) | Value::Number(_) | Value::String(_))] => *value = only.take(),
                _ => {}
            },
            _ => {}
        }
    }
}

fn rename(values: &BTreeMap<String, String>, value: &mut Value) {
    if let Value::String(text) = value
        && let Some(new) = values.get(text)
    {
        text.clone_from(new);
    }
}

/// Where a member goes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    to: String,
    turns: Vec<Turn>,
    /// Counts the renamed members: of two that would become the same one, the later name goes first.
    order: usize,
}

/// What lifts one collection from one version to the present one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lens {
    /// By the name in the older version.
    ways: BTreeMap<String, Way>,
    /// By the present name.
    defaults: BTreeMap<String, Value>,
}

impl Schema {
    /// What lifts a collection from a version; `None` when nothing changed since.
    #[must_use]
    pub fn lens(&self, collection: &str, from: u32) -> Option<Lens> {
        if self.lenses.is_empty() || from >= self.version {
            return None;
        }
        let mut lens = Lens::default();
        let steps = self.lenses.iter().filter(|step| step.to > from);
        for made in steps.filter_map(|step| step.collections.get(collection)).flatten() {
            lens.add(made);
        }
        (lens != Lens::default()).then_some(lens)
    }
}

impl Lens {
    pub(super) fn add(&mut self, made: &Move) {
        match made {
            Move::Rename { field, to } => self.rename(field, to),
            Move::Map { field, values } => self.turn(field, &Turn::Map(values.clone())),
            Move::Wrap { field } => self.turn(field, &Turn::Wrap),
            Move::Unwrap { field } => self.turn(field, &Turn::Unwrap),
            Move::Default { field, value } => {
                self.defaults.entry(field.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    fn rename(&mut self, field: &str, to: &str) {
        let order = self.ways.len();
        let own = self.ways.entry(field.to_owned()).or_insert_with(|| Way { to: field.to_owned(), turns: Vec::new(), order });
        own.order = order;
        for way in self.ways.values_mut().filter(|way| way.to == field) {
            to.clone_into(&mut way.to);
        }
        if let Some(value) = self.defaults.remove(field) {
            self.defaults.insert(to.to_owned(), value);
        }
    }

    fn turn(&mut self, field: &str, turn: &Turn) {
        let order = self.ways.len();
        self.ways.entry(field.to_owned()).or_insert_with(|| Way { to: field.to_owned(), turns: Vec::new(), order });
        for way in self.ways.values_mut().filter(|way| way.to == field) {
            way.turns.push(turn.clone());
        }
        if let Some(value) = self.defaults.get_mut(field) {
            turn.apply(value);
        }
    }

    /// The present name of a member.
    #[must_use]
    pub fn name_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.ways.get(name).map_or(name, |way| &way.to)
    }

    /// What every document has at least.
    pub(super) fn defaults(&self) -> &BTreeMap<String, Value> {
        &self.defaults
    }

    /// Lifts members that carry a value: what moves does not push another value aside, but keeps its old name and
    /// value where there is one.
    pub fn carry<T>(&self, members: impl IntoIterator<Item = (String, T)>, value: impl Fn(&mut T) -> &mut Value) -> BTreeMap<String, T> {
        let mut lifted: BTreeMap<String, T> = BTreeMap::new();
        let mut moving: Vec<(&Way, String, T)> = Vec::new();
        for (name, mut member) in members {
            match self.ways.get(&name) {
                Some(way) if way.to != name => moving.push((way, name, member)),
                way => {
                    way.into_iter().flat_map(|way| &way.turns).for_each(|turn| turn.apply(value(&mut member)));
                    lifted.insert(name, member);
                }
            }
        }
        moving.sort_by_key(|(way, _, _)| std::cmp::Reverse(way.order));
        for (way, name, mut member) in moving {
            if lifted.get_mut(&way.to).is_some_and(|taken| !value(taken).is_null()) {
                lifted.insert(name, member);
                continue;
            }
            way.turns.iter().for_each(|turn| turn.apply(value(&mut member)));
            lifted.insert(way.to.clone(), member);
        }
        lifted
    }

    /// Lifts a merge patch, or an inline base: members that are `null` stay so, and nothing is added.
    #[must_use]
    pub fn lift_patch(&self, patch: &Object) -> Object {
        self.carry(patch.clone(), |value| value).into_iter().collect()
    }

    /// Lifts a whole document.
    #[must_use]
    pub fn lift_document(&self, body: &Object) -> Object {
        let mut lifted = self.lift_patch(body);
        lifted.retain(|_, value| !value.is_null());
        self.add_defaults(&mut lifted, |_| false);
        lifted
    }

    /// Adds what every document has at least, but for members that are known to be left out.
    pub fn add_defaults(&self, body: &mut Object, left_out: impl Fn(&str) -> bool) {
        for (name, value) in &self.defaults {
            if !body.contains_key(name) && !left_out(name) {
                body.insert(name.clone(), value.clone());
            }
        }
    }

    /// Lifts a pointer (RFC 6901) into a document; `None` when it stays as it is.
    #[must_use]
    pub fn lift_pointer(&self, place: &str) -> Option<String> {
        let mut tokens = pointer_tokens(place)?;
        let first = tokens.first_mut()?;
        let way = self.ways.get(first).filter(|way| way.to != *first)?;
        first.clone_from(&way.to);
        Some(pointer(&tokens))
    }

    /// Lifts the value at a pointer, which is the whole document for the empty one.
    #[must_use]
    pub fn lift_value(&self, place: &str, mut value: Value) -> Value {
        match (pointer_tokens(place).as_deref(), &mut value) {
            (Some([]), Value::Object(body)) => return Value::Object(self.lift_document(body)),
            (Some([name]), value) => {
                self.ways.get(name).into_iter().flat_map(|way| &way.turns).for_each(|turn| turn.apply(value));
            }
            _ => {}
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema of `notes` at version 4 with every move.
    fn schema() -> Schema {
        let schema = json!({"name": "x", "version": 4, "collections": {}, "lenses": [
            {"to": 2, "collections": {"notes": [
                {"move": "rename", "field": "mail", "to": "email"},
                {"move": "map", "field": "state", "values": {"todo": "open", "doing": "open"}},
            ]}},
            {"to": 3, "collections": {"notes": [{"move": "wrap", "field": "email"}, {"move": "default", "field": "kind", "value": "note"}]}},
            {"to": 4, "collections": {"notes": [
                {"move": "rename", "field": "email", "to": "emails"},
                {"move": "unwrap", "field": "tags"},
                {"move": "map", "field": "kind", "values": {"note": "memo"}},
            ]}},
        ]});
        Schema::from_value(&schema).unwrap()
    }

    fn object(value: Value) -> Object {
        match value {
            Value::Object(object) => object,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn lifts_documents_from_their_version() {
        for (from, before, after) in [
            (1, json!({"mail": "a@b", "state": "todo", "x": 1}), json!({"emails": ["a@b"], "state": "open", "x": 1, "kind": "memo"})),
            (2, json!({"email": "a@b", "state": "todo"}), json!({"emails": ["a@b"], "state": "todo", "kind": "memo"})),
            (3, json!({"email": ["a"], "kind": "other"}), json!({"emails": ["a"], "kind": "other"})),
            (3, json!({"tags": ["a"]}), json!({"tags": "a"})),
            (3, json!({"tags": []}), json!({})),
            (3, json!({"tags": ["a", "b"]}), json!({"tags": ["a", "b"]})),
            (3, json!({"tags": [["a"]]}), json!({"tags": [["a"]]})),
            // a value that the map does not know, and one in a list
            (1, json!({"state": "later", "kind": "k"}), json!({"state": "later", "kind": "k"})),
            (1, json!({"state": ["todo", 1], "kind": "k"}), json!({"state": ["open", 1], "kind": "k"})),
            // both names: the new one is the field
            (1, json!({"mail": "old", "emails": ["new"], "kind": "k"}), json!({"mail": "old", "emails": ["new"], "kind": "k"})),
            (1, json!({"mail": "older", "email": "old", "kind": "k"}), json!({"mail": "older", "emails": ["old"], "kind": "k"})),
        ] {
            assert_eq!(Value::Object(schema().lens("notes", from).unwrap().lift_document(&object(before))), after);
        }
        assert_eq!(schema().lens("notes", 4), None);
        assert_eq!(schema().lens("notes", 9), None);
        assert_eq!(schema().lens("guests", 1), None);
    }

    #[test]
    fn lifts_patches_and_places() {
        let lens = schema().lens("notes", 1).unwrap();
        for (before, after) in [
            (json!({"mail": null}), json!({"emails": null})),
            (json!({"mail": "a", "emails": null}), json!({"emails": ["a"]})),
            (json!({"mail": null, "emails": ["b"]}), json!({"mail": null, "emails": ["b"]})),
            (json!({"state": "doing", "tags": []}), json!({"state": "open", "tags": null})),
            (json!({"mail": {"work": "a"}}), json!({"emails": {"work": "a"}})),
        ] {
            assert_eq!(Value::Object(lens.lift_patch(&object(before))), after);
        }
        assert_eq!(lens.lift_pointer("/mail/a~1b").as_deref(), Some("/emails/a~1b"));
        assert_eq!((lens.lift_pointer("/state"), lens.lift_pointer(""), lens.lift_pointer("mail")), (None, None, None));
        assert_eq!(lens.lift_value("/mail", json!("a")), json!(["a"]));
        assert_eq!(lens.lift_value("/mail/0", json!("a")), json!("a"));
        assert_eq!(lens.lift_value("", json!({"state": "todo"})), json!({"state": "open", "kind": "memo"}));
        assert_eq!(lens.lift_value("", json!(null)), json!(null));
    }
}
