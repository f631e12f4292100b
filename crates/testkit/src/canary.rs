//! Canaries: a value of its own in every field of every collection of a schema, and a search for them in whatever was sent,
//! in any form in which a value may travel.

mod asked;
mod found;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sync_core::schema::FieldType;
use sync_core::{Role, Schema};

pub use self::asked::{Asked, Call, intrusions};
pub use self::found::found_in;

/// What the server alone writes, and what says who sees a document.
const NOT_WRITTEN: [&str; 4] = ["status", "signed_state", "signers", "visibility"];
/// A collection that is written by the server, and decided by people.
pub const REQUESTS: &str = "change_requests";
/// Numbers that are canaries begin with these digits.
const NUMBERS: u64 = 7_700_007_700_000;

/// A text that is found again wherever it is told, by its number.
#[must_use]
pub fn mark(number: usize, words: &str) -> String {
    format!("canary-{number}-{words}")
}

/// A field's values, three for each, all found again by one number.
#[derive(Debug, Clone)]
pub struct Canary {
    /// Where the field is.
    pub collection: String,
    /// Its name.
    pub field: String,
    /// What is written into it, one after the other.
    pub values: [Value; 3],
}

impl Canary {
    fn new(collection: &str, field: &str, kind: FieldType, number: usize) -> Option<Self> {
        let text = |which: usize| mark(number, &format!("{which}-{collection}-{field}"));
        let value = |which: usize| {
            Some(match kind {
                FieldType::Text => json!(text(which)),
                FieldType::Set => json!([text(which)]),
                FieldType::List => json!([{"id": text(which)}]),
                FieldType::Object => json!({"x": text(which)}),
                FieldType::Integer | FieldType::Number => json!(NUMBERS + u64::try_from(10 * number + which).unwrap()),
                // what can only be one of a few values, or names somebody, is no canary
                _ => return None,
            })
        };
        Some(Self { collection: collection.to_owned(), field: field.to_owned(), values: [value(0)?, value(1)?, value(2)?] })
    }

    /// Whether somebody in a role reads it.
    #[must_use]
    pub fn is_for(&self, schema: &Schema, role: Role) -> bool {
        let collection = &schema.collections[&self.collection];
        collection.viewers().roles.includes(role) && collection.readers(&self.field).roles.includes(role)
    }
}

/// The canaries of a schema; each one's number is its place.
#[must_use]
pub fn canaries(schema: &Schema) -> Vec<Canary> {
    let collections = schema.collections.iter().filter(|(name, _)| *name != REQUESTS);
    let fields =
        collections.flat_map(|(name, collection)| collection.fields.iter().map(move |(field, declared)| (name, field, declared.kind)));
    let mut canaries = Vec::new();
    for (name, field, kind) in fields.filter(|(_, field, _)| !NOT_WRITTEN.contains(&field.as_str())) {
        canaries.extend(Canary::new(name, field, kind, canaries.len()));
    }
    canaries
}

/// The document of each collection that has them; in a name that tells of it.
#[must_use]
pub fn document(collection: &str) -> String {
    format!("document-of-{collection}")
}

/// The first, second or third values of all fields, by collection.
#[must_use]
pub fn patches(canaries: &[Canary], which: usize) -> BTreeMap<String, Map<String, Value>> {
    let mut patches: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for canary in canaries {
        patches.entry(canary.collection.clone()).or_default().insert(canary.field.clone(), canary.values[which].clone());
    }
    patches
}

/// An operation on the document of a collection, without its id. A deletion has no patch.
#[must_use]
pub fn operation(kind: &str, collection: &str, base: &Value, patch: Value) -> Value {
    let mut operation = json!({"kind": kind, "collection": collection, "document_id": document(collection), "base_version": base});
    if kind != "delete" {
        operation["patch"] = patch;
    }
    operation
}
