//! Change requests: what somebody may only propose, as documents of the collection `change_requests`, written by the
//! server in the transaction of the operation that proposed it. Its owners approve or decline it, whoever asked withdraws it.

mod approve;
mod rows;
mod title;
mod wanted;
mod write;

use std::sync::LazyLock;

use merge_engine::Proposal;
use serde_json::{Value, json};
use sync_core::document::CHANGE_REQUESTS;
use sync_core::json::{Object, pointer};
use sync_core::operation::Kind;
use sync_core::schema::Collection;
use sync_core::{Code, DocumentKey, OpId, Problem, Role, Schema};

pub(super) use approve::decide;
pub(super) use rows::{add_to, move_along};
pub(super) use wanted::{is_member, put_at};
pub(super) use write::{Proposing, write};

use super::decide::Case;
use super::world::Doc;

/// What the ids of requests that the server makes begin with; the operation's id follows.
const PREFIX: &str = "op-";
/// What a request says, and nobody changes once it was made.
const FIXED: [&str; 9] = ["collection", "document_id", "patch", "removed", "base", "paths", "requested_by", "requested_at", "owner_role"];
/// What the server writes when a request is decided.
const DECIDED: [&str; 2] = ["decided_by", "decided_at"];

/// What an operation's sender may only propose to the same owners. Outside of the places, members are as they are live.
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
            let state = operation.patch.get("state");
            if state.is_some_and(Value::is_null) || (!doc.is_live() && state.is_some()) {
                return read_only("the state of a request is set by deciding it, while it is there", "/patch/state");
            }
            let decides = doc.is_live() && decides(case, doc);
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
