//! Three-way merge of structured documents: a pure function of base, ours, theirs, a policy and a context.
//!
//! *Base* is what the sender had seen, *ours* is what is live, *theirs* is the base with the sender's edit. The outcome is
//! the merged document and, beside it, everything that a person should know: what somebody must decide ([`Dispute`]), what
//! the sender may only propose ([`Proposal`]), what was outvoted ([`Note`]), and how each place that both sides changed was
//! decided ([`Decision`]).
//!
//! ```
//! use merge_engine::{Context, Policy, merge};
//! use serde_json::json;
//!
//! let base = json!({"title": "Ceremony", "starts_at": "16:00", "people": ["Ana"]});
//! let ours = json!({"title": "Ceremony", "starts_at": "16:15", "people": ["Ana", "Rui"]});
//! let theirs = json!({"title": "Ceremony (garden)", "starts_at": "16:30", "people": ["Ana", "Joel"]});
//!
//! let outcome = merge(Some(&base), &ours, &theirs, &Policy::default(), &Context::default());
//! assert_eq!(outcome.merged, json!({"title": "Ceremony (garden)", "starts_at": "16:15", "people": ["Ana", "Rui", "Joel"]}));
//! assert_eq!(outcome.disputes[0].path, "/starts_at");
//! ```
//!
//! # How a place is decided
//!
//! Where at most one side changed it, that side is taken. Where both did, the strategy of the place decides: the one that the
//! schema declares for its field, its path or its type ([`Policy::of`]), else the one that its values suggest: objects
//! merge by member; arrays whose items have an id-like member by item, with moves; arrays of distinct scalars as sets that
//! keep an order; other arrays by an alignment with the base; strings of 40 characters and more by lines and words;
//! anything else is asked. Arrays that all three sides keep sorted stay sorted.
//!
//! | strategy | where both sides changed it | one-sided | keeps both | symmetric | closed |
//! |---|---|---|---|---|---|
//! | `ask` | ours stays live, somebody is asked | ✓ | ✓ | ✓ | ✓ |
//! | `object` | member by member | ✓ | ✓ | ✓ | ✓ |
//! | `list` | item by item; insertions, deletions and moves of both sides | ✓ | ✓ | ✓ | ✓ |
//! | `set` | what either added, without what either removed (add wins) | ✓ | ✓ | ✓ | ✓ |
//! | `sequence` | insertions and deletions of both sides, by alignment | ✓ | ✓ | – | ✓ |
//! | `text` | by lines, then words; lines and sentences that both put in at one place are both in, the same words are asked | ✓ | ✓ | – | – |
//! | `counter` | both differences are added | ✓ | ✓ | ✓ | – |
//! | `opaque` | asked; compared, never read | ✓ | ✓ | ✓ | ✓ |
//! | `lww`, `order` | the newer edit by the corrected hybrid clock | ✓ | – | ✓ | ✓ |
//! | `lattice` | the higher state in a declared order | ✓ | – | ✓ | ✓ |
//! | `safer` | the more protective value | ✓ | – | ✓ | ✓ |
//! | `min`, `max` | the smaller, the larger | ✓ | – | ✓ | ✓ |
//! | `safe_set` | like `set`; removals by others than the owners are proposed | – | ✓ | – | ✓ |
//! | `authority` | the owners' value; others propose; two owners are asked | – | – | – | ✓ |
//! | `first` | the earliest edit; only some may correct it | – | – | – | ✓ |
//! | `append` | the entries of both; nothing is taken away | – | – | – | ✓ |
//! | `immutable`, `server` | what stands; what a device writes is noted | – | – | – | ✓ |
//!
//! The columns are [`Promises`]: property tests hold the strategies to their rows, on 50,000 cases in every run, and whole
//! documents to the laws of the defaults, on 100,000. A `group` of fields merges as one value by any of these; `when`
//! chooses between two by what another field says.
//!
//! # Two modes
//!
//! [`Mode::Careful`] asks whenever two people really disagree and no strategy was declared. [`Mode::Assisted`] decides some
//! of that by rules that are nearly always right (of two versions the higher; a value that one side removed is gone; an edit
//! that only touches spaces gives way), and by an [`Advisor`]: [`Experience`] learns from what people made of earlier merges.
//!
//! # What it guarantees, and what not
//!
//! No clock, no randomness, no I/O, no `unsafe`; no input panics; the same inputs give the same outcome on every platform. Time and
//! memory grow linearly with the documents, but for the order of arrays, `O(n log n)`; there is no quadratic comparison. It
//! does not keep the order of an object's members (JSON gives it no meaning), and it does not understand documents: two edits
//! in different places that contradict each other both get in. Cross-document [`rules`] look for the contradictions that a
//! schema names.

mod align;
mod array;
mod assisted;
mod context;
mod experience;
mod ids;
pub mod local;
mod look;
mod merger;
mod order;
mod outcome;
mod owners;
mod path;
mod policy;
pub mod preference;
mod promises;
pub mod rules;
mod same;
mod sequence;
pub mod shift;
mod sorted;
mod strategy;
mod text;
mod version;

pub use context::{Actor, Context, Mode, NoProvenance, Provenance, Writer};
pub use experience::{Advisor, Experience, Question};
pub use ids::identify;
use merger::{Merger, Sides};
pub use outcome::{Decided, Decision, Dispute, Note, Outcome, Proposal, Reason, SuggestedSide};
pub use path::{get, get_in, position, remove, set};
pub use policy::Policy;
pub use promises::{Promises, promises};
pub use same::same;
use serde_json::Value;
use sync_core::json::Object;

/// Merges three JSON values of any kind; a base that is absent is one that neither side had.
///
/// Linear in the size of the three, `O(n log n)` in the length of an array.
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

/// Merges three documents, or the same top-level members of three documents. Members of one group are to be given together.
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
mod vectors;
#[cfg(test)]
mod wedding;
