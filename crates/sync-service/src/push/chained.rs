//! The questions that a sender's chain waits in already, and which of them takes in what its next operation asks.
//!
//! A question takes in another place only where it was about one of the same kin before, so that it is as old, and has the
//! same id, for all who are told of that place: who sees none of the rest is not told that there was a question before.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::conflict::{Conflict, ConflictKind, DisputedField, Side};
use sync_core::json::pointer_tokens;
use sync_core::operation::Kind;
use sync_core::schema::{Kin, Owner};
use sync_core::{Author, ConflictId, DocumentKey, OpId, Operation};

use super::decide::{Asked, top_of};
use super::desk::Desk;
use super::overlay::Overlay;
use super::questions::{self, touches};
use super::world::World;

/// A question that the chain of an operation waits in.
#[derive(Debug)]
struct Chained {
    id: ConflictId,
    /// The kin of which it takes in more; none for the whole document.
    kin: Vec<Option<(Kin, Vec<Owner>)>>,
    /// The side that is not the chain's.
    other: Option<Side>,
}

impl Desk<'_> {
    /// Brings the open questions about a document up to date with what an operation did, and asks what it asks. Gives the
    /// questions that it opened or joined; one of which the sender sees something comes first.
    pub(super) fn ask(
        &mut self,
        operation: &Operation,
        key: &DocumentKey,
        overlay: &Overlay,
        asked: Option<Asked>,
        changed: bool,
    ) -> Vec<ConflictId> {
        let asker = self.asker(operation.op_id);
        let chained = of(&self.world, key, operation, overlay, asker.by);
        if changed {
            questions::refresh(&mut self.world, key, asker);
        }
        for question in &chained {
            questions::withdraw(&mut self.world, question.id, operation, key, asked.as_ref(), asker);
        }
        let Some(asked) = asked else { return Vec::new() };
        let mut ids: Vec<ConflictId> = Vec::new();
        for (home, asked) in at_home(&self.world, &chained, key, asked) {
            if let Some(id) = home {
                questions::join(&mut self.world, id, asked, asker);
                ids.push(id);
                continue;
            }
            let met = met(&self.world, &chained, key, &asked);
            let id = (self.new_conflict_id)();
            questions::open(&mut self.world, id, key, asked, asker, met);
            ids.push(id);
        }
        let seen = ids.iter().position(|id| is_seen(&self.world, *id));
        if let Some(seen) = seen {
            ids.swap(0, seen);
        }
        ids
    }
}

/// The questions that the chain of an operation waits in, the newest last. Where the last of the chain that one of them took
/// in is not the chain's, that is forked (a device was set back), and another question is asked, so that neither side's value
/// is lost. Without a chain, they are the sender's in which a place waits that the operation edits again: a device's second
/// edit joins its first, whether or not it says that it builds on it.
fn of(world: &World, key: &DocumentKey, operation: &Operation, overlay: &Overlay, by: Author) -> Vec<Chained> {
    if overlay.conflict.is_none() {
        return own(world, key, operation, by);
    }
    let asked: BTreeMap<ConflictId, OpId> = overlay.questions().collect();
    let conflicts = asked.into_iter().filter_map(|(id, joined)| Some((world.conflicts.get(&id)?, joined)));
    let is_at = |(conflict, joined): &(&Conflict, OpId)| sides(conflict).any(|side| side.op_id == *joined);
    let chained = |(conflict, joined): (&Conflict, OpId)| Chained {
        id: conflict.conflict_id,
        kin: conflict.fields.keys().map(|path| kin(world, key, path)).collect(),
        other: other_side(world, conflict.conflict_id, Some(joined)),
    };
    conflicts.filter(is_at).map(chained).collect()
}

