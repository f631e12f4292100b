//! The form in which a sender's view is stored beside operations.
//!
//! A chain's view holds all that the chain says, so a copy of it beside each of a thousand operations would be a
//! thousand times what was sent. Of the operations on one document that were decided together, only the last keeps the
//! whole view, as the chain mostly goes on from there. The others keep how they were laid over their predecessor's
//! view, and are laid over it again in the rare case that something comes after one of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use serde::{Deserialize, Serialize};
use sync_core::json::{Object, RawJson};
use sync_core::operation::Kind;
use sync_core::ports::{StoreResult, StoredOperation, Tx};
use sync_core::schema::lens::Lens;
use sync_core::{ConflictId, OpId, OrganisationId, Schema};

use super::overlay::{Fate, Overlay, payload_of};
use super::world::Known;

/// How often more is read to lay views over each other again. Each fork of a fork needs two readings more; beyond
/// that the view is taken as empty: then more is asked, and nothing is lost.
const MAX_READINGS: usize = 8;
/// A view this much longer than its own operation is stored whole all the same.
const SMALL: usize = 256;

/// Where an operation's view came from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin {
    /// The operation of the sender's chain that it builds on.
    pub(crate) before: Option<OpId>,
    /// The version that its sender had seen; none where that is not known here.
    pub(crate) seen: Option<i64>,
    /// Heads before and after its group was taken back, to be asked about.
    pub(crate) taken_back: Option<(i64, i64)>,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    before: Option<OpId>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    taken_back: Option<(i64, i64)>,
    /// The whole view.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    overlay: Option<Overlay>,
    /// Who keeps the whole view, and knows all of its kind.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    keeper: Option<OpId>,
    /// What was laid over the predecessor's view; nothing by a refused operation.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// Operations whose views are not stored whole, and that name this one.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<OpId>,
}

/// What an operation adds to its predecessor's view beyond its payload.
#[derive(Serialize, Deserialize)]
struct Step {
    #[serde(rename = "f", default)]
    fates: BTreeMap<String, (i64, Fate)>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    deleted: Option<(bool, i64)>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    anew: Option<i64>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictId>,
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    joined: Option<OpId>,
    #[serde(rename = "w", default, skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<ConflictId, OpId>,
    #[serde(rename = "q", default, skip_serializing_if = "BTreeMap::is_empty")]
    requests: BTreeMap<String, String>,
}

impl Step {
    fn of(overlay: &Overlay, patch: &Object) -> Self {
        let fate = |name: &String| overlay.fields.get(name).map(|laid| (name.clone(), (laid.seen_at, laid.fate)));
        let Overlay { deleted, anew, conflict, joined, ref others, ref requests, .. } = *overlay;
        let (others, requests) = (others.clone(), requests.clone());
        Self { fates: patch.keys().filter_map(fate).collect(), deleted, anew, conflict, joined, others, requests }
    }

    /// The same step with its patch in the form of the present schema.
    fn lifted(&self, patch: Object, lens: &Lens) -> (Self, Object) {
        let members = patch.into_iter().map(|(name, value)| {
            let fate = self.fates.get(&name).copied();
            (name, (value, fate))
        });
        let members = lens.carry(members, |(value, _)| value);
        let fates = members.iter().filter_map(|(name, (_, fate))| Some((name.clone(), (*fate)?))).collect();
        let Self { deleted, anew, conflict, joined, ref others, ref requests, .. } = *self;
        let requests = requests.iter().map(|(name, id)| (lens.name_of(name).to_owned(), id.clone())).collect();
        let patch = members.into_iter().map(|(name, (value, _))| (name, value)).collect();
        (Self { fates, deleted, anew, conflict, joined, others: others.clone(), requests }, patch)
    }

    fn lay(&self, before: Overlay, (kind, patch): (Option<Kind>, &Object), origin: &Origin) -> Overlay {
        let seen = origin.seen.unwrap_or_default();
        let mut overlay = before.without_seen(seen);
        overlay.extend(kind.unwrap_or(Kind::Update), (patch, seen), |_| Fate::Committed, (0, 0));
        if let Some((before, head)) = origin.taken_back {
            overlay = overlay.taken_back(before, head);
        }
        for (name, (seen_at, fate)) in &self.fates {
            if let Some(laid) = overlay.fields.get_mut(name) {
                (laid.seen_at, laid.fate) = (*seen_at, *fate);
            }
        }
        (overlay.deleted, overlay.anew, overlay.conflict, overlay.joined) = (self.deleted, self.anew, self.conflict, self.joined);
        overlay.others.clone_from(&self.others);
        overlay.requests.clone_from(&self.requests);
        overlay
    }
}

/// The rows of operations that were decided together, in their order, with what their senders see.
pub(crate) fn rows_to_store(known: &HashMap<OpId, Known>, fresh: &[OpId]) -> Vec<StoredOperation> {
    let fresh: Vec<&Known> = fresh.iter().filter_map(|op_id| known.get(op_id)).collect();
    let keepers: HashMap<&str, OpId> =
        fresh.iter().filter(|known| !known.plain).map(|known| (known.row.key.as_str(), known.row.op_id)).collect();
    let mut kept: HashMap<OpId, Vec<OpId>> = HashMap::new();
    let row = |known_one: &&Known| {
        let mut row = known_one.row.clone();
        let Some(keeper) = keepers.get(row.key.as_str()).copied().filter(|_| !known_one.plain) else { return row };
        let step = (keeper != row.op_id).then(|| stepwise(known, known_one, keeper)).flatten();
        if step.is_some() {
            kept.entry(keeper).or_default().push(row.op_id);
        }
        let stored = step.unwrap_or_else(|| Stored {
            overlay: Some(known_one.overlay.clone()),
            kept: kept.remove(&row.op_id).unwrap_or_default(),
            ..Stored::of(&known_one.origin)
        });
        row.overlay = Some(RawJson::of(&stored));
        row
    };
    fresh.iter().map(row).collect()
}

