//! The form of a JSON text: what its author decided once for all of it.

use super::tree::{Child, Container, Kind, Node, Tree};
use super::write;

/// The form of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// One step of indentation; `None`: everything stands on one line.
    pub(crate) indent: Option<String>,
    /// What stands between a member's name and its value.
    pub(crate) colon: String,
    /// What stands behind a comma within a line.
    pub(crate) gap: String,
    /// Characters beyond ASCII are escaped.
    pub(crate) ascii: bool,
    /// Slashes are escaped.
    pub(crate) slashes: bool,
}

impl Form {
    /// The form of a text.
    pub(crate) fn of(tree: &Tree<'_>) -> Self {
        let text = tree.root.text;
        let indent = find(&tree.root, "", &|node, within| {
            let (_, own) = node.child(0)?.before.rsplit_once('\n')?;
            Some(own.strip_prefix(within).unwrap_or(own).to_owned())
        });
        let colon = find(&tree.root, "", &|node, _| match &node.kind {
            Kind::Object(members) => members.children.first().map(|member| colon_of(member).to_owned()),
            _ => None,
        });
        let gap = find(&tree.root, "", &|node, _| node.child(1).map(|child| child.before.to_owned()).filter(|gap| !gap.contains('\n')));
        let colon = colon.unwrap_or_else(|| ": ".to_owned());
        let gap = gap.unwrap_or_else(|| if indent.is_none() && colon == ":" { String::new() } else { " ".to_owned() });
        Self { indent, colon, gap, ascii: text.is_ascii() && has_wide_escape(text), slashes: text.contains("\\/") }
    }

    /// The form of a merged text: where one side alone changed something of it, what it changed it to; else as in ours.
    pub(crate) fn merged(base: Option<&Self>, ours: &Self, theirs: &Self) -> Self {
        Self {
            indent: either(base.map(|base| &base.indent), &ours.indent, &theirs.indent).clone(),
            colon: either(base.map(|base| &base.colon), &ours.colon, &theirs.colon).clone(),
            gap: either(base.map(|base| &base.gap), &ours.gap, &theirs.gap).clone(),
            ascii: *either(base.map(|base| &base.ascii), &ours.ascii, &theirs.ascii),
            slashes: *either(base.map(|base| &base.slashes), &ours.slashes, &theirs.slashes),
        }
    }

    /// A text of this form in another one.
    pub(crate) fn restyle(&self, text: &str, tree: &Tree<'_>, to: &Self) -> String {
        match (&self.indent, &to.indent) {
            (Some(from), Some(to)) if from == to => text.to_owned(),
            (None, None) if (&self.colon, &self.gap) == (&to.colon, &to.gap) => text.to_owned(),
            (Some(from), Some(to)) if !from.is_empty() && !to.is_empty() => reindent(text, from, to),
            _ => format!("{}{}{}", tree.before, write::node(&tree.root, to, ""), tree.after),
        }
    }
}

/// Theirs, where ours is as the base was; else ours.
pub(crate) fn either<'a, T: PartialEq + ?Sized>(base: Option<&T>, ours: &'a T, theirs: &'a T) -> &'a T {
    if base == Some(ours) { theirs } else { ours }
}

/// The indentation of the line in which a child stands, within a container in a line with the indentation `within`.
pub(crate) fn indentation<'a>(before: &'a str, within: &'a str) -> &'a str {
    before.rsplit_once('\n').map_or(within, |(_, own)| own)
}

/// What stands between a member's name and its value.
fn colon_of<'t>(member: &Child<'t>) -> &'t str {
    let name = member.head.rfind('"').map_or(0, |quote| quote + 1);
    member.head.get(name..).unwrap_or_default()
}

/// The first answer of a container, from the outside in.
fn find(node: &Node<'_>, within: &str, answer: &impl Fn(&Node<'_>, &str) -> Option<String>) -> Option<String> {
    let Container { children, .. } = node.container()?;
    answer(node, within).or_else(|| children.iter().find_map(|child| find(&child.node, indentation(child.before, within), answer)))
}

/// The text with another step of indentation. A string has no line breaks, so that every line begins between values.
fn reindent(text: &str, from: &str, to: &str) -> String {
    let line = |line: &str| {
        let mut rest = line;
        let mut steps = 0;
        while let Some(shorter) = rest.strip_prefix(from) {
            (rest, steps) = (shorter, steps + 1);
        }
        to.repeat(steps) + rest
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Whether a character beyond ASCII is escaped.
fn has_wide_escape(text: &str) -> bool {
    text.split("\\u")
        .skip(1)
        .any(|rest| rest.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).is_some_and(|code| code > 0x7f))
}
