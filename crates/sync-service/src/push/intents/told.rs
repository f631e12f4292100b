//! What an intent did, as it is stored beside it: a replay tells it again, and a later shift knows one when it sees it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sync_core::OpId;
use sync_core::json::RawJson;
use sync_core::ports::StoredOperation;
use sync_core::protocol::v1::{ExcludedDocument, OperationResult, TouchedDocument};

/// What an intent, or the answer to a question about one, did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Ids and versions of the documents that it changed, in the order of the versions.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) touched: Vec<(String, i64)>,
    /// Ids of those that it left out, with the reason.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) excluded: Vec<(String, String)>,
    /// Shifts in whose place it stands: where, and by how many seconds they had moved what is there.
    #[serde(rename = "r", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) replaced: BTreeMap<OpId, Vec<(String, i64)>>,
}

/// The stored form, in the place of what other operations lay over their document.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The version that the sender had seen, as other operations keep it.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
    #[serde(rename = "i")]
    told: Told,
}

impl Told {
    /// What a stored operation did; `None` where it is no intent that did anything.
    pub(crate) fn of(row: &StoredOperation) -> Option<Self> {
        let stored: Option<Stored> = row.overlay.as_ref().and_then(RawJson::read);
        stored.map(|stored| stored.told)
    }

    /// The form to store.
    pub(crate) fn stored(&self, seen: Option<i64>) -> RawJson {
        RawJson::of(&Stored { seen, told: self.clone() })
    }

    /// Tells it with a result.
    pub(crate) fn tell(&self, collection: &str, result: &mut OperationResult) {
        let touched = |(id, version): &(String, i64)| TouchedDocument {
            collection: collection.to_owned(),
            document_id: id.clone(),
            version: *version,
        };
        result.touched = self.touched.iter().map(touched).collect();
        let excluded = |(id, reason): &(String, String)| ExcludedDocument { document_id: id.clone(), reason: reason.clone() };
        result.excluded = self.excluded.iter().map(excluded).collect();
    }

    /// Ids and versions of the documents that it changed.
    pub(crate) fn touched(&self) -> impl Iterator<Item = (&str, i64)> {
        self.touched.iter().map(|(id, version)| (id.as_str(), *version))
    }

    /// Ids of the documents that it left out, with the reasons.
    pub(crate) fn excluded(&self) -> impl Iterator<Item = (&str, &str)> {
        self.excluded.iter().map(|(id, reason)| (id.as_str(), reason.as_str()))
    }

    /// The last version that it made.
    pub(crate) fn version(&self) -> Option<i64> {
        self.touched.last().map(|(_, version)| *version)
    }
}
