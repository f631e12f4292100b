//! The sender's own view beyond a version: what its chain of operations laid over the document.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::json::{Object, apply_patch, drop_nulls};
use sync_core::operation::Kind;
use sync_core::ports::StoredOperation;
use sync_core::schema::lens::Lens;
use sync_core::{ConflictId, OpId};

/// What a chain says of a top-level member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Laid {
    /// What the chain's merge patches, one after the other, say of it: one merge patch, `null` where it was removed. So
    /// it is laid over whatever state a sender had seen, as a device lays its pending operations over its copy.
    /// Shared by the views of all operations of the chain that come after.
    #[serde(rename = "v", with = "shared")]
    value: Arc<Value>,
    /// From which version on a sender has seen what came of it.
    #[serde(rename = "a")]
    pub(crate) seen_at: i64,
    /// An object that replaces what was there, because the chain put something else in between.
    #[serde(rename = "w", default, skip_serializing_if = "std::ops::Not::not")]
    whole: bool,
    /// What became of it.
    #[serde(rename = "s", default, skip_serializing_if = "Fate::is_committed")]
    pub(crate) fate: Fate,
}

mod shared {
    use super::{Arc, Value};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Arc<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Value>, D::Error> {
        Value::deserialize(deserializer).map(Arc::new)
    }
}

/// What became of a member's value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// It is in the log.
    #[default]
    #[serde(rename = "c")]
    Committed,
    /// Others changed it too, and it waits in a conflict.
    #[serde(rename = "d")]
    Disputed,
    /// It waits with the whole document, or with its group; nobody disputes the member itself.
    #[serde(rename = "w")]
    Waiting,
    /// Its sender may only propose it: it waits in a change request.
    #[serde(rename = "p")]
    Proposed,
}

impl Fate {
    #[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
    fn is_committed(&self) -> bool {
        *self == Self::Committed
    }
}

impl Laid {
    /// The next patch of a member, after what the chain said of it before.
    fn after(before: Option<Self>, patch: &Value, (seen_at, fate): (i64, Fate)) -> Self {
        let (Some(before), Value::Object(patch)) = (before, patch) else {
            return Self { value: Arc::new(patch.clone()), seen_at, whole: false, fate };
        };
        let (mut members, whole) = match Arc::unwrap_or_clone(before.value) {
            Value::Object(members) => (members, before.whole),
            _ => (Object::new(), true),
        };
        if whole {
            apply_patch(&mut members, patch);
        } else {
            compose(&mut members, patch);
        }
        Self { value: Arc::new(Value::Object(members)), seen_at, whole, fate }
    }

    fn lay_over(&self, name: &str, body: &mut Object) {
        if self.whole {
            body.insert(name.to_owned(), self.value.as_ref().clone());
        } else {
            apply_patch(body, &std::iter::once((name.to_owned(), self.value.as_ref().clone())).collect());
        }
    }
}

/// What a stored operation says: its kind, and its patch.
pub(crate) fn payload_of(row: &StoredOperation) -> (Option<Kind>, Object) {
    said_by(row.payload.object())
}

fn said_by(mut payload: Object) -> (Option<Kind>, Object) {
    let kind = payload.get("kind").and_then(Value::as_str).and_then(Kind::parse);
    let mut patch = match payload.remove("patch") {
        Some(Value::Object(patch)) => patch,
        _ => Object::new(),
    };
    if kind == Some(Kind::Create) {
        drop_nulls(&mut patch);
    }
    (kind, patch)
}

/// Makes one merge patch of two, applied one after the other.
fn compose(first: &mut Object, second: &Object) {
    for (name, value) in second {
        match (first.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => compose(inner, value),
            _ => drop(first.insert(name.clone(), value.clone())),
        }
    }
}

