//! Values that somebody owns, that are set once, or that only the server writes.

use sync_core::Role;
use sync_core::json::pointer_tokens;
use sync_core::schema::strategy::{Authority, Owner, Strategy};

use super::{decide, is_theirs_newer, newest, take_value};
use crate::context::Actor;
use crate::merger::{Merger, Pick, Sides, one_sided};
use crate::outcome::{Reason, SuggestedSide};
use crate::same::same_side;

/// Whether a person is one of the owners of what is merged; somebody unknown is.
pub(super) fn owns(merger: &Merger<'_>, owners: &[Owner], actor: Option<Actor>) -> bool {
    let Some(actor) = actor else { return true };
    owners.iter().any(|owner| match owner {
        Owner::Role(role) => actor.role == *role,
        Owner::Field(path) => is_named(actor, named_in(merger, path)),
        Owner::Space(key) => is_named(actor, merger.context.settings.get(key).and_then(|value| value.as_str())),
    })
}

/// Whether a person is the one who is named; where nobody is, the lead.
fn is_named(actor: Actor, named: Option<&str>) -> bool {
    match named {
        Some(name) => uuid_of(actor) == name,
        None => actor.role == Role::Lead,
    }
}

fn uuid_of(actor: Actor) -> String {
    actor.user_id.to_string()
}

fn named_in<'m>(merger: &'m Merger<'_>, path: &str) -> Option<&'m str> {
    let tokens = pointer_tokens(path)?;
    let (first, rest) = tokens.split_first()?;
    rest.iter().try_fold(merger.document?.get(first)?, |here, token| here.get(token))?.as_str()
}

/// The owners' value counts. What others write becomes a proposal, or, with `else`, gives way to an owner's.
pub(super) fn authority<'a>(merger: &mut Merger<'a>, strategy: &'a Strategy, terms: &'a Authority, sides: Sides<'a>) -> Pick {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        return Pick::Ours;
    }
    let sender = owns(merger, &terms.owners, merger.context.sender.and_then(|writer| writer.actor));
    if !sender && terms.otherwise.is_none() {
        let owners = terms.owners.iter().map(ToString::to_string).collect();
        return merger.propose(sides, strategy, owners);
    }
    if let Some(pick) = one_sided(sides) {
        return pick;
    }
    let other = owns(merger, &terms.owners, merger.context.ours.writer(merger.top()).and_then(|writer| writer.actor));
    match (sender, other, &terms.otherwise) {
        (true, false, _) => take_value(merger, sides, true, ("authority", Reason::Owner)),
        (false, true, _) => merger.take(sides, SuggestedSide::Ours, "authority", Reason::OtherOwner),
        (false, false, Some(otherwise)) => decide(merger, otherwise, sides),
        _ if *terms.both == Strategy::Lww => newest(merger, "authority", sides),
        _ => merger.ask(sides, "authority", Reason::TwoOwners),
    }
}

/// The earliest edit counts; what is set, only some may correct.
pub(super) fn first(merger: &mut Merger<'_>, correctors: &[Owner], sides: Sides<'_>) -> Pick {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        return Pick::Ours;
    }
    let is_known = merger.context.sender.is_some_and(|writer| writer.actor.is_some());
    let corrects = is_known && owns(merger, correctors, merger.context.sender.and_then(|writer| writer.actor));
    match (sides.base, sides.ours) {
        (None, None) => Pick::Theirs,
        // both set it while it was open
        (None, Some(_)) if !corrects => {
            let theirs = merger.context.sender.is_some() && !is_theirs_newer(merger);
            take_value(merger, sides, theirs, ("first", Reason::Earliest))
        }
        _ if corrects || sides.ours.is_none() => {
            one_sided(sides).unwrap_or_else(|| take_value(merger, sides, true, ("first", Reason::Owner)))
        }
        _ => merger.take(sides, SuggestedSide::Ours, "first", Reason::SetOnce),
    }
}

/// Set once: what is there stays.
pub(super) fn once(merger: &mut Merger<'_>, sides: Sides<'_>) -> Pick {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        return Pick::Ours;
    }
    if sides.ours.is_none() && sides.base.is_none() {
        return Pick::Theirs;
    }
    merger.take(sides, SuggestedSide::Ours, "immutable", Reason::SetOnce)
}

/// What devices write does not count.
pub(super) fn server(merger: &mut Merger<'_>, sides: Sides<'_>) -> Pick {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        return Pick::Ours;
    }
    merger.take(sides, SuggestedSide::Ours, "server", Reason::ServerOnly)
}

/// Removals that the sender may only propose, of a set.
pub(super) fn propose_removals(merger: &mut Merger<'_>, strategy: &Strategy, owners: &[Owner], sides: Sides<'_>) {
    let owners = owners.iter().map(ToString::to_string).collect();
    merger.propose(sides, strategy, owners);
}

/// Whether the sender may remove from a set.
pub(super) fn may_remove(merger: &Merger<'_>, owners: &[Owner]) -> bool {
    owns(merger, owners, merger.context.sender.and_then(|writer| writer.actor))
}
