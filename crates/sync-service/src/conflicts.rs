//! Listing conflicts, and what a reader is told of them.

mod answer_all;
mod preferences;
mod reveal;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use sync_core::conflict::{Conflict, ConflictState};
use sync_core::json::pointer_tokens;
use sync_core::ports::{ConflictFilter as Only, ConflictPage, PreferenceKey, SpaceAccess, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::inbox::{ConflictList, UndoResponse};
use sync_core::protocol::v1::{Received, Resolution};
use sync_core::{Code, ConflictId, DocumentKey, OpId, OrganisationId, Problem, Role, Schema, SpaceId, Status, UserId};

pub use self::preferences::PreferenceQuery;
use crate::access::{self, Standing, require_session};
use crate::inbox::learn::{Experience, contexts, keys};
use crate::inbox::people::{People, ask_role, ask_user, is_meant, may_decide};
use crate::inbox::words::consequences;
use crate::view::{Subject, View};
use crate::{Caller, Service, ServiceResult};

/// The most conflicts on one page.
pub const MAX_CONFLICTS: i64 = 200;
/// Spaces over which one list runs.
const MAX_SPACES: i64 = 1_000;

/// Which conflicts to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictQuery {
    /// In one space; otherwise in all of the caller's.
    pub space: Option<SpaceId>,
    /// By state.
    pub state: ConflictFilter,
    /// By whom they are to be answered.
    pub assigned: Option<Assigned>,
    /// By what else they are; its `asks` are not looked at.
    pub only: Only,
    /// At most this many. One outside 1–[`MAX_CONFLICTS`] is brought within.
    pub limit: i64,
    /// After this one.
    pub after: Option<ConflictId>,
}

impl Default for ConflictQuery {
    fn default() -> Self {
        let (space, assigned, after) = Default::default();
        Self { space, state: ConflictFilter::Open, assigned, only: Only::default(), limit: MAX_CONFLICTS, after }
    }
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

/// By whom a conflict is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// By the caller, by name or by their role.
    Me,
    /// By `role:NAME` or `user:UUID`.
    To(String),
}

impl Service {
    /// Conflicts by age, of documents that the caller may see, as they may see them.
    ///
    /// # Errors
    /// `unknown_space` where the named space is not theirs; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_conflicts(&self, caller: &Caller, query: ConflictQuery) -> ServiceResult<ConflictList> {
        let caller = *caller;
        self.decide(caller.read(), move |tx| {
            let spaces = match query.space {
                Some(space_id) => vec![access::require_member(tx, &caller, space_id)?],
                None => access::list_own(tx, &caller, None, MAX_SPACES)?,
            };
            Ok(list(tx, &caller, &spaces, &query)?)
        })
        .await
    }

    /// One conflict of a document that the caller may see.
    ///
    /// # Errors
    /// `unknown_conflict`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn load_conflict(&self, caller: &Caller, conflict_id: ConflictId) -> ServiceResult<Conflict> {
        let caller = *caller;
        self.decide(caller.read(), move |tx| {
            let Some((access, conflict)) = find(tx, &caller, conflict_id)? else { return Err(unknown_conflict().into()) };
            Ok(present(tx, &caller, vec![(&access, conflict)])?.pop().ok_or_else(unknown_conflict)?)
        })
        .await
    }

    /// Takes the last answer to a conflict back.
    ///
    /// # Errors
    /// `unknown_conflict`, `not_asked`, `nothing_to_undo`, `changed_since`, `op_id_reuse`; those of what is quarantined;
    /// the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn undo_answer(&self, caller: &Caller, conflict_id: ConflictId, op_id: OpId) -> ServiceResult<UndoResponse> {
        let resolution = Resolution::undoing(op_id, conflict_id);
        let received = Received { op_id, group: None, document: None, content: Ok(resolution), over_limit: None, digest: None };
        let response = self.resolve(caller, vec![received]).await?;
        let result = response.results.into_iter().next().ok_or_else(unknown_conflict)?;
        let refused = matches!(result.was.unwrap_or(result.status), Status::Rejected | Status::Quarantined);
        match result.problem.clone().filter(|_| refused) {
            Some(problem) => Err(problem.into()),
            None => Ok(UndoResponse { result, conflict: self.load_conflict(caller, conflict_id).await? }),
        }
    }
}

/// The problem of a conflict that is not there for the caller.
pub(crate) fn unknown_conflict() -> Problem {
    Problem::new(Code::UnknownConflict, "there is no such question about anything that you may see; it may belong to a space that you left")
}

/// A conflict with the caller's membership in its space, where they may see what it is about.
fn find(tx: &mut dyn Tx, caller: &Caller, conflict_id: ConflictId) -> ServiceResult<Option<(SpaceAccess, Conflict)>> {
    require_session(tx, caller)?;
    let links = tx.load_conflicts(caller.organisation_id, &[conflict_id])?;
    let Some(space_id) = links.first().map(|link| link.space_id) else { return Ok(None) };
    let Some(Standing::Member(access)) = access::load(tx, caller, &[space_id])?.remove(&space_id) else { return Ok(None) };
    let found = load(tx, &access, caller.user_id, &[conflict_id])?.pop();
    Ok(found.map(|conflict| (access, conflict)))
}