/// The overlay of a chain. Each entry names the version at which a sender has seen what came of it, so that it no
/// longer counts: the document's version right after the operation that set it; where the operation opened or joined a
/// conflict about it, the head of the log, which no base reaches until the document has changed again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overlay {
    /// By top-level member.
    #[serde(rename = "f", default)]
    pub(crate) fields: BTreeMap<String, Laid>,
    /// Whether the chain deleted (or brought back) the document.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<(bool, i64)>,
    /// The chain deleted the document and created it anew: nothing of what was in it before is left.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) anew: Option<i64>,
    /// The conflict that the chain's disputed fields wait in.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) conflict: Option<ConflictId>,
    /// The chain's operation that opened or joined it last.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub(crate) joined: Option<OpId>,
    /// Other questions that the chain waits in, as they are not for the same people, with the chain's operation that was in
    /// each last.
    #[serde(rename = "w", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) others: BTreeMap<ConflictId, OpId>,
    /// The change requests that the chain's proposals went into, by member. They are remembered when their members have
    /// been seen, so that the chain's next word goes there too.
    #[serde(rename = "q", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) requests: BTreeMap<String, String>,
}

impl Overlay {
    /// The overlay after a stored operation, as its payload and its result say it.
    pub(crate) fn of_payload(row: &StoredOperation) -> Self {
        if !row.status.satisfies() {
            return Self::default();
        }
        let (kind, patch) = payload_of(row);
        Self::of_simple(kind, &patch, row)
    }

    /// The same, of a payload that was not written yet.
    pub(crate) fn of_value(payload: &Value, row: &StoredOperation) -> Self {
        if !row.status.satisfies() {
            return Self::default();
        }
        let said = ["kind", "patch"].into_iter().filter_map(|name| Some((name.to_owned(), payload.get(name)?.clone())));
        let (kind, patch) = said_by(said.collect());
        Self::of_simple(kind, &patch, row)
    }

    fn of_simple(kind: Option<Kind>, patch: &Object, row: &StoredOperation) -> Self {
        let seen_at = row.decided_version.unwrap_or(row.head);
        let deleted = match kind {
            Some(Kind::Delete) => Some((true, seen_at)),
            Some(Kind::Create | Kind::Restore) => Some((false, seen_at)),
            _ => None,
        };
        let fields = match kind {
            Some(Kind::Delete) => BTreeMap::new(),
            _ => patch.iter().map(|(name, value)| (name.clone(), Laid::after(None, value, (seen_at, Fate::Committed)))).collect(),
        };
        let joined = row.conflict_id.map(|_| row.op_id);
        Self { fields, deleted, conflict: row.conflict_id, joined, ..Self::default() }
    }

    /// Adds what an operation says, whose sender had seen a version, with what became of each member and of the whole
    /// document (the empty name). What waits in a conflict is seen later than the rest.
    pub(crate) fn extend(&mut self, kind: Kind, (patch, seen): (&Object, i64), fate: impl Fn(&str) -> Fate, (version, head): (i64, i64)) {
        let at = |name: &str| match fate(name) {
            Fate::Committed => (version, Fate::Committed),
            waits => (head, waits),
        };
        let (whole, _) = at("");
        if kind == Kind::Create && self.deleted.is_some_and(|(deleted, _)| deleted) {
            self.fields.clear();
            self.anew = Some(whole);
        }
        self.deleted = match kind {
            Kind::Delete => Some((true, whole)),
            Kind::Create | Kind::Restore => Some((false, whole)),
            // an edit after the sender's own deletion brings the document back
            Kind::Update | Kind::Intent => self.deleted.map(|_| (false, whole)),
        };
        for (name, value) in patch {
            let unseen = self.fields.remove(name).filter(|before| before.seen_at > seen);
            self.fields.insert(name.clone(), Laid::after(unseen, value, at(name)));
        }
    }

    /// The questions that the chain waits in, with its operation that was in each last.
    pub(crate) fn questions(&self) -> impl Iterator<Item = (ConflictId, OpId)> {
        self.conflict.zip(self.joined).into_iter().chain(self.others.iter().map(|(id, joined)| (*id, *joined)))
    }

