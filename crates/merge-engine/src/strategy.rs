//! One decision for each strategy that a schema declares.

pub(crate) mod group;
mod list;
mod number;
mod owner;
mod ranked;

use sync_core::json::pointer_tokens;
use sync_core::schema::strategy::{Strategy, When};

use crate::merger::{Merger, Pick, Sides, one_sided};
use crate::outcome::{Reason, SuggestedSide};
use crate::same::same;
use crate::{array, text};

/// Merges a place by its declared strategy.
pub(crate) fn decide<'a>(merger: &mut Merger<'a>, strategy: &'a Strategy, sides: Sides<'a>) -> Pick {
    match strategy {
        Strategy::When(when) => {
            let strategy = if holds(merger, when) { &when.then } else { &when.otherwise };
            return decide(merger, strategy, sides);
        }
        Strategy::Object => return merger.value(sides),
        Strategy::Authority(_)
        | Strategy::SafeSet(..)
        | Strategy::First(_)
        | Strategy::Immutable
        | Strategy::Server
        | Strategy::Safer(_)
        | Strategy::Append(_) => {}
        _ => {
            let goes_inside =
                matches!(strategy, Strategy::List(_) | Strategy::Set(_)) && sides.base.is_some() && merger.declares_inside(sides);
            if let Some(pick) = one_sided(sides).filter(|pick| *pick != Pick::Theirs || !goes_inside) {
                return pick;
            }
        }
    }
    match strategy {
        Strategy::Authority(terms) => owner::authority(merger, strategy, terms, sides),
        Strategy::SafeSet(key, owners) => list::safe_set(merger, strategy, (key, owners), sides),
        Strategy::First(correctors) => owner::first(merger, correctors, sides),
        Strategy::Immutable => owner::once(merger, sides),
        Strategy::Server => owner::server(merger, sides),
        Strategy::Safer(order) => ranked::safer(merger, order, sides),
        Strategy::Lattice(order) => ranked::lattice(merger, order, sides),
        Strategy::Min => ranked::extreme(merger, sides, false),
        Strategy::Max => ranked::extreme(merger, sides, true),
        Strategy::Counter => number::counter(merger, sides),
        Strategy::Lww | Strategy::Order => newest(merger, strategy.name(), sides),
        Strategy::Text(overlap) => match sides.strings() {
            Some(texts) => text::merge(merger, sides, texts, *overlap, false),
            None => merger.ask(sides, "text", gone_or_changed(sides)),
        },
        Strategy::Set(key) => list::set(merger, key, sides),
        Strategy::List(key) => list::list(merger, key, sides),
        Strategy::Append(terms) => list::append(merger, terms, sides),
        Strategy::Sequence => match sides.arrays() {
            Some(arrays) => array::sequence(merger, sides, arrays),
            None => merger.ask(sides, "sequence", gone_or_changed(sides)),
        },
        Strategy::Opaque => merger.ask(sides, "opaque", Reason::Encrypted),
        _ => merger.ask(sides, strategy.name(), gone_or_changed(sides)),
    }
}

/// Whether the condition holds in the live document.
fn holds(merger: &Merger<'_>, when: &When) -> bool {
    let Some(document) = merger.document else { return false };
    let tokens = pointer_tokens(&when.field).unwrap_or_default();
    let Some((first, rest)) = tokens.split_first() else { return false };
    let found = rest.iter().try_fold(document.get(first), |here, token| Some(here?.get(token)));
    found.flatten().is_some_and(|value| when.is.iter().any(|one| same(one, value)))
}

pub(crate) fn gone_or_changed(sides: Sides<'_>) -> Reason {
    if sides.ours.is_none() || sides.theirs.is_none() { Reason::DeletedAndEdited } else { Reason::BothChanged }
}

/// The newer edit by the corrected hybrid clock (Kulkarni et al., 2014). Where it is not known when *ours* was written, the
/// sender's comes later.
pub(crate) fn newest(merger: &mut Merger<'_>, strategy: &str, sides: Sides<'_>) -> Pick {
    if is_theirs_newer(merger) {
        let pick = merger.take(sides, SuggestedSide::Theirs, strategy, Reason::Newest);
        return if sides.theirs.is_some() { pick } else { Pick::Gone };
    }
    merger.take(sides, SuggestedSide::Ours, strategy, Reason::Newest)
}

pub(crate) fn is_theirs_newer(merger: &Merger<'_>) -> bool {
    match (merger.context.sender, merger.context.ours.writer(merger.top())) {
        (Some(sender), Some(ours)) => sender.stamp > ours.stamp,
        _ => true,
    }
}

/// Takes the side whose value a comparison prefers.
pub(crate) fn take_value(merger: &mut Merger<'_>, sides: Sides<'_>, theirs: bool, (strategy, reason): (&str, Reason)) -> Pick {
    let side = if theirs { SuggestedSide::Theirs } else { SuggestedSide::Ours };
    match merger.take(sides, side, strategy, reason) {
        Pick::Theirs if sides.theirs.is_none() => Pick::Gone,
        pick => pick,
    }
}
