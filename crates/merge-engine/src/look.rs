//! What counts where nothing is declared: what the values look like.

use serde_json::Value;
use sync_core::schema::strategy::Overlap;

use crate::merger::{Merger, Pick, Sides};
use crate::outcome::Reason;
use crate::{array, text};

/// A string of at least so many characters is text, which merges by words.
const TEXT_FROM: usize = 40;

/// Merges a value that both sides changed differently.
pub(crate) fn both_changed<'a>(merger: &mut Merger<'a>, sides: Sides<'a>) -> Pick {
    if let Some(objects) = sides.objects() {
        return merger.members(objects, &[]);
    }
    if let Some(arrays) = sides.arrays() {
        return array::merge(merger, sides, arrays);
    }
    if sides.ours.is_none() || sides.theirs.is_none() {
        return merger.ask_or_assist(sides, Reason::DeletedAndEdited);
    }
    if let (Some(_), Some([base, ours, theirs])) = (sides.base, sides.strings())
        && is_text(base, ours, theirs)
    {
        return text::merge(merger, sides, [base, ours, theirs], Overlap::Ask, true);
    }
    merger.ask_or_assist(sides, Reason::BothChanged)
}

fn is_text(base: &str, ours: &str, theirs: &str) -> bool {
    [base, ours, theirs].iter().all(|text| text.len() >= TEXT_FROM && text.contains(char::is_whitespace))
}

/// The name of what a value merges by, where nothing is declared.
pub(crate) fn name(sides: Sides<'_>, policy: &crate::Policy) -> &'static str {
    if sides.there().next().is_none() {
        return "ask";
    }
    if sides.there().all(Value::is_object) {
        return "object";
    }
    if sides.there().all(Value::is_array) {
        return array::name(sides, policy);
    }
    match sides.strings() {
        Some([base, ours, theirs]) if sides.base.is_some() && is_text(base, ours, theirs) => "text",
        _ => "ask",
    }
}
