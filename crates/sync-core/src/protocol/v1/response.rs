//! Writing what devices read. Members that are null are left out, except `document` where its absence would mean
//! something else.

use std::collections::BTreeMap;

use serde::Serialize;

use super::audit::GossipAnswer;
use crate::json::{Object, RawJson};
use crate::{Author, ConflictId, DocumentKey, OpId, Problem, SpaceId, Status, Timestamp};

/// The answer to `POST /api/offline/sync`.
#[derive(Debug, Clone, Serialize)]
pub struct SyncResponse {
    /// One for each operation, in their order, then one for each resolution.
    pub results: Vec<OperationResult>,
    /// One for each asked id.
    pub receipts: Vec<Receipt>,
    /// By space, as pulled.
    pub changes: BTreeMap<String, SpaceChanges>,
    /// The server's clock, for display and for the device's skew.
    pub server_time: Timestamp,
    /// When to come again, with how much.
    pub next: Next,
    /// The newest checkpoint of the audit log, and how it stands to the device's, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<GossipAnswer>,
    /// The order to drop everything that the device holds, at once; then nothing else was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wipe: Option<uuid::Uuid>,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationResult {
    /// The operation.
    pub op_id: OpId,
    /// What became of it now.
    pub status: Status,
    /// What became of it then, for a duplicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Status>,
    /// Payload and result are durable here: the device may forget it.
    pub held: bool,
    /// The version that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_version: Option<i64>,
    /// The document's present version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The document's present state; inner `None` is written as `null`: deleted or out of view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Option<RawJson>>,
    /// The conflict that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_id: Option<ConflictId>,
    /// Fields that became change requests.
    pub proposed: Vec<String>,
    /// What a person may want to know; never changes the status.
    pub warnings: Vec<Warning>,
    /// What an intent changed, in the order of the versions.
    pub touched: Vec<TouchedDocument>,
    /// What an intent left out, though it was meant too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedDocument>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl OperationResult {
    /// A bare result.
    #[must_use]
    pub const fn new(op_id: OpId, status: Status, held: bool) -> Self {
        Self {
            op_id,
            status,
            was: None,
            held,
            decided_version: None,
            version: None,
            document: None,
            conflict_id: None,
            proposed: Vec::new(),
            warnings: Vec::new(),
            touched: Vec::new(),
            excluded: Vec::new(),
            problem: None,
        }
    }

    /// A refusal that leaves the id free.
    #[must_use]
    pub fn refused(op_id: OpId, problem: Problem) -> Self {
        Self { problem: Some(problem), ..Self::new(op_id, Status::Rejected, false) }
    }
}

/// Something that a person may want to know of what an operation led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What kind of thing, for programs: the name of a rule, or `outvoted`.
    pub code: &'static str,
    /// The same in plain words, for people.
    pub detail: String,
    /// The documents that it is about.
    pub documents: Vec<WarnedDocument>,
}

/// A document that a warning is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarnedDocument {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub document_id: String,
}

impl From<&DocumentKey> for WarnedDocument {
    fn from(key: &DocumentKey) -> Self {
        Self { collection: key.collection().to_owned(), document_id: key.id().to_owned() }
    }
}

/// A document that an intent changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TouchedDocument {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub document_id: String,
    /// The version that the change made.
    pub version: i64,
}

/// A document that an intent left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedDocument {
    /// Its id.
    pub document_id: String,
    /// Why: `fixed`, `edited` or `done`.
    pub reason: String,
}

/// The answer to `PUT /api/offline/sync/resolve`.
#[derive(Debug, Clone, Serialize)]
pub struct ResolveResponse {
    /// One for each resolution.
    pub results: Vec<OperationResult>,
}

/// Proof of what is held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// The operation.
    pub op_id: OpId,
    /// Its stored status, or `unknown`.
    pub status: &'static str,
    /// Whether payload and result are durable here.
    pub held: bool,
    /// Its space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_id: Option<SpaceId>,
    /// The version that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Its conflict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_id: Option<ConflictId>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<RawJson>,
}

/// The answer to `POST /api/offline/sync/receipts`.
#[derive(Debug, Clone, Serialize)]
pub struct Receipts {
    /// In the order asked.
    pub receipts: Vec<Receipt>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Whole values of the fields touched since the floor.
    Patch,
    /// The whole document.
    Document,
    /// It was deleted.
    Delete,
    /// It left the view; not a deletion.
    Gone,
}

/// A document that changed.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub document_id: String,
    /// Its version.
    pub version: i64,
    /// How to apply it.
    pub kind: ItemKind,
    /// Members to assign, `null` to remove.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Object>,
    /// The whole of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<RawJson>,
    /// Who made the last change; not told of a document that left the view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
    /// When the last change was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// All changes since the floor were this device's.
    pub echo: bool,
}

/// What changed in one space.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "these are the members of the wire")]
pub struct SpaceChanges {
    /// By version.
    pub items: Vec<Item>,
    /// Where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Documents still to come: exact to 10,000, then 10,001.
    pub remaining: i64,
    /// The log's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The cursor is of no use: push the outbox with inline bases, then read from the beginning.
    pub reset: bool,
    /// Why: `epoch`, `log`, `rights`, `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The version up to which both logs agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_until: Option<i64>,
    /// Access was taken away.
    pub revoked: bool,
    /// Purge the copy once the outbox is held.
    pub purge: bool,
    /// What to confirm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purge_id: Option<String>,
    /// Purge it at once, with what was not sent: the device is to be wiped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wipe: bool,
    /// The device's schema is too old to read.
    pub upgrade_required: bool,
    /// By collection, on the last page of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksums: Option<BTreeMap<String, String>>,
    /// Why nothing was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The answer to a step of `POST /api/offline/sync/verify`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum VerifyResponse {
    /// What changed, and the sums of one and the same snapshot.
    Sums {
        /// As pulled.
        changes: Box<SpaceChanges>,
        /// By collection, 256 each; only where nothing more is to be pulled.
        #[serde(skip_serializing_if = "Option::is_none")]
        buckets: Option<BTreeMap<String, Vec<String>>>,
    },
    /// What is to be put right.
    Repair {
        /// By collection, for each that was named.
        repair: BTreeMap<String, Repair>,
    },
}

/// What is to be put right in a collection.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Repair {
    /// Whole documents, in the place of whatever is held.
    pub items: Vec<Item>,
    /// Ids of what is not there, or not to be seen.
    pub drop: Vec<String>,
}

/// When to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Next {
    /// Wait this long, in milliseconds.
    pub sync_after_ms: u64,
    /// Bring at most this many operations.
    pub max_operations: usize,
    /// `idle`, `busy` or `event_day`.
    pub reason: &'static str,
}
