//! Three-way merge of JSON documents: a pure function of base, ours, theirs, a policy and a context.
//!
//! *Base* is what the sender had seen, *ours* is what is live on the server, *theirs* is the base with the sender's
//! edit. Objects merge by member. Arrays whose items all carry a unique id merge as lists keyed by it, with concurrent
//! insertions, deletions, edits inside items and one side's reordering. Every other value is taken from the one side
//! that changed it; where both did, differently, it is a [`Dispute`]: *ours* stays, and somebody is asked.
//!
//! Guarantees, each one a property test: the same inputs give the same outcome; a side that changed nothing changes
//! nothing; equal edits merge without a dispute; every value that *theirs* changed is in the merged document or in a
//! dispute; no input panics.
//!
//! ```
//! use merge_engine::{Context, Policy, merge};
//! use serde_json::{Value, json};
//!
//! let object = |value: Value| value.as_object().cloned().unwrap_or_default();
//! let base = object(json!({"title": "Ceremony", "starts_at": "16:00"}));
//! let ours = object(json!({"title": "Ceremony", "starts_at": "16:15"}));
//! let theirs = object(json!({"title": "Ceremony (garden)", "starts_at": "16:30"}));
//!
//! let outcome = merge(&base, &ours, &theirs, &Policy::default(), &Context::default());
//! assert_eq!(Value::Object(outcome.merged), json!({"title": "Ceremony (garden)", "starts_at": "16:15"}));
//! assert_eq!(outcome.disputes[0].path, "/starts_at");
//! ```

mod list;
mod path;
mod value;

pub use path::{get, remove, set};
use serde_json::Value;
use sync_core::json::Object;
use sync_core::operation::Hint;

/// How to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The members that may identify an array's items, the preferred one first.
    pub id_members: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { id_members: ["id", "_id", "key", "uuid"].map(String::from).to_vec() }
    }
}

/// Who merges and what they said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// What the sender would choose.
    pub hint: Hint,
}

impl Default for Context {
    fn default() -> Self {
        Self::with_hint(Hint::Ask)
    }
}

impl Context {
    /// A context with the sender's hint.
    #[must_use]
    pub const fn with_hint(hint: Hint) -> Self {
        Self { hint }
    }
}

/// What a merge gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The merged document; disputed places hold *ours*.
    pub merged: Object,
    /// What somebody must decide, by path.
    pub disputes: Vec<Dispute>,
}

/// A place where both sides changed the same thing differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispute {
    /// An RFC 6901 pointer. Inside a keyed list a token is the item's id, not its index, so that the place stays the
    /// same when items move.
    pub path: String,
    /// What both started from; `None`: absent.
    pub base: Option<Value>,
    /// What is live; `None`: absent.
    pub ours: Option<Value>,
    /// What the sender wrote; `None`: absent.
    pub theirs: Option<Value>,
    /// Which side the sender would choose, where they said so.
    pub suggested: Option<SuggestedSide>,
}

/// The side that a hint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuggestedSide {
    /// The server's value.
    Ours,
    /// The sender's value.
    Theirs,
}

/// Merges. Time and space are linear in the size of the three documents, but for a list with items inserted, where
/// placing them is `O(n log n)`.
#[must_use]
pub fn merge(base: &Object, ours: &Object, theirs: &Object, policy: &Policy, context: &Context) -> Outcome {
    let mut merger = value::Merger { policy, context, path: Vec::new(), disputes: Vec::new() };
    let merged = merger.objects(base, ours, theirs);
    Outcome { merged, disputes: merger.disputes }
}

/// The name of the strategy by which a value merges where both sides changed it: `object` member by member, `list` item by
/// item, and otherwise `ask`. A side that is absent has no say.
#[must_use]
pub fn strategy_of(base: Option<&Value>, ours: Option<&Value>, theirs: Option<&Value>, policy: &Policy) -> &'static str {
    let there: Vec<&Value> = [base, ours, theirs].into_iter().flatten().collect();
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