/// The conflicts among these ids of one space that a member may see, as they see them.
fn load(tx: &mut dyn Tx, access: &SpaceAccess, user_id: UserId, ids: &[ConflictId]) -> StoreResult<Vec<Conflict>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<DocumentKey> = ids.iter().copied().map(DocumentKey::conflict).collect();
    let rows = tx.load_documents(access.space.space_id, &keys)?;
    let view = view_of(access, user_id)?;
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows.iter().filter(|row| row.audience.includes(access.member.role)) {
        let conflict = row.body.read().ok_or_else(|| StoreError::Damaged(format!("conflict at version {}", row.version)))?;
        let subject = Subject::of_row(row)?;
        seen.extend(view.ask(conflict, (&subject.fields, row.version)).map(|(conflict, _)| conflict));
    }
    Ok(seen)
}

fn view_of(access: &SpaceAccess, user_id: UserId) -> StoreResult<View> {
    let schema = Schema::of_space(access.space.schema.as_deref());
    let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {}", access.space.space_id)))?;
    Ok(View::of(access, &schema, user_id))
}

/// How many of these conflicts somebody sees, in these memberships of theirs.
pub(crate) fn count_seen(tx: &mut dyn Tx, user_id: UserId, spaces: &[SpaceAccess], found: &[(SpaceId, ConflictId)]) -> StoreResult<usize> {
    let mut seen = 0;
    for access in spaces {
        let of_space = |(space_id, id): &(SpaceId, ConflictId)| (*space_id == access.space.space_id).then_some(*id);
        let ids: Vec<ConflictId> = found.iter().filter_map(of_space).collect();
        seen += load(tx, access, user_id, &ids)?.len();
    }
    Ok(seen)
}

fn list(tx: &mut dyn Tx, caller: &Caller, spaces: &[SpaceAccess], query: &ConflictQuery) -> StoreResult<ConflictList> {
    let limit = query.limit.clamp(1, MAX_CONFLICTS);
    let most = usize::try_from(limit).unwrap_or_default();
    let mut hides = false;
    for access in spaces {
        hides |= !view_of(access, caller.user_id)?.is_whole();
    }
    let asks = asks_of(caller, spaces, query.assigned.as_ref());
    // what somebody sees of a question may be another state, or other people, than it has
    let only = if hides {
        let Only { collection, document, opened_from, opened_before, .. } = query.only.clone();
        Only { collection, document, opened_from, opened_before, ..Only::default() }
    } else {
        Only { asks: asks.clone(), ..query.only.clone() }
    };
    let open = if hides { None } else { query.state.is_open() };
    let space_ids = spaces.iter().map(|access| access.space.space_id).collect();
    let mut page = ConflictPage { space_ids, open, only, after: query.after, limit: limit + 1 };
    let mut conflicts: Vec<(&SpaceAccess, Conflict)> = Vec::new();
    while conflicts.len() <= most {
        let found = tx.list_conflicts(&page)?;
        let mut seen: Vec<(&SpaceAccess, Conflict)> = Vec::new();
        for access in spaces {
            let of_space = |(space_id, id): &(SpaceId, ConflictId)| (*space_id == access.space.space_id).then_some(*id);
            let ids: Vec<ConflictId> = found.iter().filter_map(of_space).collect();
            let wanted = |conflict: &Conflict| query.wants(conflict, &asks) && query.is_for(conflict, (caller, access.member.role));
            seen.extend(load(tx, access, caller.user_id, &ids)?.into_iter().filter(wanted).map(|conflict| (access, conflict)));
        }
        seen.sort_by_key(|(_, conflict)| conflict.conflict_id);
        conflicts.extend(seen);
        page.after = found.last().map(|(_, id)| *id);
        if i64::try_from(found.len()).is_ok_and(|found| found <= limit) {
            break;
        }
    }
    let more = conflicts.len() > most;
    conflicts.truncate(most);
    let next = conflicts.last().filter(|_| more).map(|(_, conflict)| conflict.conflict_id);
    Ok(ConflictList { items: present(tx, caller, conflicts)?, next })
}

impl ConflictFilter {
    const fn is_open(self) -> Option<bool> {
        match self {
            Self::Open => Some(true),
            Self::Resolved => Some(false),
            Self::All => None,
        }
    }
}

impl ConflictQuery {
    /// Whether a question, as it is seen, is one of those that are asked for.
    fn wants(&self, conflict: &Conflict, asks: &[String]) -> bool {
        let Only { kind, who, deadline_before, automatic, .. } = &self.only;
        let is_open = conflict.state == ConflictState::Open;
        let sides = || conflict.ours_by.iter().chain([&conflict.theirs_by]);
        self.state.is_open().is_none_or(|open| open == is_open)
            && kind.is_none_or(|kind| conflict.kind == kind)
            && who.is_none_or(|who| sides().any(|side| side.user_id == who))
            && deadline_before.is_none_or(|before| conflict.deadline_at.is_some_and(|at| at < before))
            && automatic.is_none_or(|automatic| conflict.automatic == automatic)
            && (asks.is_empty() || conflict.asked().iter().any(|asked| asks.iter().any(|ask| ask == asked)))
    }

