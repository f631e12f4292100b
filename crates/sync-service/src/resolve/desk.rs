//! Deciding the resolutions of one space in order, and keeping what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use merge_engine::preference::Choice as Side;
use sync_core::conflict::{Conflict, ConflictKind, DisputedField};
use sync_core::json::{Object, RawJson};
use sync_core::ports::{PreferenceRule, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::{OperationResult, Resolution, read_stored_operation};
use sync_core::{Author, Code, ConflictId, DocumentKey, OpId, Operation, Problem, Role, Status};

use super::Batch;
use super::choice::{identity, lifted_answer};
use super::undo::last_answer;
use crate::conflicts::unknown_conflict;
use crate::inbox::learn::{Lessons, contexts, keys};
use crate::inbox::people::{People, ask_role, may_decide};
use crate::inbox::words::label;
use crate::push::working::{
    Known, Origin, Told, World, add_answers, documents_of, lifted, load_answers, load_conflict_documents, load_documents, load_known,
    load_people,
};
use crate::push::{Asker, Gate, Overlay};

pub(super) struct Desk<'a> {
    pub(super) batch: &'a Batch,
    pub(super) world: World,
    gate: Gate,
    pub(super) people: People,
    pub(super) settings: Object,
    pub(super) stored: Vec<StoredOperation>,
    pub(super) lessons: Lessons,
    pub(super) rules: Vec<PreferenceRule>,
}

