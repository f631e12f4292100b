//! What a reader may not read of questions and change requests: the values of sensitive fields are left out, and it is
//! said that they are. A masked document is another body of the same version.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::conflict::{Conflict, DisputedField};
use sync_core::document::{CHANGE_REQUESTS, CONFLICTS};
use sync_core::json::{Object, RawJson, pointer, pointer_tokens};
use sync_core::{Role, Schema, UserId};

use super::people::is_meant;
use super::words::label_member;

/// Somebody who reads.
#[derive(Clone, Copy)]
pub(crate) struct Eyes<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) user_id: UserId,
    pub(crate) role: Role,
}

impl Eyes<'_> {
    /// Whether there may be something in a collection's documents that this reader does not see.
    pub(crate) fn are_covered(&self, collection: &str) -> bool {
        !self.role.may_read(u8::MAX) && (collection == CONFLICTS || collection == CHANGE_REQUESTS)
    }

    /// A document's body as this reader sees it.
    pub(crate) fn see(&self, collection: &str, body: RawJson) -> RawJson {
        if !self.are_covered(collection) {
            return body;
        }
        if collection == CHANGE_REQUESTS {
            let mut request = body.object();
            return if self.mask_request(&mut request) { RawJson::from_object(&request) } else { body };
        }
        let Some(mut conflict) = body.read::<Conflict>() else { return RawJson::from_object(&Object::new()) };
        if self.mask(&mut conflict) { RawJson::of(&conflict) } else { body }
    }

    /// Members of a document as this reader sees them, of which only some are sent.
    pub(crate) fn see_part(&self, collection: &str, body: &RawJson, mut part: Object) -> Object {
        if self.are_covered(collection) && collection == CHANGE_REQUESTS {
            let mut whole = body.object();
            if self.mask_request(&mut whole) {
                part = part.into_iter().map(|(name, value)| (name.clone(), whole.get(&name).cloned().unwrap_or(value))).collect();
                part.extend(whole.remove("masked").map(|names| ("masked".to_owned(), names)));
            }
        }
        part
    }

    /// The sensitivity of a top-level field.
    pub(crate) fn sensitivity(&self, collection: &str, field: &str) -> u8 {
        let declared = |name: &str| self.schema.collection(collection).and_then(|rules| rules.fields.get(name));
        // what is told in the words of an older schema is as sensitive as what it is called now
        let renamed = || self.schema.lens(collection, 1)?.lift_pointer(&pointer(&[field]));
        let now = || pointer_tokens(&renamed()?)?.into_iter().next();
        declared(field).or_else(|| declared(&now()?)).map_or(0, |field| field.sensitivity)
    }

    /// Whether this reader may read a field.
    pub(crate) fn may_read(&self, collection: &str, field: &str) -> bool {
        self.role.may_read(self.sensitivity(collection, field))
    }

    /// Leaves out what this reader may not read of a question; whether anything was. Whoever is named to decide a field
    /// owns it, and reads it.
    pub(crate) fn mask(&self, conflict: &mut Conflict) -> bool {
        if self.role.may_read(u8::MAX) {
            return false;
        }
        let mut any = false;
        let collection = conflict.collection.clone();
        for (path, field) in &mut conflict.fields {
            any |= self.mask_field(&collection, path, field);
        }
        for part in &mut conflict.documents {
            for (path, field) in &mut part.fields {
                any |= self.mask_field(&part.collection, path, field);
            }
        }
        // without a document at hand, the name is taken for that of the declared member
        let named_by = label_member(self.schema, &collection, &Object::new());
        if conflict.title.is_some() && named_by.is_some_and(|member| !self.may_read(&collection, member)) {
            conflict.title = None;
            any = true;
        }
        any
    }

    fn mask_field(&self, collection: &str, path: &str, field: &mut DisputedField) -> bool {
        if field.asks.iter().any(|ask| is_meant(ask, self.user_id, self.role)) {
            return false;
        }
        let sides = [&mut field.base, &mut field.ours, &mut field.theirs, &mut field.outcome];
        let hidden = self.mask_values(collection, path, sides);
        if hidden {
            field.masked = true;
            (field.suggestion, field.consequences) = (None, None);
        }
        hidden
    }

    /// Leaves values of a place out that this reader may not read, of a whole document its members; whether any was.
    pub(crate) fn mask_values(&self, collection: &str, path: &str, values: [&mut Value; 4]) -> bool {
        match pointer_tokens(path).and_then(|tokens| tokens.into_iter().next()) {
            Some(name) if self.may_read(collection, &name) => false,
            Some(_) => {
                for value in values {
                    *value = Value::Null;
                }
                true
            }
            None => {
                let mut any = false;
                for value in values {
                    any |= self.mask_members(collection, value);
                }
                any
            }
        }
    }

    /// Leaves the members out of a whole document that this reader may not read.
    fn mask_members(&self, collection: &str, document: &mut Value) -> bool {
        let Value::Object(members) = document else { return false };
        let before = members.len();
        members.retain(|name, _| self.may_read(collection, name));
        members.len() < before
    }

    /// Leaves out what is proposed for fields that this reader may not read, and says which; whether there was any. What
    /// somebody proposed themselves, they know.
    fn mask_request(&self, request: &mut Object) -> bool {
        let text = |name: &str| request.get(name).and_then(Value::as_str);
        if text("requested_by").is_some_and(|id| id.parse() == Ok(self.user_id)) {
            return false;
        }
        let collection = text("collection").unwrap_or_default().to_owned();
        let mut hidden = BTreeSet::new();
        for side in ["patch", "base"] {
            let Some(Value::Object(members)) = request.get_mut(side) else { continue };
            hidden.extend(members.keys().filter(|name| !self.may_read(&collection, name)).cloned());
            members.retain(|name, _| self.may_read(&collection, name));
        }
        if hidden.is_empty() {
            return false;
        }
        request.insert("masked".into(), hidden.into_iter().map(Value::from).collect());
        true
    }
}
