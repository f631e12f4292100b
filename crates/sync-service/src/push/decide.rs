//! What one operation does to one document: a pure function of the working state.

mod edit;
mod life;
mod wrote;

use std::borrow::Cow;
use std::collections::BTreeSet;

use merge_engine::{Decision as HowDecided, Dispute, Note, Policy, Reason, SuggestedSide};
use serde_json::Value;
use sync_core::conflict::ConflictKind;
use sync_core::json::{Object, apply_patch, pointer, pointer_tokens};
use sync_core::limits::MAX_DOCUMENT_BYTES;
use sync_core::operation::{Hint, Kind};
use sync_core::schema::{Collection, DeletePolicy};
use sync_core::{Code, DocumentKey, Operation, Problem, Stamp, Status};

use super::overlay::Overlay;
use super::policies::Rules;
use super::requests::{self, Proposed};
use super::world::{Doc, NewState, World, byte_length};
pub(super) use edit::with_members;
pub(super) use wrote::Wrote;

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    pub(crate) status: Status,
    /// The document's new state, if it changes.
    pub(crate) change: Option<NewState>,
    /// What somebody must decide.
    pub(crate) asked: Option<Asked>,
    /// The sender's own whole values of the members that it set.
    pub(crate) own: Object,
    pub(crate) beside: Beside,
    /// What an approved change request does to the document that it is about.
    pub(crate) target: Option<Box<Target>>,
}

impl Effect {
    fn new(status: Status, change: Option<NewState>, own: Object) -> Self {
        Self { status, change, asked: None, own, beside: Beside::default(), target: None }
    }
}

/// What a decision leaves beside the document. All of it is empty where nobody met and no policy stood in the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Beside {
    /// What the sender may only propose.
    pub(crate) proposed: Vec<Proposed>,
    /// Values that a strategy outvoted.
    pub(crate) notes: Vec<Note>,
    /// How each place was decided that two sides changed, or that its sender may not write.
    pub(crate) decisions: Vec<HowDecided>,
    /// Places that devices do not write: what was sent for them does not count.
    pub(crate) refused: Vec<String>,
}

/// What an approved change request does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) key: DocumentKey,
    pub(crate) change: Option<NewState>,
    pub(crate) asked: Option<Asked>,
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) kind: ConflictKind,
    pub(crate) disputes: Vec<Dispute>,
    /// What the sender did is live, and what others did waits.
    pub(crate) sender_is_live: bool,
    /// How its places were decided, as far as the engine did.
    pub(crate) decisions: Vec<HowDecided>,
}

impl Asked {
    pub(super) fn fields(kind: ConflictKind, disputes: Vec<Dispute>, decisions: &[HowDecided]) -> Option<Self> {
        (!disputes.is_empty()).then(|| Self { kind, disputes, sender_is_live: false, decisions: decisions.to_vec() })
    }

    /// Whether a top-level member, or with the empty name the whole document, is disputed.
    pub(crate) fn disputes(&self, name: &str) -> bool {
        self.disputes.iter().any(|dispute| top_of(&dispute.path).is_none_or(|first| first == name))
    }
}

/// The top-level member in which a place is; none of the whole document.
pub(crate) fn top_of(path: &str) -> Option<String> {
    pointer_tokens(path)?.into_iter().next()
}

/// Why an operation has no effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// It can never apply.
    Rejected(Problem),
    /// Kept for a lead.
    Quarantined(Problem),
}

impl Refusal {
    /// Why.
    pub(super) const fn problem(&self) -> &Problem {
        match self {
            Self::Rejected(problem) | Self::Quarantined(problem) => problem,
        }
    }
}

pub(super) type Decision = Result<Effect, Refusal>;

/// How an effect is decided where it meets others' changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Disputed fields are asked.
    Ask,
    /// The sender's values win: a group was decided for theirs.
    TheirsWin,
}

/// An operation with what is known of its sender.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) key: &'a DocumentKey,
    /// What the sender's chain laid over the document.
    pub(crate) overlay: &'a Overlay,
    pub(crate) stamp: Stamp,
}