/// How far a resolution got.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) decided: bool,
    pub(super) stale: bool,
    pub(super) version: Option<i64>,
    /// What an answered intent did.
    pub(super) told: Option<Told>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(batch: &'a Batch, world: World, gate: Gate, settings: Object) -> Self {
        let (people, stored, lessons, rules) = Default::default();
        Self { batch, world, gate, people, settings, stored, lessons, rules }
    }

    /// Reads the conflicts, the documents that they are about, and the operations of groups.
    pub(super) fn load(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        let ids: BTreeSet<ConflictId> = self.batch.resolutions.iter().map(|(_, _, resolution, _)| resolution.conflict_id).collect();
        load_conflict_documents(tx, &mut self.world, ids)?;
        let mut op_ids: BTreeSet<OpId> = self.batch.resolutions.iter().map(|(_, op_id, _, _)| *op_id).collect();
        op_ids.extend(self.world.conflicts.values().flat_map(|conflict| conflict.documents.iter().map(|part| part.op_id)));
        let groups = self.world.conflicts.values().filter(|conflict| conflict.kind == ConflictKind::Group);
        op_ids.extend(groups.map(|conflict| conflict.op_id));
        op_ids.extend(self.world.conflicts.values().filter_map(last_answer));
        let (organisation_id, schema) = (self.batch.caller.organisation_id, Arc::clone(&self.world.schema));
        self.world.known = load_known(tx, organisation_id, &schema, op_ids)?;
        // what their senders saw is what those had made before
        let before =
            self.world.known.values().filter_map(|known| known.origin.before).filter(|before| !self.world.known.contains_key(before));
        let before = load_known(tx, organisation_id, &schema, before.collect())?;
        self.world.known.extend(before);
        let mut bases = self.bases();
        add_answers(tx, &mut self.world, &mut bases)?;
        load_documents(tx, &mut self.world, &bases)?;
        load_people(tx, &mut self.world)?;
        load_answers(tx, &mut self.world, organisation_id)?;
        self.people = People::of(tx, organisation_id, self.world.space_id)?;
        Ok(())
    }

    /// The documents that the conflicts are about, with the versions from which on their history is needed.
    fn bases(&self) -> BTreeMap<DocumentKey, i64> {
        let mut bases: BTreeMap<DocumentKey, i64> = BTreeMap::new();
        for key in self.world.conflicts.values().flat_map(documents_of) {
            bases.insert(key, i64::MAX);
        }
        let mut reach = |key: DocumentKey, base: i64| {
            bases.entry(key).and_modify(|lowest| *lowest = base.min(*lowest)).or_insert(base);
        };
        for operation in self.world.conflicts.values().flat_map(|conflict| self.group_operations(conflict)) {
            let (Some(key), base) = (operation.key, operation.base_version) else { continue };
            reach(key, base);
        }
        let undone = self.batch.resolutions.iter().filter(|(_, _, resolution, _)| resolution.undo);
        for conflict in undone.filter_map(|(_, _, resolution, _)| self.world.conflicts.get(&resolution.conflict_id)) {
            let from = self.answered_from(conflict);
            self.answered_documents(conflict).into_iter().for_each(|key| reach(key, from));
        }
        bases
    }

    /// The last answer to a group's question, as it is stored.
    fn answer_of_group(&self, conflict: &Conflict) -> Option<&StoredOperation> {
        let answer = last_answer(conflict).filter(|_| conflict.kind == ConflictKind::Group)?;
        self.world.known.get(&answer).map(|known| &known.row)
    }

    /// The version before an answer to a group: its changes are the last ones up to the version that it made.
    pub(super) fn answered_from(&self, conflict: &Conflict) -> i64 {
        let Some(row) = self.answer_of_group(conflict) else { return i64::MAX };
        let first_shifted = Told::of(row).and_then(|told| told.touched().next().map(|(_, version)| version));
        let parts = i64::try_from(conflict.documents.len()).unwrap_or_default();
        let first = first_shifted.map(|version| version - 1).or_else(|| row.decided_version.map(|version| version - parts));
        first.unwrap_or(i64::MAX)
    }

    /// The documents that an answer to a group may have changed.
    pub(super) fn answered_documents(&self, conflict: &Conflict) -> BTreeSet<DocumentKey> {
        let shifted = self.answer_of_group(conflict).and_then(Told::of);
        let shifted = shifted.iter().flat_map(Told::touched).filter_map(|(id, _)| DocumentKey::new(&conflict.collection, id));
        documents_of(conflict).into_iter().chain(shifted).collect()
    }

    pub(super) fn group_operations(&self, conflict: &Conflict) -> Vec<Operation> {
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

    pub(super) fn answer(&mut self, op_id: OpId, resolution: &Resolution, over_limit: Option<&Problem>) -> OperationResult {
        let identity = identity(self.world.space_id, resolution);
        if let Some(known) = self.world.known.get(&op_id).cloned() {
            return self.replay(&known.row, identity);
        }
        let visible = self.world.visible(&DocumentKey::conflict(resolution.conflict_id)).is_some();
        let Some(conflict) = self.world.conflicts.get(&resolution.conflict_id).filter(|_| visible).cloned() else {
            return OperationResult::refused(op_id, unknown_conflict());
        };
        // what was seen had the names of its time
        let key = DocumentKey::new(&conflict.collection, &conflict.document_id);
        let lens = key.and_then(|key| self.world.lens_since(&key, resolution.version));
        let lifted = lens.map(|lens| lifted_answer(resolution, &lens));
        let resolution = lifted.as_ref().unwrap_or(resolution);
        let refusal = match (&self.gate, over_limit) {
            (Gate::Quarantined(problem), _) => Some((Status::Quarantined, problem.clone())),
            (Gate::Rejected(problem), _) | (Gate::Open, Some(problem)) => Some((Status::Rejected, problem.clone())),
            (Gate::Open, None) => self.not_asked(&self.seen(&conflict), resolution).map(|problem| (Status::Rejected, problem)),
        };
        if let Some((status, problem)) = refusal {
            return self.keep(op_id, resolution, identity, status, None, Some(problem));
        }
        let asker = self.asker(op_id);
        let outcome = match (resolution.undo, conflict.kind) {
            (true, _) => self.take_back(conflict, asker),
            (false, ConflictKind::Group) => self.decide_group(conflict, resolution, asker),
            (false, _) => self.decide_fields(conflict, resolution, asker),
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

    /// Who may decide a place of a question now, as `role:NAME` and `user:UUID`.
    fn deciders(&self, conflict: &Conflict, (collection, id): (&str, &str), path: &str) -> Vec<String> {
        let nothing = Object::new();
        let doc = DocumentKey::new(collection, id).and_then(|key| self.world.docs.get(&key));
        let body = doc.map_or(&nothing, |doc| &doc.body);
        let mut asks = self.people.deciders(&self.world.schema, collection, (path, body), &self.settings);
        if conflict.escalated_at.is_some() && !asks.is_empty() {
            asks.push(ask_role(Role::Lead));
        }
        asks
    }

    /// Whether the caller may decide a place of a question about one document.
    pub(super) fn may_decide(&self, conflict: &Conflict, path: &str) -> bool {
        let asks = self.deciders(conflict, (&conflict.collection, &conflict.document_id), path);
        may_decide(&asks, self.batch.caller.user_id, self.world.role)
    }

    /// A question with the places that the caller sees.
    pub(super) fn seen(&self, conflict: &Conflict) -> Conflict {
        let mut seen = conflict.clone();
        let view = &self.world.view;
        seen.fields.retain(|path, field| view.sees_field(&conflict.collection, (path, field)));
        for part in &mut seen.documents {
            let collection = part.collection.clone();
            part.fields.retain(|path, field| view.sees_field(&collection, (path, field)));
        }
        seen
    }

    /// Why the caller is not asked, if so: of a group, who may decide only a part of it leaves it to those who may decide
    /// all of it, or to a lead.
    fn not_asked(&self, conflict: &Conflict, resolution: &Resolution) -> Option<Problem> {
        let caller = self.batch.caller.user_id;
        let may = |asks: &[String]| may_decide(asks, caller, self.world.role);
        if conflict.kind == ConflictKind::Group {
            let parts = conflict.documents.iter().flat_map(|part| part.fields.keys().map(move |path| (part, path)));
            let foreign =
                parts.map(|(part, path)| self.deciders(conflict, (&part.collection, &part.document_id), path)).find(|asks| !may(asks));
            return foreign.filter(|_| self.world.role != Role::Lead).map(|asks| self.is_for(&asks, "the group"));
        }
        let answer = last_answer(conflict);
        let named = |(path, field): &(&String, &DisputedField)| {
            if resolution.undo {
                field.decided_by.as_ref().is_some_and(|by| Some(by.op_id) == answer)
            } else {
                resolution.fields.is_empty() || resolution.fields.contains_key(*path)
            }
        };
        let paths: Vec<&String> = conflict.fields.iter().filter(named).map(|(path, _)| path).collect();
        let foreign: Vec<&String> = paths.iter().copied().filter(|path| !self.may_decide(conflict, path)).collect();
        // of those that are not named one by one, the others are decided; an answer is taken back as a whole
        let is_stopped = resolution.undo || !resolution.fields.is_empty() || foreign.len() == paths.len();
        let first = foreign.first().filter(|_| is_stopped)?;
        let asks = self.deciders(conflict, (&conflict.collection, &conflict.document_id), first);
        Some(self.is_for(&asks, &label(&self.world.schema, &conflict.collection, first)))
    }

    fn is_for(&self, asks: &[String], what: &str) -> Problem {
        let asks: Vec<&str> = asks.iter().map(String::as_str).collect();
        let whom = self.people.waiting_for(&asks).unwrap_or_else(|| "somebody else".to_owned());
        let detail = format!("{what} is for {whom} to decide, and waits for them; ask them to answer, or a lead to make it yours");
        Problem::new(Code::NotAsked, detail).at("/fields")
    }

    fn replay(&self, row: &StoredOperation, identity: [u8; 32]) -> OperationResult {
        if row.user_id != self.batch.caller.user_id || row.identity != identity {
            return reused(row.op_id);
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

    /// Counts what somebody chose in an answer, or takes it back: each field, of a group the whole once.
    pub(super) fn count(&mut self, conflict: &Conflict, answer: OpId, weight: i64) {
        let of_answer = |field: &DisputedField| field.decided_by.as_ref().is_some_and(|by| by.op_id == answer);
        let fields = conflict.all_fields().filter(|(_, _, field)| of_answer(field));
        let most = if conflict.kind == ConflictKind::Group { 1 } else { usize::MAX };
        for (collection, path, field) in fields.take(most) {
            let choice = field.decided.as_deref().and_then(Side::parse);
            // what a rule or the clock decided is nobody's choice
            let by = field.decided_by.as_ref().filter(|by| field.rule.is_none() && !by.user_id.0.is_nil());
            if let (Some(choice), Some((user_id, role))) = (choice, by.and_then(|by| Some((by.user_id, by.role?)))) {
                self.lessons.count(keys(&contexts(conflict, collection, path), user_id, role), choice, weight);
            }
        }
    }

    /// Switches a rule on: such questions are decided like this one from now on.
    pub(super) fn remember(&mut self, conflict: &Conflict, (collection, path): (&str, &str), choice: Side) {
        let contexts = contexts(conflict, collection, path);
        let of_kind = contexts.len().checked_sub(3).and_then(|place| contexts.get(place).cloned());
        let Some(context) = of_kind.filter(|_| choice != Side::Value) else { return };
        let caller = self.batch.caller;
        let key = sync_core::ports::PreferenceKey { scope: crate::inbox::people::ask_user(caller.user_id), context };
        let rule = PreferenceRule { user_id: caller.user_id, key, choose: choice.as_str().into(), since: self.batch.received_at };
        self.rules.retain(|other| other.key != rule.key);
        self.rules.push(rule);
    }

    /// Writes what was learned.
    pub(super) fn learn(&self, tx: &mut dyn Tx) -> StoreResult<()> {
        let organisation_id = self.batch.caller.organisation_id;
        self.lessons.write(tx, organisation_id, self.batch.received_at)?;
        if self.rules.is_empty() { Ok(()) } else { tx.put_rules(organisation_id, &self.rules) }
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
            received_at: None,
            attempts: None,
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
        let doc = key.as_ref().and_then(|key| Some((key, self.world.docs.get(key)?)));
        match doc.and_then(|(key, doc)| self.world.told(key, doc)) {
            Some((version, document)) => OperationResult { version: Some(version), document: Some(document), ..result },
            None => result,
        }
    }
}

/// The refusal of an answer whose id is taken.
pub(super) fn reused(op_id: OpId) -> OperationResult {
    OperationResult::refused(op_id, Problem::new(Code::OpIdReuse, "this op_id was used for something else; give the answer a new one"))
}