fn own(world: &World, key: &DocumentKey, operation: &Operation, by: Author) -> Vec<Chained> {
    let ids: BTreeSet<ConflictId> = world.open.get(key).into_iter().flatten().copied().collect();
    let is_own = |conflict: &&Conflict| {
        let of_fields = matches!(conflict.kind, ConflictKind::Fields | ConflictKind::NoBase);
        of_fields && conflict.theirs_by.device_id == by.device_id && conflict.theirs_by.user_id == by.user_id
    };
    let is_edited = |(path, field): &(&String, &DisputedField)| {
        let tokens = pointer_tokens(path).filter(|tokens| !tokens.is_empty() && field.decided.is_none());
        operation.kind == Kind::Update && tokens.is_some_and(|tokens| touches(&operation.patch, &tokens))
    };
    let chained = |conflict: &Conflict| Chained {
        id: conflict.conflict_id,
        kin: conflict.fields.iter().filter(is_edited).map(|(path, _)| kin(world, key, path)).collect(),
        other: other_side(world, conflict.conflict_id, None),
    };
    let mine = ids.iter().filter_map(|id| world.conflicts.get(id)).filter(is_own).map(chained);
    mine.filter(|chained| !chained.kin.is_empty()).collect()
}

fn sides(conflict: &Conflict) -> impl Iterator<Item = &Side> {
    conflict.ours_by.iter().chain([&conflict.theirs_by])
}

/// The side of a question that is not this operation's.
pub(super) fn other_side(world: &World, id: ConflictId, joined: Option<OpId>) -> Option<Side> {
    sides(world.conflicts.get(&id)?).find(|side| Some(side.op_id) != joined).cloned()
}

/// Who is told of a place: of what not everybody reads, its owners too, who are asked.
fn kin(world: &World, key: &DocumentKey, path: &str) -> Option<(Kin, Vec<Owner>)> {
    let name = top_of(path)?;
    let kin = world.schema.collection(key.collection()).map(|collection| collection.kin(&name)).unwrap_or_default();
    let body = world.docs.get(key).filter(|_| !kin.is_open()).map(|doc| &doc.body);
    let owners = body.map(|body| world.policies.of(key.collection()).policy.owners(path, body).to_vec());
    Some((kin, owners.unwrap_or_default()))
}

/// What an operation asks, with the question that takes it in; none for what a new one is opened for.
fn at_home(world: &World, chained: &[Chained], key: &DocumentKey, mut asked: Asked) -> BTreeMap<Option<ConflictId>, Asked> {
    let fitting: Vec<&Chained> = chained.iter().rev().filter(|question| can_join(world, question.id, key, &asked)).collect();
    let mut homes: BTreeMap<Option<ConflictId>, Asked> = BTreeMap::new();
    for dispute in std::mem::take(&mut asked.disputes) {
        let own = kin(world, key, &dispute.path);
        let field = |question: &Chained| world.conflicts.get(&question.id)?.fields.get(&dispute.path);
        let waits = |question: &&&Chained| field(question).is_some_and(|field| field.decided.is_none());
        let of_kin = || fitting.iter().filter(|question| question.kin.contains(&own));
        let home = of_kin().find(waits).or_else(|| of_kin().next()).map(|question| question.id);
        homes.entry(home).or_insert_with(|| asked.clone()).disputes.push(dispute);
    }
    homes
}

/// Whom the chain met in a question before that is about the same as what is asked now, and can't take it in.
fn met(world: &World, chained: &[Chained], key: &DocumentKey, asked: &Asked) -> Option<Side> {
    let own = kin(world, key, &asked.disputes.first()?.path);
    chained.iter().rev().find(|question| own.is_none() || question.kin.contains(&own))?.other.clone()
}

/// Whether a chain's question is still open about a document, and can take in what the next operation asks: fields with
/// fields, the whole document with the whole document.
fn can_join(world: &World, id: ConflictId, key: &DocumentKey, asked: &Asked) -> bool {
    let fits = |conflict: &Conflict| {
        let whole = conflict.fields.contains_key("");
        whole == asked.disputes("") && (!whole || conflict.kind == asked.kind)
    };
    takes_more(world, id, key) && world.conflicts.get(&id).is_some_and(fits)
}

/// Whether a question is still open about a document, and not a group's, which takes in nothing.
pub(super) fn takes_more(world: &World, id: ConflictId, key: &DocumentKey) -> bool {
    let is_open = world.open.get(key).is_some_and(|ids| ids.contains(&id));
    is_open && world.conflicts.get(&id).is_some_and(|conflict| conflict.kind != ConflictKind::Group)
}

/// Whether the sender sees a place of a question.
fn is_seen(world: &World, id: ConflictId) -> bool {
    let sees = |conflict: &Conflict| conflict.fields.iter().any(|place| world.view.sees_field(&conflict.collection, (place.0, place.1)));
    world.conflicts.get(&id).is_some_and(sees)
}
