//! Opening, joining, refreshing and closing conflicts in the working state.

use std::collections::BTreeSet;

use merge_engine::{Decision, Dispute, Policy, SuggestedSide, get};
use serde_json::Value;
use sync_core::conflict::{Conflict, ConflictKind, ConflictState, DisputedField, GroupPart, Side, Suggestion};
use sync_core::json::{Object, pointer_tokens};
use sync_core::operation::Kind;
use sync_core::{Author, ConflictId, DocumentKey, Operation, Timestamp};

use super::decide::Asked;
use super::groups::Part;
use super::world::{Doc, World, documents_of};
use crate::inbox::words::if_ignored;

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) by: Author,
    pub(crate) at: Timestamp,
}

impl Asker {
    pub(crate) fn side(self) -> Side {
        Side::of(self.by, self.at)
    }
}

/// Opens a conflict about one document. `met` is the other side of the question that the chain waits in already.
pub(crate) fn open(world: &mut World, id: ConflictId, key: &DocumentKey, asked: Asked, asker: Asker, met: Option<Side>) {
    let changed = world.head + 1;
    let other = asked.disputes.first().and_then(|dispute| last_writer(world, key, &dispute.path, asker, met));
    let sender = asker.side();
    let (ours_by, theirs_by) = if asked.sender_is_live { (Some(sender.clone()), other.unwrap_or(sender)) } else { (other, sender) };
    let conflict = Conflict {
        fields: asked.disputes.into_iter().map(|dispute| disputed(dispute, &asked.decisions, changed)).collect(),
        ours_by,
        theirs_by,
        if_ignored: if_ignored(asked.kind, false).into(),
        ..blank(world, id, key, asked.kind, asker)
    };
    link(world, id, key);
    world.write_conflict(conflict, asker.by, asker.at);
}

/// Opens the one conflict of a group. `met` is the other side of the question that its disputed chain waits in already.
pub(crate) fn open_group(world: &mut World, id: ConflictId, parts: Vec<Part>, asker: Asker, met: Option<Side>) {
    let changed = world.head + 1;
    let Some(Part { key: first, .. }) = parts.first() else { return };
    let disputed_part = parts.iter().find_map(|part| Some((&part.key, part.disputes.first()?.path.clone())));
    let mut conflict = Conflict {
        ours_by: disputed_part.and_then(|(key, path)| last_writer(world, key, &path, asker, met)),
        if_ignored: if_ignored(ConflictKind::Group, false).into(),
        ..blank(world, id, first, ConflictKind::Group, asker)
    };
    for Part { key, op_id, disputes, decisions } in parts {
        link(world, id, &key);
        conflict.documents.push(GroupPart {
            op_id,
            collection: key.collection().to_owned(),
            document_id: key.id().to_owned(),
            fields: disputes.into_iter().map(|dispute| disputed(dispute, &decisions, changed)).collect(),
        });
    }
    world.write_conflict(conflict, asker.by, asker.at);
}

/// A second edit of a disputed field by the same chain: the question stays one, with the newer value.
pub(crate) fn join(world: &mut World, id: ConflictId, asked: Asked, asker: Asker) {
    let Some(mut conflict) = world.conflicts.get(&id).cloned() else { return };
    let changed = world.head + 1;
    for (path, fresh) in asked.disputes.into_iter().map(|dispute| disputed(dispute, &asked.decisions, changed)) {
        match conflict.fields.get_mut(&path).filter(|field| field.decided.is_none()) {
            Some(field) => {
                field.theirs = fresh.theirs;
                field.ours = fresh.ours;
                field.suggestion = fresh.suggestion;
                (field.strategy, field.reason) = (fresh.strategy, fresh.reason);
                field.changed = changed;
            }
            None => {
                conflict.fields.insert(path, fresh);
            }
        }
    }
    if asked.kind == ConflictKind::NoBase {
        // of what it has now, not all was decided against what its sender had seen
        conflict.kind = asked.kind;
    }
    if asked.sender_is_live {
        conflict.ours_by = Some(asker.side());
    } else {
        conflict.theirs_by = asker.side();
    }
    world.write_conflict(conflict, asker.by, asker.at);
}

