//! Taking an answer back: what stood before is put back as a new change, and the question is open again.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::conflict::{Conflict, ConflictKind, ConflictState, Side};
use sync_core::json::Object;
use sync_core::ports::ChangeRow;
use sync_core::{Code, DocumentKey, OpId, Problem};

use super::choice::put;
use super::desk::{Desk, Progress};
use crate::conflicts::unknown_conflict;
use crate::push::working::{live_value, reopen, settle};
use crate::push::{Asker, NewState};

impl Desk<'_> {
    pub(super) fn take_back(&mut self, mut conflict: Conflict, asker: Asker) -> Result<Progress, Problem> {
        let answer = last_answer(&self.seen(&conflict)).ok_or_else(nothing_to_undo)?;
        let states =
            if conflict.kind == ConflictKind::Group { self.before_group(&conflict, answer) } else { self.before(&conflict, answer) }?;
        let mut progress = Progress { decided: true, ..Progress::default() };
        // what is taken back was never chosen
        self.count(&conflict, answer, -1);
        (conflict.state, conflict.reopened_at) = (ConflictState::Open, Some(asker.at));
        let changed = self.world.head + 1;
        for field in conflict.all_fields_mut() {
            if field.decided_by.as_ref().is_some_and(|by| by.op_id == answer) {
                field.reopen(Value::Null, changed);
            }
        }
        let by_rule = conflict.all_fields().any(|(_, _, field)| field.rule.is_some());
        conflict.automatic = by_rule;
        conflict.resolved_by = last_side(&conflict).cloned();
        let id = conflict.conflict_id;
        reopen(&mut self.world, &conflict);
        self.world.conflicts.insert(id, conflict);
        for (key, state) in states {
            progress.version = self.put(&key, state, asker).or(progress.version);
        }
        if let Some(mut conflict) = self.world.conflicts.get(&id).cloned() {
            self.show_live(&mut conflict);
            settle(&mut self.world, conflict, asker);
        }
        progress.version = progress.version.or_else(|| self.world.conflicts.get(&id).map(|conflict| conflict.version));
        Ok(progress)
    }

    /// What is live goes into what waits again.
    fn show_live(&self, conflict: &mut Conflict) {
        let key = |collection: &str, id: &str| DocumentKey::new(collection, id).and_then(|key| self.world.docs.get(&key));
        if let Some(doc) = key(&conflict.collection, &conflict.document_id) {
            let policy = &self.world.policies.of(&conflict.collection).policy;
            for (path, field) in conflict.fields.iter_mut().filter(|(_, field)| field.decided.is_none()) {
                field.ours = live_value(doc, path, policy);
            }
        }
        for part in &mut conflict.documents {
            let Some(doc) = key(&part.collection, &part.document_id) else { continue };
            let policy = &self.world.policies.of(&part.collection).policy;
            for (path, field) in part.fields.iter_mut().filter(|(_, field)| field.decided.is_none()) {
                field.ours = live_value(doc, path, policy);
            }
        }
    }

    /// The document as it stood before an answer about it.
    fn before(&self, conflict: &Conflict, answer: OpId) -> Result<BTreeMap<DocumentKey, NewState>, Problem> {
        let key = DocumentKey::new(&conflict.collection, &conflict.document_id).ok_or_else(unknown_conflict)?;
        let doc = self.world.docs.get(&key).ok_or_else(unknown_conflict)?;
        let policy = &self.world.policies.of(key.collection()).policy;
        let mut state = NewState { body: doc.body.clone(), live: doc.is_live() };
        for (path, field) in conflict.fields.iter().filter(|(_, field)| field.decided_by.as_ref().is_some_and(|by| by.op_id == answer)) {
            // an answer that kept what was live changed nothing
            if field.outcome == field.ours {
                continue;
            }
            let is_as_answered = live_value(doc, path, policy) == field.outcome;
            if !is_as_answered || !put(&mut state, (path, policy), field.ours.clone()) {
                return Err(self.changed_since(&key, field.label.as_deref().unwrap_or("the document")));
            }
        }
        Ok(BTreeMap::from([(key, state)]))
    }

    /// The documents as they stood before a group was applied: what it changed in them is taken back, as the log tells it.
    fn before_group(&self, conflict: &Conflict, answer: OpId) -> Result<BTreeMap<DocumentKey, NewState>, Problem> {
        let mut states = BTreeMap::new();
        if self.answered_from(conflict) < self.world.history_from {
            return Err(Problem::new(
                Code::ChangedSince,
                "what the group changed is not told by the log any more; change the documents themselves",
            ));
        }
        for key in self.answered_documents(conflict) {
            let changes: Vec<&ChangeRow> = self.world.changes_of(&key).filter(|change| change.by.op_id == answer).collect();
            let (Some(doc), Some(last), Some(first)) = (self.world.docs.get(&key), changes.first(), changes.last()) else { continue };
            let mut body = doc.body.clone();
            let touched_since = |name: &String| doc.fields.version_of(name) > last.version;
            for (name, value) in changes.iter().flat_map(|change| change.before.object()) {
                if touched_since(&name) {
                    return Err(self.changed_since(&key, &name));
                }
                restore(&mut body, name, value);
            }
            // it was made, deleted or brought back since
            let stays = self
                .world
                .changes_of(&key)
                .take_while(|change| change.version > last.version)
                .all(|change| change.was_live == doc.is_live());
            if !stays {
                return Err(self.changed_since(&key, "the document"));
            }
            states.insert(key, NewState { body, live: first.was_live });
        }
        Ok(states)
    }

    fn changed_since(&self, key: &DocumentKey, what: &str) -> Problem {
        let who = self.world.docs.get(key).and_then(|doc| self.people.name(doc.by.user_id)).unwrap_or("somebody");
        let detail = format!(
            "{what} was changed again since the answer ({who} wrote the document last), so that what stood before it would overwrite that; \
             change the document itself to what it is to be"
        );
        Problem::new(Code::ChangedSince, detail)
    }
}

fn nothing_to_undo() -> Problem {
    let detail = "nobody answered this question yet, or both sides came to say the same; there is nothing to take back";
    Problem::new(Code::NothingToUndo, detail)
}

fn restore(body: &mut Object, name: String, value: Value) {
    if value.is_null() {
        body.remove(&name);
    } else {
        body.insert(name, value);
    }
}

fn last_side(conflict: &Conflict) -> Option<&Side> {
    let sides = conflict.all_fields().filter_map(|(_, _, field)| field.decided_by.as_ref());
    sides.max_by_key(|side| (side.at, side.op_id))
}

/// The answer that decided something last.
pub(super) fn last_answer(conflict: &Conflict) -> Option<OpId> {
    last_side(conflict).map(|side| side.op_id)
}
