//! Three-way merge of structured documents: a pure function of base, ours, theirs, a policy and a context.
//!
//! *Base* is what the sender had seen, *ours* is what is live on the server, *theirs* is the base with the sender's
//! edit.

mod context;
mod list;
mod outcome;
mod path;
mod policy;
mod value;

pub use context::{Actor, Context, Mode, NoProvenance, Provenance, Writer};
pub use outcome::{Decided, Decision, Dispute, Note, Outcome, Proposal, Reason, SuggestedSide};
pub use path::{get, remove, set};
pub use policy::Policy;
use serde_json::Value;
use sync_core::json::Object;

/// Merges three JSON values of any kind.
#[must_use]
pub fn merge(base: &Value, ours: &Value, theirs: &Value, policy: &Policy, context: &Context<'_>) -> Outcome {
    let mut merger = value::Merger::new(policy, context);
    let merged = merger.root(base, ours, theirs);
    merger.outcome(merged.unwrap_or_default())
}

/// Merges three documents, or the same top-level members of three documents.
#[must_use]
pub fn merge_objects(base: &Object, ours: &Object, theirs: &Object, policy: &Policy, context: &Context<'_>) -> Outcome {
    let mut merger = value::Merger::new(policy, context);
    let merged = merger.objects(base, ours, theirs);
    merger.outcome(Value::Object(merged))
}

/// The name of the strategy by which a top-level member merges where both sides changed it. A side that is absent has no say.
#[must_use]
pub fn strategy_of(member: &str, sides: [Option<&Value>; 3], policy: &Policy) -> &'static str {
    let _ = member;
    let there: Vec<&Value> = sides.into_iter().flatten().collect();
    let arrays: Vec<&[Value]> = there.iter().filter_map(|value| value.as_array().map(Vec::as_slice)).collect();
    if there.is_empty() {
        "ask"
    } else if there.iter().all(|value| value.is_object()) {
        "object"
    } else if arrays.len() == there.len() && list::are_keyed(&arrays, policy) {
        "list"
    } else {
        "ask"
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
