//! The space between the parts of a container, as the sides have it.

use super::sides::{BASE, OURS, Sides, THEIRS};
use super::slots::Dress;
use crate::commands::merge::document::form::Form;
use crate::commands::merge::document::tree::Container;

/// The space of a container.
#[derive(Debug)]
pub(super) struct Spacing<'v> {
    first: String,
    rest: String,
    after: &'v str,
    tail: String,
}

impl<'v> Spacing<'v> {
    /// That of the first side that has any parts; a new one, in a line with this indentation, where no side has. `None`
    /// where there is no side.
    pub(super) fn of(sides: Sides<'v>, form: &Form, indent: &str) -> Option<Self> {
        let [ours, base, theirs] = [OURS, BASE, THEIRS].map(|side| sides.0.get(side).copied().flatten()?.container());
        let there = || [ours, theirs, base].into_iter().flatten();
        there().next()?;
        let Some(style) = there().find(|container| !container.children.is_empty()) else { return Some(Self::new(form, indent)) };
        let first = before(style, 0).unwrap_or_default();
        let by_lines = first.contains('\n');
        let others = || there().filter_map(|container| before(container, 1)).find(|rest| rest.contains('\n') == by_lines);
        let rest = before(style, 1).or_else(others);
        let own_line = || first.rsplit_once('\n').map_or_else(|| form.gap.clone(), |(_, indent)| format!("\n{indent}"));
        Some(Self {
            first: first.to_owned(),
            rest: rest.map_or_else(own_line, str::to_owned),
            after: style.children.first().map_or("", |child| child.after),
            tail: style.tail.to_owned(),
        })
    }

    fn new(form: &Form, indent: &str) -> Self {
        let line = form.indent.as_ref().map(|step| format!("\n{indent}{step}"));
        let by_lines = line.is_some();
        let tail = if by_lines { format!("\n{indent}") } else { String::new() };
        Self { first: line.clone().unwrap_or_default(), rest: line.unwrap_or_else(|| form.gap.clone()), after: "", tail }
    }

    /// What stands before a part.
    pub(super) fn before(&self, index: usize, dress: Option<Dress<'_>>) -> String {
        let usual = if index == 0 { &self.first } else { &self.rest };
        let Some(dress) = dress.filter(|dress| dress.is_first == (index == 0)) else { return usual.clone() };
        let own = dress.child.before;
        match (own.rsplit_once('\n'), usual.rsplit_once('\n')) {
            _ if dress.is_of_lead => own.to_owned(),
            (Some((lines, _)), Some((_, indent))) => format!("{lines}\n{indent}"),
            (None, None) => own.to_owned(),
            _ => usual.clone(),
        }
    }

    /// What stands between a part and the comma behind it.
    pub(super) fn after(&self, dress: Option<Dress<'_>>) -> String {
        let own = dress.filter(|dress| !dress.is_last);
        let own = own.filter(|dress| dress.is_of_lead || dress.child.after.contains('\n') == self.after.contains('\n'));
        own.map_or(self.after, |dress| dress.child.after).to_owned()
    }

    /// What stands before the closing bracket.
    pub(super) fn tail(&self) -> &str {
        &self.tail
    }
}

fn before<'v>(container: &Container<'v>, index: usize) -> Option<&'v str> {
    container.children.get(index).map(|child| child.before)
}
