//! Questions as a view shows them: the places that are read, or asked of the reader, and nothing of the others, not even
//! that they are there. A question is as new as what is seen of it: for that, each place has a mark of its own.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::conflict::{Conflict, ConflictKind, ConflictState, DisputedField, Side};
use sync_core::json::{Object, pointer_tokens};
use sync_core::schema::Owner;
use sync_core::{Author, DeviceId, FieldVersions, OpId, Role, Timestamp, UserId};

use super::View;
use super::sight::Sight;
use crate::inbox::people::{ask_role, is_meant};
use crate::inbox::words::{if_ignored, label_member};

/// How a place of a question is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sees {
    All,
    /// Of a whole document, some members.
    Members,
    /// That it differs.
    That,
    Nothing,
}

/// One part of a question: the document that it is about.
#[derive(Clone, Copy)]
struct Part<'a> {
    collection: &'a str,
    id: &'a str,
}

impl Part<'_> {
    /// The mark of a member of the document; with the empty name, of what is said of the whole.
    fn mark(self, member: &str) -> String {
        format!("{}/{}#{member}", self.collection, self.id)
    }
}

impl View {
    /// A question as it is seen, with its version as seen; `None` where nothing of it is.
    pub(super) fn question(&self, body: &Object, (marks, version): (&FieldVersions, i64)) -> Option<(Conflict, i64)> {
        let conflict: Conflict = serde_json::from_value(Value::Object(body.clone())).ok()?;
        self.ask(conflict, (marks, version))
    }

    /// [`View::question`] of one that was read.
    pub(crate) fn ask(&self, mut conflict: Conflict, (marks, version): (&FieldVersions, i64)) -> Option<(Conflict, i64)> {
        if !self.frames(&conflict) {
            return Some((conflict, version));
        }
        self.hide_title(&mut conflict);
        let mut seen = Seen { view: self, marks, version: 0 };
        let (collection, id) = (conflict.collection.clone(), conflict.document_id.clone());
        let own = Part { collection: &collection, id: &id };
        conflict.fields.retain(|path, field| seen.keep(own, (path, field)));
        for part in &mut conflict.documents {
            let (collection, id) = (part.collection.clone(), part.document_id.clone());
            let place = Part { collection: &collection, id: &id };
            part.fields.retain(|path, field| seen.keep(place, (path, field)));
        }
        conflict.documents.retain(|part| !part.fields.is_empty());
        if conflict.fields.is_empty() && conflict.documents.is_empty() {
            return None;
        }
        let framed = framed(conflict);
        let frame = if framed.state == ConflictState::Open { marks.version_of(FRAME) } else { 0 };
        // one that was written before places had marks is as new as it is
        let version = if marks.0.is_empty() { version } else { seen.version.max(frame) };
        Some((Conflict { version, ..framed }, version))
    }

    /// Whether only some places of a question may be seen: of those, what is said of the whole question is had from them
    /// alone, whether or not there are others.
    pub(crate) fn frames(&self, conflict: &Conflict) -> bool {
        let hides = |collection: &str| self.sights.get(collection).is_some_and(|sight| !sight.hides_nothing());
        let in_part = conflict.documents.iter().any(|part| hides(&part.collection));
        hides(&conflict.collection) || in_part
    }

    /// The version of a place as it is seen: an answer is compared with this one.
    pub(crate) fn changed_at(&self, conflict: &Conflict, (path, field): (&str, &DisputedField), marks: &FieldVersions) -> i64 {
        let place = Part { collection: &conflict.collection, id: &conflict.document_id };
        match self.sees_place(place, (path, field)) {
            Sees::Members if !marks.0.is_empty() => self.newest(place, marks),
            _ => field.changed,
        }
    }

    /// Whether a place of a question can be answered: by whoever is asked, also where they are told only that it differs.
    pub(crate) fn sees_field(&self, collection: &str, (path, field): (&str, &DisputedField)) -> bool {
        let sees = || self.sees_place(Part { collection, id: "" }, (path, field));
        self.is_whole() || self.is_asked(collection, field) || !matches!(sees(), Sees::Nothing | Sees::That)
    }

