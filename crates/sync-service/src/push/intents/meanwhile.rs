//! What happened to a start since the sender of a shift looked, as the log tells it.

use merge_engine::local::LocalTime;
use merge_engine::shift::{Hand, Meanwhile, Step};
use serde_json::Value;
use sync_core::json::Object;
use sync_core::operation::Kind;
use sync_core::ports::ChangeRow;
use sync_core::{DeviceId, DocumentKey, OpId, Role, UserId};

use super::gather::Mover;
use super::shift_of;
use crate::push::overlay::{Fate, Overlay};
use crate::push::world::{Doc, World};

/// Whose eyes the log is looked at with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eyes<'a> {
    /// The device whose shift it is.
    pub(super) device: Option<DeviceId>,
    /// The version that it had seen.
    pub(super) base_version: i64,
    /// What was changed after this version, by whomever, was changed knowing of the shift.
    pub(super) until: i64,
    /// The field that is shifted.
    pub(super) start: &'a str,
}

impl World {
    /// The field that a shift of a collection moves.
    pub(super) fn start_of(&self, collection: &str) -> Option<String> {
        shift_of(&self.schema, collection).map(|rule| rule.start)
    }

    /// What happened to a document's start since somebody looked.
    pub(super) fn meanwhile(&self, key: &DocumentKey, doc: &Doc, eyes: Eyes<'_>) -> Meanwhile {
        let changed_at = doc.fields.version_of(eyes.start);
        if self.knows_of(key, doc, eyes.base_version) {
            return Meanwhile::of(self.steps(key, doc, eyes).map(|(_, step)| step));
        }
        if changed_at <= self.unchanged_until(key, doc, eyes.base_version) {
            return Meanwhile::Nothing;
        }
        Meanwhile::of([Step { hand: Hand::Unknown, before: None, after: None }])
    }

    /// The changes of a start after a version, newest first.
    pub(super) fn steps<'a>(&'a self, key: &'a DocumentKey, doc: &'a Doc, eyes: Eyes<'a>) -> impl Iterator<Item = (&'a ChangeRow, Step)> {
        let mut after = time(doc.body.get(eyes.start));
        let since = self.changes_of(key).take_while(move |change| change.version > eyes.base_version);
        since.filter(move |change| self.touched_member(change, eyes.start)).map(move |change| {
            let before = time(self.value_before(change, eyes.start).as_ref());
            let step = Step { hand: self.hand(change, eyes), before, after };
            after = before;
            (change, step)
        })
    }

    fn hand(&self, change: &ChangeRow, eyes: Eyes<'_>) -> Hand {
        let own = eyes.device == Some(change.by.device_id);
        match self.shifts.movers.get(&change.by.op_id) {
            Some(_) if own => Hand::OwnShift,
            Some(mover) => Hand::OtherShift { lead: self.people.roles.get(&mover.user_id) == Some(&Role::Lead) },
            None if own && change.version <= eyes.until => Hand::Own,
            None => Hand::Other,
        }
    }

    fn value_before(&self, change: &ChangeRow, name: &str) -> Option<Value> {
        let lens = self.lens_since(&change.key, change.version);
        let is = |old: &str| lens.as_ref().map_or(old == name, |lens| lens.name_of(old) == name);
        let before: Object = change.before.object();
        before.into_iter().find(|(old, _)| is(old)).map(|(_, value)| value)
    }

    /// The view of a sender who goes on from a shift of their own that they have not read back: on their screen the
    /// document has moved, and nobody is ever in conflict with what they did themselves.
    pub(crate) fn with_own_shifts(&self, key: &DocumentKey, seen: i64, mut overlay: Overlay) -> Overlay {
        let is_deleted = overlay.deleted.is_some_and(|(deleted, _)| deleted);
        let Some(doc) = self.docs.get(key).filter(|_| !self.shifts.movers.is_empty() && !is_deleted) else { return overlay };
        let Some(start) = self.start_of(key.collection()) else { return overlay };
        let mut value = doc.body.get(&start).cloned();
        for change in self.changes_of(key).take_while(|change| change.version > seen) {
            if !self.touched_member(change, &start) {
                continue;
            }
            let own = self.sender == Some(change.by.device_id) && self.shifts.movers.contains_key(&change.by.op_id);
            if own && overlay.fields.get(&start).is_none_or(|laid| laid.seen_at < change.version) {
                let patch: Object = [(start.clone(), value.clone().unwrap_or_default())].into_iter().collect();
                overlay.extend(Kind::Update, (&patch, seen), |_| Fate::Committed, (change.version, change.version));
            }
            if own {
                break;
            }
            value = self.value_before(change, &start);
        }
        overlay
    }

    /// Remembers that an operation of this unit of work shifted something.
    pub(super) fn remember_shift(&mut self, op_id: OpId, user_id: UserId) {
        self.shifts.movers.insert(op_id, Mover { user_id, intent: None });
    }
}

fn time(value: Option<&Value>) -> Option<LocalTime> {
    value.and_then(Value::as_str).and_then(LocalTime::parse)
}
