//! Operations that no result has answered yet, and how they go into a request.

use std::collections::HashSet;

use serde_json::{Value, json};
use sync_core::json::Object;

use super::{Device, Place};

/// An edit that a person makes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// A UUID that was never used before.
    pub op_id: String,
    /// The space.
    pub space_id: String,
    /// The collection.
    pub collection: String,
    /// The document.
    pub document_id: String,
    /// `create`, `update`, `delete` or `restore`.
    pub kind: &'static str,
    /// What changes; not for a `delete`.
    pub patch: Option<Object>,
    /// The group that it commits with.
    pub group: Option<String>,
    /// What is to be there first.
    pub depends_on: Vec<String>,
    /// Whether it names the device's last operation on the document as its predecessor even when that was answered.
    pub continues: bool,
    /// `mine`, `theirs` or `ask`.
    pub hint: Option<&'static str>,
    /// Whether it carries what the person saw.
    pub inline_base: bool,
    /// By the device's own clock.
    pub created_at: Option<String>,
    /// The version of the space's schema in which it is said, where it says so.
    pub schema: Option<u32>,
}

/// How a request is made.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compose {
    /// Send, read nothing.
    pub without_pull: bool,
    /// Items on a page.
    pub max_changes: Option<usize>,
    /// Bytes on a page.
    pub max_bytes: Option<usize>,
    /// Leave out so many of the oldest operations (a group counts as one).
    pub skip: usize,
    /// Send at most so many (a group counts as one).
    pub take: Option<usize>,
    /// Name predecessors also where the protocol lets them be left out.
    pub explicit_after: bool,
    /// Mix the order of operations as far as the protocol allows: those on one document keep theirs. 0: don't.
    pub scatter: u64,
    /// Ask for receipts of what was sent and never answered, instead of sending it again.
    pub ask: bool,
    /// Speak as a device of this other epoch.
    pub foreign_epoch: Option<String>,
    /// Leave inline bases out: they are lost.
    pub without_base: bool,
    /// By the device's own clock.
    pub sent_at: Option<String>,
    /// The version of the spaces' schemas that the device speaks, where it says so.
    pub schema: Option<u32>,
    /// Operations alone, for a batch: it asks for nothing, and answers no conflict.
    pub for_batch: bool,
}

/// An operation that no result has answered yet.
#[allow(clippy::struct_excessive_bools, reason = "what is known of an operation, each by itself")]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pending {
    pub(super) op_id: String,
    pub(super) space_id: String,
    collection: String,
    document_id: String,
    pub(super) kind: &'static str,
    pub(super) patch: Option<Object>,
    group: Option<String>,
    depends_on: Vec<String>,
    pub(super) after: Option<String>,
    base_version: i64,
    /// The epoch of the copy that it was made on.
    epoch: Option<String>,
    /// The whole values that the person saw of the members that it names.
    base: Object,
    pub(super) inline_base: bool,
    hint: Option<&'static str>,
    created_at: Option<String>,
    schema: Option<u32>,
    /// Whether a request carried it already.
    pub(super) sent: bool,
    /// A later operation of its chain was decided, so this one was too: the copy tells, not the outbox.
    pub(super) passed: bool,
    /// The server holds it in its queue: it is not sent again, and shown until its receipt tells what came of it.
    pub(super) accepted: bool,
}

impl Pending {
    pub(super) fn new(edit: Edit, (base_version, epoch): (i64, Option<String>), after: Option<String>, screen: &Object) -> Self {
        let seen = |name: &String| (name.clone(), screen.get(name).cloned().unwrap_or(Value::Null));
        Self {
            base: edit.patch.iter().flat_map(Object::keys).map(seen).collect(),
            op_id: edit.op_id,
            space_id: edit.space_id,
            collection: edit.collection,
            document_id: edit.document_id,
            kind: edit.kind,
            patch: edit.patch,
            group: edit.group,
            depends_on: edit.depends_on,
            after,
            base_version,
            epoch,
            inline_base: edit.inline_base,
            hint: edit.hint,
            created_at: edit.created_at,
            schema: edit.schema,
            sent: false,
            passed: false,
            accepted: false,
        }
    }

    pub(super) fn about(&self) -> Place {
        (self.space_id.clone(), self.collection.clone(), self.document_id.clone())
    }

    pub(super) fn is_about(&self, space: &str, collection: &str, id: &str) -> bool {
        self.space_id == space && self.collection == collection && self.document_id == id
    }

