//! Named intents: said of a collection, evaluated on the server's state, in one commit. There is one, `shift`; what it
//! does is decided in [`merge_engine::shift`].
//!
//! A shift that meets another's that its sender had not seen opens a question of the kind `group`, decided as a whole:
//! its parts show some of the documents as they stand and as they would stand, and name the operation that waits.

mod gather;
mod meanwhile;
mod question;
mod told;

use merge_engine::shift::{Excluded, Meeting, Planned, ShiftArgs, Shifted, shift, undeclared};
use serde_json::Value;
use sync_core::ports::StoredOperation;
use sync_core::protocol::v1::OperationResult;
use sync_core::schema::Shift;
use sync_core::{Code, ConflictId, DeviceId, DocumentKey, FieldVersion, Operation, Problem, Schema, Status};

use self::meanwhile::Eyes;
use super::admit::Stop;
use super::decide::Refusal;
use super::desk::Desk;
use super::overlay::Overlay;
use super::plan::Unit;
use super::questions::{self, Asker};
use super::stored::Origin;
use super::world::{Doc, Known, NewState, World};
use crate::view::View;

pub(crate) use self::gather::{Shifts, add_to, load_movers};
pub(crate) use self::question::{Answered, add_answers, answer, load_answers};
pub(crate) use self::told::Told;

/// The most documents that one shift moves, as many as a request of patches could.
const MAX_MOVED: usize = sync_core::limits::MAX_OPERATIONS;

/// How a collection shifts; `None`: it does not.
pub(crate) fn shift_of(schema: &Schema, collection: &str) -> Option<Shift> {
    if schema.collections.is_empty() { Some(undeclared()) } else { schema.collections.get(collection)?.shift.clone() }
}

/// What the sender of an intent said.
pub(super) struct Said<'a> {
    operation: &'a Operation,
    rule: Shift,
    args: ShiftArgs,
}

impl<'a> Said<'a> {
    fn of(schema: &Schema, operation: &'a Operation) -> Result<Self, Stop> {
        let name = operation.intent.as_deref().unwrap_or_default();
        let unknown = |detail: String| Stop::from(Refusal::Rejected(Problem::new(Code::UnknownIntent, detail).at("/intent/name")));
        if name != "shift" {
            return Err(unknown(format!("there is no intent {name:?} here; the payload is kept")));
        }
        let collection = &operation.collection;
        if schema.collection(collection).is_none() || collection.starts_with('_') {
            let detail = format!("the space's schema has no collection {collection:?}; the payload is kept");
            return Err(Refusal::Rejected(Problem::new(Code::UnknownCollection, detail).at("/collection")).into());
        }
        let rule = shift_of(schema, collection).ok_or_else(|| unknown(format!("the space's schema does not shift {collection}")))?;
        let args = ShiftArgs::read(operation.payload.get("intent").and_then(|intent| intent.get("args")).unwrap_or(&Value::Null));
        let args = args.map_err(|fault| {
            let problem = Problem::new(Code::Malformed, fault.detail).at(format!("/intent/args{}", fault.pointer));
            Stop::from(OperationResult::refused(operation.op_id, problem))
        })?;
        Ok(Self { operation, rule, args })
    }
}

/// What is at fault with an intent, whatever it would find.
pub(super) fn fault_of(schema: &Schema, operation: &Operation) -> Option<Stop> {
    if operation.group.is_some() { Some(in_a_group(schema, operation)) } else { Said::of(schema, operation).err() }
}

/// The refusal of an intent where only operations on documents go.
pub(super) fn in_a_group(schema: &Schema, operation: &Operation) -> Stop {
    let detail = "an intent commits by itself; send it without group, after what it depends_on";
    let refused = || OperationResult::refused(operation.op_id, Problem::new(Code::Malformed, detail).at("/group")).into();
    Said::of(schema, operation).err().unwrap_or_else(refused)
}

/// How a shift is looked at.
#[derive(Debug, Clone)]
struct Look {
    /// The device that sent it.
    device: Option<DeviceId>,
    /// What was changed after this version was changed knowing of it.
    until: i64,
    meeting: Meeting,
    /// The view of its sender, where that is not who decides.
    sender: Option<View>,
}

