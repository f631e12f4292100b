//! What a unit of work does at its end with the questions that it opened or touched: who is asked, until when, what former
//! answers suggest; and those that a rule decides, it decides.

use std::collections::{BTreeMap, BTreeSet};

use merge_engine::preference::Choice as Side;
use sync_core::conflict::{Conflict, ConflictKind, ConflictState, DisputedField};
use sync_core::json::Object;
use sync_core::ports::{PreferenceKey, Space, StoreResult, Tx};
use sync_core::protocol::v1::Choice;
use sync_core::{Author, ConflictId, DeviceId, DocumentKey, OpId, Role, Timestamp};

use super::calendar::Calendar;
use super::learn::{Experience, Rules, contexts, keys};
use super::people::{People, ask_role};
use super::words::{if_ignored, label, title};
use crate::digest::derived_id;
use crate::push::working::{World, refresh, settle};
use crate::push::{Asker, NewState};
use crate::resolve::choice::choose;

/// Brings the questions that a unit of work opened or touched up to date, before it is written. Gives the documents that
/// a rule changed.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn finish(
    tx: &mut dyn Tx,
    world: &mut World,
    space: &Space,
    people: Option<People>,
    now: Timestamp,
) -> StoreResult<BTreeSet<DocumentKey>> {
    let ids = ids_at_hand(world);
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let organisation_id = space.organisation_id;
    let mut people = match people {
        Some(people) => people,
        None => People::of(tx, organisation_id, space.space_id)?,
    };
    people.meet(tx, organisation_id, ids.iter().filter_map(|id| world.conflicts.get(id)))?;
    let calendar = Calendar::of(space);
    let settings = space.settings();
    let mut fresh = BTreeSet::new();
    for id in ids {
        let key = DocumentKey::conflict(id);
        let (Some(before), Some(doc)) = (world.conflicts.get(&id), world.docs.get(&key)) else { continue };
        let is_new = doc.stored.is_none();
        let (by, at) = (doc.by, doc.at);
        let mut after = before.clone();
        people.dress(&mut after);
        if after.state == ConflictState::Open {
            describe(world, &mut after, (&people, &settings));
            schedule(world, &mut after, &calendar, is_new);
            if is_new {
                fresh.insert(id);
            }
        }
        if world.touched.contains(&key) {
            amend(world, after);
        } else if after != *before {
            world.write_conflict(after, by, at);
        }
    }
    advise(tx, world, (space, &people, &settings), &fresh, now)
}

/// Whether there are questions to be brought up to date.
pub(crate) fn at_hand(world: &World) -> bool {
    !ids_at_hand(world).is_empty()
}

/// The questions that were touched, and the open ones about documents that were.
fn ids_at_hand(world: &World) -> BTreeSet<ConflictId> {
    let about = world.touched.iter().filter_map(|key| world.open.get(key)).flatten().copied();
    let own = world.conflicts.keys().copied().filter(|id| world.touched.contains(&DocumentKey::conflict(*id)));
    about.chain(own).collect()
}

/// Puts a question in the place of what is to be written of it anyway.
fn amend(world: &mut World, conflict: Conflict) {
    world.amend_conflict(conflict);
}

/// Who is asked, and what people call it all.
fn describe(world: &World, conflict: &mut Conflict, (people, settings): (&People, &Object)) {
    let nothing = Object::new();
    let body_of = |collection: &str, id: &str| {
        DocumentKey::new(collection, id).and_then(|key| world.docs.get(&key)).map_or(&nothing, |doc| &doc.body)
    };
    let schema = &world.schema;
    let lead = ask_role(Role::Lead);
    let escalated = conflict.escalated_at.is_some();
    let tell = |collection: &str, body: &Object, path: &str, field: &mut DisputedField| {
        field.label = Some(label(schema, collection, path));
        field.asks = people.deciders(schema, collection, (path, body), settings);
        if escalated && !field.asks.is_empty() && !field.asks.contains(&lead) {
            field.asks.push(lead.clone());
        }
        let asked: Vec<&str> = field.asks.iter().map(String::as_str).collect();
        field.waiting_for = people.waiting_for(&asked);
    };
    let own = body_of(&conflict.collection, &conflict.document_id).clone();
    for (path, field) in &mut conflict.fields {
        tell(&conflict.collection, &own, path, field);
    }
    for part in &mut conflict.documents {
        let body = body_of(&part.collection, &part.document_id);
        for (path, field) in &mut part.fields {
            tell(&part.collection, body, path, field);
        }
    }
    conflict.title = title(schema, &conflict.collection, &own);
    let asks: Vec<String> = conflict.asks().into_iter().map(str::to_owned).collect();
    let lead_alone = [lead.as_str()];
    let asked: Vec<&str> = if asks.is_empty() { lead_alone.to_vec() } else { asks.iter().map(String::as_str).collect() };
    conflict.waiting_for = people.waiting_for(&asked);
    conflict.assigned_to = asks.into_iter().next().unwrap_or(lead);
}

