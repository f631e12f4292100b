//! The record of a unit of work: the list of its results, and which fields they are about. Never a value.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;
use sync_core::json::Object;
use sync_core::protocol::v1::{Choice, OperationResult, Received, Resolution};
use sync_core::{DocumentKey, OpId, Operation, SpaceId, Status};

use super::Act;
use crate::Caller;
use crate::push::{Batch, Decided, Taking, refused};

/// What is recorded of a push to a space, or of what a worker decided; nothing where all was known before. `unread` are the
/// places of operations that were refused for their form, and name the space.
///
/// Results that say the same of their operations are written down once: a record is hashed, stored, and stored again with its
/// place, on the way of every push.
pub(crate) fn of_push(batch: &Batch, space_id: SpaceId, decided: &Decided, unread: &[usize]) -> Option<Act> {
    let queued: HashSet<OpId> = decided.queued.iter().map(|item| item.op_id).collect();
    let action = if matches!(batch.taking, Taking::Work(_)) { "queue.decide" } else { PUSH };
    let is_new = |result: &OperationResult| match result.status {
        Status::Duplicate | Status::Waiting | Status::Parked => false,
        // one that was in the queue before is told again
        Status::Queued => queued.contains(&result.op_id),
        _ => true,
    };
    let refused = refused(batch, unread);
    let fresh = decided.results.iter().filter(|(_, result)| is_new(result));
    // in the order in which they were sent
    let results: BTreeMap<usize, &OperationResult> =
        fresh.map(|(index, result)| (*index, result)).chain(refused.iter().map(|(index, result)| (*index, result))).collect();
    let groups = grouped(batch, results);
    (!groups.is_empty()).then(|| Act::by(&batch.caller, action).in_space(space_id).listing(groups))
}

/// The action of a push.
const PUSH: &str = "sync.push";

/// What is recorded of operations that were refused for their form where nothing else of the request was decided.
pub(crate) fn of_unread(batch: &Batch, space_id: Option<SpaceId>, unread: &[usize]) -> Option<Act> {
    let refused = refused(batch, unread);
    let groups = grouped(batch, refused.iter().map(|(index, result)| (*index, result)));
    let act = Act::by(&batch.caller, PUSH).listing(groups);
    (!refused.is_empty()).then(|| if let Some(space_id) = space_id { act.in_space(space_id) } else { act })
}

/// Results by what they have in common.
fn grouped<'a>(batch: &'a Batch, results: impl IntoIterator<Item = (usize, &'a OperationResult)>) -> Vec<Value> {
    let mut groups: Vec<(Alike<'_>, Vec<Value>)> = Vec::new();
    for (index, result) in results {
        let received = batch.operations.get(index);
        let operation = received.and_then(|received| received.content.as_ref().ok());
        let (alike, entry) = (Alike::of(result, operation), entry(result, received));
        match groups.iter_mut().find(|(other, _)| *other == alike) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((alike, vec![entry])),
        }
    }
    groups.into_iter().map(|(alike, entries)| alike.into_group(entries)).collect()
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

/// Operation, document, version, conflict; what is absent at the end is left out. Of one whose form is at fault no more is
/// told than which document it names, where that can be read.
fn entry(result: &OperationResult, received: Option<&Received<Operation>>) -> Value {
    let document = received.and_then(|received| match &received.content {
        Ok(operation) => Some(operation.key.as_ref().map_or(operation.collection.as_str(), |key| key.as_str())),
        Err(_) => received.document.as_ref().map(|(_, key)| key.as_str()),
    });
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

/// A document in which an answer decided something, and what it made of it.
pub(crate) struct AnsweredDocument {
    pub(crate) key: DocumentKey,
    /// The version that it got by it, where it did.
    pub(crate) version: Option<i64>,
    /// The members in which something was decided, or taken back.
    pub(crate) fields: BTreeSet<String>,
    /// How many of them are not named, as they are too many.
    pub(crate) left_out: usize,
}

/// What an answer was about.
pub(crate) struct Answered {
    /// The document of a question about one.
    pub(crate) own: Option<AnsweredDocument>,
    /// Those of a group, and whatever else was changed.
    pub(crate) others: Vec<AnsweredDocument>,
}

impl Answered {
    fn add_to(self, entry: &mut Object) {
        if let Some(document) = self.own {
            entry.insert("document".into(), document.key.as_str().into());
            document.name_fields(entry);
        }
        if !self.others.is_empty() {
            entry.insert("documents".into(), self.others.into_iter().map(AnsweredDocument::into_part).collect());
        }
    }
}

impl AnsweredDocument {
    fn into_part(self) -> Value {
        let mut part = Object::new();
        part.insert("document".into(), self.key.as_str().into());
        part.extend(self.version.map(|version| ("version".to_owned(), version.into())));
        self.name_fields(&mut part);
        Value::Object(part)
    }

    fn name_fields(self, part: &mut Object) {
        part.insert("fields".into(), self.fields.into_iter().collect());
        if self.left_out > 0 {
            part.insert("fields_left_out".into(), self.left_out.into());
        }
    }
}

/// What is recorded of answers that are refused before anything of their question is read: their form is at fault, or there
/// is no such question.
pub(crate) fn of_refused_answers(caller: &Caller, space_id: Option<SpaceId>, refused: &[(usize, OperationResult)]) -> Option<Act> {
    let act = Act::by(caller, ANSWER).listing(refused.iter().map(|(_, result)| Value::Object(of_result(result))).collect());
    (!refused.is_empty()).then(|| if let Some(space_id) = space_id { act.in_space(space_id) } else { act })
}

/// The action of an answer.
const ANSWER: &str = "conflict.resolve";

/// What is recorded of answers to a space's conflicts; nothing where all was known before.
pub(crate) fn of_answers<'a>(
    caller: &Caller,
    space_id: SpaceId,
    answers: impl Iterator<Item = (&'a Resolution, &'a OperationResult, Answered)>,
) -> Option<Act> {
    let fresh: Vec<_> = answers.filter(|(_, result, _)| !matches!(result.status, Status::Duplicate | Status::Waiting)).collect();
    let undoes = fresh.iter().all(|(resolution, ..)| resolution.undo);
    let action = if undoes { "conflict.undo" } else { ANSWER };
    let entries: Vec<Value> = fresh.into_iter().map(|(resolution, result, about)| answered(resolution, result, about)).collect();
    (!entries.is_empty()).then(|| Act::by(caller, action).in_space(space_id).listing(entries))
}

/// The choices that somebody made: which side, never what it says.
fn answered(resolution: &Resolution, result: &OperationResult, about: Answered) -> Value {
    let side = |choice: &Choice| match choice {
        Choice::Ours => "ours",
        Choice::Theirs => "theirs",
        Choice::Base => "base",
        Choice::Value(_) => "value",
    };
    let mut entry = of_result(result);
    entry.insert("conflict_id".into(), resolution.conflict_id.to_string().into());
    about.add_to(&mut entry);
    let mut choices: Object = resolution.fields.iter().map(|(path, choice)| (path.clone(), side(choice).into())).collect();
    choices.extend(resolution.whole.as_ref().map(|choice| (String::new(), side(choice).into())));
    if resolution.undo {
        entry.insert("undo".into(), true.into());
    } else {
        entry.insert("choices".into(), Value::Object(choices));
        if resolution.remember {
            entry.insert("remember".into(), true.into());
        }
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