    fn sees_place(&self, Part { collection, .. }: Part<'_>, (path, field): (&str, &DisputedField)) -> Sees {
        let Some(sight) = self.sights.get(collection) else { return Sees::All };
        let is_asked = self.is_asked(collection, field);
        if sight.is_closed || (sight.own.is_some() && !is_asked) {
            // whoever is asked is told that there is something to decide
            return if is_asked { Sees::That } else { Sees::Nothing };
        }
        match pointer_tokens(path).and_then(|tokens| tokens.into_iter().next()) {
            None if sight.hidden.is_empty() => Sees::All,
            None => Sees::Members,
            Some(name) if self.reads(collection, &name, None) || self.owns(sight, (collection, &name), field) => Sees::All,
            Some(name) if is_asked || self.is_told_of(collection, &name) => Sees::That,
            Some(_) => Sees::Nothing,
        }
    }

    /// Whether the reader is asked about a place; where only one's own documents are seen, by name.
    fn is_asked(&self, collection: &str, field: &DisputedField) -> bool {
        let by_name_alone = self.is_own_only(collection);
        let is_me = |ask: &&String| is_meant(ask, self.user_id, self.role);
        field.asks.iter().filter(is_me).any(|ask| ask.starts_with("user:") || !by_name_alone)
    }

    /// The version at which the reader ceased to be asked about a question of which they see nothing any more; `None` where
    /// they were never asked.
    pub(super) fn ceased_at(&self, marks: &FieldVersions) -> Option<i64> {
        let was_asked = |mark: &String| {
            let Some((ask, collection)) = mark.strip_prefix(CEASED).and_then(|rest| rest.split_once(' ')) else { return false };
            is_meant(ask, self.user_id, self.role) && (ask.starts_with("user:") || !self.is_own_only(collection))
        };
        marks.0.iter().filter(|(mark, _)| was_asked(mark)).map(|(_, version)| version.0).max()
    }

    /// Whether the reader is asked because the document names them as an owner of the member, who reads it. Where those whom
    /// the collection asks about everything are people too, that is not known.
    fn owns(&self, sight: &Sight, (collection, member): (&str, &str), field: &DisputedField) -> bool {
        let asks = self.schema.collection(collection).map(|rules| rules.asks.as_slice()).unwrap_or_default();
        let is_me = |ask: &String| ask.starts_with("user:") && is_meant(ask, self.user_id, self.role);
        sight.is_read_in_some(member) && field.asks.iter().any(is_me) && asks.iter().all(|ask| matches!(ask, Owner::Role(_)))
    }

    /// Leaves sensitive values out of a question, though they are read: in a list they are seen by whoever looks over a
    /// shoulder, and nobody could say later who saw them.
    pub(crate) fn veil(&self, conflict: &mut Conflict) {
        let named_by = label_member(&self.schema, &conflict.collection, &Object::new());
        if named_by.is_some_and(|member| self.is_sensitive(&conflict.collection, member)) {
            conflict.title = None;
            for field in conflict.all_fields_mut() {
                field.consequences = None;
            }
        }
        for (path, field) in &mut conflict.fields {
            self.veil_place(&conflict.collection, (path, field));
        }
        for part in &mut conflict.documents {
            for (path, field) in &mut part.fields {
                self.veil_place(&part.collection, (path, field));
            }
        }
    }

    fn veil_place(&self, collection: &str, (path, field): (&str, &mut DisputedField)) {
        match pointer_tokens(path).and_then(|tokens| tokens.into_iter().next()) {
            Some(name) if self.is_sensitive(collection, &name) => blind(field),
            Some(_) => {}
            None => {
                for value in [&mut field.base, &mut field.ours, &mut field.theirs, &mut field.outcome] {
                    let Value::Object(members) = value else { continue };
                    let before = members.len();
                    members.retain(|name, _| !self.is_sensitive(collection, name));
                    field.masked |= members.len() < before;
                }
            }
        }
    }

    fn hide_title(&self, conflict: &mut Conflict) {
        // without a document at hand, the name is taken for that of the declared member
        let named_by = label_member(&self.schema, &conflict.collection, &Object::new());
        if named_by.is_some_and(|member| !self.reads(&conflict.collection, member, None)) {
            conflict.title = None;
        }
    }

