//! The record of a unit of work: the list of its results, and which fields they are about. Never a value.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;
use sync_core::json::Object;
use sync_core::protocol::v1::{Choice, OperationResult, Resolution};
use sync_core::{OpId, Operation, SpaceId, Status};

use super::Act;
use crate::Caller;
use crate::push::{Batch, Decided, Taking};

/// What is recorded of a push to a space, or of what a worker decided; nothing where all was known before.
///
/// Results that say the same of their operations are written down once: a record is hashed, stored, and stored again with its
/// place, on the way of every push.
pub(crate) fn of_push(batch: &Batch, space_id: SpaceId, decided: &Decided) -> Option<Act> {
    let queued: HashSet<OpId> = decided.queued.iter().map(|item| item.op_id).collect();
    let action = if matches!(batch.taking, Taking::Work(_)) { "queue.decide" } else { "sync.push" };
    let is_new = |result: &OperationResult| match result.status {
        Status::Duplicate | Status::Waiting | Status::Parked => false,
        // one that was in the queue before is told again
        Status::Queued => queued.contains(&result.op_id),
        _ => true,
    };
    let mut groups: Vec<(Alike<'_>, Vec<Value>)> = Vec::new();
    for (index, result) in decided.results.iter().filter(|(_, result)| is_new(result)) {
        let operation = batch.operations.get(*index).and_then(|received| received.content.as_ref().ok());
        let (alike, entry) = (Alike::of(result, operation), entry(result, operation));
        match groups.iter_mut().find(|(other, _)| *other == alike) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((alike, vec![entry])),
        }
    }
    let groups: Vec<Value> = groups.into_iter().map(|(alike, entries)| alike.into_group(entries)).collect();
    (!groups.is_empty()).then(|| Act::by(&batch.caller, action).in_space(space_id).listing(groups))
}

/// What many results of a push have in common.
#[derive(PartialEq)]
struct Alike<'a> {
    status: &'static str,
    code: Option<&'static str>,
    kind: Option<&'static str>,
    fields: Vec<&'a str>,
    /// The version of the schema in whose words the fields are named, where it says one.
    schema: Option<u32>,
    touched: usize,
}

impl<'a> Alike<'a> {
    fn of(result: &OperationResult, operation: Option<&'a Operation>) -> Self {
        Self {
            status: result.status.as_str(),
            code: result.problem.as_ref().map(|problem| problem.code.as_str()),
            kind: operation.map(|operation| operation.kind.as_str()),
            fields: operation.map(|operation| operation.patch.keys().map(String::as_str).collect()).unwrap_or_default(),
            schema: operation.and_then(|operation| operation.schema),
            touched: result.touched.len(),
        }
    }

    fn into_group(self, entries: Vec<Value>) -> Value {
        let mut group = Object::new();
        group.insert("status".into(), self.status.into());
        group.extend(self.code.map(|code| ("code".to_owned(), code.into())));
        group.extend(self.kind.map(|kind| ("kind".to_owned(), kind.into())));
        if !self.fields.is_empty() {
            group.insert("fields".into(), self.fields.into_iter().collect());
        }
        group.extend(self.schema.map(|schema| ("schema".to_owned(), schema.into())));
        if self.touched > 0 {
            group.insert("touched".into(), self.touched.into());
        }
        group.insert(OF.into(), Value::Array(entries));
        Value::Object(group)
    }
}

/// The member of a group that lists its operations.
const OF: &str = "of";

/// Operation, document, version, conflict; what is absent at the end is left out.
fn entry(result: &OperationResult, operation: Option<&Operation>) -> Value {
    let document = operation.map(|operation| operation.key.as_ref().map_or(operation.collection.as_str(), |key| key.as_str()));
    let conflict_id = result.conflict_id.map(|conflict_id| conflict_id.to_string());
    let mut entry = vec![result.op_id.to_string().into(), document.into(), result.decided_version.into(), conflict_id.into()];
    while entry.last().is_some_and(Value::is_null) {
        entry.pop();
    }
    Value::Array(entry)
}

/// Results as they are told: one for each operation.
pub(super) fn each(results: Vec<Value>) -> Vec<Value> {
    results.into_iter().flat_map(spread).collect()
}

fn spread(group: Value) -> Vec<Value> {
    let Value::Object(mut alike) = group else { return vec![group] };
    let Some(Value::Array(entries)) = alike.remove(OF) else { return vec![Value::Object(alike)] };
    let one = |entry: Value| {
        let Value::Array(parts) = entry else { return entry };
        let names = ["op_id", "document", "version", "conflict_id"].map(str::to_owned);
        let mut result = alike.clone();
        result.extend(names.into_iter().zip(parts).filter(|(_, part)| !part.is_null()));
        Value::Object(result)
    };
    entries.into_iter().map(one).collect()
}

/// What an answer was about.
pub(crate) struct Answered {
    /// `collection/id`.
    pub(crate) document: String,
    /// The members of it in which something was decided, or taken back.
    pub(crate) fields: BTreeSet<String>,
}

/// What is recorded of answers to a space's conflicts; nothing where all was known before.
pub(crate) fn of_answers<'a>(
    caller: &Caller,
    space_id: SpaceId,
    answers: impl Iterator<Item = (&'a Resolution, &'a OperationResult, Option<Answered>)>,
) -> Option<Act> {
    let fresh: Vec<_> = answers.filter(|(_, result, _)| !matches!(result.status, Status::Duplicate | Status::Waiting)).collect();
    let undoes = fresh.iter().all(|(resolution, ..)| resolution.undo);
    let action = if undoes { "conflict.undo" } else { "conflict.resolve" };
    let entries: Vec<Value> = fresh.into_iter().map(|(resolution, result, about)| answered(resolution, result, about)).collect();
    (!entries.is_empty()).then(|| Act::by(caller, action).in_space(space_id).listing(entries))
}

/// The choices that somebody made: which side, never what it says.
fn answered(resolution: &Resolution, result: &OperationResult, about: Option<Answered>) -> Value {
    let side = |choice: &Choice| match choice {
        Choice::Ours => "ours",
        Choice::Theirs => "theirs",
        Choice::Base => "base",
        Choice::Value(_) => "value",
    };
    let mut entry = of_result(result);
    entry.insert("conflict_id".into(), resolution.conflict_id.to_string().into());
    if let Some(Answered { document, fields }) = about {
        entry.insert("document".into(), document.into());
        entry.insert("fields".into(), fields.into_iter().collect());
    }
    let mut choices: Object = resolution.fields.iter().map(|(path, choice)| (path.clone(), side(choice).into())).collect();
    choices.extend(resolution.whole.as_ref().map(|choice| (String::new(), side(choice).into())));
    if resolution.undo {
        entry.insert("undo".into(), true.into());
    } else {
        entry.insert("choices".into(), Value::Object(choices));
    }
    Value::Object(entry)
}

fn of_result(result: &OperationResult) -> Object {
    let mut entry = Object::new();
    entry.insert("op_id".into(), result.op_id.to_string().into());
    entry.insert("status".into(), result.status.as_str().into());
    if let Some(version) = result.decided_version {
        entry.insert("version".into(), version.into());
    }
    if let Some(conflict_id) = result.conflict_id {
        entry.insert("conflict_id".into(), conflict_id.to_string().into());
    }
    if let Some(problem) = &result.problem {
        entry.insert("code".into(), problem.code.as_str().into());
    }
    if !result.touched.is_empty() {
        entry.insert("touched".into(), result.touched.len().into());
    }
    entry
}