/// Decides an operation that its sender may send.
///
/// # Errors
/// A refusal.
pub(crate) fn decide(world: &World, sent: Sent<'_>, mode: Mode) -> Decision {
    let Sent { operation, key, .. } = sent;
    let doc = world.docs.get(key);
    let Some(collection) = collection_of(world, key, doc) else {
        return Err(Refusal::Rejected(unknown_collection(key.collection())));
    };
    let case = Case { world, sent, mode, delete_policy: collection.delete, rules: world.policies.of(key.collection()) };
    if doc.is_some() && world.visible(key).is_none() {
        return Err(Refusal::Rejected(unknown_document(key)));
    }
    if requests::is_request(&world.schema, key)
        && let Some(refusal) = requests::refusal(&case, doc)
    {
        return Err(Refusal::Rejected(refusal));
    }
    let about = doc.map_or(&operation.patch, |doc| &doc.body);
    if mode == Mode::Ask && (doc.is_some() || operation.kind == Kind::Create) {
        world.view.may_write_in(operation, about).map_err(Refusal::Quarantined)?;
    }
    let effect = match (doc, operation.kind) {
        (None, Kind::Create) => case.fresh(),
        (None, _) => return Err(case.no_document()),
        (Some(doc), kind) if doc.is_live() => match kind {
            Kind::Delete => case.delete(doc),
            Kind::Restore if operation.patch.is_empty() => case.nothing(),
            _ if requests::decides(&case, doc) => return requests::decide(&case, doc, collection),
            _ => case.edit(doc)?,
        },
        (Some(_), Kind::Delete) => case.nothing(),
        (Some(doc), Kind::Restore) if doc.is_buried && operation.patch.is_empty() => return Err(Refusal::Rejected(body_gone(key))),
        (Some(doc), Kind::Restore) => case.bring_back(doc.body.clone()),
        (Some(doc), _) => case.edit_deleted(doc),
    };
    collection.check(&effect.own, operation.patch.keys()).map_err(Refusal::Rejected)?;
    within_limit(&case, effect, doc)
}

/// The rules of a collection. One that the schema lacks is there for change requests all the same, once the server made one.
fn collection_of<'a>(world: &'a World, key: &DocumentKey, doc: Option<&Doc>) -> Option<&'a Collection> {
    let declared = world.schema.collection(key.collection()).filter(|_| !key.collection().starts_with('_'));
    declared.or_else(|| doc.filter(|_| requests::is_request(&world.schema, key)).map(|_| requests::reserved()))
}

/// The refusal of a collection that the schema does not have.
fn unknown_collection(name: &str) -> Problem {
    let detail = if name.starts_with('_') {
        format!("{name} is written by the server alone; answer a question through resolutions")
    } else {
        format!("the space's schema has no collection {name:?}; the payload is kept")
    };
    Problem::new(Code::UnknownCollection, detail)
}

fn unknown_document(key: &DocumentKey) -> Problem {
    let detail = format!("there is no document {:?} in {} that you may see; to make one, send a create", key.id(), key.collection());
    Problem::new(Code::UnknownDocument, detail)
}

fn body_gone(key: &DocumentKey) -> Problem {
    let detail = format!(
        "{:?} in {} was deleted so long ago that only its id is kept; send a restore with the whole document as its patch",
        key.id(),
        key.collection()
    );
    Problem::new(Code::BodyGone, detail)
}

/// An operation against the working state.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) world: &'a World,
    pub(super) sent: Sent<'a>,
    pub(super) mode: Mode,
    pub(super) delete_policy: DeletePolicy,
    pub(super) rules: &'a Rules,
}