/// What the next operation of a chain makes of the chain's own open question: a disputed field that it edited again,
/// and that is not disputed any more, is settled; so is its edit of a deleted document when it deletes that too, and
/// its deletion when it edits on.
pub(crate) fn withdraw(world: &mut World, id: ConflictId, operation: &Operation, key: &DocumentKey, asked: Option<&Asked>, asker: Asker) {
    let is_open = world.open.get(key).is_some_and(|ids| ids.contains(&id));
    let of_one = |conflict: &&Conflict| is_open && conflict.kind != ConflictKind::Group;
    let Some(mut conflict) = world.conflicts.get(&id).filter(of_one).cloned() else { return };
    let still = |path: &String| asked.is_some_and(|asked| asked.disputes.iter().any(|dispute| dispute.path == *path));
    let moot = |path: &String| match pointer_tokens(path).filter(|tokens| !tokens.is_empty()) {
        Some(tokens) => touches(&operation.patch, &tokens),
        None if conflict.kind == ConflictKind::EditDelete => operation.kind == Kind::Delete,
        None => conflict.kind == ConflictKind::DeleteEdit && operation.kind != Kind::Delete,
    };
    let waits = |(path, field): &(&String, &DisputedField)| field.decided.is_none() && moot(path) && !still(path);
    let settled: BTreeSet<String> = conflict.fields.iter().filter(waits).map(|(path, _)| path.clone()).collect();
    for (_, field) in conflict.fields.iter_mut().filter(|(path, _)| settled.contains(*path)) {
        field.decided = Some("agreed".into());
    }
    if !settled.is_empty() {
        settle(world, conflict, asker);
    }
}

/// Whether a merge patch sets or removes a place, or something around it.
pub(super) fn touches(patch: &Object, tokens: &[String]) -> bool {
    let Some((first, rest)) = tokens.split_first() else { return true };
    match patch.get(first) {
        None => false,
        Some(Value::Object(inner)) => touches(inner, rest),
        Some(_) => true,
    }
}

/// After a document changed: what is live now goes into its open questions; a question whose sides agree is settled.
pub(crate) fn refresh(world: &mut World, key: &DocumentKey, asker: Asker) {
    for id in world.open.get(key).cloned().unwrap_or_default() {
        let Some(mut conflict) = world.conflicts.get(&id).cloned() else { continue };
        let Some(doc) = world.docs.get(key) else { continue };
        let audience = world.conflict_audience(&conflict);
        let moved = world.docs.get(&DocumentKey::conflict(id)).is_some_and(|own| own.audience != audience);
        let policy = &world.policies.of(key.collection()).policy;
        let fresh = show_live(&mut conflict, (key, doc), policy, world.head + 1);
        if fresh {
            conflict.ours_by = Some(asker.side());
        }
        if fresh || moved {
            settle(world, conflict, asker);
        }
    }
}

/// Puts what is live into the fields that wait, and settles those where both sides agree now. Whether any changed.
fn show_live(conflict: &mut Conflict, (key, doc): (&DocumentKey, &Doc), policy: &Policy, changed: i64) -> bool {
    let mut fresh = false;
    let is_group = conflict.kind == ConflictKind::Group;
    let about = |part: &&mut GroupPart| part.collection == key.collection() && part.document_id == key.id();
    let fields = conflict.fields.iter_mut().filter(|_| !is_group);
    let parts = conflict.documents.iter_mut().filter(about).flat_map(|part| part.fields.iter_mut());
    for (path, field) in fields.chain(parts).filter(|(_, field)| field.decided.is_none()) {
        let live = live_value(doc, path, policy);
        if live == field.ours {
            continue;
        }
        if field.strategy.as_deref() == Some("append") {
            without_doubtful(field, &live);
        }
        field.ours = live;
        field.changed = changed;
        fresh = true;
        if field.ours == field.theirs && !is_group {
            field.decided = Some("agreed".into());
        }
    }
    fresh
}

/// Of entries that are only ever added, the other side of the question is what is live without those that may be there
/// twice: what was added since stays, whatever the answer.
fn without_doubtful(field: &mut DisputedField, live: &Value) {
    let (Some(both), Some(once), Some(now)) = (field.ours.as_array(), field.theirs.as_array(), live.as_array()) else { return };
    let doubtful: Vec<&Value> = both.iter().filter(|entry| !once.contains(entry)).collect();
    field.theirs = now.iter().filter(|entry| !doubtful.contains(entry)).cloned().collect();
}

/// Writes a conflict, and closes it when nothing is left to decide.
pub(crate) fn settle(world: &mut World, mut conflict: Conflict, asker: Asker) {
    if conflict.is_settled() && conflict.state == ConflictState::Open {
        close(world, &mut conflict);
    }
    world.write_conflict(conflict, asker.by, asker.at);
}