/// Until when an answer helps. What was escalated once has no deadline any more.
fn schedule(world: &World, conflict: &mut Conflict, calendar: &Calendar, is_new: bool) {
    conflict.deadline_at = match conflict.escalated_at {
        // what was reopened after it has none any more
        None => calendar.deadline(world, &world.schema, conflict).filter(|at| conflict.reopened_at.is_none_or(|reopened| reopened < *at)),
        Some(_) => None,
    };
    if conflict.intent.is_none() {
        conflict.if_ignored = if_ignored(conflict.kind, conflict.deadline_at.is_some()).into();
    }
    if is_new {
        conflict.nearness = calendar.nearness(conflict.created_at).map(|nearness| nearness.as_str().to_owned());
    }
}

/// Whom a question's stored suggestion is for: the only one who is asked, or everybody of a role.
fn keys_for(contexts: &[String], asks: &[String], people: &People) -> Vec<PreferenceKey> {
    let Some(first) = asks.first() else { return keys_of_nobody(contexts) };
    let mut meant = people.meant_by(first);
    match (meant.next(), meant.next()) {
        (Some(only), None) => people.role(only).map_or_else(Vec::new, |role| keys(contexts, only, role)),
        (Some(one), Some(_)) => {
            let shared = people.role(one).map_or_else(Vec::new, |role| keys(contexts, one, role));
            shared.into_iter().filter(|key| !key.scope.starts_with("user:")).collect()
        }
        _ => keys_of_nobody(contexts),
    }
}

/// What everybody's decisions say.
fn keys_of_nobody(contexts: &[String]) -> Vec<PreferenceKey> {
    let scope = || super::learn::ORGANISATION.to_owned();
    contexts.iter().rev().take(2).rev().map(|context| PreferenceKey { scope: scope(), context: context.clone() }).collect()
}

/// The contexts of every disputed place of some questions.
fn places(world: &World, ids: &BTreeSet<ConflictId>) -> BTreeMap<(ConflictId, String, String), Vec<String>> {
    let conflicts = ids.iter().filter_map(|id| world.conflicts.get(id));
    let of = |conflict: &Conflict| {
        let id = conflict.conflict_id;
        let place = |(collection, path, _): (&str, &str, &DisputedField)| {
            ((id, collection.to_owned(), path.to_owned()), contexts(conflict, collection, path))
        };
        conflict.all_fields().map(place).collect::<Vec<_>>()
    };
    conflicts.flat_map(of).collect()
}

/// What former answers suggest for new questions; and what rules decide, they decide.
fn advise(
    tx: &mut dyn Tx,
    world: &mut World,
    (space, people, settings): (&Space, &People, &Object),
    fresh: &BTreeSet<ConflictId>,
    now: Timestamp,
) -> StoreResult<BTreeSet<DocumentKey>> {
    if fresh.is_empty() {
        return Ok(BTreeSet::new());
    }
    let places = places(world, fresh);
    let organisation_id = space.organisation_id;
    let rules = match settings.get("merge_mode").and_then(|mode| mode.as_str()) {
        // whoever says so is always asked
        Some("careful") => Rules::default(),
        _ => Rules::load(tx, organisation_id, people, fresh.iter().filter_map(|id| world.conflicts.get(id)))?,
    };
    let asks_of = |world: &World, (id, collection, path): &(ConflictId, String, String)| {
        let conflict = world.conflicts.get(id);
        let field = conflict.and_then(|conflict| conflict.all_fields().find(|(own, at, _)| own == collection && at == path));
        field.map(|(_, _, field)| field.asks.clone()).unwrap_or_default()
    };
    let mut wanted: BTreeSet<PreferenceKey> = rules.keys().cloned().collect();
    for (place, contexts) in &places {
        wanted.extend(keys_for(contexts, &asks_of(world, place), people));
    }
    let experience = Experience::load(tx, organisation_id, wanted)?;
    let mut changed = BTreeSet::new();
    for id in fresh {
        let Some(mut conflict) = world.conflicts.get(id).cloned() else { continue };
        suggest(&mut conflict, &places, people, &experience);
        amend(world, conflict);
        changed.extend(apply(world, *id, &places, (&rules, people, &experience), now));
    }
    Ok(changed)
}

