//! Three-way merge of structured documents: a pure function of base, ours, theirs, a policy and a context.
//!
//! *Base* is what the sender had seen, *ours* is what is live on the server, *theirs* is the base with the sender's
//! edit.

mod align;
mod array;
mod assisted;
mod context;
mod experience;
mod ids;
mod look;
mod merger;
mod order;
mod outcome;
mod path;
mod policy;
pub mod preference;
mod promises;
mod same;
mod sequence;
mod sorted;
mod strategy;
mod text;
mod version;

pub use context::{Actor, Context, Mode, NoProvenance, Provenance, Writer};
pub use experience::{Advisor, Experience, Question};
use merger::{Merger, Sides};
pub use outcome::{Decided, Decision, Dispute, Note, Outcome, Proposal, Reason, SuggestedSide};
pub use path::{get, get_in, remove, set};
pub use policy::Policy;
pub use promises::{Promises, promises};
use serde_json::Value;
use sync_core::json::Object;

/// Merges three JSON values of any kind.
#[must_use]
pub fn merge(base: Option<&Value>, ours: &Value, theirs: &Value, policy: &Policy, context: &Context<'_>) -> Outcome {
    let sides = Sides { base, ours: Some(ours), theirs: Some(theirs) };
    if let Some([base, ours, theirs]) = sides.objects() {
        return merge_objects(base, ours, theirs, policy, context);
    }
    let mut merger = Merger::new(policy, context);
    let merged = merger.value(sides).of(sides).unwrap_or_default();
    merger.finish(merged)
}

/// Merges three documents, or the same top-level members of three documents.
#[must_use]
pub fn merge_objects(base: &Object, ours: &Object, theirs: &Object, policy: &Policy, context: &Context<'_>) -> Outcome {
    let mut merger = Merger::new(policy, context);
    let merged = merger.root([base, ours, theirs]);
    merger.finish(Value::Object(merged))
}

/// The name of the strategy by which a top-level member merges where both sides changed it: base, ours and theirs, of
/// which a side that is absent has no say.
#[must_use]
pub fn strategy_of(member: &str, [base, ours, theirs]: [Option<&Value>; 3], policy: &Policy) -> &'static str {
    let in_group = policy.collection.groups.values().find(|group| group.fields.iter().any(|field| field == member));
    let declared = in_group.map(|group| &group.strategy).or_else(|| policy.strategy_at(&[member.into()]));
    declared.map_or_else(|| look::name(Sides { base, ours, theirs }, policy), sync_core::schema::Strategy::name)
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wedding;