    /// The newest mark of a document of which some members are seen.
    fn newest(&self, part: Part<'_>, marks: &FieldVersions) -> i64 {
        let prefix = part.mark("");
        let seen = |(mark, field): (&String, &sync_core::FieldVersion)| {
            let member = mark.strip_prefix(&prefix)?;
            (member.is_empty() || self.reads(part.collection, member, None)).then_some(field.0)
        };
        marks.0.iter().filter_map(seen).max().unwrap_or_default()
    }
}

/// What is seen of a question so far.
struct Seen<'a> {
    view: &'a View,
    marks: &'a FieldVersions,
    version: i64,
}

impl Seen<'_> {
    /// Leaves values out of a place that are not read; whether it is seen at all.
    fn keep(&mut self, part: Part<'_>, (path, field): (&str, &mut DisputedField)) -> bool {
        let sees = self.view.sees_place(part, (path, field));
        match sees {
            Sees::Nothing => return false,
            Sees::All => {}
            Sees::That => blind(field),
            Sees::Members => {
                for value in [&mut field.base, &mut field.ours, &mut field.theirs, &mut field.outcome] {
                    if let Value::Object(members) = value {
                        members.retain(|name, _| self.view.reads(part.collection, name, None));
                    }
                }
                if !self.marks.0.is_empty() {
                    field.changed = self.view.newest(part, self.marks);
                }
            }
        }
        let mark = |member: &str| self.marks.version_of(&part.mark(member));
        let version = match pointer_tokens(path).and_then(|tokens| tokens.into_iter().next()) {
            Some(name) => mark(&name),
            None => self.view.newest(part, self.marks),
        };
        self.version = self.version.max(version);
        true
    }
}

/// Tells of a place that it differs, and nothing else.
fn blind(field: &mut DisputedField) {
    for value in [&mut field.base, &mut field.ours, &mut field.theirs, &mut field.outcome] {
        *value = Value::Null;
    }
    (field.masked, field.suggestion, field.consequences) = (true, None, None);
}

/// The mark of what is said of a whole question while it waits.
const FRAME: &str = "";

/// Before whom a question was asked of, and is not any more, with the collection that it was about.
const CEASED: &str = "- ";

/// Who is asked about something of a question, and of which collection that is.
fn asked(conflict: &Conflict) -> BTreeSet<(&str, &str)> {
    conflict.all_fields().flat_map(|(collection, _, field)| field.asks.iter().map(move |ask| (ask.as_str(), collection))).collect()
}

/// A question with what the places that are left say of it: nothing in which others may have had a part.
fn framed(mut conflict: Conflict) -> Conflict {
    if let Some(first) = conflict.documents.first().filter(|_| conflict.fields.is_empty()) {
        (conflict.collection, conflict.document_id) = (first.collection.clone(), first.document_id.clone());
    }
    let last = conflict.all_fields().filter_map(|(_, _, field)| field.decided_by.as_ref()).max_by_key(|side| (side.at, side.op_id));
    let (last, settled): (Option<Side>, bool) = (last.cloned(), conflict.is_settled());
    let automatic = conflict.all_fields().any(|(_, _, field)| field.rule.is_some());
    let assigned_to = conflict.asks().first().map_or_else(|| ask_role(Role::Lead), |ask| (*ask).to_owned());
    (conflict.automatic, conflict.assigned_to, conflict.resolved_by) = (automatic, assigned_to, last);
    conflict.state = if settled { ConflictState::Resolved } else { ConflictState::Open };
    if conflict.kind == ConflictKind::NoBase {
        conflict.kind = ConflictKind::Fields;
    }
    if settled {
        (conflict.title, conflict.deadline_at) = (None, None);
    }
    conflict.waiting_for = waiting_for(&conflict);
    (conflict.ours_by, conflict.escalated_at, conflict.reopened_at) = (None, None, None);
    if conflict.intent.is_none() {
        conflict.if_ignored = if_ignored(conflict.kind, conflict.deadline_at.is_some()).into();
    }
    for field in conflict.all_fields_mut() {
        // what former answers suggest was learned from all of it
        field.suggestion = field.suggestion.take().filter(|suggestion| suggestion.samples == 0);
    }
    let is_sender = conflict.theirs_by.op_id == conflict.op_id;
    if !is_sender && matches!(conflict.kind, ConflictKind::EditDelete | ConflictKind::DeleteEdit) {
        // whoever wrote last on the other side may have written what is not seen
        conflict.theirs_by = nobody(conflict.op_id, conflict.created_at);
    }
    (conflict.theirs_by.op_id, conflict.theirs_by.at) = (conflict.op_id, conflict.created_at);
    conflict
}