    /// Notes the questions that an operation opened or joined. Those of before are remembered that
    /// may take in more.
    pub(crate) fn ask(&mut self, asked: &[ConflictId], op_id: OpId, takes_more: impl Fn(ConflictId) -> bool) {
        let Some((first, more)) = asked.split_first() else { return };
        self.others.extend(self.conflict.zip(self.joined));
        self.others.retain(|id, _| takes_more(*id) && !asked.contains(id));
        self.others.extend(more.iter().map(|id| (*id, op_id)));
        (self.conflict, self.joined) = (Some(*first), Some(op_id));
    }

    /// Lifts it from the form of an older version of the schema.
    pub(super) fn lift(&mut self, lens: &Lens) {
        self.fields = lens.carry(std::mem::take(&mut self.fields), |laid| Arc::make_mut(&mut laid.value));
        self.requests = std::mem::take(&mut self.requests).into_iter().map(|(name, id)| (lens.name_of(&name).to_owned(), id)).collect();
    }

    /// Drops the members that a sender at this version has seen the outcome of.
    pub(crate) fn without_seen(mut self, version: i64) -> Self {
        self.fields.retain(|_, laid| laid.seen_at > version);
        self
    }

    /// Drops what a sender at this version has seen the outcome of.
    pub(crate) fn beyond(self, version: i64) -> Self {
        let mut this = self.without_seen(version);
        this.deleted = this.deleted.filter(|(_, seen_at)| *seen_at > version);
        this.anew = this.anew.filter(|seen_at| *seen_at > version);
        this
    }

    /// After a group that was taken back: what it had committed since `before` waits, and is seen at the head at which
    /// that was decided in the end.
    pub(crate) fn taken_back(mut self, before: i64, head: i64) -> Self {
        for laid in self.fields.values_mut().filter(|laid| laid.seen_at > before || !laid.fate.is_committed() && laid.seen_at == before) {
            laid.seen_at = head;
            if laid.fate.is_committed() {
                laid.fate = Fate::Waiting;
            }
        }
        let moved = |at| if at >= before { head } else { at };
        self.deleted = self.deleted.map(|(deleted, at)| (deleted, moved(at)));
        self.anew = self.anew.map(moved);
        self
    }

    /// Takes out what only waits, and nobody else changed since the sender's base: the sender's next value of it is in
    /// nobody's way. Gives the names of what was taken out.
    pub(crate) fn take_undisputed(&mut self, is_foreign: impl Fn(&str) -> bool) -> Vec<String> {
        let waits = |(name, laid): (&String, &Laid)| (laid.fate == Fate::Waiting && !is_foreign(name)).then(|| name.clone());
        let names: Vec<String> = self.fields.iter().filter_map(waits).collect();
        for name in &names {
            self.fields.remove(name);
        }
        names
    }

    /// Lays the members over a body.
    pub(crate) fn lay_over(&self, body: &mut Object) {
        if self.anew.is_some() {
            body.clear();
        }
        for (name, laid) in &self.fields {
            laid.lay_over(name, body);
        }
    }

    /// What the chain makes of one member of a body; `null` when it is not there.
    pub(crate) fn value_over(&self, name: &str, body: &Object) -> Value {
        let mut member: Object =
            body.get(name).filter(|_| self.anew.is_none()).map(|value| (name.to_owned(), value.clone())).into_iter().collect();
        if let Some(laid) = self.fields.get(name) {
            laid.lay_over(name, &mut member);
        }
        member.remove(name).unwrap_or_default()
    }

    /// Whether the sender sees the document as live, where the chain says so.
    pub(crate) fn lives(&self) -> Option<bool> {
        self.deleted.map(|(deleted, _)| !deleted).or_else(|| (!self.fields.is_empty()).then_some(true))
    }

    /// Whether the chain itself deleted the document that stands deleted at a version.
    pub(crate) fn deleted_at(&self, version: i64) -> bool {
        self.deleted.is_some_and(|(deleted, at)| deleted && at >= version)
    }
}
