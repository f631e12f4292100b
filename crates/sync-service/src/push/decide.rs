//! What one operation does to one document: a pure function of the working state.

use std::collections::BTreeSet;

use merge_engine::{Context, Dispute, Policy, Reason, SuggestedSide, merge_objects};
use serde_json::Value;
use sync_core::conflict::ConflictKind;
use sync_core::json::{Object, apply_patch, pointer, pointer_tokens};
use sync_core::limits::MAX_DOCUMENT_BYTES;
use sync_core::operation::{Hint, Kind};
use sync_core::schema::DeletePolicy;
use sync_core::{Code, DocumentKey, Operation, Problem, Status};

use super::overlay::Overlay;
use super::view::{Seen, View};
use super::world::{Doc, NewState, World, byte_length};

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
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) kind: ConflictKind,
    pub(crate) disputes: Vec<Dispute>,
    /// What the sender did is live, and what others did waits.
    pub(crate) sender_is_live: bool,
}

impl Asked {
    fn fields(kind: ConflictKind, disputes: Vec<Dispute>) -> Option<Self> {
        (!disputes.is_empty()).then_some(Self { kind, disputes, sender_is_live: false })
    }

    /// Whether a top-level member, or with the empty name the whole document, is disputed.
    pub(crate) fn disputes(&self, name: &str) -> bool {
        let of = |dispute: &Dispute| {
            pointer_tokens(&dispute.path).and_then(|tokens| tokens.into_iter().next()).is_none_or(|first| first == name)
        };
        self.disputes.iter().any(of)
    }
}

/// Why an operation has no effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// It can never apply.
    Rejected(Problem),
    /// Kept for a lead.
    Quarantined(Problem),
}

type Decision = Result<Effect, Refusal>;

/// How an effect is decided where it meets others' changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Disputed fields are asked.
    Ask,
    /// The sender's values win: a group was decided for theirs.
    TheirsWin,
}

/// Decides an operation that its sender may send.
///
/// # Errors
/// A refusal.
pub(crate) fn decide(world: &World, operation: &Operation, key: &DocumentKey, overlay: &Overlay, mode: Mode) -> Decision {
    let Some(collection) = world.schema.collection(key.collection()).filter(|_| !key.collection().starts_with('_')) else {
        return Err(Refusal::Rejected(unknown_collection(key.collection())));
    };
    let case = Case { world, operation, key, overlay, mode, delete_policy: collection.delete };
    if world.docs.contains_key(key) && world.visible(key).is_none() {
        return Err(Refusal::Rejected(unknown_document(key)));
    }
    let effect = match (world.docs.get(key), operation.kind) {
        (None, Kind::Create) => case.fresh(),
        (None, _) => return Err(case.no_document()),
        (Some(doc), kind) if doc.is_live() => match kind {
            Kind::Delete => case.delete(doc),
            Kind::Restore if operation.patch.is_empty() => case.nothing(),
            _ => case.edit(doc),
        },
        (Some(_), Kind::Delete) => case.nothing(),
        (Some(doc), Kind::Restore) if doc.is_buried && operation.patch.is_empty() => return Err(Refusal::Rejected(body_gone(key))),
        (Some(doc), Kind::Restore) => case.bring_back(doc.body.clone()),
        (Some(doc), _) => case.edit_deleted(doc),
    };
    collection.check(&effect.own, operation.patch.keys()).map_err(Refusal::Rejected)?;
    within_limit(effect, operation, world.docs.get(key))
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

struct Case<'a> {
    world: &'a World,
    operation: &'a Operation,
    key: &'a DocumentKey,
    overlay: &'a Overlay,
    mode: Mode,
    delete_policy: DeletePolicy,
}