/// Puts what former answers suggest beside the places of a question.
fn suggest(
    conflict: &mut Conflict,
    places: &BTreeMap<(ConflictId, String, String), Vec<String>>,
    people: &People,
    experience: &Experience,
) {
    let id = conflict.conflict_id;
    let collection = conflict.collection.clone();
    let own = conflict.fields.iter_mut().map(|(path, field)| (collection.clone(), path, field));
    let parts = conflict.documents.iter_mut().flat_map(|part| {
        let collection = part.collection.clone();
        part.fields.iter_mut().map(move |(path, field)| (collection.clone(), path, field))
    });
    for (collection, path, field) in own.chain(parts) {
        let Some(contexts) = places.get(&(id, collection, path.clone())) else { continue };
        let label = field.label.clone().unwrap_or_default();
        let learned = experience.suggest(&keys_for(contexts, &field.asks, people), people, &label);
        field.suggestion = learned.or(field.suggestion.take());
    }
}

/// Decides the places of a question for which there is a rule. Gives the document, where that changed it.
fn apply(
    world: &mut World,
    id: ConflictId,
    places: &BTreeMap<(ConflictId, String, String), Vec<String>>,
    (rules, people, experience): (&Rules, &People, &Experience),
    now: Timestamp,
) -> Option<DocumentKey> {
    let mut conflict = world.conflicts.get(&id).cloned()?;
    if matches!(conflict.kind, ConflictKind::Group | ConflictKind::TooLarge) {
        return None;
    }
    let key = DocumentKey::new(&conflict.collection, &conflict.document_id)?;
    let doc = world.docs.get(&key)?;
    let policy = &world.policies.of(key.collection()).policy;
    let mut state = NewState { body: doc.body.clone(), live: doc.is_live() };
    let op_id = OpId(derived_id(&[b"rule", id.as_bytes()]));
    let mut decider = None;
    for (path, field) in &mut conflict.fields {
        let contexts = places.get(&(id, key.collection().to_owned(), path.clone()))?;
        let Some((choice, rule)) = rules.find(contexts, &field.asks, people, experience) else { continue };
        let (name, choice) = (choice.as_str(), as_choice(choice)?);
        if !choose(&mut state, (path, policy), field, &choice) {
            continue;
        }
        let by = Author { user_id: rule.user_id, device_id: DeviceId(uuid::Uuid::nil()), op_id };
        let asker = Asker { by, at: now };
        field.decide(name, crate::resolve::choice::outcome(field, &choice), asker.side());
        field.rule = Some(rule);
        decider = Some(asker);
    }
    let asker = decider?;
    conflict.automatic = true;
    conflict.resolved_by = Some(asker.side());
    people.dress(&mut conflict);
    amend(world, conflict);
    let differs = world.docs.get(&key).is_some_and(|doc| doc.body != state.body || doc.is_live() != state.live);
    if differs {
        world.change(&key, state, asker.by, now, (now.millis(), 0));
        refresh(world, &key, asker);
    }
    let conflict = world.conflicts.get(&id).cloned()?;
    settle(world, conflict, asker);
    differs.then_some(key)
}

fn as_choice(choice: Side) -> Option<Choice> {
    Some(match choice {
        Side::Ours => Choice::Ours,
        Side::Theirs => Choice::Theirs,
        Side::Base => Choice::Base,
        Side::Value => return None,
    })
}
