//! One answer for all questions of one kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::conflict::{Conflict, ConflictKind, DisputedField};
use sync_core::json::{RawJson, canonical, pointer_tokens};
use sync_core::ports::{ConflictFilter as Only, ConflictPage, Entropy, Signal, SpaceAccess, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::inbox::{AnswerAllRequest, AnswerAllResponse, FieldWouldBe, SideChoice, WouldBe};
use sync_core::protocol::v1::{Choice, OperationResult, Resolution};
use sync_core::{Code, ConflictId, DocumentKey, OpId, Problem, SpaceId, Status, Timestamp};

use super::{load, present};
use crate::access::{require_member, require_session, require_writable};
use crate::digest::{derived_id, sha256};
use crate::inbox::people::may_decide;
use crate::resolve::choice::outcome;
use crate::resolve::{Batch, resolve_space};
use crate::{Caller, Service, ServiceResult};

/// Questions that one request answers.
const MAX_ANSWERED: usize = 500;
/// Questions that one request looks at.
const MAX_LOOKED_AT: usize = 2_000;
/// Questions read together.
const PAGE: i64 = 500;
/// Of so many it is told what would become of them.
const SHOWN: usize = 100;

impl Service {
    /// Gives one answer to all open questions of one kind that the caller may answer, at most 500; or tells
    /// what would become of it.
    ///
    /// # Errors
    /// `unknown_space`, `malformed`, `op_id_reuse`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn answer_all(&self, caller: &Caller, request: AnswerAllRequest) -> ServiceResult<AnswerAllResponse> {
        let caller = *caller;
        // what is no UUID names a space that nobody has
        let space_id = request.filter.space_id.parse().unwrap_or(SpaceId(uuid::Uuid::nil()));
        if request.preview {
            let work = move |tx: &mut dyn Tx| {
                require_session(tx, &caller)?;
                let access = require_member(tx, &caller, space_id)?;
                let found = select(tx, &caller, &access, &request)?;
                Ok(preview(tx, &caller, &access, &request, found)?)
            };
            return self.decide(caller.read(), work).await;
        }
        let needed = || Problem::new(Code::Malformed, "op_id is missing; only a preview goes without it").at("/op_id");
        let op_id = request.op_id.ok_or_else(needed)?;
        let (received_at, entropy) = (self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            let access = require_member(tx, &caller, space_id)?;
            answer(tx, &*entropy, (&caller, received_at), &access, (&request, op_id))
        };
        let response = self.decide(caller.write(), work).await?;
        self.publish(&[Signal::Space(space_id)]);
        self.counters.answered(&response.results);
        Ok(response)
    }
}

/// The questions that a request is about.
struct Found {
    conflicts: Vec<Conflict>,
    not_yours: usize,
    next: Option<ConflictId>,
}

fn select(tx: &mut dyn Tx, caller: &Caller, access: &SpaceAccess, request: &AnswerAllRequest) -> StoreResult<Found> {
    let filter = &request.filter;
    let only = Only {
        collection: Some(filter.collection.clone()),
        // what is no id names no document
        document: filter.document_id.as_ref().map(|id| DocumentKey::new(&filter.collection, id).unwrap_or_else(nowhere)),
        kind: Some(filter.kind),
        who: filter.who,
        opened_from: filter.opened_after,
        opened_before: filter.opened_before,
        ..Only::default()
    };
    let mut found = Found { conflicts: Vec::new(), not_yours: 0, next: None };
    let mut page = ConflictPage { space_ids: vec![access.space.space_id], open: Some(true), only, after: request.after, limit: PAGE };
    let mut looked_at = 0;
    loop {
        let ids: Vec<ConflictId> = tx.list_conflicts(&page)?.into_iter().map(|(_, id)| id).collect();
        let Some(last) = ids.last().copied() else { return Ok(found) };
        let was_all = i64::try_from(ids.len()).is_ok_and(|rows| rows < PAGE);
        let mut conflicts = load(tx, access, caller.user_id, &ids)?;
        conflicts.sort_by_key(|conflict| conflict.conflict_id);
        for conflict in conflicts.into_iter().filter(|conflict| request.version.is_none_or(|seen| conflict.version <= seen)) {
            if !has_field(&conflict, filter.field.as_deref()) {
                continue;
            }
            if !may_answer(&conflict, caller, access) {
                found.not_yours += 1;
                continue;
            }
            if found.conflicts.len() == MAX_ANSWERED {
                found.next = found.conflicts.last().map(|last| last.conflict_id);
                return Ok(found);
            }
            found.conflicts.push(conflict);
        }
        looked_at += ids.len();
        if was_all {
            return Ok(found);
        }
        page.after = Some(last);
        if looked_at >= MAX_LOOKED_AT {
            found.next = Some(last);
            return Ok(found);
        }
    }
}

