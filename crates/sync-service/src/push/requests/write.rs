//! Writing change requests: made, joined by the chain's next word, and taken back by it.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::document::CHANGE_REQUESTS;
use sync_core::json::Object;
use sync_core::schema::{Collection, Owner};
use sync_core::{DocumentKey, Operation, Role, Timestamp, UserId};

use super::wanted::Wanted;
use super::{PREFIX, Proposed, is_open, target_of};
use crate::push::decide::top_of;
use crate::push::overlay::Overlay;
use crate::push::questions::Asker;
use crate::push::world::{NewState, World};

/// An operation whose proposals are written down.
#[derive(Clone, Copy)]
pub(in crate::push) struct Proposing<'a> {
    pub(in crate::push) said: &'a Operation,
    pub(in crate::push) key: &'a DocumentKey,
    /// Its sender's whole values of the members that it names.
    pub(in crate::push) own: &'a Object,
    pub(in crate::push) asker: Asker,
    /// When its sender said so.
    pub(in crate::push) at: Timestamp,
}

/// Writes down what an operation proposes, and takes back what its chain proposed before and it says otherwise now. The
/// overlay names the request in which each member waits.
pub(in crate::push) fn write(world: &mut World, this: Proposing<'_>, overlay: &mut Overlay, proposed: &[Proposed]) {
    let open: BTreeMap<String, DocumentKey> =
        overlay.requests.iter().filter_map(|(name, id)| Some((name.clone(), open_of(world, this, id)?))).collect();
    for name in this.said.patch.keys() {
        let waits = open.get(name).is_some_and(|request| take_back(world, this, (request, name), proposed));
        if !waits {
            overlay.requests.remove(name);
        }
    }
    let mut numbers = Numbers::default();
    for (request, part) in proposed.iter().flat_map(|one| parts(one, &open)) {
        let request = if let Some(request) = request {
            join(world, this, &request, &part);
            request.id().to_owned()
        } else {
            let number = numbers.next(world.schema.collection(this.key.collection()), &part);
            self::open(world, this, number, &part)
        };
        for place in &part.places {
            overlay.requests.extend(top_of(&place.path).map(|name| (name, request.clone())));
        }
    }
}

/// The request of this name, where it is the sender's own, about this document, and waits.
fn open_of(world: &World, this: Proposing<'_>, id: &str) -> Option<DocumentKey> {
    let request = DocumentKey::new(CHANGE_REQUESTS, id)?;
    let doc = world.docs.get(&request).filter(|doc| is_open(doc))?;
    let is_own = doc.body.get("requested_by").and_then(Value::as_str) == Some(this.asker.by.user_id.to_string().as_str());
    (is_own && target_of(&doc.body).as_ref() == Some(this.key)).then_some(request)
}

/// Parts a proposal by the requests in which its members wait already. What is new goes with the first of them.
fn parts(proposed: &Proposed, open: &BTreeMap<String, DocumentKey>) -> Vec<(Option<DocumentKey>, Proposed)> {
    let request_of = |path: &str| top_of(path).and_then(|name| open.get(&name));
    let first = proposed.places.iter().find_map(|place| request_of(&place.path));
    let mut parts: Vec<(Option<DocumentKey>, Proposed)> = Vec::new();
    for place in &proposed.places {
        let request = request_of(&place.path).or(first).cloned();
        match parts.iter_mut().find(|(other, _)| *other == request) {
            Some((_, part)) => part.places.push(place.clone()),
            None => parts.push((request, Proposed { places: vec![place.clone()], ..proposed.clone() })),
        }
    }
    if parts.len() > 1 {
        for (_, part) in &mut parts {
            let names: Vec<String> = part.places.iter().filter_map(|place| top_of(&place.path)).collect();
            part.base.retain(|name, _| names.contains(name));
            part.patch.retain(|name, _| names.contains(name));
            part.removed.retain(|name| names.contains(name));
        }
    }
    parts
}

/// Takes out of a request what its sender goes back on in a member: places that have the live value in their eyes too.
/// Whether anything of the member still waits.
fn take_back(world: &mut World, this: Proposing<'_>, (request, name): (&DocumentKey, &String), proposed: &[Proposed]) -> bool {
    let Some((before, live)) = world.docs.get(request).zip(world.docs.get(this.key)) else { return false };
    let policy = &world.policies.of(this.key.collection()).policy;
    let mut wanted = Wanted::of(world, this.key, before);
    let is_proposed = |path: &str| proposed.iter().flat_map(|one| &one.places).any(|place| place.path == path);
    let at = |body: &Object, path: &str| merge_engine::get(body, path, policy).filter(|value| !value.is_null());
    let of_member: Vec<String> = wanted.paths.iter().filter(|path| top_of(path).as_ref() == Some(name)).cloned().collect();
    let given_up = |path: &&String| !is_proposed(path) && at(this.own, path) == at(&live.body, path);
    let given_up: Vec<&String> = of_member.iter().filter(given_up).collect();
    let waits = given_up.len() < of_member.len();
    if given_up.is_empty() {
        return waits;
    }
    for path in given_up {
        wanted.drop_place(path, policy);
    }
    let mut body = before.body.clone();
    if wanted.is_empty() {
        close(&mut body, "withdrawn", this.asker.by.user_id, this.at);
    } else {
        wanted.put_into(&mut body, (world, this.key));
    }
    put(world, request, body, this.asker);
    waits
}

