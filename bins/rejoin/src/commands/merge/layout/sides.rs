//! A place in the texts of the three sides.

use serde_json::Value;

use super::Shape;
use crate::commands::merge::document::form::indentation;
use crate::commands::merge::document::tree::{Container, Kind, Node, Tree};
use merge_engine::same;

/// The sides, and the readings of what is disputed, in the order in which they are shown.
pub(super) const OURS: usize = 0;
pub(super) const BASE: usize = 1;
pub(super) const THEIRS: usize = 2;

/// A value and its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'v> {
    pub(super) node: &'v Node<'v>,
    pub(super) value: &'v Value,
    /// The indentation of the line in which it begins.
    indent: &'v str,
}

/// A place in the three sides; `None`: absent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sides<'v>(pub(super) [Option<Place<'v>>; 3]);

impl<'v> Place<'v> {
    fn of(tree: &'v Tree<'v>) -> Self {
        Self { node: &tree.root, value: &tree.value, indent: "" }
    }

    pub(super) fn container(self) -> Option<&'v Container<'v>> {
        self.node.container()
    }

    /// A member, or an item.
    pub(super) fn child(self, index: usize) -> Option<Self> {
        let child = self.container()?.children.get(index)?;
        let value = match self.value {
            Value::Object(members) => members.get(&child.name)?,
            Value::Array(items) => items.get(index)?,
            _ => return None,
        };
        Some(Self { node: &child.node, value, indent: indentation(child.before, self.indent) })
    }

    /// The items of an array.
    pub(super) fn items(self) -> &'v [Value] {
        self.value.as_array().map_or(&[], Vec::as_slice)
    }

    /// Its text in a line with this indentation.
    fn text(self, indent: &str) -> String {
        let (text, own) = (self.node.text, self.indent);
        if own == indent {
            return text.to_owned();
        }
        let mut lines = text.split('\n');
        let first = lines.next().unwrap_or_default().to_owned();
        lines.fold(first, |text, line| match line.strip_prefix(own) {
            Some(rest) => format!("{text}\n{indent}{rest}"),
            None => format!("{text}\n{line}"),
        })
    }
}

impl<'v> Sides<'v> {
    /// The roots of three texts.
    pub(super) fn of(ours: &'v Tree<'v>, base: Option<&'v Tree<'v>>, theirs: &'v Tree<'v>) -> Self {
        Self([Some(Place::of(ours)), base.map(Place::of), Some(Place::of(theirs))])
    }

    /// One side alone.
    pub(super) fn only(self, side: usize) -> Self {
        let mut alone = Self::default();
        if let (Some(slot), Some(place)) = (alone.0.get_mut(side), self.0.get(side)) {
            *slot = *place;
        }
        alone
    }

    /// Those that are objects, or arrays, as a value is.
    pub(super) fn of_kind(self, value: &Value) -> Self {
        let fits = |place: &Place<'_>| match place.node.kind {
            Kind::Object(_) => value.is_object(),
            Kind::Array(_) => value.is_array(),
            Kind::Scalar => false,
        };
        Self(self.0.map(|place| place.filter(fits)))
    }

    /// The text of a value that a side has, where the other one has nothing there or left it as it was, to the last space.
    /// A scalar that both wrote anew is as in ours.
    pub(super) fn verbatim(self, value: &Value, indent: &str) -> Option<String> {
        let [ours, base, theirs] = self.0;
        let text = |place: Option<Place<'v>>| place.map(|place| place.node.text);
        let is_old = |side: Option<Place<'v>>| side.is_none() || text(side) == text(base);
        let candidates = [
            ours.filter(|ours| is_old(theirs) || text(theirs) == Some(ours.node.text)),
            theirs.filter(|_| is_old(ours)),
            base.filter(|_| ours.is_none() && theirs.is_none()),
        ];
        let scalars = || [ours, theirs, base].into_iter().flatten().filter(|place| place.container().is_none());
        let mut found = candidates.into_iter().flatten().chain(scalars()).filter(|place| same(place.value, value));
        found.next().map(|place| place.text(indent))
    }

    /// Whether ours and theirs are what a dispute says of them.
    pub(super) fn hold(self, readings: [Option<&Value>; 3]) -> bool {
        [OURS, THEIRS].into_iter().all(|side| match (self.0.get(side).copied().flatten(), readings.get(side).copied().flatten()) {
            (Some(place), Some(value)) => same(place.value, value),
            (place, value) => place.is_none() && value.is_none(),
        })
    }

    /// The whole of each side, one against the other.
    pub(super) fn whole(self) -> Shape {
        Shape::Apart(self.0.map(|place| place.map(|place| place.node.text.to_owned())))
    }
}
