//! Fields that make sense only together.

use std::borrow::Cow;

use serde_json::Value;
use sync_core::json::{Object, pointer};
use sync_core::schema::Group;

use super::decide as decide_one;
use crate::merger::{Merger, Pick, Sides};
use crate::outcome::{Decided, Reason};
use crate::same::same_side;

/// Decides the groups of a document. Each one is decided as one value; what is left (questions, proposals, notes) names its
/// fields.
pub(crate) fn decide<'a>(merger: &mut Merger<'a>, documents: [&'a Object; 3]) -> Vec<(&'a str, Pick)> {
    let groups: Vec<&'a Group> = merger.policy.collection.groups.values().collect();
    groups.into_iter().flat_map(|group| decide_group(merger, group, documents)).collect()
}

fn decide_group<'a>(merger: &mut Merger<'a>, group: &'a Group, documents: [&'a Object; 3]) -> Vec<(&'a str, Pick)> {
    let sides_of = |name: &str| {
        let [base, ours, theirs] = documents.map(|document| document.get(name));
        Sides { base, ours, theirs }
    };
    let there: Vec<&'a str> = group.fields.iter().map(String::as_str).filter(|name| sides_of(name).there().next().is_some()).collect();
    let theirs_changed = there.iter().any(|name| !same_side(sides_of(name).base, sides_of(name).theirs));
    let apart: Vec<&'a str> = there.iter().copied().filter(|name| !same_side(sides_of(name).ours, sides_of(name).theirs)).collect();
    if !theirs_changed || apart.is_empty() {
        return there.into_iter().map(|name| (name, Pick::Ours)).collect();
    }
    let wholes = documents.map(|document| whole(document, &there));
    let [base, ours, theirs] = &wholes;
    let mut inner = Merger::new(merger.policy, merger.context);
    inner.document = merger.document;
    // whoever wrote the first of the fields that part the sides wrote the whole
    inner.path.push(Cow::Borrowed(apart.first().copied().unwrap_or_default()));
    let pick = decide_one(&mut inner, &group.strategy, Sides::of(base, ours, theirs));
    for name in &apart {
        tell(merger, &inner, name, sides_of(name));
    }
    let takes_theirs = matches!(pick, Pick::Theirs);
    let of = |name: &'a str| match (takes_theirs, sides_of(name).theirs) {
        (false, _) => Pick::Ours,
        (true, Some(_)) => Pick::Theirs,
        (true, None) => Pick::Gone,
    };
    there.into_iter().map(|name| (name, of(name))).collect()
}

fn whole(document: &Object, names: &[&str]) -> Value {
    Value::Object(names.iter().filter_map(|name| Some(((*name).to_owned(), document.get(*name)?.clone()))).collect())
}

/// What the decision about the whole leaves, for one of its fields.
fn tell(merger: &mut Merger<'_>, inner: &Merger<'_>, name: &str, sides: Sides<'_>) {
    let path = pointer(&[name]);
    let left = &mut merger.left;
    for dispute in &inner.left.disputes {
        let (base, ours, theirs) = (sides.base.cloned(), sides.ours.cloned(), sides.theirs.cloned());
        left.disputes.push(crate::Dispute { path: path.clone(), base, ours, theirs, reason: Reason::Together, ..dispute.clone() });
    }
    for proposal in &inner.left.proposals {
        let (base, ours, theirs) = (sides.base.cloned(), sides.ours.cloned(), sides.theirs.cloned());
        left.proposals.push(crate::Proposal { path: path.clone(), base, ours, theirs, ..proposal.clone() });
    }
    for note in &inner.left.notes {
        let outvoted = if note.side == crate::SuggestedSide::Ours { sides.ours } else { sides.theirs };
        left.notes.push(crate::Note { path: path.clone(), outvoted: outvoted.cloned(), ..note.clone() });
    }
    for decision in &inner.left.decisions {
        let reason = if decision.decided == Decided::Conflict { Reason::Together } else { decision.reason };
        left.decisions.push(crate::Decision { path: path.clone(), reason, ..decision.clone() });
    }
}