impl World {
    /// Evaluates a shift on the documents that are at hand and that the sender may see.
    fn evaluate(&self, said: &Said<'_>, look: &Look) -> Shifted {
        let eyes = Eyes { device: look.device, base_version: said.operation.base_version, until: look.until, start: &said.rule.start };
        let docs = self.docs.iter().filter(|(key, doc)| self.is_planned(key, doc, &said.operation.collection, look.sender.as_ref()));
        let planned = docs.map(|(key, doc)| Planned { id: key.id(), body: &doc.body, meanwhile: self.meanwhile(key, doc, eyes) });
        shift(&said.rule, &said.args, planned, look.meeting)
    }

    fn is_planned(&self, key: &DocumentKey, doc: &Doc, collection: &str, also: Option<&View>) -> bool {
        if key.collection() != collection || !doc.is_live() {
            return false;
        }
        let subject = doc.subject(key);
        let may = |view: &View| view.sees(&subject) && view.may_move(collection, &doc.body);
        may(&self.view) && also.is_none_or(may)
    }

    /// Puts the new starts in place, one version after the other.
    fn put_starts(&mut self, (collection, start): (&str, &str), shifted: &Shifted, asker: Asker, stamp: (i64, u32)) -> Told {
        let mut told = Told::default();
        for moved in shifted.moved.iter().filter(|moved| moved.from != moved.to) {
            let Some(key) = DocumentKey::new(collection, &moved.id) else { continue };
            let Some(mut body) = self.docs.get(&key).map(|doc| doc.body.clone()) else { continue };
            body.insert(start.to_owned(), Value::from(moved.to.as_str()));
            let said = self.docs.get(&key).and_then(|doc| doc.fields.0.get(start)).map(|field| field.1);
            let version = self.change(&key, NewState { body, live: true }, asker.by, asker.at, stamp);
            // the start is as old as when somebody last said it: a time that anybody gives explicitly wins over a delay,
            // whichever of the two was typed first
            if let (Some(said), Some(doc)) = (said, self.docs.get_mut(&key)) {
                doc.fields.0.insert(start.to_owned(), FieldVersion(version, said));
            }
            told.touched.push((moved.id.clone(), version));
        }
        told.excluded = shifted.excluded.iter().map(|(id, reason)| (id.clone(), reason.as_str().to_owned())).collect();
        told
    }

    /// Brings the questions about what moved up to date, after all its versions were given: they are consecutive.
    fn refresh_moved(&mut self, collection: &str, told: &Told, asker: Asker) {
        for (id, _) in &told.touched {
            if let Some(key) = DocumentKey::new(collection, id) {
                questions::refresh(self, &key, asker);
            }
        }
    }
}

/// A shift that is too large to be decided at once.
fn too_large(collection: &str) -> Refusal {
    let detail =
        format!("the shift concerns more of {collection} than is moved at once, {MAX_MOVED} documents; narrow it with from and to");
    Refusal::Rejected(Problem::new(Code::TooLarge, detail).at("/intent/args"))
}

/// A shift that may go on, with the sender's stamp and the operation that it comes after.
struct Going<'a> {
    index: usize,
    said: Said<'a>,
    stamp: (i64, u32),
    origin: Origin,
}

impl<'a> Desk<'a> {
    /// Decides an intent.
    pub(super) fn decide_intent(&mut self, unit: &Unit, index: usize) {
        match self.evaluated(unit, index) {
            Ok((going, shifted)) if shifted.asks => self.ask_shift(&going, &shifted),
            Ok((going, shifted)) => self.commit_shift(&going, &shifted),
            Err(stop) => self.stop(index, stop, None),
        }
    }

