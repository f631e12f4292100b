//! The record of a unit of work: the list of its results, and which fields they are about. Never a value.

use std::collections::HashSet;

use serde_json::Value;
use sync_core::json::Object;
use sync_core::protocol::v1::{Choice, OperationResult, Resolution};
use sync_core::{OpId, Operation, SpaceId, Status};

use super::Act;
use crate::Caller;
use crate::push::{Batch, Decided, Taking};

/// What is recorded of a push to a space, or of what a worker decided; nothing where all was known before.
pub(crate) fn of_push(batch: &Batch, space_id: SpaceId, decided: &Decided) -> Option<Act> {
    let queued: HashSet<OpId> = decided.queued.iter().map(|item| item.op_id).collect();
    let action = if matches!(batch.taking, Taking::Work(_)) { "queue.decide" } else { "sync.push" };
    let is_new = |result: &OperationResult| match result.status {
        Status::Duplicate | Status::Waiting | Status::Parked => false,
        // one that was in the queue before is told again
        Status::Queued => queued.contains(&result.op_id),
        _ => true,
    };
    let entries = decided.results.iter().filter(|(_, result)| is_new(result)).map(|(index, result)| {
        let operation = batch.operations.get(*index).and_then(|received| received.content.as_ref().ok());
        let mut entry = of_result(result);
        if let Some(operation) = operation {
            describe(operation, &mut entry);
        }
        Value::Object(entry)
    });
    let entries: Vec<Value> = entries.collect();
    (!entries.is_empty()).then(|| Act::by(&batch.caller, action).in_space(space_id).listing(entries))
}

/// What is recorded of answers to a space's conflicts; nothing where all was known before.
pub(crate) fn of_answers<'a>(
    caller: &Caller,
    space_id: SpaceId,
    answers: impl Iterator<Item = (&'a Resolution, &'a OperationResult)>,
) -> Option<Act> {
    let fresh: Vec<_> = answers.filter(|(_, result)| !matches!(result.status, Status::Duplicate | Status::Waiting)).collect();
    let undoes = fresh.iter().all(|(resolution, _)| resolution.undo);
    let action = if undoes { "conflict.undo" } else { "conflict.resolve" };
    let entries: Vec<Value> = fresh.into_iter().map(|(resolution, result)| answered(resolution, result)).collect();
    (!entries.is_empty()).then(|| Act::by(caller, action).in_space(space_id).listing(entries))
}

/// The choices that somebody made: which side, never what it says.
fn answered(resolution: &Resolution, result: &OperationResult) -> Value {
    let side = |choice: &Choice| match choice {
        Choice::Ours => "ours",
        Choice::Theirs => "theirs",
        Choice::Base => "base",
        Choice::Value(_) => "value",
    };
    let mut entry = of_result(result);
    entry.insert("conflict_id".into(), resolution.conflict_id.to_string().into());
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

/// Kind, document and fields of an operation.
fn describe(operation: &Operation, entry: &mut Object) {
    entry.insert("kind".into(), operation.kind.as_str().into());
    let document = operation.key.as_ref().map_or(operation.collection.as_str(), |key| key.as_str());
    entry.insert("document".into(), document.into());
    if !operation.patch.is_empty() {
        entry.insert("fields".into(), operation.patch.keys().map(String::as_str).collect());
    }
}
