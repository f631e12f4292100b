//! Which documents a conflict names. Its content is the document `_conflicts/{id}`.

use super::StoreResult;
use crate::{ConflictId, DocumentKey, OrganisationId, SpaceId};

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

/// Which conflicts to list.
#[derive(Debug, Clone)]
pub struct ConflictPage {
    /// In these spaces.
    pub space_ids: Vec<SpaceId>,
    /// Only open (`true`), only closed (`false`), or all.
    pub open: Option<bool>,
    /// Ids above this one.
    pub after: Option<ConflictId>,
    /// At most this many conflicts.
    pub limit: i64,
}

/// Rows of conflict links.
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

    /// Distinct conflicts, by id, each with its space.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_conflicts(&mut self, page: &ConflictPage) -> StoreResult<Vec<(SpaceId, ConflictId)>>;

    /// Stores links over what stood for their (conflict, document).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_conflicts(&mut self, links: &[ConflictLink]) -> StoreResult<()>;
}
