//! What a space's operations are decided against: the rows that they touch, read in bulk, changed in memory, and
//! written in bulk. Nothing here reaches the database.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use sync_core::conflict::Conflict;
use sync_core::json::{Object, RawJson};
use sync_core::ports::{ChangeRow, Head, Presence, StoredOperation};
use sync_core::{
    Audience, Author, ConflictId, DeviceId, DocumentKey, FieldVersion, FieldVersions, OpId, Role, Schema, SpaceId, Stamp, Timestamp,
};

pub(crate) use super::doc::Doc;
use super::intents::Shifts;
use super::overlay::Overlay;
use super::policies::{People, Policies, Settings};
use super::requests;
use super::stored::Origin;
use crate::epochs::Shared;
use crate::view::{View, marks};

/// What a document becomes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewState {
    pub(crate) body: Object,
    pub(crate) live: bool,
}

/// An operation of the chain or of the dependencies, stored before or decided in this unit of work.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) row: StoredOperation,
    pub(crate) overlay: Overlay,
    pub(crate) stamp: Option<(i64, u32)>,
    pub(crate) origin: Origin,
    /// Whether the payload and the result say all of the overlay, so that it is not stored.
    pub(crate) plain: bool,
}

impl Known {
    /// An operation that was decided here.
    pub(crate) fn decided(payload: &Value, row: StoredOperation, overlay: Overlay, stamp: Option<(i64, u32)>, origin: Origin) -> Self {
        // what a group's question was asked from is needed when it is decided
        let plain = origin.taken_back.is_none() && overlay == Overlay::of_value(payload, &row);
        Self { row, overlay, stamp, origin, plain }
    }
}

/// The working state of one space.
pub(crate) struct World {
    pub(crate) space_id: SpaceId,
    pub(crate) schema: Arc<Schema>,
    /// How each collection merges.
    pub(crate) policies: Policies,
    pub(crate) settings: Settings,
    pub(crate) people: People,
    pub(crate) role: Role,
    /// What the sender sees and may write.
    pub(crate) view: View,
    /// The versions as seen of documents that are changed here, before they were.
    seen_before: HashMap<DocumentKey, i64>,
    /// When the event begins, as far as it is known.
    pub(crate) event_at: Option<Timestamp>,
    /// The head now, staged versions included.
    pub(crate) head: i64,
    /// The head when this unit of work began: nobody can have seen more.
    pub(crate) head_before: i64,
    /// What of the log that the device knows is this one.
    pub(crate) shared: Shared,
    /// States before this version can't be rebuilt.
    pub(crate) history_from: i64,
    /// Whether documents of this space were buried.
    pub(crate) has_graves: bool,
    /// Documents that are in graves.
    pub(crate) graves: BTreeSet<DocumentKey>,
    /// The device whose operations are decided.
    pub(crate) sender: Option<DeviceId>,
    pub(crate) docs: HashMap<DocumentKey, Doc>,
    /// Changes that were stored before, newest first in a document.
    pub(crate) history: HashMap<DocumentKey, Vec<ChangeRow>>,
    /// Changes of this unit of work, in order.
    pub(crate) staged: Vec<ChangeRow>,
    /// Their places by document.
    pub(super) staged_of: HashMap<DocumentKey, Vec<usize>>,
    /// Documents as they stood at versions that senders had seen: an offline chain of many edits of one document comes
    /// with one and the same base.
    pub(super) past: HashMap<(DocumentKey, i64), (Object, bool)>,
    pub(crate) conflicts: BTreeMap<ConflictId, Conflict>,
    /// The numbers that questions were given here, until the unit of work is at its end.
    pub(super) meanwhile: BTreeMap<i64, ConflictId>,
    /// Open conflicts by document.
    pub(crate) open: HashMap<DocumentKey, Vec<ConflictId>>,
    pub(crate) known: HashMap<OpId, Known>,
    /// What is known of shifts.
    pub(crate) shifts: Shifts,
    /// Documents whose rows are to be written.
    pub(crate) touched: BTreeSet<DocumentKey>,
    /// Links to be written, the last one of a (conflict, document) counts.
    pub(crate) links: Vec<(ConflictId, DocumentKey, bool)>,
}

