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
    // whoever wrote any of the fields last wrote the whole
    let written = |name: &&'a str| Some((merger.context.ours.writer(name)?.stamp, *name));
    let last = there.iter().filter_map(written).max_by_key(|(stamp, _)| *stamp).map(|(_, name)| name);
    inner.path.push(Cow::Borrowed(last.or(apart.first().copied()).unwrap_or_default()));
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sync_core::{Role, Schema, Stamp, UserId};

    use crate::{Actor, Context, Policy, Provenance, Writer, merge};

    const ANA: &str = "0197f6a2-0000-7000-8000-000000000001";
    const BO: &str = "0197f6a2-0000-7000-8000-000000000002";

    fn writer(person: &str, at_ms: i64) -> Writer {
        let actor = Actor { user_id: person.parse::<UserId>().unwrap(), role: Role::Coordinator };
        Writer { actor: Some(actor), stamp: Stamp(at_ms, 0, person.parse().unwrap()) }
    }

    /// Ana turned the table long after somebody had put it there.
    struct Turned;

    impl Provenance for Turned {
        fn writer(&self, member: &str) -> Option<Writer> {
            Some(if member == "rotation" { writer(ANA, 3_000) } else { writer(BO, 1_000) })
        }

        fn rewritten(&self, member: &str) -> bool {
            member == "rotation"
        }
    }

    #[test]
    fn a_whole_is_as_new_as_its_newest_part() {
        let policy = Policy::of(&Schema::built_in("wedding@2").unwrap(), "tables");
        let [base, turned, moved] = [(4, 0), (4, 90), (6, 0)].map(|(x, rotation)| json!({"x": x, "y": 7, "rotation": rotation}));
        for (moved_at_ms, stands) in [(2_000, &turned), (4_000, &moved)] {
            let context = Context { sender: Some(writer(BO, moved_at_ms)), ours: &Turned, ..Context::default() };
            let outcome = merge(Some(&base), &turned, &moved, &policy, &context);
            assert_eq!((outcome.merged, outcome.disputes.len()), (stands.clone(), 0), "moved at {moved_at_ms}");
        }
    }
}
