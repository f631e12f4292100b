//! What one operation does to one document: a pure function of the working state.

use std::collections::BTreeSet;

use merge_engine::{Context, Dispute, Policy, SuggestedSide, merge};
use serde_json::Value;
use sync_core::conflict::ConflictKind;
use sync_core::json::{Object, apply_patch, pointer};
use sync_core::limits::MAX_DOCUMENT_BYTES;
use sync_core::operation::{Hint, Kind};
use sync_core::schema::DeletePolicy;
use sync_core::{Code, DocumentKey, Operation, Problem, Status};

use super::overlay::Overlay;
use super::world::{Doc, NewState, View, World, byte_length};

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
        (None, Kind::Create) => Ok(case.fresh()),
        (None, _) => Err(case.no_document()),
        (Some(doc), kind) if doc.is_live() => match kind {
            Kind::Delete => Ok(case.delete(doc)),
            Kind::Restore if operation.patch.is_empty() => Ok(case.nothing()),
            _ => case.edit(doc),
        },
        (Some(_), Kind::Delete) => Ok(case.nothing()),
        (Some(doc), Kind::Restore) => Ok(case.bring_back(doc.body.clone())),
        (Some(doc), _) => Ok(case.edit_deleted(doc)),
    }?;
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
        if self.world.epoch_fits {
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

    fn view<'d>(&self, doc: &'d Doc) -> View<'d> {
        if self.operation.kind == Kind::Create && self.world.knows(0) {
            // a creation sees nothing but its own chain
            let mut body = Object::new();
            self.overlay.lay_over(&mut body);
            return View { body: std::borrow::Cow::Owned(body), complete: true, live: !self.overlay.is_empty() };
        }
        self.world.sender_view(self.key, doc, self.operation.base_version, self.operation.base.as_ref(), self.overlay)
    }

    /// Whether what the sender saw of a member is known; otherwise it is never guessed.
    fn is_known(&self, doc: &Doc, view: &View<'_>, name: &str) -> bool {
        view.complete
            || self.operation.base.as_ref().is_some_and(|base| base.contains_key(name))
            || self.overlay.fields.contains_key(name)
            || doc.fields.version_of(name) == 0
    }

    fn edit(&self, doc: &Doc) -> Decision {
        let view = self.view(doc);
        let (unknown, known): (BTreeSet<&String>, BTreeSet<&String>) =
            self.operation.patch.keys().partition(|name| !self.is_known(doc, &view, name));
        let pick = |from: &Object, names: &BTreeSet<&String>| -> Object {
            names.iter().filter_map(|name| Some(((*name).clone(), from.get(*name)?.clone()))).collect()
        };
        let base = pick(&view.body, &known);
        let ours = pick(&doc.body, &known);
        let own = {
            let mut seen = base.clone();
            seen.extend(pick(&doc.body, &unknown));
            self.values_over(&seen)
        };
        let theirs =
            known.iter().filter_map(|name| Some(((*name).clone(), own.get(*name).filter(|value| !value.is_null())?.clone()))).collect();
        let mut outcome = merge(&base, &ours, &theirs, &Policy::default(), &Context::with_hint(self.operation.hint));
        let guesses: Vec<Dispute> = unknown.iter().filter_map(|name| self.unknown_base(doc, &own, name)).collect();
        let kind = if guesses.is_empty() { ConflictKind::Fields } else { ConflictKind::NoBase };
        outcome.disputes.extend(guesses);
        let mut body = doc.body.clone();
        for name in &known {
            match outcome.merged.remove(*name) {
                Some(value) => body.insert((*name).clone(), value),
                None => body.remove(*name),
            };
        }
        if self.mode == Mode::TheirsWin {
            decide_for_theirs(&mut body, std::mem::take(&mut outcome.disputes));
        }
        let seen_all = view.complete && view.live && *view.body == doc.body;
        let status = match (outcome.disputes.is_empty(), body == doc.body) {
            (false, _) => Status::Conflict,
            (true, true) => Status::Noop,
            (true, false) if seen_all => Status::Applied,
            (true, false) => Status::Merged,
        };
        let change = (body != doc.body).then_some(NewState { body, live: true });
        let asked = (!outcome.disputes.is_empty()).then_some(Asked { kind, disputes: outcome.disputes });
        Ok(Effect { status, change, asked, own })
    }

    fn unknown_base(&self, doc: &Doc, own: &Object, name: &str) -> Option<Dispute> {
        let (ours, theirs) = (doc.body.get(name).cloned(), own.get(name).filter(|value| !value.is_null()).cloned());
        (ours != theirs).then(|| Dispute { path: pointer(&[name]), base: None, ours, theirs, suggested: self.suggested() })
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
        if self.mode == Mode::TheirsWin || (view.complete && view.live && *view.body == doc.body) {
            return Effect { status: Status::Applied, change: Some(gone), asked: None, own: Object::new() };
        }
        let seen = (view.complete && view.live).then(|| Value::Object(view.body.into_owned()));
        let edited = Value::Object(doc.body.clone());
        let wins = self.delete_policy == DeletePolicy::DeleteWins;
        let (ours, theirs) = if wins { (None, Some(edited)) } else { (Some(edited), None) };
        self.whole_document(ConflictKind::DeleteEdit, wins.then_some(gone), seen, ours, theirs, Object::new())
    }

    fn edit_deleted(&self, doc: &Doc) -> Effect {
        let mut edited = doc.body.clone();
        if self.operation.kind == Kind::Create {
            edited = Object::new();
        }
        let own_deletion = self.overlay.deleted.is_some_and(|(deleted, _)| deleted);
        if own_deletion || self.mode == Mode::TheirsWin {
            return self.bring_back(edited);
        }
        let mut seen = self.view(doc).body.into_owned();
        apply_patch(&mut seen, &self.operation.patch);
        let own = self.values_of(&seen);
        for (name, value) in self.overlay_and(&own) {
            if value.is_null() {
                edited.remove(&name);
            } else {
                edited.insert(name, value);
            }
        }
        let last = Some(Value::Object(doc.body.clone()));
        let live = Some(Value::Object(edited.clone()));
        match self.delete_policy {
            DeletePolicy::EditWins => {
                let state = NewState { body: edited, live: true };
                self.whole_document(ConflictKind::EditDelete, Some(state), last, live, None, own)
            }
            DeletePolicy::Ask | DeletePolicy::DeleteWins => self.whole_document(ConflictKind::EditDelete, None, last, None, live, own),
        }
    }

    /// The chain's members with this operation's over them.
    fn overlay_and(&self, own: &Object) -> Object {
        let mut all: Object = self.overlay.fields.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        all.extend(own.clone());
        all
    }

    fn whole_document(
        &self,
        kind: ConflictKind,
        change: Option<NewState>,
        base: Option<Value>,
        ours: Option<Value>,
        theirs: Option<Value>,
        own: Object,
    ) -> Effect {
        let dispute = Dispute { path: String::new(), base, ours, theirs, suggested: self.suggested() };
        Effect { status: Status::Conflict, change, asked: Some(Asked { kind, disputes: vec![dispute] }), own }
    }
}

fn decide_for_theirs(body: &mut Object, disputes: Vec<Dispute>) {
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
        Dispute { path: pointer(&[name]), base: None, ours, theirs, suggested: None }
    };
    let disputes = operation.patch.keys().map(dispute).filter(|dispute| dispute.ours != dispute.theirs).collect();
    let asked = Asked { kind: ConflictKind::TooLarge, disputes };
    Ok(Effect { status: Status::Conflict, change: None, asked: Some(asked), own: effect.own })
}
