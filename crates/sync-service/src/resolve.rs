//! Answers to conflicts.

mod choice;
mod groups;
mod right;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use merge_engine::Actor;
use sync_core::conflict::{Conflict, ConflictKind};
use sync_core::json::{RawJson, pointer_tokens};
use sync_core::limits::MAX_DOCUMENT_BYTES;
use sync_core::ports::{Access, StoreError, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::{OperationResult, Received, Resolution, ResolveResponse, read_stored_operation};
use sync_core::{Author, Code, ConflictId, DocumentKey, OpId, Operation, Problem, Schema, SpaceId, Status, Timestamp};

use choice::{choices, choose, identity, lifted_answer, name_of};

use crate::access::{self, Standing};
use crate::conflicts::unknown_conflict;
use crate::epochs::Shared;
use crate::push::working::{
    Known, Origin, Told, Warnings, World, add_answers, documents_of, lifted, load_answers, load_conflict_documents, load_documents,
    load_known, load_people, refresh, settle, shown, write,
};
use crate::push::{Asker, Gate, NewState, Overlay, Settings};
use crate::{Caller, Service, ServiceError, ServiceResult};

/// One space's resolutions; shared, because a job may run again.
struct Batch {
    caller: Caller,
    resolutions: Vec<Entry>,
    received_at: Timestamp,
}

/// A resolution with its place in the request, its id, and the limit that it breaks.
type Entry = (usize, OpId, Resolution, Option<Problem>);

impl Service {
    /// Decides conflicts, each in the order sent.
    ///
    /// # Errors
    /// The store's, when nothing was decided.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn resolve(&self, caller: &Caller, resolutions: Vec<Received<Resolution>>) -> ServiceResult<ResolveResponse> {
        let (results, failure) = self.answer(caller, resolutions).await;
        match failure {
            Some(error) if results.iter().all(|result| result.status == Status::Waiting) => Err(error),
            _ => {
                self.counters.answered(&results);
                Ok(ResolveResponse { results })
            }
        }
    }

    /// Decides conflicts, and tells why some could not be decided now: those wait.
    pub(crate) async fn answer(
        &self,
        caller: &Caller,
        resolutions: Vec<Received<Resolution>>,
    ) -> (Vec<OperationResult>, Option<ServiceError>) {
        let mut results: BTreeMap<usize, OperationResult> = BTreeMap::new();
        let mut well_formed: Vec<Entry> = Vec::new();
        for (index, received) in resolutions.into_iter().enumerate() {
            match received.content {
                Ok(resolution) => well_formed.push((index, received.op_id, resolution, received.over_limit)),
                Err(problem) => {
                    results.insert(index, OperationResult::refused(received.op_id, problem));
                }
            }
        }
        let mut failure = None;
        let links = match self.find_spaces(caller, &well_formed).await {
            Ok(links) => links,
            Err(error) => {
                let error = ServiceError::from(error);
                results.extend(undecided(well_formed.iter().map(|(index, op_id, _, _)| (*index, *op_id)), &error));
                return (results.into_values().collect(), Some(error));
            }
        };
        for (space_id, resolutions) in by_space(well_formed, &links) {
            let ids: Vec<(usize, OpId)> = resolutions.iter().map(|(index, op_id, _, _)| (*index, *op_id)).collect();
            let Some(space_id) = space_id else {
                results.extend(ids.into_iter().map(|(index, op_id)| (index, OperationResult::refused(op_id, unknown_conflict()))));
                continue;
            };
            let batch = Arc::new(Batch { caller: *caller, resolutions, received_at: self.now() });
            let work = move |tx: &mut dyn Tx| {
                access::require_session(tx, &batch.caller)?;
                Ok(resolve_space(tx, &batch, space_id)?)
            };
            match self.decide(Access::Write, work).await {
                Ok(decided) => results.extend(decided),
                Err(error) => {
                    results.extend(undecided(ids.into_iter(), &error));
                    failure = Some(error);
                }
            }
        }
        (results.into_values().collect(), failure)
    }

    async fn find_spaces(&self, caller: &Caller, resolutions: &[Entry]) -> StoreResult<HashMap<ConflictId, SpaceId>> {
        let ids: BTreeSet<ConflictId> = resolutions.iter().map(|(_, _, resolution, _)| resolution.conflict_id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (organisation_id, ids) = (caller.organisation_id, ids.into_iter().collect::<Vec<_>>());
        let links = self.store.transact(Access::Read, move |tx| tx.load_conflicts(organisation_id, &ids)).await?;
        Ok(links.into_iter().map(|link| (link.conflict_id, link.space_id)).collect())
    }
}

fn by_space(resolutions: Vec<Entry>, spaces: &HashMap<ConflictId, SpaceId>) -> BTreeMap<Option<SpaceId>, Vec<Entry>> {
    let mut by_space: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in resolutions {
        by_space.entry(spaces.get(&entry.2.conflict_id).copied()).or_default().push(entry);
    }
    by_space
}

fn undecided(ids: impl Iterator<Item = (usize, OpId)>, error: &ServiceError) -> Vec<(usize, OperationResult)> {
    let problem = error.problem();
    let waiting = |op_id| OperationResult { problem: Some(problem.clone()), ..OperationResult::new(op_id, Status::Waiting, false) };
    ids.map(|(index, op_id)| (index, waiting(op_id))).collect()
}

fn resolve_space(tx: &mut dyn Tx, batch: &Batch, space_id: SpaceId) -> StoreResult<Vec<(usize, OperationResult)>> {
    let strangers = || batch.resolutions.iter().map(|(index, op_id, _, _)| (*index, OperationResult::refused(*op_id, unknown_conflict())));
    let standing =
        |tx: &mut dyn Tx| access::load(tx, &batch.caller, &[space_id]).map(|mut all| all.remove(&space_id).unwrap_or(Standing::Unknown));
    if matches!(standing(tx)?, Standing::Unknown) {
        return Ok(strangers().collect());
    }
    let head = tx.lock_head(space_id)?;
    let (gate, access) = match standing(tx)? {
        Standing::Unknown => return Ok(strangers().collect()),
        Standing::Former(access) => (Gate::of_former_member(), access),
        Standing::Member(access) => (Gate::of_member(&access), access),
    };
    let schema =
        Schema::of_space(access.space.schema.as_deref()).ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
    let head = head.unwrap_or(access.head);
    let mut world = World::new(space_id, schema, access.member.role, head, Shared::all(head));
    world.settings = Settings { values: access.space.settings() };
    world.people.sender = Some(Actor { user_id: batch.caller.user_id, role: access.member.role });
    let mut desk = Desk { batch, world, gate, stored: Vec::new() };
    desk.load(tx)?;
    let mut results: Vec<_> =
        batch.resolutions.iter().map(|(index, op_id, resolution, over)| (*index, desk.answer(*op_id, resolution, over.as_ref()))).collect();
    Warnings::check(tx, &desk.world, batch.caller.organisation_id)?.tell(results.iter_mut().map(|(_, result)| result));
    write(tx, &mut desk.world, batch.caller.organisation_id, &desk.stored)?;
    Ok(results)
}

struct Desk<'a> {
    batch: &'a Batch,
    world: World,
    gate: Gate,
    stored: Vec<StoredOperation>,
}

