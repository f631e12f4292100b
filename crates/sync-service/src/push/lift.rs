//! What is said in an older version of the space's schema, lifted to the present one (`docs/adr/0010-lenses.md`). Where
//! a schema has no lenses, nothing here does any work.

use sync_core::operation::Kind;
use sync_core::ports::ChangeRow;
use sync_core::schema::lens::Lens;
use sync_core::{Code, DocumentKey, Operation, Schema, Status};

use super::admit::Admitted;
use super::decide::{Effect, Refusal};
use super::world::{Doc, World};

/// An operation, said in a version, as the schema says it now; `None` where that is the same.
pub(crate) fn lifted(schema: &Schema, operation: &Operation, from: u32) -> Option<Operation> {
    let lens = schema.lens(&operation.collection, from)?;
    let patch = match operation.kind {
        Kind::Create => lens.lift_document(&operation.patch),
        _ => lens.lift_patch(&operation.patch),
    };
    let base = operation.base.as_ref().map(|base| lens.lift_patch(base));
    (patch != operation.patch || base != operation.base).then(|| Operation { patch, base, ..operation.clone() })
}

impl Admitted<'_> {
    /// What the operation says, in the form of the space's schema.
    pub(super) fn said(&self) -> &Operation {
        self.lifted.as_deref().unwrap_or(self.operation)
    }

    /// What came of an operation that was lifted was not sent so: its sender needs the document.
    pub(super) fn as_told(&self, mut effect: Effect) -> Effect {
        let lives = effect.change.as_ref().is_some_and(|state| state.live);
        if self.lifted.is_some() && lives && effect.status == Status::Applied {
            effect.status = Status::Merged;
        }
        effect
    }

    /// A refusal in the sender's own words.
    pub(super) fn in_own_words(&self, schema: &Schema, mut refusal: Refusal) -> Refusal {
        let (Some(from), Refusal::Rejected(problem)) = (self.operation.schema.filter(|_| self.lifted.is_some()), &mut refusal) else {
            return refusal;
        };
        let lens = schema.lens(&self.operation.collection, from).filter(|_| problem.code == Code::WrongType);
        let own = lens.and_then(|lens| {
            let place =
                |name: &&String| problem.pointer.as_deref() == Some(sync_core::json::pointer(&["patch", lens.name_of(name)]).as_str());
            self.operation.patch.keys().find(place).cloned()
        });
        if let Some(name) = own {
            problem.detail = format!("{} (said as {name} in schema {from})", problem.detail);
            problem.pointer = Some(sync_core::json::pointer(&["patch", &name]));
        }
        refusal
    }
}

impl World {
    /// What lifts a document from the form that it had at a place of the log.
    pub(crate) fn lens_since(&self, key: &DocumentKey, version: i64) -> Option<Lens> {
        self.schema.lens(key.collection(), self.schema.version_at(version))
    }

    /// Whether a person's change touched a member, by its present name. What the schema itself changed is nobody's.
    pub(crate) fn touched_member(&self, change: &ChangeRow, name: &str) -> bool {
        if self.schema.is_upgrade(change.version) {
            return false;
        }
        let before = change.before.object();
        match self.lens_since(&change.key, change.version) {
            Some(lens) => before.keys().any(|old| lens.name_of(old) == name),
            None => before.contains_key(name),
        }
    }

    /// The version at which a person last changed a document, or at most the one that a sender has seen.
    pub(crate) fn last_touched(&self, key: &DocumentKey, doc: &Doc, seen: i64) -> i64 {
        if !self.schema.is_upgrade(doc.version) {
            return doc.version;
        }
        let by_a_person = |change: &&ChangeRow| !self.schema.is_upgrade(change.version);
        self.changes_of(key).find(by_a_person).map_or(seen, |change| change.version)
    }

    /// Whether the schema itself changed a document after a version.
    pub(crate) fn was_lifted_since(&self, key: &DocumentKey, version: i64) -> bool {
        !self.schema.upgrades.is_empty()
            && self.changes_of(key).take_while(|change| change.version > version).any(|change| self.schema.is_upgrade(change.version))
    }
}
