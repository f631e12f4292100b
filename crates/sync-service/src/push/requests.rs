//! Change requests: what somebody may only propose, as documents of the collection `change_requests`, written by the
//! server in the transaction of the operation that proposed it. Its owners approve or decline it, whoever asked withdraws it.

mod approve;
mod rows;
mod title;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use merge_engine::Proposal;
use serde_json::{Value, json};
use sync_core::document::CHANGE_REQUESTS;
use sync_core::json::{Object, pointer};
use sync_core::operation::Kind;
use sync_core::schema::{Collection, Owner};
use sync_core::{Code, DocumentKey, OpId, Operation, Problem, Role, Schema, Timestamp, UserId};

pub(super) use approve::decide;
pub(super) use rows::{add_to, move_along};

use super::decide::{Case, top_of};
use super::overlay::Overlay;
use super::questions::Asker;
use super::world::{Doc, NewState, World};

/// What the ids of requests that the server makes begin with; the operation's id follows.
const PREFIX: &str = "op-";
/// What a request says, and nobody changes once it was made.
const FIXED: [&str; 8] = ["collection", "document_id", "patch", "removed", "base", "requested_by", "requested_at", "owner_role"];
/// What the server writes when a request is decided.
const DECIDED: [&str; 2] = ["decided_by", "decided_at"];

/// What an operation's sender may only propose to the same owners.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Proposed {
    /// The places.
    pub(crate) places: Vec<Proposal>,
    /// The members in which they are, as the sender saw them.
    pub(crate) base: Object,
    /// The same as the sender would have them.
    pub(crate) patch: Object,
    /// Those that the sender would take away.
    pub(crate) removed: Vec<String>,
    /// The owners, as the schema names them.
    pub(crate) owners: Vec<String>,
}

impl Proposed {
    fn names(&self) -> BTreeSet<&String> {
        self.patch.keys().chain(&self.removed).collect()
    }
}

/// Whether a document is a change request. A space without a schema has no owners, and takes what is called so as it comes.
pub(crate) fn is_request(schema: &Schema, key: &DocumentKey) -> bool {
    key.collection() == CHANGE_REQUESTS && !schema.collections.is_empty()
}

/// The document that a request is about.
pub(crate) fn target_of(request: &Object) -> Option<DocumentKey> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    DocumentKey::new(text("collection")?, text("document_id")?).filter(|key| !key.collection().starts_with('_'))
}

/// The rules of the collection in a space whose schema lacks it.
pub(super) fn reserved() -> &'static Collection {
    static RESERVED: LazyLock<Collection> = LazyLock::new(|| {
        let states = json!(["open", "approved", "declined", "withdrawn"]);
        let fields = json!({"state": {"type": "enum", "values": states}, "decision_note": {"type": "text"}, "title": {"type": "text"}});
        let schema = Schema::from_value(&json!({"name": "reserved", "version": 1, "collections": {CHANGE_REQUESTS: {"fields": fields}}}));
        schema.ok().and_then(|schema| schema.collection(CHANGE_REQUESTS).cloned()).unwrap_or_default()
    });
    &RESERVED
}

/// What devices do not do to requests, whatever the schema says.
pub(super) fn refusal(case: &Case<'_>, doc: Option<&Doc>) -> Option<Problem> {
    let (operation, key) = (case.operation(), case.sent.key);
    let read_only = |detail: &str, place: &str| Some(Problem::new(Code::ReadOnly, detail).at(place.to_owned()));
    let is_own = key.id().strip_prefix(PREFIX).is_some_and(|rest| rest.get(..36).is_some_and(|id| id.parse::<OpId>().is_ok()));
    match (doc, operation.kind) {
        (None, Kind::Create) if is_own => {
            read_only("ids of this form are those of requests that the server makes; choose another one", "/document_id")
        }
        (None, Kind::Create) => speaks_for_another(case).map(|name| {
            let detail = "a request is made open, and in one's own name; leave this member out, or ask a lead to bring it in";
            Problem::new(Code::ReadOnly, detail).at(pointer(&["patch", name]))
        }),
        (Some(_), Kind::Delete) if is_own => {
            read_only("a request is not deleted: withdraw it, or decline it, and what was asked can still be read", "/kind")
        }
        (Some(doc), _) => {
            let decides = decides(case, doc);
            let fixed = FIXED.iter().chain(DECIDED.iter().filter(|_| !decides));
            let differs =
                |name: &&&str| operation.patch.get(**name).is_some_and(|value| *value != doc.body.get(**name).cloned().unwrap_or_default());
            let name = fixed.into_iter().find(differs)?;
            let detail = format!("{name} of a request stays as it was made; withdraw it, and make the change anew. The payload is kept");
            Some(Problem::new(Code::ReadOnly, detail).at(pointer(&["patch", name])))
        }
        _ => None,
    }
}