/// The numbers that the requests of one operation have in their ids.
#[derive(Default)]
struct Numbers {
    /// Of those that everybody reads who sees the document.
    open: usize,
    /// Of the others, by their first member.
    hidden: BTreeMap<String, usize>,
}

impl Numbers {
    /// The number of the next one. What somebody reads is numbered alike, whatever there is beside it: what everybody
    /// reads is counted from 0, and the rest has its number from its place in the schema.
    fn next(&mut self, collection: Option<&Collection>, proposed: &Proposed) -> usize {
        let first = proposed.places.first().and_then(|place| top_of(&place.path));
        let is_hidden = |collection: &Collection, name: &String| {
            !is_read_by_all(collection, name) || collection.leans_on(name).iter().any(|other| !is_read_by_all(collection, other))
        };
        let hidden = collection.zip(first).filter(|(collection, name)| is_hidden(collection, name));
        let Some((collection, name)) = hidden else {
            self.open += 1;
            return self.open - 1;
        };
        let members = collection.fields.len().max(1);
        let place = collection.fields.keys().position(|other| *other == name).unwrap_or_default();
        let before = self.hidden.entry(name).or_default();
        *before += 1;
        members * *before + place
    }
}

fn is_read_by_all(collection: &Collection, name: &str) -> bool {
    let (viewers, readers) = (collection.viewers(), collection.readers(name));
    let reads = |role: &Role| !viewers.roles.includes(*role) || readers.roles.includes(*role);
    let reads_anyway = |role: &Role| readers.roles.includes(*role);
    Role::ALL.iter().all(reads) && (viewers.spaces.is_subset(&readers.spaces) || Role::ALL.iter().all(reads_anyway))
}

/// Makes a request. Its id says which operation it comes from, so that nothing makes it twice.
fn open(world: &mut World, this: Proposing<'_>, number: usize, proposed: &Proposed) -> String {
    let suffix = if number == 0 { String::new() } else { format!("-{number}") };
    let id = format!("{PREFIX}{}{suffix}", this.said.op_id);
    let Some(request) = DocumentKey::new(CHANGE_REQUESTS, &id) else { return id };
    let mut body = Object::new();
    let mut say = |name: &str, value: Value| body.insert(name.to_owned(), value);
    say("collection", this.key.collection().into());
    say("document_id", this.key.id().into());
    if let Some(reason) = this.said.payload.get("reason").and_then(Value::as_str) {
        say("reason", reason.into());
    }
    say("requested_by", this.asker.by.user_id.to_string().into());
    say("requested_at", this.at.to_string().into());
    say("owner_role", owners_of(world, this.key, &proposed.owners).into());
    say("state", "open".into());
    let mut wanted = Wanted::default();
    wanted.add(proposed, &world.policies.of(this.key.collection()).policy);
    wanted.put_into(&mut body, (world, this.key));
    put(world, &request, body, this.asker);
    id
}

/// The chain's next word on what it proposed before: the request stays one, with what its sender saw first.
fn join(world: &mut World, this: Proposing<'_>, request: &DocumentKey, proposed: &Proposed) {
    let Some(before) = world.docs.get(request) else { return };
    let mut body = before.body.clone();
    let mut wanted = Wanted::of(world, this.key, before);
    wanted.add(proposed, &world.policies.of(this.key.collection()).policy);
    wanted.put_into(&mut body, (world, this.key));
    put(world, request, body, this.asker);
}

/// Puts a request in place, unless it says so already.
fn put(world: &mut World, request: &DocumentKey, body: Object, asker: Asker) {
    if world.docs.get(request).is_none_or(|before| before.body != body) {
        world.change(request, NewState { body, live: true }, asker.by, asker.at, (asker.at.millis(), 0));
    }
}

/// Marks a request decided.
pub(super) fn close(body: &mut Object, state: &str, by: UserId, at: Timestamp) {
    body.insert("state".into(), state.into());
    body.insert("decided_by".into(), by.to_string().into());
    body.insert("decided_at".into(), at.to_string().into());
}

/// The owners by role, or as the person who is named now; where nobody is, the lead.
fn owners_of(world: &World, key: &DocumentKey, owners: &[String]) -> String {
    let document = world.docs.get(key).map(|doc| &doc.body);
    let policy = &world.policies.of(key.collection()).policy;
    let lead = || format!("role:{}", Role::Lead.as_str());
    let person = |value: Option<&Value>| {
        let user_id = value.and_then(Value::as_str).and_then(|text| text.parse::<UserId>().ok());
        user_id.map_or_else(lead, |user_id| format!("user:{user_id}"))
    };
    let name = |owner: &String| match Owner::parse(owner) {
        Ok(Owner::Field(path)) => person(document.and_then(|document| merge_engine::get(document, &path, policy)).as_ref()),
        Ok(Owner::Space(name)) => person(world.settings.values.get(&name)),
        _ => owner.clone(),
    };
    let mut names: Vec<String> = Vec::new();
    for name in owners.iter().map(name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