/// A side of which it is not told whose it is.
const fn nobody(op_id: OpId, at: Timestamp) -> Side {
    let nil = uuid::Uuid::nil();
    Side::of(Author { user_id: UserId(nil), device_id: DeviceId(nil), op_id }, at)
}

/// Whom the places that are left wait for.
fn waiting_for(conflict: &Conflict) -> Option<String> {
    let names: BTreeSet<&String> = conflict.all_fields().filter_map(|(_, _, field)| field.waiting_for.as_ref()).collect();
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join("; "))
}

/// The marks of the places in which a question differs from what it was, and of those who were asked and are not any more.
pub(crate) fn marks(before: Option<&Conflict>, after: &Conflict) -> BTreeSet<String> {
    let mut marks = BTreeSet::new();
    let frame = |conflict: &Conflict| (conflict.title.clone(), conflict.deadline_at, conflict.nearness.clone());
    if before.is_none_or(|before| frame(before) != frame(after)) {
        marks.insert(FRAME.to_owned());
    }
    let (was, is) = (before.map(asked).unwrap_or_default(), asked(after));
    marks.extend(was.difference(&is).map(|(ask, collection)| format!("{CEASED}{ask} {collection}")));
    let old = |part: Part<'_>, path: &str| {
        let before = before?;
        let of_part = |other: &&sync_core::conflict::GroupPart| other.collection == part.collection && other.document_id == part.id;
        let own = (before.collection == part.collection && before.document_id == part.id).then(|| before.fields.get(path)).flatten();
        own.or_else(|| before.documents.iter().find(of_part)?.fields.get(path))
    };
    let own = Part { collection: &after.collection, id: &after.document_id };
    let parts = after.documents.iter().flat_map(|part| {
        let place = Part { collection: &part.collection, id: &part.document_id };
        part.fields.iter().map(move |(path, field)| (place, path, field))
    });
    for (part, path, field) in after.fields.iter().map(|(path, field)| (own, path, field)).chain(parts) {
        match pointer_tokens(path).and_then(|tokens| tokens.into_iter().next()) {
            Some(name) if differs(old(part, path), field) => drop(marks.insert(part.mark(&name))),
            Some(_) => {}
            None => marks.extend(of_whole(old(part, path), field).into_iter().map(|member| part.mark(&member))),
        }
    }
    marks
}

/// Whether anything of a place is another than it was, but for what former answers suggest: those were given to whatever
/// the question was about.
fn differs(before: Option<&DisputedField>, after: &DisputedField) -> bool {
    let Some(before) = before else { return true };
    let bare = |field: &DisputedField| DisputedField { suggestion: None, ..field.clone() };
    bare(before) != bare(after)
}

/// Of a place that is a whole document: the members in which it differs, and the empty name where anything else does.
fn of_whole(before: Option<&DisputedField>, after: &DisputedField) -> BTreeSet<String> {
    let Some(before) = before else {
        let members = sides(after).into_iter().filter_map(Value::as_object).flat_map(Object::keys).cloned();
        return members.chain([String::new()]).collect();
    };
    let mut differs: BTreeSet<String> = BTreeSet::new();
    for (old, new) in sides(before).into_iter().zip(sides(after)) {
        match (old.as_object(), new.as_object()) {
            (Some(old), Some(new)) => {
                let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                differs.extend(names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned());
            }
            _ if old == new => {}
            (old, new) => differs.extend(old.or(new).into_iter().flat_map(Object::keys).cloned().chain([String::new()])),
        }
    }
    let rest = |field: &DisputedField| {
        let (base, ours, theirs, outcome) = Default::default();
        DisputedField { base, ours, theirs, outcome, changed: 0, suggestion: None, ..field.clone() }
    };
    if rest(before) != rest(after) {
        differs.insert(String::new());
    }
    differs
}

fn sides(field: &DisputedField) -> [&Value; 4] {
    [&field.base, &field.ours, &field.theirs, &field.outcome]
}