impl Case<'_> {
    fn no_document(&self) -> Refusal {
        if self.overlay.deleted.is_some_and(|(deleted, _)| !deleted) {
            let detail = "the creation that this builds on waits in its group's question, and this with it; a lead decides";
            return Refusal::Quarantined(Problem::new(Code::NotHereYet, detail));
        }
        if self.world.shared.fits {
            return Refusal::Rejected(unknown_document(self.key));
        }
        let detail = "the document is not known here, and the device's copy comes from another history of this space; a lead decides";
        Refusal::Quarantined(Problem::new(Code::OtherEpoch, detail))
    }

    fn nothing(&self) -> Effect {
        Effect { status: Status::Noop, change: None, asked: None, own: self.values_over(&Object::new()) }
    }

    fn fresh(&self) -> Effect {
        let body = self.operation.patch.clone();
        Effect { status: Status::Applied, own: body.clone(), change: Some(NewState { body, live: true }), asked: None }
    }

    fn bring_back(&self, mut body: Object) -> Effect {
        apply_patch(&mut body, &self.operation.patch);
        let own = self.values_of(&body);
        Effect { status: Status::Applied, change: Some(NewState { body, live: true }), asked: None, own }
    }

    /// The patch's members with their whole values in a body, `null` where the patch removed them.
    fn values_of(&self, body: &Object) -> Object {
        self.operation.patch.keys().map(|name| (name.clone(), body.get(name).cloned().unwrap_or(Value::Null))).collect()
    }

    fn values_over(&self, body: &Object) -> Object {
        let mut theirs = body.clone();
        apply_patch(&mut theirs, &self.operation.patch);
        self.values_of(&theirs)
    }

    fn view<'d>(&'d self, doc: &'d Doc) -> View<'d> {
        if self.operation.kind == Kind::Create {
            return self.world.blank_view(self.key, doc, self.overlay);
        }
        self.world.sender_view(self.key, doc, self.seen(doc), self.operation.base.as_ref(), self.overlay)
    }

    fn seen(&self, doc: &Doc) -> Seen {
        let base_version = self.operation.base_version;
        let is_seen = match self.mode {
            Mode::Ask => self.world.may_have_seen(self.key, base_version),
            // whoever decides a group is not who sent it, and is not shown the base
            Mode::TheirsWin => self.world.knows_of(doc, base_version),
        };
        if is_seen { Seen::At(base_version) } else { Seen::Unknown { unchanged: self.world.unchanged_until(doc, base_version) } }
    }

    /// Whether what the sender saw of a member is known; otherwise it is never guessed.
    fn is_known(&self, doc: &Doc, view: &View<'_>, name: &str) -> bool {
        view.complete
            || self.operation.base.as_ref().is_some_and(|base| base.contains_key(name))
            || self.overlay.fields.contains_key(name)
            || doc.fields.version_of(name) <= self.world.unchanged_until(doc, self.operation.base_version)
    }

    fn edit(&self, doc: &Doc) -> Effect {
        let view = self.view(doc);
        let (unknown, known): (BTreeSet<&String>, BTreeSet<&String>) =
            self.operation.patch.keys().partition(|name| !self.is_known(doc, &view, name));
        let base = pick(view.body(), &known);
        let ours = pick(&doc.body, &known);
        let own = {
            let mut seen = base.clone();
            seen.extend(pick(&doc.body, &unknown));
            self.values_over(&seen)
        };
        let mut outcome = self.merge(&base, &ours, &pick(&own, &known));
        let mut disputes = std::mem::take(&mut outcome.disputes);
        let mut merged = outcome.into_object();
        let guesses: Vec<Dispute> = unknown.iter().filter_map(|name| self.unknown_base(doc, &own, name)).collect();
        let kind = if guesses.is_empty() { ConflictKind::Fields } else { ConflictKind::NoBase };
        disputes.extend(guesses);
        let mut body = doc.body.clone();
        for name in &known {
            match merged.remove(*name) {
                Some(value) => body.insert((*name).clone(), value),
                None => body.remove(*name),
            };
        }
        if self.mode == Mode::TheirsWin {
            decide_for_theirs(&mut body, std::mem::take(&mut disputes));
        }
        let seen_all =
            view.complete && view.live && *view.body() == doc.body && !self.world.was_lifted_since(self.key, self.operation.base_version);
        let status = match (disputes.is_empty(), body == doc.body) {
            (false, _) => Status::Conflict,
            (true, true) => Status::Noop,
            (true, false) if seen_all => Status::Applied,
            (true, false) => Status::Merged,
        };
        let change = (body != doc.body).then_some(NewState { body, live: true });
        Effect { status, change, asked: Asked::fields(kind, disputes), own }
    }

    fn merge(&self, base: &Object, ours: &Object, theirs: &Object) -> merge_engine::Outcome {
        merge_objects(base, ours, theirs, &Policy::default(), &Context::with_hint(self.operation.hint))
    }

    fn unknown_base(&self, doc: &Doc, own: &Object, name: &str) -> Option<Dispute> {
        let (ours, theirs) = (doc.body.get(name).cloned(), own.get(name).filter(|value| !value.is_null()).cloned());
        (ours != theirs).then(|| Dispute {
            path: pointer(&[name]),
            base: None,
            ours,
            theirs,
            suggested: self.suggested(),
            reason: Reason::BothChanged,
        })
    }

    fn suggested(&self) -> Option<SuggestedSide> {
        match self.operation.hint {
            Hint::Mine => Some(SuggestedSide::Theirs),
            Hint::Theirs => Some(SuggestedSide::Ours),
            Hint::Ask => None,
        }
    }

    fn delete(&self, doc: &Doc) -> Effect {
        let view = self.view(doc);
        let gone = NewState { body: doc.body.clone(), live: false };
        if self.mode == Mode::TheirsWin || self.has_seen(doc, &view) {
            return Effect { status: Status::Applied, change: Some(gone), asked: None, own: Object::new() };
        }
        let seen = (view.complete && view.live).then(|| Value::Object(view.body().clone()));
        let edited = Value::Object(doc.body.clone());
        if self.delete_policy == DeletePolicy::DeleteWins {
            return self.whole_document(ConflictKind::DeleteEdit, Some(gone), (seen, None, Some(edited)), Object::new());
        }
        self.whole_document(ConflictKind::DeleteEdit, None, (seen, Some(edited), None), Object::new())
    }

    /// Whether nobody but the sender changed anything since the sender's base: merged into what the sender sees, the
    /// document brings nothing new.
    fn has_seen(&self, doc: &Doc, view: &View<'_>) -> bool {
        // an own deletion that waits in a question took nothing away: the document never stopped to live
        let base_version = self.operation.base_version;
        let lives_on = self.world.knows_of(doc, base_version) && doc.presence.live_since <= base_version;
        let mut names = doc.body.keys().chain(view.base.keys()).chain(view.body().keys());
        if !(view.live || lives_on) || !names.all(|name| self.is_known(doc, view, name)) {
            return false;
        }
        let outcome = self.merge(&view.base, &doc.body, view.body());
        outcome.disputes.is_empty() && outcome.into_object() == *view.body()
    }

    fn edit_deleted(&self, doc: &Doc) -> Effect {
        let fresh = self.operation.kind == Kind::Create;
        let last = if fresh { Object::new() } else { doc.body.clone() };
        // of one that is buried, an edit would bring back no more than the fields that it names: never by itself
        let is_part = doc.is_buried && !fresh;
        let own_deletion = || self.overlay.deleted_at(self.world.last_touched(self.key, doc, self.operation.base_version));
        if self.mode == Mode::TheirsWin || (!is_part && own_deletion()) {
            return self.bring_back(last);
        }
        let (own, edited) = self.edit_over(doc, &last);
        let last = (!doc.is_buried).then(|| Value::Object(doc.body.clone()));
        let live = Some(Value::Object(edited.clone()));
        if self.delete_policy == DeletePolicy::EditWins && !is_part {
            let state = NewState { body: edited, live: true };
            return self.whole_document(ConflictKind::EditDelete, Some(state), (last, live, None), own);
        }
        self.whole_document(ConflictKind::EditDelete, None, (last, None, live), own)
    }

    /// The sender's whole values, and the last body of a deleted document with all that the sender's chain and this
    /// operation changed in it. Where others changed the same before the deletion, the sender's value is taken: the
    /// last body stays in the question.
    fn edit_over(&self, doc: &Doc, last: &Object) -> (Object, Object) {
        let view = self.view(doc);
        let mut seen = view.body().clone();
        for name in self.operation.patch.keys().filter(|name| !self.is_known(doc, &view, name)) {
            if let Some(value) = last.get(name) {
                seen.insert(name.clone(), value.clone());
            }
        }
        let own = self.values_over(&seen);
        let names: BTreeSet<&String> = self.operation.patch.keys().chain(self.overlay.fields.keys()).collect();
        let mut theirs = pick(&seen, &names);
        theirs.retain(|name, _| !own.contains_key(name));
        theirs.extend(pick(&own, &names));
        let outcome = self.merge(&pick(&view.base, &names), &pick(last, &names), &theirs);
        let mut body = last.clone();
        body.retain(|name, _| !names.contains(name));
        let disputes = outcome.disputes.clone();
        body.extend(outcome.into_object());
        decide_for_theirs(&mut body, disputes);
        (own, body)
    }

    /// A question about the whole document: base, ours and theirs.
    fn whole_document(
        &self,
        kind: ConflictKind,
        change: Option<NewState>,
        sides: (Option<Value>, Option<Value>, Option<Value>),
        own: Object,
    ) -> Effect {
        let (base, ours, theirs) = sides;
        let sender_is_live = change.is_some();
        let suggested = self.suggested().map(|side| if sender_is_live { opposite(side) } else { side });
        let dispute = Dispute { path: String::new(), base, ours, theirs, suggested, reason: Reason::BothChanged };
        Effect { status: Status::Conflict, change, asked: Some(Asked { kind, disputes: vec![dispute], sender_is_live }), own }
    }
}

