//! Counters.

use serde_json::{Number, Value};

use super::gone_or_changed;
use crate::merger::{Merger, Pick, Sides};
use crate::outcome::{Decided, Reason};

/// Adds both sides' differences; an absent base counts from 0. What is no number, or would be out of range, is asked.
pub(super) fn counter(merger: &mut Merger<'_>, sides: Sides<'_>) -> Pick {
    let zero = Number::from(0);
    let sum = || {
        let base = sides.base.map_or(Some(&zero), number)?;
        sum(base, number(sides.ours?)?, number(sides.theirs?)?)
    };
    match sum() {
        Some(sum) => {
            merger.decided("counter", Decided::Merged, Reason::Added);
            Pick::Made(Value::Number(sum))
        }
        None => merger.ask(sides, "counter", gone_or_changed(sides)),
    }
}

fn number(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

fn sum(base: &Number, ours: &Number, theirs: &Number) -> Option<Number> {
    if let (Some(base), Some(ours), Some(theirs)) = (base.as_i64(), ours.as_i64(), theirs.as_i64()) {
        return ours.checked_add(theirs.checked_sub(base)?).map(Number::from);
    }
    Number::from_f64(ours.as_f64()? + (theirs.as_f64()? - base.as_f64()?))
}