fn nowhere() -> DocumentKey {
    DocumentKey::conflict(ConflictId(uuid::Uuid::nil()))
}

/// Whether a place is the field that is asked for, or inside it.
fn is_field(path: &str, field: Option<&str>) -> bool {
    field.is_none_or(|field| path == field || path.strip_prefix(field).is_some_and(|rest| rest.starts_with('/')))
}

fn has_field(conflict: &Conflict, field: Option<&str>) -> bool {
    conflict.all_fields().any(|(_, path, own)| own.decided.is_none() && is_field(path, field))
}

fn may_answer(conflict: &Conflict, caller: &Caller, access: &SpaceAccess) -> bool {
    let role = access.member.role;
    let mut waiting = conflict.all_fields().filter(|(_, _, field)| field.decided.is_none());
    let may = |field: &DisputedField| may_decide(&field.asks, caller.user_id, role);
    if conflict.kind == ConflictKind::Group { waiting.all(|(_, _, field)| may(field)) } else { waiting.any(|(_, _, field)| may(field)) }
}

fn choice_of(side: SideChoice) -> Choice {
    match side {
        SideChoice::Ours => Choice::Ours,
        SideChoice::Theirs => Choice::Theirs,
        SideChoice::Base => Choice::Base,
    }
}

fn preview(
    tx: &mut dyn Tx,
    caller: &Caller,
    access: &SpaceAccess,
    request: &AnswerAllRequest,
    found: Found,
) -> StoreResult<AnswerAllResponse> {
    let choice = choice_of(request.choose);
    let (count, field) = (found.conflicts.len(), request.filter.field.as_deref());
    let changes = found.conflicts.iter().filter(|conflict| changes(conflict, &choice, field)).count();
    let shown = found.conflicts.into_iter().take(SHOWN).map(|conflict| (access, conflict)).collect();
    let items = present(tx, caller, shown)?.iter().map(|conflict| would_be(conflict, &choice, field)).collect();
    let (not_yours, next) = (found.not_yours, found.next);
    Ok(AnswerAllResponse { preview: true, count, changes, not_yours, items, next, ..AnswerAllResponse::default() })
}

fn changes(conflict: &Conflict, choice: &Choice, field: Option<&str>) -> bool {
    let waiting = conflict.all_fields().filter(|(_, path, own)| own.decided.is_none() && is_field(path, field));
    waiting.into_iter().any(|(_, _, own)| outcome(own, choice) != own.ours)
}

fn would_be(conflict: &Conflict, choice: &Choice, field: Option<&str>) -> WouldBe {
    let of = |path: &str, own: &DisputedField| FieldWouldBe {
        label: own.label.clone().or_else(|| pointer_tokens(path)?.into_iter().next()),
        from: own.ours.clone(),
        to: outcome(own, choice),
        masked: own.masked,
    };
    let waiting = conflict.all_fields().filter(|(_, path, own)| own.decided.is_none() && is_field(path, field));
    WouldBe {
        conflict_id: conflict.conflict_id,
        version: conflict.version,
        collection: conflict.collection.clone(),
        document_id: conflict.document_id.clone(),
        title: conflict.title.clone(),
        fields: waiting.map(|(_, path, own)| (path.to_owned(), of(path, own))).collect(),
    }
}

/// Answers, or tells what became of the same request when it came before.
fn answer(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    (caller, received_at): (&Caller, Timestamp),
    access: &SpaceAccess,
    (request, op_id): (&AnswerAllRequest, OpId),
) -> ServiceResult<AnswerAllResponse> {
    let identity = sha256(
        canonical(&json!({"kind": "answers", "filter": request.filter, "choose": request.choose, "after": request.after})).as_bytes(),
    );
    if let Some(row) = tx.load_operations(caller.organisation_id, &[op_id])?.pop() {
        if row.user_id != caller.user_id || row.identity != identity {
            let detail = "this op_id was used for something else; give the answer a new one";
            return Err(Problem::new(Code::OpIdReuse, detail).at("/op_id").into());
        }
        return Ok(replay(tx, caller, &row)?);
    }
    let found = select(tx, caller, access, request)?;
    let choice = choice_of(request.choose);
    let changes = found.conflicts.iter().filter(|conflict| changes(conflict, &choice, request.filter.field.as_deref())).count();
    let resolutions = found.conflicts.iter().enumerate().map(|(index, conflict)| {
        let resolution = resolution(conflict, (caller, access), request, op_id);
        (index, resolution.op_id, resolution, None)
    });
    let row = stored((caller, received_at), access, (op_id, identity), (request, &found));
    let batch = Batch { caller: *caller, resolutions: resolutions.collect(), received_at, beside: Some(row) };
    let results = resolve_space(tx, entropy, &batch, access.space.space_id)?;
    Ok(AnswerAllResponse {
        count: results.len(),
        changes,
        not_yours: found.not_yours,
        results: results.into_iter().map(|(_, result)| without_document(result)).collect(),
        next: found.next,
        ..AnswerAllResponse::default()
    })
}