/// An operation's view as a step from its predecessor's; none where the whole is as short, or it can't be had so.
fn stepwise(known: &HashMap<OpId, Known>, this: &Known, keeper: OpId) -> Option<Stored> {
    if is_within(&this.overlay, this.row.payload.as_str().len() + SMALL) {
        return None;
    }
    let before = this.origin.before.and_then(|before| known.get(&before)).map(|known| known.overlay.clone()).unwrap_or_default();
    let (kind, patch) = payload_of(&this.row);
    let step = this.row.status.satisfies().then(|| Step::of(&this.overlay, &patch));
    let again = match &step {
        Some(step) => step.lay(before, (kind, &patch), &this.origin),
        None => before,
    };
    (again == this.overlay).then(|| Stored { keeper: Some(keeper), step, ..Stored::of(&this.origin) })
}

/// Whether the JSON of an overlay is at most this long; it is not written further than that.
fn is_within(overlay: &Overlay, length: usize) -> bool {
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| io::Error::from(io::ErrorKind::StorageFull))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(length), overlay).is_ok()
}

impl Stored {
    fn of(origin: &Origin) -> Self {
        let Origin { before, seen, taken_back } = *origin;
        Self { before, seen, taken_back, ..Self::default() }
    }

    fn origin(&self) -> Origin {
        Origin { before: self.before, seen: self.seen, taken_back: self.taken_back }
    }
}

/// Reads stored operations, with what their senders see.
///
/// What they laid over documents is lifted to the form of the present schema.
pub(crate) fn load_known(
    tx: &mut dyn Tx,
    organisation_id: OrganisationId,
    schema: &Schema,
    asked: BTreeSet<OpId>,
) -> StoreResult<HashMap<OpId, Known>> {
    let mut shelf = Shelf::default();
    let mut missing = asked.clone();
    let mut looked: BTreeSet<OpId> = BTreeSet::new();
    for _ in 0..MAX_READINGS {
        if missing.is_empty() {
            break;
        }
        for row in tx.load_operations(organisation_id, &missing.iter().copied().collect::<Vec<_>>())? {
            shelf.put(row, schema);
        }
        looked.append(&mut missing);
        missing = shelf.wanted().filter(|op_id| !looked.contains(op_id)).collect();
    }
    Ok(asked.into_iter().filter_map(|op_id| Some((op_id, shelf.take(op_id)?))).collect())
}

/// Stored operations, and the views that were had from them.
#[derive(Default)]
struct Shelf {
    rows: HashMap<OpId, (StoredOperation, Stored, Option<Lens>)>,
    views: HashMap<OpId, Overlay>,
}

impl Shelf {
    fn put(&mut self, row: StoredOperation, schema: &Schema) {
        let collection = row.key.split_once('/').map_or("", |(collection, _)| collection);
        let lens = schema.lens(collection, schema.version_at(row.head));
        let mut stored: Stored = match &row.overlay {
            Some(stored) => stored.read().unwrap_or_default(),
            None => Stored { overlay: Some(Overlay::of_payload(&row)), ..Stored::default() },
        };
        if let (Some(lens), Some(overlay)) = (&lens, &mut stored.overlay) {
            overlay.lift(lens);
        }
        self.rows.insert(row.op_id, (row, stored, lens));
    }

    /// What is needed to have every view that is not stored whole.
    fn wanted(&self) -> impl Iterator<Item = OpId> {
        let stepwise = self.rows.values().filter_map(|(_, stored, _)| Some((stored.keeper?, stored.before)));
        let (keepers, before): (BTreeSet<OpId>, BTreeSet<Option<OpId>>) = stepwise.unzip();
        let kept = keepers.iter().filter_map(|keeper| self.rows.get(keeper)).flat_map(|(_, stored, _)| &stored.kept);
        let kept: Vec<OpId> = kept.copied().collect();
        keepers.into_iter().chain(before.into_iter().flatten()).chain(kept)
    }

    fn take(&mut self, op_id: OpId) -> Option<Known> {
        let overlay = self.view(op_id);
        let (row, stored, _) = self.rows.get(&op_id)?;
        Some(Known { row: row.clone(), overlay, stamp: None, origin: stored.origin(), plain: true })
    }

    /// The view after an operation: the nearest one before it that is there, with the steps since then.
    fn view(&mut self, op_id: OpId) -> Overlay {
        let (mut steps, mut at) = (Vec::new(), Some(op_id));
        let mut view = Overlay::default();
        while let Some((op_id, (_, stored, _))) = at.and_then(|op_id| Some((op_id, self.rows.get(&op_id)?))) {
            if let Some(whole) = self.views.get(&op_id).or(stored.overlay.as_ref()) {
                view = whole.clone();
                break;
            }
            steps.push(op_id);
            // a damaged circle has no beginning
            at = stored.before.filter(|_| steps.len() <= self.rows.len());
        }
        for op_id in steps.into_iter().rev() {
            let Some((row, stored, lens)) = self.rows.get(&op_id) else { continue };
            if let Some(step) = &stored.step {
                let (kind, patch) = payload_of(row);
                view = match lens {
                    Some(lens) => {
                        let (step, patch) = step.lifted(patch, lens);
                        step.lay(view, (kind, &patch), &stored.origin())
                    }
                    None => step.lay(view, (kind, &patch), &stored.origin()),
                };
            }
            self.views.insert(op_id, view.clone());
        }
        view
    }
}
