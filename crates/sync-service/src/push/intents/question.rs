//! Questions about shifts: "also shift?". Opened when a shift meets another's, answered like a group's, as a whole.

use std::collections::BTreeMap;

use merge_engine::shift::{Hand, Meeting, Planned, ShiftArgs, Shifted, shift};
use merge_engine::{Dispute, Reason, SuggestedSide};
use sync_core::conflict::{Conflict, ConflictKind, GroupPart, Side, Suggestion};
use sync_core::json::pointer;
use sync_core::ports::{ChangeRow, StoreResult, Tx};
use sync_core::protocol::v1::read_stored_operation;
use sync_core::{ConflictId, DocumentKey, OpId, Operation, OrganisationId};

use super::meanwhile::Eyes;
use super::{Look, Said, Told, add_to, load_movers, shift_of};
use crate::push::questions::{self, Asker};
use crate::push::world::{Known, World};
use crate::view::View;

/// So many documents are shown in a question; the answer moves all of them.
const MAX_SHOWN: usize = 100;
const IF_IGNORED: &str = "Nothing is shifted again.";
const WHY_ASKED: &str = "two people shifted the same time without knowing of each other";
const WHY_NOT: &str = "the same time was shifted already, by somebody who had not seen this shift";

/// A document as a question shows it.
pub(super) struct Part {
    pub(super) id: String,
    /// Where the sender of the shift that waits saw it.
    base: String,
    ours: String,
    theirs: String,
    /// By how much the shift that waits would move it, in seconds.
    pub(super) by_s: i64,
}

/// A shift in whose place another stands: it waits.
pub(super) struct Waiting {
    pub(super) side: Side,
    pub(super) parts: Vec<Part>,
}

fn side(change: &ChangeRow) -> Side {
    Asker { by: change.by, at: change.at }.side()
}

/// Asks whether a shift is meant too that met others'.
pub(super) fn open_asked(world: &mut World, id: ConflictId, said: &Said<'_>, shifted: &Shifted, asker: Asker) {
    let part = |moved: &merge_engine::shift::Moved| Part {
        id: moved.id.clone(),
        base: moved.seen.written_like(&moved.from).unwrap_or_else(|| moved.from.clone()),
        ours: moved.from.clone(),
        theirs: moved.to.clone(),
        by_s: 0,
    };
    let parts: Vec<Part> = shifted.moved.iter().map(part).collect();
    let met = shifted.moved.iter().filter(|moved| moved.others_s.is_some()).find_map(|moved| {
        let key = DocumentKey::new(&said.operation.collection, &moved.id)?;
        let doc = world.docs.get(&key)?;
        let steps = world.steps(&key, doc, said.eyes(world.sender));
        steps.filter(|(_, step)| matches!(step.hand, Hand::OtherShift { .. })).map(|(change, _)| side(change)).next()
    });
    let intent = said.operation.payload.get("intent").cloned();
    open(world, id, said, (asker.by.op_id, &parts), asker, |conflict| Conflict { ours_by: met, intent, ..conflict });
}

/// Asks whether a shift is meant too in whose place a lead's stands now.
pub(super) fn open_replaced(world: &mut World, id: ConflictId, said: &Said<'_>, waiting: &Waiting, asker: Asker) {
    let intent = world.shifts.movers.get(&waiting.side.op_id).and_then(|mover| mover.intent.clone());
    open(world, id, said, (waiting.side.op_id, &waiting.parts), asker, |conflict| Conflict {
        ours_by: Some(asker.side()),
        theirs_by: waiting.side.clone(),
        intent,
        ..conflict
    });
}

