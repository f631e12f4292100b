//! An edit of a live document: what its sender saw, what is live, and what they made of it, merged member by member.

use std::collections::BTreeSet;

use merge_engine::{Context, Decided, Dispute, Outcome, Proposal, Provenance, Reason, Writer, merge_objects};
use sync_core::conflict::ConflictKind;
use sync_core::json::{Object, apply_patch, pointer};
use sync_core::operation::Kind;
use sync_core::{Code, Problem, Status};

use super::wrote::Wrote;
use super::{Asked, Beside, Case, Decision, Effect, Mode, Refusal, decide_for_theirs, pick, top_of};
use crate::push::overlay::Fate;
use crate::push::policies::with_groups;
use crate::push::requests::{Proposed, is_member, put_at};
use crate::push::view::{Seen, View};
use crate::push::world::{Doc, NewState};

/// The members of a document that a merge is about, on its three sides.
struct Sides {
    base: Object,
    ours: Object,
    theirs: Object,
}

/// The members that an operation touches: those that can be merged, and those of which nobody knows what its sender saw.
/// Fields that make sense only together come together.
#[derive(Default)]
struct Touched<'a> {
    known: BTreeSet<&'a String>,
    unknown: BTreeSet<&'a String>,
}

impl Case<'_> {
    pub(super) fn view<'d>(&'d self, doc: &'d Doc) -> View<'d> {
        if self.operation().kind == Kind::Create {
            return self.world.blank_view(self.sent.key, doc, self.sent.overlay);
        }
        self.world.sender_view(self.sent.key, doc, self.seen(doc), self.operation().base.as_ref(), self.sent.overlay)
    }

    fn seen(&self, doc: &Doc) -> Seen {
        let base_version = self.operation().base_version;
        let is_seen = match self.mode {
            Mode::Ask => self.world.may_have_seen(self.sent.key, base_version),
            // whoever decides a group is not who sent it, and is not shown the base
            Mode::TheirsWin => self.world.knows_of(self.sent.key, doc, base_version),
        };
        if is_seen {
            Seen::At(base_version)
        } else {
            Seen::Unknown { unchanged: self.world.unchanged_until(self.sent.key, doc, base_version) }
        }
    }

    /// Whether what the sender saw of a member is known; otherwise it is never guessed.
    pub(super) fn is_known(&self, doc: &Doc, view: &View<'_>, name: &str) -> bool {
        view.complete
            || self.operation().base.as_ref().is_some_and(|base| base.contains_key(name))
            || self.sent.overlay.fields.contains_key(name)
            || doc.fields.version_of(name) <= self.world.unchanged_until(self.sent.key, doc, self.operation().base_version)
    }

    /// # Errors
    /// `read_only` where nothing is in it but what devices do not write.
    pub(in crate::push) fn edit(&self, doc: &Doc) -> Decision {
        let view = self.view(doc);
        let Touched { known, unknown } = self.touched(doc, &view);
        let sides = self.sides(doc, &view, &known);
        let own = {
            let mut seen = pick(view.body(), &known);
            seen.extend(pick(&doc.body, &unknown));
            self.values_over(&seen)
        };
        let mut outcome =
            merge_objects(&sides.base, &sides.ours, &sides.theirs, &self.rules.policy, &self.context(&self.wrote(doc), &doc.body));
        let mut beside = self.left_by(&outcome, (&sides.base, &sides.theirs));
        let mut disputes = std::mem::take(&mut outcome.disputes);
        let guesses = self.guesses(doc, &own, &unknown, &mut beside);
        let kind = if guesses.is_empty() { ConflictKind::Fields } else { ConflictKind::NoBase };
        disputes.extend(guesses);
        let merged = outcome.into_object();
        let is_as_sent = merged == sides.theirs;
        let mut body = with_members(&doc.body, &known, merged);
        if self.mode == Mode::TheirsWin {
            decide_for_theirs(&mut body, std::mem::take(&mut disputes), &self.rules.policy);
        }
        let status = match (disputes.is_empty(), body == doc.body) {
            (false, _) => Status::Conflict,
            (true, true) => Status::Noop,
            (true, false) if is_as_sent && beside.refused.is_empty() && self.has_seen_all(doc, &view) => Status::Applied,
            (true, false) => Status::Merged,
        };
        if self.mode == Mode::Ask && status == Status::Noop && beside.proposed.is_empty() && !beside.refused.is_empty() {
            return Err(Refusal::Rejected(Self::read_only(&beside.refused)));
        }
        let change = (body != doc.body).then_some(NewState { body, live: true });
        let asked = Asked::fields(kind, disputes, &beside.decisions);
        Ok(Effect { asked, beside, ..Effect::new(status, change, own) })
    }

    fn has_seen_all(&self, doc: &Doc, view: &View<'_>) -> bool {
        let is_lifted = || self.world.was_lifted_since(self.sent.key, self.operation().base_version);
        let is_seen = || self.seen_of(view.body(), &doc.body) == self.seen_of(&doc.body, &doc.body);
        view.complete && view.live && is_seen() && !is_lifted()
    }

    /// What the patch touches, and what goes with it.
    fn touched<'t>(&'t self, doc: &Doc, view: &View<'_>) -> Touched<'t> {
        let said = &self.operation().patch;
        let (unknown, known) = said.keys().partition(|name| !self.is_known(doc, view, name));
        let mut touched = Touched { known, unknown };
        for group in self.rules.policy.collection.groups.values().filter(|group| group.fields.iter().any(|name| said.contains_key(name))) {
            if group.fields.iter().all(|name| self.is_known(doc, view, name)) {
                touched.known.extend(&group.fields);
            } else {
                let own = group.fields.iter().filter(|name| said.contains_key(*name));
                let moved: Vec<&String> = own.filter(|name| touched.known.remove(name)).collect();
                touched.unknown.extend(moved);
            }
        }
        touched
    }

    fn sides(&self, doc: &Doc, view: &View<'_>, known: &BTreeSet<&String>) -> Sides {
        let mut base = pick(view.body(), known);
        let mut theirs = base.clone();
        apply_patch(&mut theirs, &self.operation().patch);
        let theirs = pick(&theirs, known);
        // what the chain could only propose was never in the log: nobody is in conflict with their own proposal
        let proposed = self.sent.overlay.fields.iter().filter(|(name, laid)| laid.fate == Fate::Proposed && known.contains(name));
        for (name, _) in proposed.filter(|(name, _)| doc.body.get(*name) != base.get(*name)).collect::<Vec<_>>() {
            match view.base.get(name) {
                Some(value) => base.insert(name.clone(), value.clone()),
                None => base.remove(name),
            };
        }
        Sides { base, ours: pick(&doc.body, known), theirs }
    }

    pub(super) fn wrote<'d>(&'d self, doc: &'d Doc) -> Wrote<'d> {
        let seen = match self.seen(doc) {
            Seen::At(version) => version,
            Seen::Unknown { unchanged } => unchanged,
        };
        Wrote { world: self.world, key: self.sent.key, doc, seen, overlay: self.sent.overlay }
    }

    /// Who merges: the sender of the operation, or whoever decides a group.
    pub(in crate::push) fn context<'c>(&'c self, ours: &'c dyn Provenance, document: &'c Object) -> Context<'c> {
        let mut context = Context::with_hint(self.operation().hint);
        context.mode = self.world.settings.mode();
        context.sender = self.world.people.sender.map(|actor| Writer { actor: Some(actor), stamp: self.sent.stamp });
        context.settings = &self.world.settings.values;
        context.ours = ours;
        context.document = Some(document);
        context
    }

    /// Everybody is an owner, and nobody wrote anything.
    pub(super) fn context_of_nobody(&self) -> Context<'_> {
        Context::with_hint(self.operation().hint)
    }

    /// What a merge leaves beside the document.
    pub(super) fn left_by(&self, outcome: &Outcome, (base, theirs): (&Object, &Object)) -> Beside {
        let proposed = self.proposed(outcome, base, theirs);
        Beside { proposed, ..self.beside_of(outcome, base) }
    }

    pub(super) fn beside_of(&self, outcome: &Outcome, base: &Object) -> Beside {
        // what was there for its sender to see, and is set once, is as little theirs to write as what the server makes
        let is_set = |path: &str| merge_engine::get(base, path, &self.rules.policy).is_some();
        let refused = outcome.decisions.iter().filter(|decision| match decision.reason {
            Reason::ServerOnly => true,
            Reason::SetOnce => decision.strategy == "immutable" && decision.decided == Decided::Ours && is_set(&decision.path),
            _ => false,
        });
        let refused = refused.map(|decision| decision.path.clone()).collect();
        Beside { proposed: Vec::new(), notes: outcome.notes.clone(), decisions: outcome.decisions.clone(), refused }
    }

    /// The proposals of a merge, those with the same owners together: whoever may decide one may decide all of it.
    fn proposed(&self, outcome: &Outcome, base: &Object, theirs: &Object) -> Vec<Proposed> {
        let mut by_owners: Vec<Vec<Proposal>> = Vec::new();
        for proposal in &outcome.proposals {
            let alike = |other: &Proposal| other.owners == proposal.owners && self.are_read_alike(&other.path, &proposal.path);
            match by_owners.iter_mut().find(|others| others.first().is_some_and(alike)) {
                Some(others) => others.push(proposal.clone()),
                None => by_owners.push(vec![proposal.clone()]),
            }
        }
        by_owners.into_iter().map(|places| self.proposed_at(places, outcome, (base, theirs))).collect()
    }

    /// Whether two places are read by the same people: what is proposed for them is told to the same.
    fn are_read_alike(&self, one: &str, other: &str) -> bool {
        let Some(collection) = self.world.schema.collection(self.sent.key.collection()) else { return true };
        let readers = |path: &str| top_of(path).map(|name| collection.readers(&name));
        readers(one) == readers(other)
    }

    /// Whole members, and what goes with them, are as their sender saw them and would have them. Of others only the
    /// places are theirs to propose: the rest is what came of it.
    fn proposed_at(&self, places: Vec<Proposal>, outcome: &Outcome, (base, theirs): (&Object, &Object)) -> Proposed {
        let policy = &self.rules.policy;
        let (whole, inside): (Vec<&Proposal>, Vec<&Proposal>) = places.iter().partition(|place| is_member(&place.path));
        let whole = with_groups(whole.into_iter().filter_map(|place| top_of(&place.path)).collect(), policy);
        let names: BTreeSet<&String> = whole.iter().collect();
        let (mut base, mut patch) = (pick(base, &names), pick(theirs, &names));
        for place in inside {
            let name = top_of(&place.path).filter(|name| !whole.contains(name)).unwrap_or_default();
            if let Some(live) = outcome.merged.get(&name) {
                base.entry(name.clone()).or_insert_with(|| live.clone());
                patch.entry(name).or_insert_with(|| live.clone());
            }
            put_at(&mut base, &place.path, place.base.as_ref(), policy);
            put_at(&mut patch, &place.path, place.theirs.as_ref(), policy);
        }
        let removed = base.keys().filter(|name| !patch.contains_key(*name)).cloned().collect();
        let owners = places.first().map(|place| place.owners.clone()).unwrap_or_default();
        Proposed { places, base, patch, removed, owners }
    }

    fn read_only(refused: &[String]) -> Problem {
        let names: Vec<String> = refused.iter().filter_map(|path| top_of(path)).collect();
        let detail = format!("{} can't be written by a device; the payload is kept. Leave it out.", names.join(", "));
        let place = names.first().map(|name| pointer(&["patch", name])).unwrap_or_default();
        Problem::new(Code::ReadOnly, detail).at(place)
    }

    /// Where it is not known what the sender saw, somebody is asked, but for what devices do not write anyway.
    fn guesses(&self, doc: &Doc, own: &Object, unknown: &BTreeSet<&String>, beside: &mut Beside) -> Vec<Dispute> {
        let guesses = unknown.iter().filter_map(|name| self.unknown_base(doc, own, name));
        if unknown.is_empty() || !self.rules.policy.declares_strategies() {
            return guesses.collect();
        }
        let (live, theirs) = (pick(&doc.body, unknown), pick(own, unknown));
        let refused = self.beside_of(&merge_objects(&live, &live, &theirs, &self.rules.policy, &self.context_of_nobody()), &live).refused;
        let guesses = guesses.filter(|dispute| !refused.contains(&dispute.path)).collect();
        beside.refused.extend(refused);
        guesses
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
}

/// A body with the merged values of some members, absent ones taken away.
pub(in crate::push) fn with_members(body: &Object, names: &BTreeSet<&String>, mut merged: Object) -> Object {
    let mut body = body.clone();
    for name in names {
        match merged.remove(*name) {
            Some(value) => body.insert((*name).clone(), value),
            None => body.remove(*name),
        };
    }
    body
}