    fn evaluated(&self, unit: &Unit, index: usize) -> Result<(Going<'a>, Shifted), Stop> {
        let (operation, chain) = self.may_go(unit, index)?;
        let said = Said::of(&self.world.schema, operation)?;
        let meeting = if self.world.role.may_manage() { Meeting::Replace } else { Meeting::Ask };
        let look = Look { device: self.world.sender, until: i64::MAX, meeting, sender: None };
        let shifted = self.world.evaluate(&said, &look);
        if shifted.moved.len() > MAX_MOVED || self.world.shifts.too_many.contains(&operation.collection) {
            return Err(too_large(&operation.collection).into());
        }
        let seen = self.world.knows(operation.base_version).then_some(operation.base_version);
        let origin = Origin { before: chain.last, seen, taken_back: None };
        Ok((Going { index, said, stamp: self.stamp(operation, chain.stamp), origin }, shifted))
    }

    fn commit_shift(&mut self, going: &Going<'a>, shifted: &Shifted) {
        let operation = going.said.operation;
        let asker = self.asker(operation.op_id);
        let met = self.has_met(&going.said, shifted);
        let replaced = self.world.replaced(&going.said, shifted);
        let mut told = self.world.put_starts((&operation.collection, &going.said.rule.start), shifted, asker, going.stamp);
        for (id, _) in &told.touched {
            if let Some(key) = DocumentKey::new(&operation.collection, id) {
                // the device is sent what came of it, whatever it made of the shift itself
                self.changed.insert(key, false);
            }
        }
        self.world.remember_shift(operation.op_id, asker.by.user_id);
        self.world.refresh_moved(&operation.collection, &told, asker);
        let mut conflict_id = None;
        for waits in replaced {
            told.replaced.insert(waits.side.op_id, waits.parts.iter().map(|part| (part.id.clone(), part.by_s)).collect());
            let id = (self.new_conflict_id)();
            question::open_replaced(&mut self.world, id, &going.said, &waits, asker);
            conflict_id = conflict_id.or(Some(id));
        }
        let status = match (conflict_id.is_some(), told.touched.is_empty(), met) {
            (true, _, _) => Status::Conflict,
            (false, true, _) => Status::Noop,
            (false, false, true) => Status::Merged,
            (false, false, false) => Status::Applied,
        };
        self.keep_intent(going, status, conflict_id, &told);
    }

    /// Whether a shift met anything that others did since its sender looked.
    fn has_met(&self, said: &Said<'_>, shifted: &Shifted) -> bool {
        let is_edited = |(_, reason): &(String, Excluded)| *reason == Excluded::Edited;
        let base_version = said.operation.base_version;
        let by_others = |id: &str| {
            let Some(key) = DocumentKey::new(&said.operation.collection, id) else { return false };
            let Some(doc) = self.world.docs.get(&key) else { return false };
            let mut since = self.world.changes_of(&key).take_while(|change| change.version > base_version);
            since.any(|change| self.world.sender != Some(change.by.device_id) && self.world.view.is_touched(change, &doc.body))
        };
        shifted.excluded.iter().any(is_edited) || shifted.moved.iter().any(|moved| by_others(&moved.id))
    }

    /// Nothing moves: somebody is asked whether this shift is meant too.
    fn ask_shift(&mut self, going: &Going<'a>, shifted: &Shifted) {
        let asker = self.asker(going.said.operation.op_id);
        let id = (self.new_conflict_id)();
        question::open_asked(&mut self.world, id, &going.said, shifted, asker);
        self.keep_intent(going, Status::Conflict, Some(id), &Told::default());
    }

    fn keep_intent(&mut self, going: &Going<'a>, status: Status, conflict_id: Option<ConflictId>, told: &Told) {
        let operation = going.said.operation;
        let decided_version = told.version();
        let row = StoredOperation {
            decided_version,
            conflict_id,
            policy_version: i32::try_from(self.world.schema.version).ok(),
            corrected_at: self.corrected(going.stamp),
            overlay: Some(told.stored(going.origin.seen)),
            ..self.row(operation, status)
        };
        let mut result = OperationResult { decided_version, conflict_id, ..OperationResult::new(operation.op_id, status, true) };
        told.tell(&operation.collection, &mut result);
        let known = Known { row, overlay: Overlay::default(), stamp: Some(going.stamp), origin: going.origin, plain: true };
        self.keep(going.index, known, result);
    }
}
