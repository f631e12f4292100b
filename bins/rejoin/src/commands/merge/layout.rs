//! A merged value as its authors would have written it: everything that one of the sides has is taken from there as it
//! stands, members in the order of ours (of theirs, where only theirs moved some), what theirs added behind its neighbour.
//! Of a place that is disputed there are three readings, which [`Pieces`] keeps side by side.

mod join;
mod order;
mod pieces;
mod sides;
mod slots;
mod spacing;

use std::collections::BTreeMap;

use merge_engine::{Dispute, Policy};
use serde_json::Value;
use sync_core::json::pointer_tokens;

use super::document::form::{Form, either, indentation};
use super::document::tree::Tree;
use super::document::write;
use join::{Part, join};
use merge_engine::same;
pub(super) use pieces::{Pieces, base_of_marked};
use sides::{BASE, OURS, Sides, THEIRS};
use slots::Slot;
use spacing::Spacing;

/// What a layout is made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    /// The form of the text.
    pub(super) form: &'a Form,
    /// How items are known.
    pub(super) policy: &'a Policy,
}

/// The disputes at a place and below it.
#[derive(Debug, Default)]
struct Open<'a> {
    /// The tokens that lead here.
    path: Vec<String>,
    here: Option<&'a Dispute>,
    below: BTreeMap<String, Open<'a>>,
}

static SETTLED: Open<'static> = Open { path: Vec::new(), here: None, below: BTreeMap::new() };

/// What a place looks like.
enum Shape {
    /// It is there in every reading.
    There(Pieces),
    /// Its text in each of the readings; `None`: absent.
    Apart([Option<String>; 3]),
}

/// Where a value is laid out.
#[derive(Clone, Copy)]
struct At<'i> {
    /// The indentation of the line that it begins in.
    indent: &'i str,
    /// Whether it is an item, or in one: then it is not certain that the sides are about the same item.
    in_list: bool,
}

impl<'a> Open<'a> {
    fn of(disputes: &'a [Dispute]) -> Self {
        let mut root = Self::default();
        for dispute in disputes {
            let mut open = &mut root;
            for token in pointer_tokens(&dispute.path).unwrap_or_default() {
                let path = [open.path.as_slice(), std::slice::from_ref(&token)].concat();
                open = open.below.entry(token).or_insert_with(|| Self { path, ..Self::default() });
            }
            open.here.get_or_insert(dispute);
        }
        root
    }

    fn at(&self, name: &str) -> &Self {
        self.below.get(name).unwrap_or(&SETTLED)
    }
}

impl Layout<'_> {
    /// The text of a merged value, from the texts of ours, base and theirs, all in the layout's form.
    pub(super) fn of(self, merged: &Value, disputes: &[Dispute], ours: &Tree<'_>, base: Option<&Tree<'_>>, theirs: &Tree<'_>) -> Pieces {
        let sides = Sides::of(ours, base, theirs);
        let open = Open::of(disputes);
        let shape = self.shape(Some(merged), sides, &open, At { indent: "", in_list: false });
        let mut pieces = Pieces::default();
        pieces.same(either(base.map(|base| base.before), ours.before, theirs.before));
        match shape.unwrap_or_else(|| sides.whole()) {
            Shape::There(inner) => pieces.append(inner),
            Shape::Apart(texts) => pieces.apart(texts.map(Option::unwrap_or_default)),
        }
        pieces.same(either(base.map(|base| base.after), ours.after, theirs.after));
        pieces
    }

    /// What a place looks like; `None` where what is disputed is not found there.
    fn shape(self, merged: Option<&Value>, sides: Sides<'_>, open: &Open<'_>, at: At<'_>) -> Option<Shape> {
        if let Some(dispute) = open.here {
            return self.disputed(dispute, merged, sides, at);
        }
        if open.below.is_empty() {
            return Some(Shape::There(self.settled(merged?, sides, at)));
        }
        self.container(merged?, sides, open, at).map(Shape::There)
    }

    fn settled(self, merged: &Value, sides: Sides<'_>, at: At<'_>) -> Pieces {
        let pieces = sides.verbatim(merged, at.indent).map(Pieces::from);
        let pieces = pieces.or_else(|| self.container(merged, sides, &SETTLED, at));
        pieces.unwrap_or_else(|| write::value(merged, self.form, at.indent).into())
    }

    fn disputed(self, dispute: &Dispute, merged: Option<&Value>, sides: Sides<'_>, at: At<'_>) -> Option<Shape> {
        let readings = [&dispute.ours, &dispute.base, &dispute.theirs].map(Option::as_ref);
        let is_live = match (merged, readings[OURS]) {
            (Some(merged), Some(ours)) => same(merged, ours),
            (merged, ours) => merged.is_none() && ours.is_none(),
        };
        if !is_live && !sides.hold(readings) {
            return None;
        }
        let text = |side: usize, value: Option<&Value>| {
            let own = sides.only(side).verbatim(value?, at.indent);
            own.or_else(|| Some(self.settled(value?, sides, at).reading(OURS)))
        };
        let [ours, base, theirs] = readings;
        Some(Shape::Apart([text(OURS, ours), text(BASE, base), text(THEIRS, theirs)]))
    }

    /// An object or an array that no side has as it is.
    fn container(self, merged: &Value, sides: Sides<'_>, open: &Open<'_>, at: At<'_>) -> Option<Pieces> {
        let sides = sides.of_kind(merged);
        let spacing = Spacing::of(sides, self.form, at.indent)?;
        let (slots, brackets) = match merged {
            Value::Object(members) => (slots::of_object(members, sides, open), ["{", "}"]),
            Value::Array(items) => (slots::of_array(items, sides, open, self.policy)?, ["[", "]"]),
            _ => return None,
        };
        let in_list = at.in_list || merged.is_array();
        let mut parts = Vec::with_capacity(slots.len());
        for (index, slot) in slots.iter().enumerate() {
            let before = spacing.before(index, slot.dress);
            let inner = At { indent: indentation(&before, at.indent), in_list };
            let shape = match self.shape(slot.value, slot.sides, slot.open, inner) {
                None if in_list => return None,
                shape => shape.unwrap_or_else(|| slot.sides.whole()),
            };
            let (head, after) = (self.head(slot, merged), spacing.after(slot.dress));
            parts.push(Part { before, head, shape, after });
        }
        Some(join(parts, spacing.tail(), brackets))
    }

    /// What stands before the value of a member.
    fn head(self, slot: &Slot<'_>, merged: &Value) -> String {
        match slot.dress {
            Some(dress) => dress.child.head.to_owned(),
            None if merged.is_object() => write::value(&Value::from(slot.name), self.form, "") + &self.form.colon,
            None => String::new(),
        }
    }
}