    fn wire(&self, with_base: bool, after: Option<&String>) -> Value {
        let mut wire = json!({
            "op_id": self.op_id, "space_id": self.space_id, "collection": self.collection, "document_id": self.document_id,
            "kind": self.kind, "base_version": self.base_version,
        });
        if let Some(patch) = &self.patch {
            wire["patch"] = patch.clone().into();
        }
        if with_base && self.kind != "create" {
            wire["base"] = self.base.clone().into();
        }
        if let Some(after) = after {
            wire["after"] = after.as_str().into();
        }
        if let Some(group) = &self.group {
            wire["group"] = group.as_str().into();
        }
        if !self.depends_on.is_empty() {
            wire["depends_on"] = self.depends_on.clone().into();
        }
        if let Some(hint) = self.hint {
            wire["hint"] = hint.into();
        }
        if let Some(created_at) = &self.created_at {
            wire["created_at"] = created_at.as_str().into();
        }
        if let Some(schema) = self.schema {
            wire["schema"] = schema.into();
        }
        wire
    }
}

impl Device {
    /// The epoch that a request names for a space: a request has one, so what was made on an older copy goes first.
    pub(super) fn epoch_to_name(&self, space: &str) -> Option<String> {
        let oldest = self.unheld().filter(|pending| pending.space_id == space).find_map(|pending| pending.epoch.clone());
        oldest.or_else(|| self.replica(space).epoch.clone())
    }

    /// What the server does not hold.
    pub(super) fn unheld(&self) -> impl Iterator<Item = &Pending> {
        self.outbox.iter().filter(|pending| !pending.accepted)
    }

    /// Remembers what the server holds: a restore may lose it.
    pub(super) fn acknowledge(&mut self, pending: Pending, decided_version: Option<i64>) {
        self.acknowledged.retain(|(other, _)| other.op_id != pending.op_id);
        self.acknowledged.push((pending, decided_version));
    }

    /// After a restore, what was acknowledged above the fork goes again, before everything else, with what was seen.
    pub(super) fn resend(&mut self, space: &str, shared_until: i64) {
        let lost =
            |pending: &Pending, version: &Option<i64>| pending.space_id == space && version.is_none_or(|version| version > shared_until);
        let (again, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.acknowledged).into_iter().partition(|(one, version)| lost(one, version));
        self.acknowledged = kept;
        let again = again.into_iter().map(|(pending, _)| Pending { inline_base: true, passed: false, ..pending });
        let waiting = std::mem::take(&mut self.outbox).into_iter();
        // the queue was restored as well
        let anew = |pending| Pending { inline_base: true, accepted: false, ..pending };
        let waiting = waiting.map(|pending| if pending.space_id == space { anew(pending) } else { pending });
        self.outbox = again.chain(waiting).collect();
    }

    /// What a request asks for receipts of: what the server holds in its queue, and perhaps what was sent before and never
    /// answered.
    pub(super) fn to_ask(&self, how: &Compose) -> Vec<String> {
        let asks = |pending: &&Pending| !how.for_batch && (pending.accepted || how.ask && pending.sent);
        self.outbox.iter().filter(asks).map(|pending| pending.op_id.clone()).collect()
    }

    pub(super) fn operations_to_send(&self, how: &Compose) -> Vec<Value> {
        let mut units: Vec<Vec<&Pending>> = Vec::new();
        let of_epoch = |pending: &&Pending| pending.epoch.is_none() || pending.epoch == self.epoch_to_name(&pending.space_id);
        for pending in self.unheld().filter(|pending| !how.ask || !pending.sent).filter(of_epoch) {
            match units.iter_mut().find(|unit| pending.group.is_some() && unit[0].group == pending.group) {
                Some(unit) => unit.push(pending),
                None => units.push(vec![pending]),
            }
        }
        let chosen = units.into_iter().skip(how.skip).take(how.take.unwrap_or(usize::MAX)).collect();
        let ordered: Vec<&Pending> = scattered(chosen, how.scatter).into_iter().flatten().collect();
        let mut before: HashSet<&str> = HashSet::new();
        let mut wires = Vec::new();
        for pending in ordered {
            let implied = |after: &&String| !how.explicit_after && before.contains(after.as_str());
            let after = pending.after.as_ref().filter(|after| !implied(after));
            let with_base =
                !how.without_base && (pending.inline_base || how.foreign_epoch.is_some() || self.replica(&pending.space_id).resetting);
            wires.push(pending.wire(with_base, after));
            before.insert(&pending.op_id);
        }
        wires
    }
}

/// Another order in which units that share a document keep theirs.
fn scattered(mut units: Vec<Vec<&Pending>>, seed: u64) -> Vec<Vec<&Pending>> {
    if seed == 0 {
        return units;
    }
    let mut state = seed;
    let mut mixed = Vec::with_capacity(units.len());
    while !units.is_empty() {
        let shares = |one: &[&Pending], other: &[&Pending]| one.iter().any(|a| other.iter().any(|b| a.about() == b.about()));
        let free: Vec<usize> =
            (0..units.len()).filter(|index| !units[..*index].iter().any(|earlier| shares(earlier, &units[*index]))).collect();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = usize::try_from(state >> 33).unwrap_or_default() % free.len();
        mixed.push(units.remove(free[pick]));
    }
    mixed
}
