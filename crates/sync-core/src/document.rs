//! Documents: their keys, who wrote them, and the version and stamp of every top-level field.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, OpId, UserId};
use crate::limits::MAX_ID_BYTES;

/// The reserved collection in which conflicts travel.
pub const CONFLICTS: &str = "_conflicts";

/// The collection of change requests: documents that the server makes of what somebody may only propose.
pub const CHANGE_REQUESTS: &str = "change_requests";

/// Collection and document id as one string, `collection/id`: unique in a space, and ordered as (collection, id) by
/// bytes, because `/` sorts before every character that a collection's name may hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey(Box<str>);

impl DocumentKey {
    /// A key of two valid names; `None` when the collection is not `[a-z][a-z0-9_]{0,63}` (or a reserved name) or the
    /// id is not 1–128 characters of 0x21–0x7E.
    #[must_use]
    pub fn new(collection: &str, id: &str) -> Option<Self> {
        ((is_collection_name(collection) || collection == CONFLICTS) && is_document_id(id)).then(|| Self::joined(collection, id))
    }

    /// The key under which a conflict travels.
    #[must_use]
    pub fn conflict(id: crate::ConflictId) -> Self {
        Self::joined(CONFLICTS, &id.to_string())
    }

    /// A key as it was stored, unchecked: `None` only when it holds no `/`.
    #[must_use]
    pub fn from_stored(text: String) -> Option<Self> {
        text.contains('/').then(|| Self(text.into_boxed_str()))
    }

    fn joined(collection: &str, id: &str) -> Self {
        Self(format!("{collection}/{id}").into_boxed_str())
    }

    /// `collection/id`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The collection's name.
    #[must_use]
    pub fn collection(&self) -> &str {
        self.0.split_once('/').map_or("", |(collection, _)| collection)
    }

    /// The document's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, id)| id)
    }
}

impl Borrow<str> for DocumentKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a name is `[a-z][a-z0-9_]{0,63}`.
#[must_use]
pub fn is_collection_name(name: &str) -> bool {
    name.len() <= 64
        && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether an id is 1–128 ASCII characters of 0x21–0x7E.
#[must_use]
pub fn is_document_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// Who made a change, on which device, by which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The person.
    pub user_id: UserId,
    /// Their device.
    pub device_id: DeviceId,
    /// The operation or resolution.
    pub op_id: OpId,
}

/// A field's place in the hybrid clock, fixed at commit by the node that decides: corrected device milliseconds, a
/// counter along the chain, and the operation's id as the last tie-breaker. Compared in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp(pub i64, pub u32, pub OpId);

/// When a top-level field last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldVersion(
    /// The space's sequence number of that change.
    pub i64,
    /// Its stamp.
    pub Stamp,
);

/// The field versions of one document, by top-level member. A member that was removed keeps its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct FieldVersions(pub BTreeMap<String, FieldVersion>);

impl FieldVersions {
    /// The version at which a field last changed; 0 for one that never existed.
    #[must_use]
    pub fn version_of(&self, field: &str) -> i64 {
        self.0.get(field).map_or(0, |entry| entry.0)
    }

    /// The fields that changed after a version.
    pub fn above(&self, version: i64) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, entry)| entry.0 > version).map(|(field, _)| field.as_str())
    }

    /// The stored form: the writes that are still to be seen in some field, each once, and the fields that point at them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writes: Vec<FieldVersion> = self.0.values().copied().collect();
        writes.sort_unstable();
        writes.dedup();
        let fields = self.0.iter().filter_map(|(name, write)| Some((name.as_str(), writes.binary_search(write).ok()?))).collect();
        postcard::to_extend(&Stored { writes, fields }, vec![FORMAT]).unwrap_or_default()
    }

    /// Reads the stored form; `None` when it is damaged.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&FORMAT, rest)) => {
                let stored: Stored<'_> = postcard::from_bytes(rest).ok()?;
                let field = |(name, write): (&str, usize)| Some((name.to_owned(), *stored.writes.get(write)?));
                stored.fields.into_iter().map(field).collect::<Option<_>>().map(Self)
            }
            // the first form, JSON by name
            _ => serde_json::from_slice(bytes).ok(),
        }
    }
}

/// The first byte of the stored form. JSON begins with another.
const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    writes: Vec<FieldVersion>,
    #[serde(borrow)]
    fields: Vec<(&'a str, usize)>,
}

#[cfg(test)]
mod tests {
    use super::DocumentKey;

    #[test]
    fn keys_order_as_collection_then_id() {
        let mut keys = [("guests", "a"), ("guest", "z"), ("guest_notes", "b"), ("guests", "B"), ("guest", "!")]
            .map(|(c, i)| DocumentKey::new(c, i).unwrap());
        keys.sort();
        let order: Vec<_> = keys.iter().map(|key| (key.collection(), key.id())).collect();
        assert_eq!(order, [("guest", "!"), ("guest", "z"), ("guest_notes", "b"), ("guests", "B"), ("guests", "a")]);
    }

    #[test]
    fn refuses_names_outside_the_protocol() {
        for (collection, id) in
            [("Guests", "a"), ("_x", "a"), ("1a", "a"), ("", "a"), ("a", ""), ("a", "é"), ("a", "a b"), ("a", &"x".repeat(129))]
        {
            assert_eq!(DocumentKey::new(collection, id), None, "{collection}/{id}");
        }
        assert!(DocumentKey::new("_conflicts", "a/b").is_some_and(|key| key.id() == "a/b"));
    }
}
