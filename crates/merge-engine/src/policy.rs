//! Which strategy counts where.

use sync_core::Schema;
use sync_core::schema::Collection;

/// How to merge: what a schema says of one collection, and what counts where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The members that may identify an array's items, the preferred one first.
    pub id_members: Vec<String>,
    /// What the schema says of the collection.
    pub collection: Collection,
    /// Its version, told with every decision.
    pub version: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { id_members: ["id", "_id", "key", "uuid"].map(String::from).to_vec(), collection: Collection::default(), version: 0 }
    }
}

impl Policy {
    /// The policy of a schema for a collection; for one that the schema does not have, the one without a schema.
    #[must_use]
    pub fn of(schema: &Schema, collection: &str) -> Self {
        let rules = schema.collection(collection).cloned().unwrap_or_default();
        Self { collection: rules, version: schema.version, ..Self::default() }
    }
}