fn open(
    world: &mut World,
    id: ConflictId,
    said: &Said<'_>,
    (waits, parts): (OpId, &[Part]),
    asker: Asker,
    framed: impl FnOnce(Conflict) -> Conflict,
) {
    let changed = world.head + 1;
    let collection = &said.operation.collection;
    let Some(first) = parts.first().and_then(|part| DocumentKey::new(collection, &part.id)) else { return };
    let blank = questions::blank(world, id, &first, ConflictKind::Group, asker);
    let mut conflict = framed(Conflict { if_ignored: IF_IGNORED.into(), ..blank });
    for part in parts.iter().take(MAX_SHOWN) {
        if let Some(key) = DocumentKey::new(collection, &part.id) {
            questions::link(world, id, &key);
        }
        let dispute = Dispute {
            path: pointer(&[&said.rule.start]),
            base: Some(part.base.as_str().into()),
            ours: Some(part.ours.as_str().into()),
            theirs: Some(part.theirs.as_str().into()),
            suggested: Some(SuggestedSide::Ours),
            reason: Reason::BothChanged,
        };
        let (path, mut field) = questions::disputed(dispute, &[], changed);
        (field.strategy, field.reason) = (Some("shift".into()), Some(WHY_ASKED.into()));
        field.suggestion = Some(Suggestion { choose: "ours".into(), reason: WHY_NOT.into(), confidence: 0.8, samples: 0 });
        let (document_id, fields) = (part.id.clone(), BTreeMap::from([(path, field)]));
        conflict.documents.push(GroupPart { op_id: waits, collection: collection.clone(), document_id, fields });
    }
    world.write_conflict(conflict, asker.by, asker.at);
}

impl World {
    /// The shifts in whose place this one stands where they meet, before it is put there.
    pub(super) fn replaced(&self, said: &Said<'_>, shifted: &Shifted) -> Vec<Waiting> {
        let mut waiting: BTreeMap<OpId, Waiting> = BTreeMap::new();
        for moved in shifted.moved.iter().filter(|moved| moved.others_s.is_some()) {
            let Some(key) = DocumentKey::new(&said.operation.collection, &moved.id) else { continue };
            let Some(doc) = self.docs.get(&key) else { continue };
            let shifts = self.steps(&key, doc, said.eyes(self.sender)).filter(|(_, step)| matches!(step.hand, Hand::OtherShift { .. }));
            for (change, step) in shifts {
                let by_s = step.after.zip(step.before).map_or(0, |(after, before)| after.seconds().saturating_sub(before.seconds()));
                let to = merge_engine::local::LocalTime::parse(&moved.to);
                let part = Part {
                    id: moved.id.clone(),
                    base: moved.seen.written_like(&moved.from).unwrap_or_else(|| moved.from.clone()),
                    ours: moved.to.clone(),
                    theirs: to.and_then(|to| to.plus_s(by_s).written_like(&moved.to)).unwrap_or_else(|| moved.to.clone()),
                    by_s,
                };
                let side = side(change);
                waiting.entry(side.op_id).or_insert_with(|| Waiting { side, parts: Vec::new() }).parts.push(part);
            }
        }
        waiting.into_values().collect()
    }
}

/// A question about a shift: the stored operation that opened it, and what that did.
fn opened_by<'a>(world: &'a World, conflict: &Conflict) -> Option<(&'a Known, Told)> {
    let known = world.known.get(&conflict.op_id).filter(|_| conflict.kind == ConflictKind::Group)?;
    Some((known, Told::of(&known.row)?))
}

/// The shift that waits in a question, as it was sent; `None` where it was live once, and only its place was taken.
fn waiting_shift(world: &World, conflict: &Conflict) -> Option<Operation> {
    let (known, _) = opened_by(world, conflict)?;
    let waits = conflict.documents.first().is_some_and(|part| part.op_id == conflict.op_id);
    let operation = read_stored_operation(known.row.payload.object()).filter(|_| waits)?;
    // a base that was not known when it came is not known now, whatever stands at that version here
    Some(Operation { base_version: known.origin.seen.unwrap_or(i64::MAX), ..operation })
}

