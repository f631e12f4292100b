//! Documents, their change log and their sums.

use std::ops::ControlFlow;

use super::StoreResult;
use crate::json::RawJson;
use crate::{Audience, Author, DocumentKey, SpaceId, Timestamp};

/// Where a document stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// The version of its creation.
    pub created: i64,
    /// The version since which it has been live, or had been when it was deleted.
    pub live_since: i64,
    /// Whether it is deleted; the row is then its tombstone.
    pub deleted: bool,
}

/// A document as it stands, or its tombstone.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentRow {
    /// Collection and id.
    pub key: DocumentKey,
    /// The version at which something in it last changed.
    pub version: i64,
    /// Its life.
    pub presence: Presence,
    /// Its body, compact JSON; the last one of a deleted document.
    pub body: RawJson,
    /// [`crate::FieldVersions`], encoded.
    pub fields: Vec<u8>,
    /// Who made the last change.
    pub by: Author,
    /// When the last change was committed.
    pub at: Timestamp,
    /// The version of the last change by another device than `by`'s; 0 when there is none.
    pub foreign_version: i64,
    /// Who may see it now.
    pub audience: Audience,
    /// Who could see it at any time.
    pub audience_ever: Audience,
    /// The version at which its audience last changed.
    pub audience_version: i64,
    /// How many open conflicts name it.
    pub open_conflicts: i32,
}

/// One row of a space's change log: what an operation or a resolution did to one document.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRow {
    /// Its place in the log.
    pub version: i64,
    /// The place of the document's change before this one; 0 when there was none. A document's history is found along
    /// these, from the document's own version back.
    pub previous: i64,
    /// The document.
    pub key: DocumentKey,
    /// Whether the document was live before.
    pub was_live: bool,
    /// The top-level members that it changed, each with its whole value *before*, `null` where it was absent: laid
    /// over the later state it gives the earlier one.
    pub before: RawJson,
    /// Who.
    pub by: Author,
    /// When it was committed.
    pub at: Timestamp,
}

/// Which part of a document's history to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// From this change of the document, mostly its last one.
    pub from: i64,
    /// Back to the first one above this version.
    pub above: i64,
}

/// The incremental checksum of the live documents of one collection with one audience.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CollectionSum {
    /// The collection.
    pub collection: String,
    /// The audience that all of them share.
    pub audience: Audience,
    /// How many.
    pub documents: i64,
    /// The sum modulo 2^64 of `protocol.md`.
    pub sum: u64,
}

/// Which documents to list.
#[derive(Debug, Clone, Copy)]
pub struct DocumentPage {
    /// The space.
    pub space_id: SpaceId,
    /// Versions above this one.
    pub above: i64,
    /// Only documents that one of these roles can or could see.
    pub seen_by: Audience,
    /// Of those that are deleted or that none of the roles can see any more, only versions above this one.
    pub deleted_above: i64,
    /// Of those that none of the roles can see any more, only those whose audience changed above this version.
    pub left_above: i64,
    /// At most this many.
    pub limit: i64,
}

/// Which live documents to visit, by key.
#[derive(Debug, Clone, Copy)]
pub struct LivePage<'a> {
    /// The space.
    pub space_id: SpaceId,
    /// Keys above this text, compared as bytes.
    pub after: &'a str,
    /// Keys below this text.
    pub before: &'a str,
    /// Only documents that one of these roles can see.
    pub seen_by: Audience,
    /// Whether their bodies are read.
    pub bodies: bool,
    /// At most this many.
    pub limit: i64,
}

/// A live document, lent while it is visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveDocument<'a> {
    /// `collection/id`.
    pub key: &'a str,
    /// Its version.
    pub version: i64,
    /// Its body as it is stored, compact JSON; empty where it was not asked for.
    pub body: &'a str,
}

/// Rows of documents, changes and sums.
pub trait DocumentRows {
    /// The rows of these keys, in any order; unknown keys are left out.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_documents(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<DocumentRow>>;

    /// Stores rows over what stood there. No key twice.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_documents(&mut self, space_id: SpaceId, rows: &[DocumentRow]) -> StoreResult<()>;

    /// Rows by version, tombstones too.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_documents(&mut self, page: DocumentPage) -> StoreResult<Vec<DocumentRow>>;

    /// Visits live documents in the order of their keys, until the visitor breaks off. Narrow and unparsed: this is how
    /// whole spaces are read.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn visit_live(&mut self, page: LivePage<'_>, visit: &mut dyn FnMut(LiveDocument<'_>) -> ControlFlow<()>) -> StoreResult<()>;

    /// How many rows the page would have, counted no further than its limit.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn count_documents(&mut self, page: DocumentPage) -> StoreResult<i64>;

    /// Appends to the change log.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_changes(&mut self, space_id: SpaceId, rows: &[ChangeRow]) -> StoreResult<()>;

    /// The changes of some documents, newest first within a document. Each costs a lookup for every change that it lists.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_changes(&mut self, space_id: SpaceId, histories: &[History]) -> StoreResult<Vec<ChangeRow>>;

    /// All sums of a space, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_sums(&mut self, space_id: SpaceId) -> StoreResult<Vec<CollectionSum>>;

    /// Stores sums over what stood for their (collection, audience).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_sums(&mut self, space_id: SpaceId, sums: &[CollectionSum]) -> StoreResult<()>;
}