/// What a group may have to give back.
pub(crate) struct Checkpoint {
    head: i64,
    staged: usize,
    docs: Vec<(DocumentKey, Option<Doc>)>,
    conflicts: Vec<Conflict>,
    open: Vec<(DocumentKey, Option<Vec<ConflictId>>)>,
    links: usize,
}

impl Checkpoint {
    /// The head then.
    pub(crate) const fn head(&self) -> i64 {
        self.head
    }
}

impl World {
    pub(crate) fn new(space_id: SpaceId, view: View, head: Head, shared: Shared) -> Self {
        let (schema, role) = (Arc::clone(&view.schema), view.role);
        Self {
            space_id,
            policies: Policies::new(Arc::clone(&schema)),
            settings: Settings::default(),
            people: People::default(),
            schema,
            role,
            view,
            seen_before: HashMap::new(),
            event_at: None,
            head: head.version,
            head_before: head.version,
            shared,
            history_from: head.history_from,
            has_graves: head.kept_from > 0,
            graves: BTreeSet::new(),
            sender: None,
            docs: HashMap::new(),
            history: HashMap::new(),
            staged: Vec::new(),
            staged_of: HashMap::new(),
            past: HashMap::new(),
            conflicts: BTreeMap::new(),
            meanwhile: BTreeMap::new(),
            open: HashMap::new(),
            known: HashMap::new(),
            shifts: Shifts::default(),
            touched: BTreeSet::new(),
            links: Vec::new(),
        }
    }

    /// The next number of the space.
    pub(crate) fn next_version(&mut self) -> i64 {
        self.head += 1;
        self.head
    }

    /// The document, where the sender may see it.
    pub(crate) fn visible(&self, key: &DocumentKey) -> Option<&Doc> {
        self.docs.get(key).filter(|doc| self.view.sees(&doc.subject(key)))
    }

    /// The version of a document as the sender sees it; as it is, where it is not in their view.
    pub(crate) fn seen_version(&self, key: &DocumentKey, doc: &Doc) -> i64 {
        self.view.version_of(&doc.subject(key)).unwrap_or(doc.version)
    }

    /// The version as seen that a document had when this unit of work began; 0 where there was none.
    pub(crate) fn seen_at_first(&self, key: &DocumentKey, doc: &Doc) -> i64 {
        let stored = || doc.stored.map_or(0, |(version, _, _)| version);
        self.seen_before.get(key).copied().unwrap_or_else(stored)
    }

    /// What a sender is told of a document's present state: its version, and its body while it is live and in their view.
    /// `None` where they are told nothing of it, because it never was.
    pub(crate) fn told(&self, key: &DocumentKey, doc: &Doc) -> Option<(i64, Option<RawJson>)> {
        let subject = doc.subject(key);
        if let Some(version) = self.view.version_of(&subject) {
            return Some((version, doc.is_live().then(|| self.view.show(&subject, &RawJson::from_object(&doc.body)))));
        }
        let left = !doc.audience.includes(self.role) && doc.audience_ever.includes(self.role);
        let knows_of_all = !self.view.is_closed(key.collection()) && self.view.own_field(key.collection()).is_none();
        (left && knows_of_all).then_some((doc.audience_version, None))
    }