/// A member by which somebody who is no lead makes a request for another, or one that is decided already.
fn speaks_for_another(case: &Case<'_>) -> Option<&'static str> {
    let sender = case.world.people.sender.filter(|sender| sender.role != Role::Lead)?;
    let text = |name: &str| case.operation().patch.get(name).map(|value| value.as_str().unwrap_or_default());
    let is_own = text("requested_by").is_none_or(|user_id| user_id == sender.user_id.to_string());
    if !is_own {
        return Some("requested_by");
    }
    text("state").is_some_and(|state| state != "open").then_some("state")
}

/// Whether an operation decides a request: it names another state than the one that it has.
pub(super) fn decides(case: &Case<'_>, doc: &Doc) -> bool {
    let operation = case.operation();
    is_request(&case.world.schema, case.sent.key)
        && operation.kind != Kind::Delete
        && operation.patch.get("state").is_some_and(|state| state.is_string() && Some(state) != doc.body.get("state"))
}

fn is_open(doc: &Doc) -> bool {
    doc.is_live() && doc.body.get("state").is_none_or(|state| state == "open")
}

/// Writes down what an operation proposes, and takes back what its chain proposed before and it says otherwise now. Gives
/// the names of the members that wait in a request, each with the request.
pub(super) fn write(
    world: &mut World,
    (said, key): (&Operation, &DocumentKey),
    overlay: &mut Overlay,
    proposed: &[Proposed],
    (asker, stamp_ms): (Asker, i64),
) {
    let earlier = overlay.requests.clone();
    let open_of = |world: &World, name: &str| {
        let request = DocumentKey::new(CHANGE_REQUESTS, earlier.get(name)?)?;
        let doc = world.docs.get(&request).filter(|doc| is_open(doc))?;
        let is_own = doc.body.get("requested_by").and_then(Value::as_str) == Some(asker.by.user_id.to_string().as_str());
        (is_own && target_of(&doc.body).as_ref() == Some(key)).then_some(request)
    };
    let names: BTreeSet<&String> = proposed.iter().flat_map(Proposed::names).collect();
    for name in said.patch.keys().filter(|name| !names.contains(name)) {
        if let Some(request) = open_of(world, name) {
            withdraw(world, &request, name, asker);
        }
        overlay.requests.remove(name);
    }
    for (place, one) in proposed.iter().enumerate() {
        let request = one.names().into_iter().find_map(|name| open_of(world, name));
        let id = match request {
            Some(request) => {
                join(world, &request, (key, one), asker);
                request.id().to_owned()
            }
            None => open(world, (said, place), (key, one), asker, stamp_ms),
        };
        for name in one.names() {
            overlay.requests.insert(name.clone(), id.clone());
        }
    }
}

/// Makes a request. Its id says which operation it comes from, so that nothing makes it twice.
fn open(
    world: &mut World,
    (said, place): (&Operation, usize),
    (key, proposed): (&DocumentKey, &Proposed),
    asker: Asker,
    stamp_ms: i64,
) -> String {
    let suffix = if place == 0 { String::new() } else { format!("-{place}") };
    let id = format!("{PREFIX}{}{suffix}", said.op_id);
    let Some(request) = DocumentKey::new(CHANGE_REQUESTS, &id) else { return id };
    let mut body = Object::new();
    let mut say = |name: &str, value: Value| body.insert(name.to_owned(), value);
    say("collection", key.collection().into());
    say("document_id", key.id().into());
    say("patch", Value::Object(proposed.patch.clone()));
    if !proposed.removed.is_empty() {
        say("removed", proposed.removed.clone().into());
    }
    say("base", Value::Object(proposed.base.clone()));
    if let Some(reason) = said.payload.get("reason").and_then(Value::as_str) {
        say("reason", reason.into());
    }
    say("requested_by", asker.by.user_id.to_string().into());
    say("requested_at", Timestamp::from_millis(stamp_ms).to_string().into());
    say("owner_role", owners_of(world, key, &proposed.owners).into());
    say("state", "open".into());
    let names = proposed.places.iter().filter_map(|place| top_of(&place.path)).collect();
    say("title", title::of(world, key, &names, (&proposed.base, &proposed.patch)).into());
    put(world, &request, body, asker);
    id
}

/// The chain's next word on what it proposed before: the request stays one, with what its sender saw first.
fn join(world: &mut World, request: &DocumentKey, (key, proposed): (&DocumentKey, &Proposed), asker: Asker) {
    let Some(before) = world.docs.get(request) else { return };
    let mut body = before.body.clone();
    let mut whole = lifted(world, key, before);
    for name in proposed.names() {
        whole.removed.retain(|other| other != name);
        if let Some(value) = proposed.patch.get(name) {
            whole.patch.insert(name.clone(), value.clone());
        } else {
            whole.patch.remove(name);
            whole.removed.push(name.clone());
        }
        if let Some(value) = proposed.base.get(name).filter(|_| !whole.seen.contains(name)) {
            whole.base.insert(name.clone(), value.clone());
        }
    }
    whole.put_into(&mut body, (world, key));
    put(world, request, body, asker);
}

/// Takes a member out of a request, whose sender thought better of it; one that is empty then is withdrawn.
fn withdraw(world: &mut World, request: &DocumentKey, name: &str, asker: Asker) {
    let Some((before, key)) = world.docs.get(request).and_then(|doc| Some((doc, target_of(&doc.body)?))) else { return };
    let mut body = before.body.clone();
    let mut whole = lifted(world, &key, before);
    whole.patch.remove(name);
    whole.removed.retain(|other| other != name);
    if whole.names().next().is_none() {
        close(&mut body, "withdrawn", asker.by.user_id, asker.at);
    } else {
        whole.base.remove(name);
        whole.put_into(&mut body, (world, &key));
    }
    put(world, request, body, asker);
}

/// Puts a request in place, unless it says so already.
fn put(world: &mut World, request: &DocumentKey, body: Object, asker: Asker) {
    if world.docs.get(request).is_none_or(|before| before.body != body) {
        world.change(request, NewState { body, live: true }, asker.by, asker.at, (asker.at.millis(), 0));
    }
}

/// Marks a request decided.
fn close(body: &mut Object, state: &str, by: UserId, at: Timestamp) {
    body.insert("state".into(), state.into());
    body.insert("decided_by".into(), by.to_string().into());
    body.insert("decided_at".into(), at.to_string().into());
}

/// What a request wants of its document, in the form of the present schema.
#[derive(Debug, Clone, Default, PartialEq)]
struct Wanted {
    base: Object,
    patch: Object,
    removed: Vec<String>,
    /// The members that its sender had seen, there or not.
    seen: BTreeSet<String>,
}

impl Wanted {
    fn names(&self) -> impl Iterator<Item = &String> {
        self.patch.keys().chain(&self.removed)
    }

    /// Writes it into a request, whose title says it in words.
    fn put_into(self, body: &mut Object, (world, key): (&World, &DocumentKey)) {
        let names = self.names().filter(|name| self.patch.get(*name) != self.base.get(*name)).cloned().collect();
        body.insert("title".into(), title::of(world, key, &names, (&self.base, &self.patch)).into());
        body.insert("base".into(), Value::Object(self.base));
        body.insert("patch".into(), Value::Object(self.patch));
        if self.removed.is_empty() {
            body.remove("removed");
        } else {
            body.insert("removed".into(), self.removed.into());
        }
    }
}

/// Reads what a request wants. It stands in the form of the schema under which it was last written.
fn lifted(world: &World, key: &DocumentKey, request: &Doc) -> Wanted {
    let object = |name: &str| request.body.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let texts =
        |value: &Value| value.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let removed = request.body.get("removed").map(texts).unwrap_or_default();
    let wanted = match world.lens_since(key, request.fields.version_of("patch")) {
        Some(lens) => {
            let removed = removed.iter().map(|name| lens.name_of(name).to_owned()).collect();
            Wanted { base: lens.lift_patch(&object("base")), patch: lens.lift_patch(&object("patch")), removed, seen: BTreeSet::new() }
        }
        None => Wanted { base: object("base"), patch: object("patch"), removed, seen: BTreeSet::new() },
    };
    Wanted { seen: wanted.names().cloned().collect(), ..wanted }
}

/// The owners by role, or as the person who is named now; where nobody is, the lead.
fn owners_of(world: &World, key: &DocumentKey, owners: &[String]) -> String {
    let document = world.docs.get(key).map(|doc| &doc.body);
    let lead = || format!("role:{}", Role::Lead.as_str());
    let person = |value: Option<&Value>| {
        let user_id = value.and_then(Value::as_str).and_then(|text| text.parse::<UserId>().ok());
        user_id.map_or_else(lead, |user_id| format!("user:{user_id}"))
    };
    let name = |owner: &String| match Owner::parse(owner) {
        Ok(Owner::Field(path)) => {
            person(document.and_then(|document| merge_engine::get(document, &path, &world.policies.of(key.collection()).policy)).as_ref())
        }
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