    /// Whether it is the reader's to answer, where only that is asked for: a role counts in its own space only.
    fn is_for(&self, conflict: &Conflict, (caller, role): (&Caller, Role)) -> bool {
        let mine = |ask: &&str| is_meant(ask, caller.user_id, role);
        self.assigned != Some(Assigned::Me) || conflict.asked().iter().any(mine)
    }
}

/// Who is asked, as stored, for whom it is looked. A caller has a role in each space.
fn asks_of(caller: &Caller, spaces: &[SpaceAccess], assigned: Option<&Assigned>) -> Vec<String> {
    match assigned {
        None => Vec::new(),
        Some(Assigned::To(ask)) => vec![ask.clone()],
        Some(Assigned::Me) => {
            let roles: BTreeSet<Role> = spaces.iter().map(|access| access.member.role).collect();
            roles.into_iter().map(ask_role).chain([ask_user(caller.user_id)]).collect()
        }
    }
}

/// Conflicts as one reader is told of them, without the values of sensitive fields.
fn present(tx: &mut dyn Tx, caller: &Caller, conflicts: Vec<(&SpaceAccess, Conflict)>) -> StoreResult<Vec<Conflict>> {
    let mut views: BTreeMap<SpaceId, View> = BTreeMap::new();
    let mut told = tell(tx, caller, conflicts, &mut views)?;
    for conflict in &mut told {
        if let Some(view) = views.get(&conflict.space_id) {
            view.veil(conflict);
        }
    }
    Ok(told)
}

/// Conflicts with the names of today, what the reader's own answers suggest, what becomes of each answer.
fn tell(
    tx: &mut dyn Tx,
    caller: &Caller,
    mut conflicts: Vec<(&SpaceAccess, Conflict)>,
    views: &mut BTreeMap<SpaceId, View>,
) -> StoreResult<Vec<Conflict>> {
    let mut people = People::default();
    people.meet(tx, caller.organisation_id, conflicts.iter().map(|(_, conflict)| conflict))?;
    let mut whole: BTreeSet<ConflictId> = BTreeSet::new();
    for (access, conflict) in &mut conflicts {
        let role = access.member.role;
        people.dress(conflict);
        let view = match views.entry(access.space.space_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(view_of(access, caller.user_id)?),
        };
        let is_whole = !view.frames(conflict);
        let waits = conflict.state == ConflictState::Open && role.may_write();
        let mut fields = conflict.all_fields();
        let answerable = waits && fields.any(|(_, _, field)| field.decided.is_none() && may_decide(&field.asks, caller.user_id, role));
        drop(fields);
        conflict.answerable = Some(answerable);
        if is_whole {
            whole.insert(conflict.conflict_id);
        }
        tell_consequences(conflict);
    }
    suggest(tx, caller.organisation_id, (caller, &people), (&mut conflicts, &whole))?;
    Ok(conflicts.into_iter().map(|(_, conflict)| conflict).collect())
}

fn tell_consequences(conflict: &mut Conflict) {
    if conflict.state != ConflictState::Open {
        return;
    }
    let frame = Conflict { fields: BTreeMap::new(), documents: Vec::new(), ..conflict.clone() };
    for (path, field) in conflict.fields.iter_mut().filter(|(_, field)| field.decided.is_none()) {
        field.consequences = consequences(&frame, field, pointer_tokens(path).is_none_or(|tokens| tokens.is_empty()));
    }
}

/// Puts what the reader's own answers suggest in the place of what was suggested for whoever is asked.
fn suggest(
    tx: &mut dyn Tx,
    organisation_id: OrganisationId,
    (caller, people): (&Caller, &People),
    (conflicts, whole): (&mut [(&SpaceAccess, Conflict)], &BTreeSet<ConflictId>),
) -> StoreResult<()> {
    let mut wanted: BTreeMap<(usize, String), Vec<PreferenceKey>> = BTreeMap::new();
    for (index, (access, conflict)) in
        conflicts.iter().enumerate().filter(|(_, (_, conflict))| conflict.answerable == Some(true) && whole.contains(&conflict.conflict_id))
    {
        for (path, _) in conflict.fields.iter().filter(|(_, field)| field.decided.is_none() && !field.masked) {
            let contexts = contexts(conflict, &conflict.collection, path);
            wanted.insert((index, path.clone()), keys(&contexts, caller.user_id, access.member.role));
        }
    }
    let experience = Experience::load(tx, organisation_id, wanted.values().flatten().cloned().collect())?;
    for ((index, path), keys) in wanted {
        let Some(field) = conflicts.get_mut(index).and_then(|(_, conflict)| conflict.fields.get_mut(&path)) else { continue };
        let label = field.label.clone().unwrap_or_default();
        field.suggestion = experience.suggest(&keys, people, &label).or(field.suggestion.take());
    }
    Ok(())
}