/// Reads what the shifts that wait in the questions at hand would move. `bases` names the documents to load; whoever
/// moved them is read afterwards, by [`load_answers`].
pub(crate) fn add_answers(tx: &mut dyn Tx, world: &mut World, bases: &mut BTreeMap<DocumentKey, i64>) -> StoreResult<()> {
    let operations: Vec<Operation> = world.conflicts.values().filter_map(|conflict| waiting_shift(world, conflict)).collect();
    for (known, told, collection) in
        world.conflicts.values().filter_map(|conflict| opened_by(world, conflict).map(|(known, told)| (known, told, &conflict.collection)))
    {
        for (id, _) in told.replaced.into_values().flatten() {
            if let Some(key) = DocumentKey::new(collection, &id) {
                bases.entry(key).and_modify(|lowest| *lowest = known.row.head.min(*lowest)).or_insert(known.row.head);
            }
        }
    }
    add_to(tx, world, &operations, bases)
}

/// Reads who moved what the questions at hand are about.
pub(crate) fn load_answers(tx: &mut dyn Tx, world: &mut World, organisation_id: OrganisationId) -> StoreResult<()> {
    let any = world.conflicts.values().any(|conflict| opened_by(world, conflict).is_some());
    if any { load_movers(tx, world, organisation_id, true) } else { Ok(()) }
}

/// What came of shifting too.
pub(crate) enum Answered {
    /// The question is about something else.
    NoShift,
    /// It can't be done any more, or not at once.
    CannotApply,
    /// It did this.
    Shifted(Told),
}

/// Shifts too, because somebody said so. An explicit time that anybody gave meanwhile still stands.
pub(crate) fn answer(world: &mut World, conflict: &Conflict, asker: Asker) -> Answered {
    let Some((known, told)) = opened_by(world, conflict) else { return Answered::NoShift };
    let (row, by_op) = (known.row.clone(), told.replaced);
    let Some(operation) = waiting_shift(world, conflict) else {
        let waits = conflict.documents.first().and_then(|part| by_op.get(&part.op_id));
        let told = waits.and_then(|documents| add_replaced(world, &conflict.collection, (documents, row.head), asker));
        return told.map_or(Answered::CannotApply, Answered::Shifted);
    };
    let Ok(said) = Said::of(&world.schema, &operation) else { return Answered::CannotApply };
    let role = world.people.roles.get(&row.user_id).copied();
    let sender = role.map(|role| View::new(&world.schema, (role, row.user_id), &world.settings.values));
    let look = Look { device: Some(row.device_id), until: row.head, meeting: Meeting::Add, sender };
    let shifted = world.evaluate(&said, &look);
    if shifted.moved.len() > super::MAX_MOVED || world.shifts.too_many.contains(&operation.collection) {
        return Answered::CannotApply;
    }
    Answered::Shifted(put(world, (&operation.collection, &said.rule.start), &shifted, asker))
}

/// Adds a shift again in whose place another stands, where that took it away.
fn add_replaced(world: &mut World, collection: &str, (documents, head): (&[(String, i64)], i64), asker: Asker) -> Option<Told> {
    let rule = shift_of(&world.schema, collection)?;
    let mut all = Shifted::default();
    for (id, by_s) in documents {
        let Some(key) = DocumentKey::new(collection, id) else { continue };
        let Some(doc) = world.docs.get(&key).filter(|doc| world.is_planned(&key, doc, collection, None)) else { continue };
        let eyes = Eyes { device: None, base_version: head, until: head, start: &rule.start };
        let planned = Planned { id, body: &doc.body, meanwhile: world.meanwhile(&key, doc, eyes) };
        let shifted = shift(&rule, &ShiftArgs::of_everything(by_s / 60), [planned], Meeting::Add);
        all.moved.extend(shifted.moved);
        all.excluded.extend(shifted.excluded);
    }
    Some(put(world, (collection, &rule.start), &all, asker))
}

fn put(world: &mut World, (collection, start): (&str, &str), shifted: &Shifted, asker: Asker) -> Told {
    let told = world.put_starts((collection, start), shifted, asker, (asker.at.millis(), 0));
    world.refresh_moved(collection, &told, asker);
    told
}

impl Said<'_> {
    fn eyes(&self, device: Option<sync_core::DeviceId>) -> Eyes<'_> {
        Eyes { device, base_version: self.operation.base_version, until: i64::MAX, start: &self.rule.start }
    }
}
