//! Conflicts as lists and rounds look at them, and which documents they name. Their content is the document
//! `_conflicts/{id}`.

use super::StoreResult;
use crate::conflict::ConflictKind;
use crate::{ConflictId, DocumentKey, OrganisationId, SpaceId, Timestamp, UserId};

/// A conflict names a document. A group's conflict has a link for each of its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictLink {
    /// The conflict.
    pub conflict_id: ConflictId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The space.
    pub space_id: SpaceId,
    /// The document.
    pub key: DocumentKey,
    /// Whether it still waits for an answer.
    pub open: bool,
}

/// What a conflict is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictEntry {
    /// The conflict.
    pub conflict_id: ConflictId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The space.
    pub space_id: SpaceId,
    /// The collection; of a group the first operation's.
    pub collection: String,
    /// Why it is asked.
    pub kind: ConflictKind,
    /// Whether it waits for an answer.
    pub open: bool,
    /// Whether a rule decided something in it.
    pub automatic: bool,
    /// Who may decide something in it: `role:NAME`, `user:UUID`.
    pub asks: Vec<String>,
    /// Who wrote what is live.
    pub ours_by: Option<UserId>,
    /// Who wrote what waits.
    pub theirs_by: UserId,
    /// Since when it is asked.
    pub opened_at: Timestamp,
    /// Until when an answer helps.
    pub deadline_at: Option<Timestamp>,
}

/// Which conflicts to list, beyond space and state. What is `None`, or empty, is of no matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConflictFilter {
    /// In this collection; of a group its first operation's.
    pub collection: Option<String>,
    /// About this document.
    pub document: Option<DocumentKey>,
    /// Of this kind.
    pub kind: Option<ConflictKind>,
    /// That one of these may decide: `role:NAME`, `user:UUID`.
    pub asks: Vec<String>,
    /// In which this person wrote one of the sides.
    pub who: Option<UserId>,
    /// Asked at this instant or later.
    pub opened_from: Option<Timestamp>,
    /// Asked before this instant.
    pub opened_before: Option<Timestamp>,
    /// With a deadline before this instant.
    pub deadline_before: Option<Timestamp>,
    /// Whether a rule decided something in it.
    pub automatic: Option<bool>,
}

/// Which conflicts to list.
#[derive(Debug, Clone)]
pub struct ConflictPage {
    /// In these spaces.
    pub space_ids: Vec<SpaceId>,
    /// Only open (`true`), only closed (`false`), or all.
    pub open: Option<bool>,
    /// What else they are to have.
    pub only: ConflictFilter,
    /// Ids above this one.
    pub after: Option<ConflictId>,
    /// At most this many conflicts.
    pub limit: i64,
}

/// A conflict whose deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueConflict {
    /// Until when an answer would have helped.
    pub deadline_at: Timestamp,
    /// The conflict.
    pub conflict_id: ConflictId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The space.
    pub space_id: SpaceId,
}

/// Rows of conflicts.
pub trait ConflictRows {
    /// The open links of these documents, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_open_conflicts(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<ConflictLink>>;

    /// All links of these conflicts of one organisation.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_conflicts(&mut self, organisation_id: OrganisationId, conflict_ids: &[ConflictId]) -> StoreResult<Vec<ConflictLink>>;

    /// Conflicts by id, each with its space.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_conflicts(&mut self, page: &ConflictPage) -> StoreResult<Vec<(SpaceId, ConflictId)>>;

    /// Open conflicts of all spaces whose deadline is at or before an instant, by (deadline, id), after one, at most
    /// `limit`. It looks at no others.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_due_conflicts(&mut self, until: Timestamp, after: Option<&DueConflict>, limit: i64) -> StoreResult<Vec<DueConflict>>;

    /// Stores links over what stood for their (conflict, document).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_conflicts(&mut self, links: &[ConflictLink]) -> StoreResult<()>;

    /// Stores entries over what stood for their conflict. No conflict twice.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_conflict_entries(&mut self, entries: &[ConflictEntry]) -> StoreResult<()>;
}