    /// Puts a new state in place and logs it. Gives the version.
    pub(crate) fn change(&mut self, key: &DocumentKey, state: NewState, by: Author, at: Timestamp, stamp: (i64, u32)) -> i64 {
        let version = self.next_version();
        let audience = self.audience_of(key, &state.body);
        self.remember_seen(key);
        let mut before = self.docs.remove(key);
        let mut fields = before.as_mut().map(|doc| std::mem::take(&mut doc.fields)).unwrap_or_default();
        let before = before.as_ref();
        let was_live = before.is_some_and(Doc::is_live);
        let previous = before.map_or(0, |doc| doc.version);
        let empty = Object::new();
        let changed = changed_members(before.map_or(&empty, |doc| &doc.body), &state.body);
        for name in changed.keys() {
            fields.0.insert(name.clone(), FieldVersion(version, Stamp(stamp.0, stamp.1, by.op_id)));
        }
        let doc = Doc {
            version,
            presence: Presence {
                created: before.map_or(version, |doc| doc.presence.created),
                live_since: before.filter(|_| was_live || !state.live).map_or(version, |doc| doc.presence.live_since),
                deleted: !state.live,
            },
            body: state.body,
            fields,
            by,
            at,
            foreign_version: foreign_version(before, by),
            audience,
            audience_ever: before.map_or(audience, |doc| doc.audience_ever.union(audience)),
            audience_version: before.filter(|doc| doc.audience == audience).map_or(version, |doc| doc.audience_version),
            // a group that was not committed may have asked about a document that was never made
            open_conflicts: before.map_or_else(|| self.count_open(key), |doc| doc.open_conflicts),
            is_buried: !state.live && before.is_some_and(|doc| doc.is_buried),
            stored: before.and_then(|doc| doc.stored),
            stored_by: before.and_then(|doc| doc.stored_by),
        };
        self.docs.insert(key.clone(), doc);
        self.touched.insert(key.clone());
        self.staged_of.entry(key.clone()).or_default().push(self.staged.len());
        self.staged.push(ChangeRow { version, previous, key: key.clone(), was_live, before: RawJson::from_object(&changed), by, at });
        version
    }

    fn remember_seen(&mut self, key: &DocumentKey) {
        let Some(doc) = self.docs.get(key).filter(|_| !self.view.is_plain(key.collection()) && !self.seen_before.contains_key(key)) else {
            return;
        };
        let seen = self.seen_version(key, doc);
        self.seen_before.insert(key.clone(), seen);
    }

    /// Who may see a document with this body. A change request is for those who may see what it is about.
    pub(crate) fn audience_of(&self, key: &DocumentKey, body: &Object) -> Audience {
        let own = self.schema.collection(key.collection()).map_or(Audience::EVERYONE, |collection| collection.audience(body));
        if !requests::is_request(&self.schema, key) {
            return own;
        }
        let about = requests::target_of(body).and_then(|target| self.docs.get(&target)).map(|target| target.audience);
        let about = about.or_else(|| self.docs.get(key).map(|before| before.audience));
        about.map_or(own, |about| Audience::from_bits(own.bits() & about.bits()))
    }

    /// Writes a conflict's document at the next number; at the end of the unit of work it may get another.
    pub(crate) fn write_conflict(&mut self, mut conflict: Conflict, by: Author, at: Timestamp) -> i64 {
        let version = self.next_version();
        conflict.version = version;
        let key = DocumentKey::conflict(conflict.conflict_id);
        let audience = self.conflict_audience(&conflict);
        let before = self.docs.get(&key);
        let body = RawJson::of(&conflict).object();
        let fields = marked(before, &conflict, Stamp(at.millis(), 0, by.op_id));
        let doc = Doc {
            version,
            presence: before.map_or(Presence { created: version, live_since: version, deleted: false }, |doc| doc.presence),
            body,
            fields,
            by,
            at,
            foreign_version: foreign_version(before, by),
            audience,
            audience_ever: before.map_or(audience, |doc| doc.audience_ever.union(audience)),
            audience_version: before.filter(|doc| doc.audience == audience).map_or(version, |doc| doc.audience_version),
            open_conflicts: 0,
            is_buried: false,
            stored: before.and_then(|doc| doc.stored),
            stored_by: before.and_then(|doc| doc.stored_by),
        };
        self.touched.insert(key.clone());
        self.docs.insert(key, doc);
        self.meanwhile.insert(version, conflict.conflict_id);
        self.conflicts.insert(conflict.conflict_id, conflict);
        version
    }

    /// Says more in a question's document, at the version that it has.
    pub(crate) fn amend_conflict(&mut self, conflict: Conflict) {
        if let Some(doc) = self.docs.get_mut(&DocumentKey::conflict(conflict.conflict_id)) {
            doc.fields = marked(Some(doc), &conflict, Stamp(doc.at.millis(), 0, doc.by.op_id));
            doc.body = RawJson::of(&conflict).object();
            self.conflicts.insert(conflict.conflict_id, conflict);
        }
    }

    fn count_open(&self, key: &DocumentKey) -> i32 {
        self.open.get(key).map_or(0, |ids| i32::try_from(ids.len()).unwrap_or(i32::MAX))
    }