const fn opposite(side: SuggestedSide) -> SuggestedSide {
    match side {
        SuggestedSide::Ours => SuggestedSide::Theirs,
        SuggestedSide::Theirs => SuggestedSide::Ours,
    }
}

/// The named members that are there; one that is `null` is not.
fn pick(from: &Object, names: &BTreeSet<&String>) -> Object {
    names.iter().filter_map(|name| Some(((*name).clone(), from.get(*name).filter(|value| !value.is_null())?.clone()))).collect()
}

/// Puts the sender's side into every disputed place.
pub(super) fn decide_for_theirs(body: &mut Object, disputes: Vec<Dispute>) {
    let policy = Policy::default();
    for dispute in disputes {
        let _ = match dispute.theirs {
            Some(value) => merge_engine::set(body, &dispute.path, value, &policy),
            None => merge_engine::remove(body, &dispute.path, &policy),
        };
    }
}

/// A document that would grow past the limit: refused when the operation alone makes it so, asked when the merge does.
fn within_limit(effect: Effect, operation: &Operation, doc: Option<&Doc>) -> Decision {
    let bytes = effect.change.as_ref().filter(|state| state.live).map_or(0, |state| byte_length(&state.body));
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
    Ok(Effect { status: Status::Conflict, change: None, asked: Asked::fields(ConflictKind::TooLarge, disputes), own: effect.own })
}