impl Case<'_> {
    pub(super) fn operation(&self) -> &Operation {
        self.sent.operation
    }

    fn no_document(&self) -> Refusal {
        if self.sent.overlay.deleted.is_some_and(|(deleted, _)| !deleted) {
            let detail = "the creation that this builds on waits in its group's question, and this with it; a lead decides";
            return Refusal::Quarantined(Problem::new(Code::NotHereYet, detail));
        }
        if self.world.shared.fits {
            return Refusal::Rejected(unknown_document(self.sent.key));
        }
        let detail = "the document is not known here, and the device's copy comes from another history of this space; a lead decides";
        Refusal::Quarantined(Problem::new(Code::OtherEpoch, detail))
    }

    pub(super) fn nothing(&self) -> Effect {
        Effect::new(Status::Noop, None, self.values_over(&Object::new()))
    }

    /// The patch's members with their whole values in a body, `null` where the patch removed them.
    fn values_of(&self, body: &Object) -> Object {
        self.operation().patch.keys().map(|name| (name.clone(), body.get(name).cloned().unwrap_or(Value::Null))).collect()
    }

    /// What the sender sees of some members of a document.
    fn seen_of<'o>(&self, members: &'o Object, document: &Object) -> Cow<'o, Object> {
        let (view, collection) = (&self.world.view, self.sent.key.collection());
        if view.is_plain(collection) {
            return Cow::Borrowed(members);
        }
        let mut seen = members.clone();
        view.leave_out(collection, &mut seen, document);
        Cow::Owned(seen)
    }

    /// What the sender does not see of a document: what they make of it leaves that as it is.
    fn unseen_of(&self, document: &Object) -> Object {
        let seen = self.seen_of(document, document);
        document.iter().filter(|(name, _)| !seen.contains_key(*name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn values_over(&self, body: &Object) -> Object {
        let mut theirs = body.clone();
        apply_patch(&mut theirs, &self.operation().patch);
        self.values_of(&theirs)
    }

    fn suggested(&self) -> Option<SuggestedSide> {
        match self.operation().hint {
            Hint::Mine => Some(SuggestedSide::Theirs),
            Hint::Theirs => Some(SuggestedSide::Ours),
            Hint::Ask => None,
        }
    }
}

/// The named members that are there; one that is `null` is not.
pub(super) fn pick(from: &Object, names: &BTreeSet<&String>) -> Object {
    names.iter().filter_map(|name| Some(((*name).clone(), from.get(*name).filter(|value| !value.is_null())?.clone()))).collect()
}

/// Puts the sender's side into every disputed place.
pub(super) fn decide_for_theirs(body: &mut Object, disputes: Vec<Dispute>, policy: &Policy) {
    for dispute in disputes {
        let _ = match dispute.theirs {
            Some(value) => merge_engine::set(body, &dispute.path, value, policy),
            None => merge_engine::remove(body, &dispute.path, policy),
        };
    }
}

/// A document that would grow past the limit: refused when the operation alone makes it so, asked when the merge does.
/// What its sender does not see, counts for nobody.
fn within_limit(case: &Case<'_>, effect: Effect, doc: Option<&Doc>) -> Decision {
    let operation = case.operation();
    let bytes = effect.change.as_ref().filter(|state| state.live).map_or(0, |state| byte_length(&case.seen_of(&state.body, &state.body)));
    if bytes <= MAX_DOCUMENT_BYTES {
        return Ok(effect);
    }
    if effect.status == Status::Applied {
        let detail = format!("with this the document would be {bytes} bytes; at most {MAX_DOCUMENT_BYTES}: split it");
        return Err(Refusal::Rejected(Problem::new(Code::TooLarge, detail)));
    }
    let dispute = |name: &String| {
        let (ours, theirs) =
            (doc.and_then(|doc| doc.body.get(name)).cloned(), effect.own.get(name).filter(|value| !value.is_null()).cloned());
        Dispute { path: pointer(&[name]), base: None, ours, theirs, suggested: None, reason: Reason::BothChanged }
    };
    let disputes = operation.patch.keys().map(dispute).filter(|dispute| dispute.ours != dispute.theirs).collect();
    let asked = Asked::fields(ConflictKind::TooLarge, disputes, &[]);
    Ok(Effect { asked, ..Effect::new(Status::Conflict, None, effect.own) })
}
