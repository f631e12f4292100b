//! What a person is told of a decision that asked nobody: values that a strategy outvoted, and places that devices do not
//! write. A tap that somebody else had made before is no news.

use std::collections::BTreeMap;

use merge_engine::{Note, Policy, Reason, SuggestedSide};
use sync_core::DocumentKey;
use sync_core::protocol::v1::Warning;

use super::decide::{Beside, top_of};

/// A value was not taken, or took the place of another that was written at the same time.
const OUTVOTED: &str = "outvoted";
/// A place that devices do not write.
const READ_ONLY: &str = "read_only";

/// Warnings for the sender of an operation.
pub(super) fn of(beside: &Beside, key: &DocumentKey, policy: &Policy) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !beside.refused.is_empty() {
        let names = beside.refused.iter().filter_map(|path| top_of(path));
        let detail = format!("{}: this is not written by devices; what stood there stays", labels(names, policy));
        warnings.push(warning(READ_ONLY, detail, key));
    }
    let mut by_reason: BTreeMap<(bool, &str), Vec<String>> = BTreeMap::new();
    for note in beside.notes.iter().filter(|note| !beside.refused.contains(&note.path)) {
        let name = top_of(&note.path).unwrap_or_default();
        if let Some(reason) = told(note, &name, beside, policy) {
            by_reason.entry((note.side == SuggestedSide::Theirs, reason.words())).or_default().push(name);
        }
    }
    for ((own, words), names) in by_reason {
        let labels = labels(names, policy);
        let detail = if own {
            format!("{labels}: {words}. What stood there stays; yours is kept with this operation.")
        } else {
            format!("{labels}: {words}. Yours took the place of what somebody else had written meanwhile.")
        };
        warnings.push(warning(OUTVOTED, detail, key));
    }
    warnings
}

fn warning(code: &'static str, detail: String, key: &DocumentKey) -> Warning {
    Warning { code, detail, documents: vec![key.into()] }
}

/// Why a note is told; `None` where nobody needs to know.
fn told(note: &Note, name: &str, beside: &Beside, policy: &Policy) -> Option<Reason> {
    let decision = beside.decisions.iter().find(|decision| decision.path == note.path)?;
    let in_group = || policy.collection.groups.values().any(|group| group.fields.iter().any(|field| field == name));
    let is_news = match (decision.strategy.as_str(), decision.reason) {
        ("first", Reason::Earliest) | ("order" | "min" | "max", _) => false,
        ("authority" | "lattice" | "safer", _) => true,
        // the sender of a newer value of one's own field need not hear of the older one
        _ => note.side == SuggestedSide::Theirs || in_group(),
    };
    is_news.then_some(decision.reason)
}

/// What people call the fields, each once.
fn labels(names: impl IntoIterator<Item = String>, policy: &Policy) -> String {
    let mut labels: Vec<String> = Vec::new();
    for name in names {
        let label = policy.collection.fields.get(&name).and_then(|field| field.label.clone()).unwrap_or(name);
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels.join(", ")
}