    /// Who may see a conflict: those who may see every document that it is about, and could when it was opened. What was
    /// disputed while a document was hidden is not shown when the document is.
    pub(crate) fn conflict_audience(&self, conflict: &Conflict) -> Audience {
        let about = documents_of(conflict);
        let audiences = about.iter().filter_map(|key| self.docs.get(key)).map(|doc| doc.audience.bits());
        let at_first = self.docs.get(&DocumentKey::conflict(conflict.conflict_id)).map_or(Audience::EVERYONE, |own| own.audience_ever);
        Audience::from_bits(audiences.fold(at_first.bits(), |all, one| all & one))
    }

    /// Remembers what a group may change: its documents, and the questions about them.
    pub(crate) fn checkpoint(&self, keys: impl Iterator<Item = DocumentKey>) -> Checkpoint {
        let keys: BTreeSet<DocumentKey> = keys.collect();
        let asked: BTreeSet<ConflictId> = keys.iter().filter_map(|key| self.open.get(key)).flatten().copied().collect();
        let docs = keys.iter().cloned().chain(asked.iter().map(|id| DocumentKey::conflict(*id)));
        Checkpoint {
            head: self.head,
            staged: self.staged.len(),
            docs: docs.map(|key| (key.clone(), self.docs.get(&key).cloned())).collect(),
            conflicts: asked.iter().filter_map(|id| self.conflicts.get(id).cloned()).collect(),
            open: keys.into_iter().map(|key| (key.clone(), self.open.get(&key).cloned())).collect(),
            links: self.links.len(),
        }
    }

    /// Takes back everything since a checkpoint.
    pub(crate) fn roll_back(&mut self, to: Checkpoint) {
        self.head = to.head;
        self.staged.truncate(to.staged);
        self.links.truncate(to.links);
        self.meanwhile.retain(|version, _| *version <= to.head);
        for conflict in to.conflicts {
            self.conflicts.insert(conflict.conflict_id, conflict);
        }
        for (key, ids) in to.open {
            if let Some(places) = self.staged_of.get_mut(&key) {
                places.retain(|place| *place < to.staged);
            }
            put_back(&mut self.open, key, ids);
        }
        for (key, doc) in to.docs {
            put_back(&mut self.docs, key, doc);
        }
    }
}

fn put_back<V>(map: &mut HashMap<DocumentKey, V>, key: DocumentKey, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

/// The documents that a conflict is about.
pub(crate) fn documents_of(conflict: &Conflict) -> BTreeSet<DocumentKey> {
    let parts = conflict.documents.iter().map(|part| (&part.collection, &part.document_id));
    std::iter::once((&conflict.collection, &conflict.document_id))
        .chain(parts)
        .filter_map(|(collection, id)| DocumentKey::new(collection, id))
        .collect()
}

/// The marks of a question's places, with its version where they changed.
fn marked(before: Option<&Doc>, after: &Conflict, stamp: Stamp) -> FieldVersions {
    let old: Option<Conflict> = before.and_then(|doc| serde_json::from_value(Value::Object(doc.body.clone())).ok());
    // one from before places had marks goes on without
    let mut fields = before.map(|doc| doc.fields.clone()).unwrap_or_default();
    if before.is_none() || !fields.0.is_empty() {
        fields.0.extend(marks(old.as_ref(), after).into_iter().map(|mark| (mark, FieldVersion(after.version, stamp))));
    }
    fields
}

fn foreign_version(before: Option<&Doc>, by: Author) -> i64 {
    before.map_or(0, |doc| if doc.by.device_id == by.device_id { doc.foreign_version } else { doc.version })
}

/// The members that differ, with their values before, `null` where absent.
fn changed_members(before: &Object, after: &Object) -> Object {
    let changed = |(name, value): (&String, &Value)| (after.get(name) != Some(value)).then(|| (name.clone(), value.clone()));
    let added = after.keys().filter(|name| !before.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    before.iter().filter_map(changed).chain(added).collect()
}

/// The length of an object's compact JSON.
pub(crate) fn byte_length(object: &Object) -> usize {
    serde_json::to_string(object).map_or(0, |text| text.len())
}
