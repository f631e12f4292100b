//! What an answer was about, for the record of it.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::conflict::ConflictKind;
use sync_core::json::pointer_tokens;
use sync_core::ports::ChangeRow;
use sync_core::{ConflictId, DocumentKey, OpId};

use super::desk::Desk;
use crate::audit::{Answered, AnsweredDocument};

/// The places of a question that somebody sees and that are decided, with the answers that decided them.
type DecidedPlaces = BTreeMap<(DocumentKey, String), OpId>;

/// How a question and its documents stood before an answer.
pub(super) struct Stood {
    places: DecidedPlaces,
    /// How many changes there were.
    staged: usize,
}

/// Names of a document's members in one answer's record: whoever answers a question in one word may answer for all that a
/// large document has.
const MAX_NAMES_BYTES: usize = 4 * 1_024;

impl Desk<'_> {
    /// How a question stands.
    pub(super) fn stands(&self, conflict_id: ConflictId) -> Stood {
        Stood { places: self.decided(conflict_id), staged: self.world.staged.len() }
    }

    fn decided(&self, conflict_id: ConflictId) -> DecidedPlaces {
        let Some(conflict) = self.world.conflicts.get(&conflict_id).map(|conflict| self.seen(conflict)) else { return BTreeMap::new() };
        let own = (DocumentKey::new(&conflict.collection, &conflict.document_id), conflict.fields);
        let parts = conflict.documents.into_iter().map(|part| (DocumentKey::new(&part.collection, &part.document_id), part.fields));
        let mut places = BTreeMap::new();
        for (key, fields) in std::iter::once(own).chain(parts) {
            let Some(key) = key else { continue };
            places.extend(fields.into_iter().filter_map(|(path, field)| Some(((key.clone(), path), field.decided_by?.op_id))));
        }
        places
    }

    /// The documents of a question, with the members of which something was decided, or taken back, since it stood so, and
    /// what else was changed with them. Of a whole document, all that it has: it is kept, brought back or deleted with that.
    pub(super) fn answered_since(&self, conflict_id: ConflictId, before: &Stood) -> Answered {
        let after = self.decided(conflict_id);
        let mut about: Vec<AnsweredDocument> = Vec::new();
        for (key, path) in before.places.keys().chain(after.keys()).filter(|place| before.places.get(*place) != after.get(*place)) {
            let member = pointer_tokens(path).and_then(|tokens| tokens.into_iter().next());
            let names = member.map_or_else(|| self.members(key), |member| vec![member]);
            told(&mut about, key, |document| document.fields.extend(names));
        }
        let conflict = self.world.conflicts.get(&conflict_id);
        let is_group = conflict.is_some_and(|conflict| conflict.kind == ConflictKind::Group);
        for change in self.world.staged.get(before.staged..).unwrap_or_default() {
            told(&mut about, &change.key, |document| {
                // of a group's document that is changed it is told what each change did
                if is_group {
                    document.fields.clear();
                }
                document.version = Some(change.version);
                document.fields.extend(self.changed_in(change));
            });
        }
        about.retain(|document| self.world.visible(&document.key).is_some());
        for document in &mut about {
            self.keep_what_is_read(document);
        }
        let own = conflict.filter(|_| !is_group).and_then(|conflict| DocumentKey::new(&conflict.collection, &conflict.document_id));
        let own = about.iter().position(|document| Some(&document.key) == own.as_ref());
        Answered { own: own.map(|place| about.remove(place)), others: about }
    }

    fn members(&self, key: &DocumentKey) -> Vec<String> {
        self.world.docs.get(key).map(|doc| doc.body.keys().cloned().collect()).unwrap_or_default()
    }

    /// The members that a change is about: all, where it made, deleted or brought back the document.
    fn changed_in(&self, change: &ChangeRow) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = change.before.object().into_iter().map(|(name, _)| name).collect();
        let Some(doc) = self.world.docs.get(&change.key) else { return names };
        let (mut members, mut live) = (self.members(&change.key).into_iter().collect::<BTreeSet<_>>(), doc.is_live());
        for later in self.world.staged.iter().rev().filter(|later| later.key == change.key && later.version > change.version) {
            for (name, value) in later.before.object() {
                if value.is_null() {
                    members.remove(&name)
                } else {
                    members.insert(name)
                };
            }
            live = later.was_live;
        }
        if live != change.was_live {
            names.extend(members);
        }
        names
    }

    /// Names are recorded as far as whoever answered reads what they name, and not without end.
    fn keep_what_is_read(&self, document: &mut AnsweredDocument) {
        let (key, body) = (&document.key, self.world.docs.get(&document.key).map(|doc| &doc.body));
        document.fields.retain(|name| self.world.view.reads(key.collection(), name, body));
        let (mut bytes, named) = (0, document.fields.len());
        document.fields.retain(|name| {
            bytes += name.len();
            bytes <= MAX_NAMES_BYTES
        });
        document.left_out = named - document.fields.len();
    }
}

/// What is told of a document, as long as no change of it is: a second change is told beside the first.
fn told(about: &mut Vec<AnsweredDocument>, key: &DocumentKey, tell: impl FnOnce(&mut AnsweredDocument)) {
    if let Some(document) = about.iter_mut().find(|document| document.key == *key && document.version.is_none()) {
        tell(document);
        return;
    }
    let mut document = AnsweredDocument { key: key.clone(), version: None, fields: BTreeSet::new(), left_out: 0 };
    tell(&mut document);
    about.push(document);
}
