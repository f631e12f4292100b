//! Values in an order: declared, or their own.

use std::cmp::Ordering;

use serde_json::Value;

use super::{gone_or_changed, take_value};
use crate::merger::{Merger, Pick, Sides, one_sided};
use crate::outcome::Reason;
use crate::same::{same, same_side};

/// Of two states in a declared order the higher, where both sides changed it.
pub(super) fn lattice(merger: &mut Merger<'_>, order: &[Value], sides: Sides<'_>) -> Pick {
    by_rank(merger, order, sides, ("lattice", Reason::Higher))
}

/// Of two values the more protective one, where both sides changed it, or one changed it and the other set it anew.
pub(super) fn safer(merger: &mut Merger<'_>, order: &[Value], sides: Sides<'_>) -> Pick {
    let set_anew = same_side(sides.base, sides.ours) && !same_side(sides.base, sides.theirs) && merger.context.ours.rewritten(merger.top());
    match one_sided(sides) {
        Some(pick) if !set_anew => pick,
        _ => by_rank(merger, order, sides, ("safer", Reason::Safer)),
    }
}

fn by_rank(merger: &mut Merger<'_>, order: &[Value], sides: Sides<'_>, (strategy, reason): (&str, Reason)) -> Pick {
    // what was taken away ranks below everything
    let rank = |side: Option<&Value>| match side {
        None => Some(0),
        Some(value) => order.iter().position(|one| same(one, value)).map(|place| place.saturating_add(1)),
    };
    match (rank(sides.ours), rank(sides.theirs)) {
        (Some(ours), Some(theirs)) => take_value(merger, sides, theirs > ours, (strategy, reason)),
        _ => merger.ask(sides, strategy, Reason::NotComparable),
    }
}

/// The larger (or smaller) of two values that both sides changed: numbers, or texts such as dates and times.
pub(super) fn extreme(merger: &mut Merger<'_>, sides: Sides<'_>, max: bool) -> Pick {
    let (strategy, reason) = if max { ("max", Reason::Higher) } else { ("min", Reason::Lower) };
    let theirs = match (sides.ours, sides.theirs) {
        (Some(ours), Some(theirs)) => match compare(ours, theirs) {
            Some(order) => (order == Ordering::Less) == max,
            None => return merger.ask(sides, strategy, Reason::NotComparable),
        },
        _ => return merger.ask(sides, strategy, gone_or_changed(sides)),
    };
    take_value(merger, sides, theirs, (strategy, reason))
}

fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}
