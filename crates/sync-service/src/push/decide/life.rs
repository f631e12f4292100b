//! Operations that make, delete or bring back a document, or meet a deleted one.

use std::collections::BTreeSet;

use merge_engine::{Dispute, Policy, Reason, SuggestedSide, merge_objects};
use serde_json::Value;
use sync_core::Status;
use sync_core::conflict::ConflictKind;
use sync_core::json::{Object, apply_patch};
use sync_core::operation::Kind;
use sync_core::schema::DeletePolicy;

use super::{Asked, Beside, Case, Effect, Mode, decide_for_theirs, pick};
use crate::push::view::View;
use crate::push::world::{Doc, NewState};

impl Case<'_> {
    /// A new document. Whoever makes it sets what others will own; what the server alone writes is left out.
    pub(super) fn fresh(&self) -> Effect {
        let mut body = self.operation().patch.clone();
        let own = body.clone();
        let beside = self.without_refused(&mut body);
        let status = if beside.refused.is_empty() { Status::Applied } else { Status::Merged };
        Effect { beside, ..Effect::new(status, Some(NewState { body, live: true }), own) }
    }

    /// Takes out of a new body what devices do not write.
    fn without_refused(&self, body: &mut Object) -> Beside {
        if !self.rules.refuses {
            return Beside::default();
        }
        let nothing = Object::new();
        let mut beside = self.beside_of(&merge_objects(&nothing, &nothing, body, &self.rules.policy, &self.context_of_nobody()), &nothing);
        for path in &beside.refused {
            let _ = merge_engine::remove(body, path, &self.rules.policy);
        }
        beside.decisions.retain(|decision| beside.refused.contains(&decision.path));
        beside.notes.retain(|note| beside.refused.contains(&note.path));
        beside
    }

    /// A deleted document lives again, with the patch over what it was: an edit of that, for whoever does not own all of it.
    pub(super) fn bring_back(&self, last: Object) -> Effect {
        if last.is_empty() || !self.rules.policy.declares_strategies() {
            let mut body = last;
            apply_patch(&mut body, &self.operation().patch);
            let own = self.values_of(&body);
            let beside = self.without_refused(&mut body);
            let status = if beside.refused.is_empty() { Status::Applied } else { Status::Merged };
            return Effect { beside, ..Effect::new(status, Some(NewState { body, live: true }), own) };
        }
        let own = self.values_over(&last);
        let mut theirs = last.clone();
        apply_patch(&mut theirs, &self.operation().patch);
        self.in_place_of(&last, &theirs, own)
    }

    /// A document that the sender's own chain deleted is made anew: what others own in it does not change by that.
    fn made_anew(&self, last: &Object) -> Effect {
        let mut theirs = self.unseen_of(last);
        apply_patch(&mut theirs, &self.operation().patch);
        self.in_place_of(last, &theirs, self.values_of(&theirs))
    }

    /// A deleted document lives again with another body: an edit of what was there.
    fn in_place_of(&self, last: &Object, theirs: &Object, own: Object) -> Effect {
        let outcome = merge_objects(last, last, theirs, &self.rules.policy, &self.context(&merge_engine::NoProvenance, last));
        let beside = self.left_by(&outcome, (last, theirs));
        let body = outcome.into_object();
        let status = if body == *theirs { Status::Applied } else { Status::Merged };
        Effect { beside, ..Effect::new(status, Some(NewState { body, live: true }), own) }
    }

    pub(super) fn delete(&self, doc: &Doc) -> Effect {
        let view = self.view(doc);
        let gone = NewState { body: doc.body.clone(), live: false };
        if self.mode == Mode::TheirsWin || self.has_seen(doc, &view) {
            return Effect::new(Status::Applied, Some(gone), Object::new());
        }
        let seen = (view.complete && view.live).then(|| Value::Object(view.body().clone()));
        let edited = Value::Object(doc.body.clone());
        if self.delete_policy == DeletePolicy::DeleteWins {
            return self.whole_document(ConflictKind::DeleteEdit, Some(gone), (seen, None, Some(edited)), Object::new());
        }
        self.whole_document(ConflictKind::DeleteEdit, None, (seen, Some(edited), None), Object::new())
    }

    /// Whether nobody but the sender changed anything since the sender's base: merged into what the sender sees, the
    /// document brings nothing new. No strategy is asked: what one would decide is still a change that the sender has not
    /// seen.
    fn has_seen(&self, doc: &Doc, view: &View<'_>) -> bool {
        // an own deletion that waits in a question took nothing away: the document never stopped to live
        let base_version = self.operation().base_version;
        let lives_on = self.world.knows_of(self.sent.key, doc, base_version) && doc.presence.live_since <= base_version;
        let (base, ours, own) =
            (self.seen_of(&view.base, &doc.body), self.seen_of(&doc.body, &doc.body), self.seen_of(view.body(), &doc.body));
        let mut names = ours.keys().chain(base.keys()).chain(own.keys());
        if !(view.live || lives_on) || !names.all(|name| self.is_known(doc, view, name)) {
            return false;
        }
        let outcome = merge_objects(&base, &ours, &own, &Policy::default(), &self.context_of_nobody());
        outcome.disputes.is_empty() && outcome.into_object() == *own
    }

    pub(super) fn edit_deleted(&self, doc: &Doc) -> Effect {
        let fresh = self.operation().kind == Kind::Create;
        let last = if fresh { self.unseen_of(&doc.body) } else { doc.body.clone() };
        // of one that is buried, an edit would bring back no more than the fields that it names: never by itself
        let is_part = doc.is_buried && !fresh;
        let own_deletion = || self.sent.overlay.deleted_at(self.world.last_touched(self.sent.key, doc, self.operation().base_version));
        if self.mode == Mode::TheirsWin || (!is_part && own_deletion()) {
            let is_owned = fresh && !doc.is_buried && self.rules.policy.declares_strategies();
            return if is_owned { self.made_anew(&doc.body) } else { self.bring_back(last) };
        }
        let lives = self.delete_policy == DeletePolicy::EditWins && !is_part;
        let (own, edited, beside) = self.edit_over(doc, &last, lives);
        let last = (!doc.is_buried).then(|| Value::Object(doc.body.clone()));
        let live = Some(Value::Object(edited.clone()));
        let effect = if lives {
            let state = NewState { body: edited, live: true };
            self.whole_document(ConflictKind::EditDelete, Some(state), (last, live, None), own)
        } else {
            self.whole_document(ConflictKind::EditDelete, None, (last, None, live), own)
        };
        Effect { beside, ..effect }
    }

    /// The sender's whole values, and the last body of a deleted document with all that the sender's chain and this
    /// operation changed in it. Where others changed the same before the deletion, the sender's value is taken: the
    /// last body stays in the question. What the sender may only propose is not in a body that lives; in one that only
    /// waits it is, and is looked at when somebody answers.
    fn edit_over(&self, doc: &Doc, last: &Object, lives: bool) -> (Object, Object, Beside) {
        let view = self.view(doc);
        let mut seen = view.body().clone();
        for name in self.operation().patch.keys().filter(|name| !self.is_known(doc, &view, name)) {
            if let Some(value) = last.get(name) {
                seen.insert(name.clone(), value.clone());
            }
        }
        let own = self.values_over(&seen);
        let names: BTreeSet<&String> = self.operation().patch.keys().chain(self.sent.overlay.fields.keys()).collect();
        let mut theirs = pick(&seen, &names);
        theirs.retain(|name, _| !own.contains_key(name));
        theirs.extend(pick(&own, &names));
        let base = pick(&view.base, &names);
        let wrote = self.wrote(doc);
        let context = if lives { self.context(&wrote, last) } else { self.context_of_nobody() };
        let outcome = merge_objects(&base, &pick(last, &names), &theirs, &self.rules.policy, &context);
        let beside = self.left_by(&outcome, (&base, &theirs));
        let mut body = last.clone();
        body.retain(|name, _| !names.contains(name));
        let disputes = outcome.disputes.clone();
        body.extend(outcome.into_object());
        decide_for_theirs(&mut body, disputes, &self.rules.policy);
        (own, body, beside)
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
        let dispute = Dispute { path: String::new(), base, ours, theirs, suggested, reason: Reason::DeletedAndEdited };
        let asked = Asked { kind, disputes: vec![dispute], sender_is_live, decisions: Vec::new() };
        Effect { asked: Some(asked), ..Effect::new(Status::Conflict, change, own) }
    }
}

const fn opposite(side: SuggestedSide) -> SuggestedSide {
    match side {
        SuggestedSide::Ours => SuggestedSide::Theirs,
        SuggestedSide::Theirs => SuggestedSide::Ours,
    }
}