/// How far a resolution got.
#[derive(Default)]
struct Progress {
    decided: bool,
    stale: bool,
    version: Option<i64>,
    /// What an answered intent did.
    told: Option<Told>,
}

impl Desk<'_> {
    /// Reads the conflicts, the documents that they are about, and the operations of groups.
    fn load(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        let ids: BTreeSet<ConflictId> = self.batch.resolutions.iter().map(|(_, _, resolution, _)| resolution.conflict_id).collect();
        load_conflict_documents(tx, &mut self.world, ids)?;
        let mut op_ids: BTreeSet<OpId> = self.batch.resolutions.iter().map(|(_, op_id, _, _)| *op_id).collect();
        op_ids.extend(self.world.conflicts.values().flat_map(|conflict| conflict.documents.iter().map(|part| part.op_id)));
        let groups = self.world.conflicts.values().filter(|conflict| conflict.kind == ConflictKind::Group);
        op_ids.extend(groups.map(|conflict| conflict.op_id));
        let (organisation_id, schema) = (self.batch.caller.organisation_id, Arc::clone(&self.world.schema));
        self.world.known = load_known(tx, organisation_id, &schema, op_ids)?;
        // what their senders saw is what those had made before
        let before =
            self.world.known.values().filter_map(|known| known.origin.before).filter(|before| !self.world.known.contains_key(before));
        let before = load_known(tx, organisation_id, &schema, before.collect())?;
        self.world.known.extend(before);
        let mut bases: BTreeMap<DocumentKey, i64> = BTreeMap::new();
        for key in self.world.conflicts.values().flat_map(documents_of) {
            bases.insert(key, i64::MAX);
        }
        for operation in self.world.conflicts.values().flat_map(|conflict| self.group_operations(conflict)) {
            let (Some(key), base) = (operation.key, operation.base_version) else { continue };
            bases.entry(key).and_modify(|lowest| *lowest = base.min(*lowest)).or_insert(base);
        }
        add_answers(tx, &mut self.world, &mut bases)?;
        load_documents(tx, &mut self.world, &bases)?;
        load_people(tx, &mut self.world)?;
        load_answers(tx, &mut self.world, organisation_id)
    }

    fn group_operations(&self, conflict: &Conflict) -> Vec<Operation> {
        let payload = |op_id: &OpId| {
            let known = self.world.known.get(op_id)?;
            let operation = read_stored_operation(known.row.payload.object())?;
            let schema = &self.world.schema;
            let operation = lifted(schema, &operation, operation.schema.unwrap_or(schema.version_at(known.row.head))).unwrap_or(operation);
            // a base that was not known when it came is not known now, whatever stands at that version here
            Some(Operation { base_version: known.origin.seen.unwrap_or(i64::MAX), ..operation })
        };
        conflict.documents.iter().filter_map(|part| payload(&part.op_id)).collect()
    }

    fn answer(&mut self, op_id: OpId, resolution: &Resolution, over_limit: Option<&Problem>) -> OperationResult {
        let identity = identity(self.world.space_id, resolution);
        if let Some(known) = self.world.known.get(&op_id).cloned() {
            return self.replay(&known.row, identity);
        }
        let visible =
            self.world.docs.get(&DocumentKey::conflict(resolution.conflict_id)).is_some_and(|doc| doc.audience.includes(self.world.role));
        let Some(conflict) = self.world.conflicts.get(&resolution.conflict_id).filter(|_| visible).cloned() else {
            return OperationResult::refused(op_id, unknown_conflict());
        };
        let refusal = match (&self.gate, over_limit) {
            (Gate::Quarantined(problem), _) => Some((Status::Quarantined, problem.clone())),
            (Gate::Rejected(problem), _) | (Gate::Open, Some(problem)) => Some((Status::Rejected, problem.clone())),
            (Gate::Open, None) => None,
        };
        if let Some((status, problem)) = refusal {
            return self.keep(op_id, resolution, identity, status, None, Some(problem));
        }
        let asker = self.asker(op_id);
        let outcome = if conflict.kind == ConflictKind::Group {
            self.decide_group(conflict, resolution, asker)
        } else {
            self.decide_fields(conflict, resolution, asker)
        };
        match outcome {
            Err(problem) => OperationResult::refused(op_id, problem),
            Ok(progress) => {
                let status = match (progress.stale, progress.decided) {
                    (true, _) => Status::Conflict,
                    (false, true) => Status::Applied,
                    (false, false) => Status::Noop,
                };
                let collection = self.world.conflicts.get(&resolution.conflict_id).map(|conflict| conflict.collection.clone());
                let mut result = self.keep(op_id, resolution, identity, status, progress.version, None);
                if let (Some(told), Some(row)) = (progress.told, self.stored.last_mut()) {
                    row.overlay = Some(told.stored(None));
                    if let Some(known) = self.world.known.get_mut(&op_id) {
                        known.row.overlay.clone_from(&row.overlay);
                    }
                    told.tell(&collection.unwrap_or_default(), &mut result);
                }
                result
            }
        }
    }

    fn asker(&self, op_id: OpId) -> Asker {
        let caller = self.batch.caller;
        Asker { by: Author { user_id: caller.user_id, device_id: caller.device_id, op_id }, at: self.batch.received_at }
    }

    fn replay(&self, row: &StoredOperation, identity: [u8; 32]) -> OperationResult {
        if row.user_id != self.batch.caller.user_id || row.identity != identity {
            return OperationResult::refused(
                row.op_id,
                Problem::new(Code::OpIdReuse, "this op_id was used for something else; give the answer a new one"),
            );
        }
        let result = OperationResult {
            was: Some(row.status),
            decided_version: row.decided_version,
            conflict_id: row.conflict_id,
            problem: row.problem.as_ref().and_then(RawJson::read),
            ..OperationResult::new(row.op_id, Status::Duplicate, true)
        };
        let mut result = self.with_document(result, row.conflict_id);
        let conflict = row.conflict_id.and_then(|id| self.world.conflicts.get(&id));
        if let Some((told, conflict)) = Told::of(row).zip(conflict) {
            told.tell(&conflict.collection, &mut result);
        }
        result
    }

    fn decide_fields(&mut self, mut conflict: Conflict, resolution: &Resolution, asker: Asker) -> Result<Progress, Problem> {
        let key = DocumentKey::new(&conflict.collection, &conflict.document_id).ok_or_else(unknown_conflict)?;
        // what was seen had the names of its time
        let lifted = self.world.lens_since(&key, resolution.version).map(|lens| lifted_answer(resolution, &lens));
        let resolution = lifted.as_ref().unwrap_or(resolution);
        let choices = choices(&conflict, resolution)?;
        let mut progress = Progress::default();
        let doc = self.world.docs.get(&key).ok_or_else(unknown_conflict)?;
        right::check(&self.world, (&key, doc), (&conflict, &choices), asker)?;
        let policy = &self.world.policies.of(key.collection()).policy;
        let mut state = NewState { body: doc.body.clone(), live: doc.is_live() };
        let mut touched: Vec<String> = Vec::new();
        for (path, choice) in choices {
            let Some(field) = conflict.fields.get_mut(&path) else { continue };
            if field.decided.is_some() {
                continue;
            }
            if field.changed > resolution.version || !choose(&mut state, (&path, policy), field, &choice) {
                progress.stale = true;
                continue;
            }
            touched.extend(pointer_tokens(&path).and_then(|tokens| tokens.into_iter().next()));
            field.decided = Some(name_of(&choice).into());
            progress.decided = true;
        }
        if !progress.decided {
            return Ok(progress);
        }
        self.check(&key, &state, &touched)?;
        conflict.resolved_by = Some(asker.side());
        let id = conflict.conflict_id;
        self.world.conflicts.insert(id, conflict);
        let changes = self.world.docs.get(&key).is_some_and(|doc| doc.body != state.body || doc.is_live() != state.live);
        if changes {
            progress.version = Some(self.world.change(&key, state, asker.by, asker.at, (asker.at.millis(), 0)));
            refresh(&mut self.world, &key, asker);
        }
        if let Some(conflict) = self.world.conflicts.get(&id).cloned() {
            settle(&mut self.world, conflict, asker);
        }
        // what changes nothing in the document changes the question at least
        progress.version = progress.version.or_else(|| self.world.conflicts.get(&id).map(|conflict| conflict.version));
        Ok(progress)
    }

    /// What a person chose must fit the schema and the limit like anything else.
    fn check(&self, key: &DocumentKey, state: &NewState, touched: &[String]) -> Result<(), Problem> {
        if !state.live {
            return Ok(());
        }
        if let Some(collection) = self.world.schema.collection(key.collection()) {
            let names: Vec<String> = if touched.is_empty() { state.body.keys().cloned().collect() } else { touched.to_vec() };
            collection.check(&state.body, &names)?;
        }
        let bytes = serde_json::to_string(&state.body).map_or(0, |text| text.len());
        if bytes > MAX_DOCUMENT_BYTES {
            let detail = format!("with this the document would be {bytes} bytes; at most {MAX_DOCUMENT_BYTES}: choose something shorter");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        Ok(())
    }

    fn keep(
        &mut self,
        op_id: OpId,
        resolution: &Resolution,
        identity: [u8; 32],
        status: Status,
        version: Option<i64>,
        problem: Option<Problem>,
    ) -> OperationResult {
        let caller = self.batch.caller;
        let conflict_id = Some(resolution.conflict_id);
        let row = StoredOperation {
            organisation_id: caller.organisation_id,
            op_id,
            identity,
            user_id: caller.user_id,
            device_id: caller.device_id,
            space_id: self.world.space_id,
            key: DocumentKey::conflict(resolution.conflict_id).as_str().to_owned(),
            status,
            decided_version: version,
            head: self.world.head,
            conflict_id,
            decided_at: self.batch.received_at,
            group: None,
            problem: problem.as_ref().map(RawJson::of),
            payload: RawJson::of(&resolution.payload),
            overlay: None,
            policy_version: None,
            corrected_at: None,
            decisions: None,
        };
        self.stored.push(row.clone());
        // the same id may stand in the request once more
        self.world.known.insert(op_id, Known { row, overlay: Overlay::default(), stamp: None, origin: Origin::default(), plain: true });
        let result = OperationResult { decided_version: version, conflict_id, problem, ..OperationResult::new(op_id, status, true) };
        self.with_document(result, conflict_id)
    }

    /// The present state of the document that the conflict is about.
    fn with_document(&self, result: OperationResult, conflict_id: Option<ConflictId>) -> OperationResult {
        let conflict = conflict_id.and_then(|id| self.world.conflicts.get(&id)).filter(|_| matches!(self.gate, Gate::Open));
        let key = conflict.and_then(|conflict| DocumentKey::new(&conflict.collection, &conflict.document_id));
        let doc = key.and_then(|key| self.world.docs.get(&key)).filter(|doc| doc.audience_ever.includes(self.world.role));
        match doc {
            Some(doc) => OperationResult { version: Some(doc.version), document: Some(shown(doc, self.world.role)), ..result },
            None => result,
        }
    }
}
