//! What a change request wants of its document, read and written in the form of the present schema.

use std::collections::BTreeSet;

use merge_engine::Policy;
use serde_json::Value;
use sync_core::DocumentKey;
use sync_core::json::{Object, pointer};

use super::{Proposed, title};
use crate::push::decide::top_of;
use crate::push::world::{Doc, World};

/// What a request wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    /// The places.
    pub(super) paths: Vec<String>,
    /// The members in which they are, as its sender saw them.
    pub(super) base: Object,
    /// The same as its sender would have them.
    pub(super) patch: Object,
    /// Those that are to go.
    pub(super) removed: Vec<String>,
}

impl Wanted {
    /// Reads a request. It stands in the form of the schema under which it was last written; one that somebody made names
    /// no places, and means its members.
    pub(super) fn of(world: &World, key: &DocumentKey, request: &Doc) -> Self {
        let object = |name: &str| request.body.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let texts = |name: &str| -> Vec<String> {
            let list = request.body.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let mut wanted = Self { paths: texts("paths"), base: object("base"), patch: object("patch"), removed: texts("removed") };
        if let Some(lens) = world.lens_since(key, request.fields.version_of("patch")) {
            (wanted.base, wanted.patch) = (lens.lift_patch(&wanted.base), lens.lift_patch(&wanted.patch));
            wanted.removed = wanted.removed.iter().map(|name| lens.name_of(name).to_owned()).collect();
            wanted.paths = wanted.paths.into_iter().map(|path| lens.lift_pointer(&path).unwrap_or(path)).collect();
        }
        if wanted.paths.is_empty() {
            wanted.paths = wanted.names().map(|name| pointer(&[name])).collect();
        }
        wanted
    }

    /// The members that it is about.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.patch.keys().chain(&self.removed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The members that its sender had seen, there or not.
    pub(super) fn has_seen(&self, name: &str) -> bool {
        self.names().any(|other| other == name)
    }

    /// Takes in what the same sender proposes after that: whole members, and places in members.
    pub(super) fn add(&mut self, proposed: &Proposed, policy: &Policy) {
        let inside: BTreeSet<String> =
            proposed.places.iter().filter(|place| !is_member(&place.path)).filter_map(|place| top_of(&place.path)).collect();
        for name in proposed.patch.keys().chain(&proposed.removed) {
            if inside.contains(name) && self.patch.contains_key(name) {
                continue;
            }
            if let Some(value) = proposed.base.get(name).filter(|_| !self.has_seen(name)) {
                self.base.insert(name.clone(), value.clone());
            }
            self.want(name, proposed.patch.get(name));
        }
        for place in &proposed.places {
            if !is_member(&place.path) {
                put_at(&mut self.patch, &place.path, place.theirs.as_ref(), policy);
                if !self.paths.contains(&place.path) {
                    put_at(&mut self.base, &place.path, place.base.as_ref(), policy);
                }
            }
            if !self.paths.contains(&place.path) {
                self.paths.push(place.path.clone());
            }
        }
    }

    fn want(&mut self, name: &str, value: Option<&Value>) {
        self.removed.retain(|other| other != name);
        if let Some(value) = value {
            self.patch.insert(name.to_owned(), value.clone());
        } else {
            self.patch.remove(name);
            self.removed.push(name.to_owned());
        }
    }

    /// Takes a place out, and with the last one its member.
    pub(super) fn drop_place(&mut self, path: &str, policy: &Policy) {
        self.paths.retain(|other| other != path);
        let Some(name) = top_of(path) else { return };
        let was = merge_engine::get(&self.base, path, policy);
        put_at(&mut self.patch, path, was.as_ref(), policy);
        if !self.paths.iter().any(|other| top_of(other).as_ref() == Some(&name)) {
            self.patch.remove(&name);
            self.base.remove(&name);
            self.removed.retain(|other| *other != name);
        }
    }

    /// Writes it into a request, whose title says it in words.
    pub(super) fn put_into(self, body: &mut Object, (world, key): (&World, &DocumentKey)) {
        let names = self.paths.iter().filter_map(|path| top_of(path)).collect();
        body.insert("title".into(), title::of(world, key, &names, (&self.base, &self.patch)).into());
        body.insert("paths".into(), self.paths.into());
        body.insert("base".into(), Value::Object(self.base));
        body.insert("patch".into(), Value::Object(self.patch));
        if self.removed.is_empty() {
            body.remove("removed");
        } else {
            body.insert("removed".into(), self.removed.into());
        }
    }
}

/// Whether a place is a whole top-level member.
pub(in crate::push) fn is_member(path: &str) -> bool {
    path.matches('/').count() == 1
}

/// Puts a value at a place, or takes it away.
pub(in crate::push) fn put_at(body: &mut Object, path: &str, value: Option<&Value>, policy: &Policy) {
    let _ = match value {
        Some(value) => merge_engine::set(body, path, value.clone(), policy),
        None => merge_engine::remove(body, path, policy),
    };
}

#[cfg(test)]
mod tests {
    use merge_engine::Proposal;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    fn proposed(place: (&str, Value, Value), base: &Value, patch: &Value) -> Proposed {
        let there = |value: Value| Some(value).filter(|value| !value.is_null());
        let (path, was, theirs) = place;
        let place = Proposal { path: path.into(), base: there(was.clone()), ours: there(was), theirs: there(theirs), owners: Vec::new() };
        let (base, patch) = (object(base), object(patch));
        let removed = base.keys().filter(|name| !patch.contains_key(*name)).cloned().collect();
        Proposed { places: vec![place], base, patch, removed, owners: Vec::new() }
    }

    #[test]
    fn a_request_grows_and_shrinks_by_its_places() {
        let policy = Policy::default();
        let mut wanted = Wanted::default();
        wanted.add(&proposed(("/o/x", json!(0), json!(1)), &json!({"o": {"x": 0, "y": 0}}), &json!({"o": {"x": 1, "y": 0}})), &policy);
        // what is beside the place moved on meanwhile: only the place counts
        wanted.add(
            &proposed(("/o/z", json!(null), json!(3)), &json!({"o": {"x": 0, "y": 9}}), &json!({"o": {"x": 0, "y": 9, "z": 3}})),
            &policy,
        );
        wanted.add(&proposed(("/o/x", json!(0), json!(2)), &json!({"o": {"x": 0, "y": 9}}), &json!({"o": {"x": 2, "y": 9}})), &policy);
        wanted.add(&proposed(("/t", json!("a"), json!(null)), &json!({"t": "a"}), &json!({})), &policy);
        assert_eq!((&wanted.patch, &wanted.removed), (&object(&json!({"o": {"x": 2, "y": 0, "z": 3}})), &vec!["t".to_owned()]));
        assert_eq!(wanted.base, object(&json!({"o": {"x": 0, "y": 0}, "t": "a"})));
        wanted.drop_place("/o/x", &policy);
        wanted.drop_place("/t", &policy);
        assert_eq!((&wanted.patch, &wanted.removed), (&object(&json!({"o": {"x": 0, "y": 0, "z": 3}})), &Vec::new()));
        wanted.drop_place("/o/z", &policy);
        assert!(wanted.is_empty() && wanted.base.is_empty());
    }
}