/// Marks a conflict closed and takes its links away, those to documents that were never made too.
pub(crate) fn close(world: &mut World, conflict: &mut Conflict) {
    conflict.state = ConflictState::Resolved;
    let id = conflict.conflict_id;
    for key in documents_of(conflict) {
        let ids = world.open.entry(key.clone()).or_default();
        let before = ids.len();
        ids.retain(|other| *other != id);
        if ids.len() < before
            && let Some(doc) = world.docs.get_mut(&key)
        {
            doc.open_conflicts -= 1;
            world.touched.insert(key.clone());
        }
        world.links.push((id, key, false));
    }
}

/// Links a conflict that waits again to what it is about.
pub(crate) fn reopen(world: &mut World, conflict: &Conflict) {
    for key in documents_of(conflict) {
        link(world, conflict.conflict_id, &key);
    }
}

/// The live value at a disputed path, `null` where there is none.
pub(crate) fn live_value(doc: &Doc, path: &str, policy: &Policy) -> Value {
    if !doc.is_live() {
        return Value::Null;
    }
    get(&doc.body, path, policy).unwrap_or(Value::Null)
}

pub(super) fn link(world: &mut World, id: ConflictId, key: &DocumentKey) {
    let ids = world.open.entry(key.clone()).or_default();
    if ids.contains(&id) {
        return;
    }
    ids.push(id);
    if let Some(doc) = world.docs.get_mut(key) {
        doc.open_conflicts += 1;
        world.touched.insert(key.clone());
    }
    world.links.push((id, key.clone(), true));
}

pub(super) fn blank(world: &World, id: ConflictId, key: &DocumentKey, kind: ConflictKind, asker: Asker) -> Conflict {
    Conflict {
        conflict_id: id,
        version: 0,
        space_id: world.space_id,
        collection: key.collection().to_owned(),
        document_id: key.id().to_owned(),
        op_id: asker.by.op_id,
        kind,
        created_at: asker.at,
        deadline_at: None,
        state: ConflictState::Open,
        assigned_to: "role:lead".into(),
        waiting_for: None,
        answerable: None,
        escalated_at: None,
        reopened_at: None,
        automatic: false,
        nearness: None,
        title: None,
        fields: std::collections::BTreeMap::new(),
        documents: Vec::new(),
        ours_by: None,
        theirs_by: asker.side(),
        if_ignored: String::new(),
        resolved_by: None,
        intent: None,
    }
}

pub(super) fn disputed(dispute: Dispute, decisions: &[Decision], changed: i64) -> (String, DisputedField) {
    let decision = decisions.iter().find(|decision| decision.path == dispute.path);
    let suggestion = dispute.suggested.map(|side| Suggestion {
        choose: if side == SuggestedSide::Ours { "ours" } else { "theirs" }.into(),
        reason: "the person who sent the edit would choose it".into(),
        confidence: 0.5,
        samples: 0,
    });
    let [base, ours, theirs] = [dispute.base, dispute.ours, dispute.theirs].map(Option::unwrap_or_default);
    let strategy = Some(decision.map_or("ask", |decision| &decision.strategy).to_owned());
    let reason = Some(dispute.reason.words().to_owned());
    (dispute.path, DisputedField { suggestion, strategy, reason, ..DisputedField::between(base, ours, theirs, changed) })
}

/// Who last wrote a disputed place: another device, as far as the log is at hand; whom the sender's chain met before; or
/// whoever it was.
fn last_writer(world: &World, key: &DocumentKey, path: &str, asker: Asker, met: Option<Side>) -> Option<Side> {
    let member = pointer_tokens(path).and_then(|tokens| tokens.into_iter().next());
    let wrote = |change: &&sync_core::ports::ChangeRow| {
        change.by.op_id != asker.by.op_id && member.as_ref().is_none_or(|member| world.touched_member(change, member))
    };
    let side = |change: &sync_core::ports::ChangeRow| Asker { by: change.by, at: change.at }.side();
    let other = || world.changes_of(key).filter(|change| change.by.device_id != asker.by.device_id).find(wrote).map(side);
    let any = || world.changes_of(key).find(wrote).map(side);
    let stored = || world.docs.get(key).and_then(|doc| doc.stored_by).map(|(by, at)| Asker { by, at }.side());
    other().or(met).or_else(any).or_else(stored)
}
