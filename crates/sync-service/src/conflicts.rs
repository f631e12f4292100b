//! Listing conflicts.

use sync_core::json::RawJson;
use sync_core::ports::{Access, ConflictPage, SpaceAccess, StoreResult, Tx};
use sync_core::protocol::v1::ConflictList;
use sync_core::{Code, ConflictId, DocumentKey, Problem, SpaceId};

use crate::access::{self, Standing};
use crate::{Caller, Service, ServiceResult};

/// The most conflicts on one page.
pub const MAX_CONFLICTS: i64 = 200;
/// Spaces over which one list runs.
const MAX_SPACES: i64 = 1_000;

/// Which conflicts to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConflictQuery {
    /// In one space; otherwise in all of the caller's.
    pub space: Option<SpaceId>,
    /// By state.
    pub state: ConflictFilter,
    /// At most this many. One outside 1–[`MAX_CONFLICTS`] is brought within.
    pub limit: i64,
    /// After this one.
    pub after: Option<ConflictId>,
}

/// A state, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictFilter {
    /// Those that wait for an answer.
    Open,
    /// Those that have it.
    Resolved,
    /// Both.
    All,
}

impl Service {
    /// Conflicts by age, of documents that the caller may see.
    ///
    /// # Errors
    /// `unknown_space` where the named space is not theirs; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_conflicts(&self, caller: &Caller, query: ConflictQuery) -> ServiceResult<ConflictList> {
        let caller = *caller;
        self.decide(Access::Read, move |tx| {
            let spaces = match query.space {
                Some(space_id) => vec![access::require_member(tx, &caller, space_id)?],
                None => access::list_own(tx, &caller, None, MAX_SPACES)?,
            };
            Ok(list(tx, &spaces, query)?)
        })
        .await
    }

    /// One conflict of a document that the caller may see.
    ///
    /// # Errors
    /// `unknown_conflict`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn load_conflict(&self, caller: &Caller, conflict_id: ConflictId) -> ServiceResult<RawJson> {
        let caller = *caller;
        self.decide(Access::Read, move |tx| {
            let found = find(tx, &caller, conflict_id)?;
            found.map(|(_, body)| body).ok_or_else(|| unknown_conflict().into())
        })
        .await
    }
}

/// The problem of a conflict that is not there for the caller.
pub(crate) fn unknown_conflict() -> Problem {
    Problem::new(Code::UnknownConflict, "there is no such question about anything that you may see; it may belong to a space that you left")
}

/// A conflict's space and body, where the caller is a member and may see what it is about.
fn find(tx: &mut dyn Tx, caller: &Caller, conflict_id: ConflictId) -> StoreResult<Option<(SpaceAccess, RawJson)>> {
    let links = tx.load_conflicts(caller.organisation_id, &[conflict_id])?;
    let Some(space_id) = links.first().map(|link| link.space_id) else { return Ok(None) };
    let Some(Standing::Member(access)) = access::load(tx, caller, &[space_id])?.remove(&space_id) else { return Ok(None) };
    let rows = tx.load_documents(space_id, &[DocumentKey::conflict(conflict_id)])?;
    let visible = rows.into_iter().find(|row| row.audience.includes(access.member.role));
    Ok(visible.map(|row| (access, row.body)))
}

fn list(tx: &mut dyn Tx, spaces: &[SpaceAccess], query: ConflictQuery) -> StoreResult<ConflictList> {
    let limit = query.limit.clamp(1, MAX_CONFLICTS);
    let open = match query.state {
        ConflictFilter::Open => Some(true),
        ConflictFilter::Resolved => Some(false),
        ConflictFilter::All => None,
    };
    let space_ids = spaces.iter().map(|access| access.space.space_id).collect();
    let found = tx.list_conflicts(&ConflictPage { space_ids, open, after: query.after, limit: limit + 1 })?;
    let more = i64::try_from(found.len()).unwrap_or(i64::MAX) > limit;
    let page: Vec<(SpaceId, ConflictId)> = found.into_iter().take(usize::try_from(limit).unwrap_or_default()).collect();
    let next = page.last().filter(|_| more).map(|(_, id)| *id);
    let mut items: Vec<(ConflictId, RawJson)> = Vec::new();
    for access in spaces {
        let of_space = |(space_id, id): &(SpaceId, ConflictId)| (*space_id == access.space.space_id).then(|| DocumentKey::conflict(*id));
        let keys: Vec<DocumentKey> = page.iter().filter_map(of_space).collect();
        if keys.is_empty() {
            continue;
        }
        let rows = tx.load_documents(access.space.space_id, &keys)?;
        let visible = rows.into_iter().filter(|row| row.audience.includes(access.member.role));
        items.extend(visible.filter_map(|row| Some((row.key.id().parse().ok()?, row.body))));
    }
    items.sort_by_key(|(id, _)| *id);
    Ok(ConflictList { items: items.into_iter().map(|(_, body)| body).collect(), next })
}