/// The answer to one of them. Its id follows from the request's, so that nothing is answered twice.
fn resolution(conflict: &Conflict, (caller, access): (&Caller, &SpaceAccess), request: &AnswerAllRequest, op_id: OpId) -> Resolution {
    let conflict_id = conflict.conflict_id;
    let child = OpId(derived_id(&[op_id.as_bytes(), conflict_id.as_bytes()]));
    let choice = choice_of(request.choose);
    let mine = |path: &&String| {
        let own = conflict.fields.get(*path);
        own.is_some_and(|own| own.decided.is_none() && may_decide(&own.asks, caller.user_id, access.member.role))
            && is_field(path, request.filter.field.as_deref())
    };
    let fields: BTreeMap<String, Choice> = conflict.fields.keys().filter(mine).map(|path| (path.clone(), choice.clone())).collect();
    let is_group = conflict.kind == ConflictKind::Group;
    let payload = json!({"conflict_id": conflict_id, "op_id": child, "version": conflict.version, "choose": request.choose, "of": op_id});
    Resolution {
        op_id: child,
        conflict_id,
        version: conflict.version,
        fields: if is_group { BTreeMap::new() } else { fields },
        whole: is_group.then_some(choice),
        undo: false,
        remember: request.remember,
        payload,
    }
}

/// What is stored of the request itself.
fn stored(
    (caller, received_at): (&Caller, Timestamp),
    access: &SpaceAccess,
    (op_id, identity): (OpId, [u8; 32]),
    (request, found): (&AnswerAllRequest, &Found),
) -> StoredOperation {
    let answered: Vec<ConflictId> = found.conflicts.iter().map(|conflict| conflict.conflict_id).collect();
    let payload = json!({"kind": "answers", "op_id": op_id, "filter": request.filter, "choose": request.choose, "answered": answered,
        "not_yours": found.not_yours, "next": found.next});
    StoredOperation {
        organisation_id: caller.organisation_id,
        op_id,
        identity,
        user_id: caller.user_id,
        device_id: caller.device_id,
        space_id: access.space.space_id,
        key: format!("{}/", sync_core::document::CONFLICTS),
        status: if answered.is_empty() { Status::Noop } else { Status::Applied },
        decided_version: None,
        head: access.head.version,
        conflict_id: None,
        decided_at: received_at,
        group: None,
        problem: None,
        payload: RawJson::of(&payload),
        overlay: None,
        policy_version: None,
        corrected_at: None,
        received_at: None,
        attempts: None,
        decisions: None,
    }
}

/// What became of a request that came before.
fn replay(tx: &mut dyn Tx, caller: &Caller, row: &StoredOperation) -> StoreResult<AnswerAllResponse> {
    let payload = row.payload.object();
    let read = |name: &str| payload.get(name).cloned().unwrap_or(Value::Null);
    let answered: Vec<ConflictId> = serde_json::from_value(read("answered")).unwrap_or_default();
    let ids: Vec<OpId> = answered.iter().map(|id| OpId(derived_id(&[row.op_id.as_bytes(), id.as_bytes()]))).collect();
    let mut stored: BTreeMap<OpId, _> =
        tx.load_results(caller.organisation_id, &ids)?.into_iter().map(|result| (result.op_id, result)).collect();
    let result = |op_id: &OpId| {
        let then = stored.remove(op_id)?;
        Some(OperationResult {
            was: Some(then.status),
            decided_version: then.decided_version,
            conflict_id: then.conflict_id,
            problem: then.problem.as_ref().and_then(RawJson::read),
            ..OperationResult::new(*op_id, Status::Duplicate, true)
        })
    };
    let results: Vec<OperationResult> = ids.iter().filter_map(result).collect();
    Ok(AnswerAllResponse {
        count: results.len(),
        not_yours: serde_json::from_value(read("not_yours")).unwrap_or_default(),
        results,
        next: serde_json::from_value(read("next")).unwrap_or_default(),
        ..AnswerAllResponse::default()
    })
}

fn without_document(result: OperationResult) -> OperationResult {
    OperationResult { document: None, ..result }
}
