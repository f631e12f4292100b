//! What a merge decides by itself beyond the schema, in assisted mode: by rules that are nearly always right, else as
//! experience says.
//!
//! The rules, for values that nothing is declared for:
//! - of two versions, version constraints or dates the higher: who moves a dependency on in two places wants the newer one;
//! - a single value (or an array of such) that one side took away is gone, though the other edited it: it was edited along
//!   with everything like it, and taken away on purpose. A subtree is different: whoever edits inside it wants it, so that
//!   is asked;
//! - where one side only changed spaces, punctuation (but not within numbers) or letter case, the other side's words.

use std::cmp::Ordering;

use serde_json::Value;

use crate::Mode;
use crate::experience::Question;
use crate::merger::{Merger, Pick, Sides};
use crate::outcome::{Reason, SuggestedSide};
use crate::version;

/// A decision without asking; `None`: there is none.
pub(crate) fn decide(merger: &mut Merger<'_>, sides: Sides<'_>) -> Option<Pick> {
    if merger.context.mode != Mode::Assisted {
        return None;
    }
    let question = Question { path: &merger.path, base: sides.base, ours: sides.ours, theirs: sides.theirs };
    let learned = || Some((merger.context.advice?.advise(&question)?, "learned", Reason::Learned));
    let (side, strategy, reason) = by_rule(sides).or_else(learned)?;
    Some(match merger.take(sides, side, strategy, reason) {
        Pick::Theirs if sides.theirs.is_none() => Pick::Gone,
        pick => pick,
    })
}

fn by_rule(sides: Sides<'_>) -> Option<(SuggestedSide, &'static str, Reason)> {
    match (sides.ours, sides.theirs) {
        (Some(Value::String(ours)), Some(Value::String(theirs))) => {
            if let Some(order) = version::compare(ours, theirs) {
                let side = if order == Ordering::Less { SuggestedSide::Theirs } else { SuggestedSide::Ours };
                return Some((side, "max", Reason::HigherVersion));
            }
            let base = sides.base.and_then(Value::as_str);
            without_cosmetics(base?, ours, theirs)
        }
        (None, Some(edited)) if is_single(edited) => Some((SuggestedSide::Ours, "delete_wins", Reason::Removed)),
        (Some(edited), None) if is_single(edited) => Some((SuggestedSide::Theirs, "delete_wins", Reason::Removed)),
        _ => None,
    }
}

/// Whether a value holds no others that have a name or a life of their own.
fn is_single(value: &Value) -> bool {
    let is_part = |value: &Value| value.is_object() || value.is_array();
    !value.is_object() && !value.as_array().is_some_and(|items| items.iter().any(is_part))
}

/// Where one side only changed spaces, punctuation or letter case, the other's words.
fn without_cosmetics(base: &str, ours: &str, theirs: &str) -> Option<(SuggestedSide, &'static str, Reason)> {
    let (base, ours, theirs) = (plain(base), plain(ours), plain(theirs));
    let side = match (base == ours, base == theirs) {
        (true, false) => SuggestedSide::Theirs,
        (false, true) => SuggestedSide::Ours,
        _ => return None,
    };
    Some((side, "text", Reason::Cosmetic))
}

/// A text without what is cosmetic. What stands between digits is not: 1.5 is not 15.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let in_number = before.is_ascii_digit() && letters.peek().is_some_and(char::is_ascii_digit);
        let cosmetic = letter.is_whitespace() || letter.is_ascii_punctuation() && !in_number;
        if !cosmetic {
            plain.extend(letter.to_lowercase());
        }
        before = letter;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cosmetic_gives_way() {
        let side = |base, ours, theirs| without_cosmetics(base, ours, theirs).map(|(side, _, _)| side);
        assert_eq!(side("Water Pump/Screw", "Water Pump / Screw", "Water device"), Some(SuggestedSide::Theirs));
        assert_eq!(side("at four", "at five", "At four."), Some(SuggestedSide::Ours));
        assert_eq!(side("1.5 l", "15 l", "2 l"), None);
        assert_eq!(side("yes", "yes \u{2714}", "no"), None);
        assert_eq!(side("a", "A", "a."), None);
    }
}
