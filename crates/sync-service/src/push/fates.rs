//! What became of each member that an operation names.

use std::collections::BTreeSet;

use sync_core::Operation;

use super::decide::{Effect, top_of};
use super::desk::proposed_by;
use super::overlay::Fate;
use super::requests;

/// What became of the members that an operation names.
pub(super) struct Fates {
    /// The whole document is asked about.
    whole: bool,
    disputed: BTreeSet<String>,
    proposed: BTreeSet<String>,
}

impl Fates {
    /// What a group may only propose is asked with the whole of it.
    pub(super) fn of(effect: &Effect, said: &Operation, in_group: bool) -> Self {
        let asks = |name: &str| effect.asked.as_ref().is_some_and(|asked| asked.disputes(name));
        let mut disputed: BTreeSet<String> = said.patch.keys().filter(|name| asks(name)).cloned().collect();
        // of a member that is proposed in part, the rest is in the log
        let (mut proposed, inside): (BTreeSet<&String>, BTreeSet<&String>) =
            proposed_by(&effect.beside).map(|place| &place.path).partition(|path| requests::is_member(path));
        disputed.extend(inside.into_iter().filter_map(|path| top_of(path)));
        if in_group {
            disputed.extend(std::mem::take(&mut proposed).into_iter().filter_map(|path| top_of(path)));
        }
        let proposed = proposed.into_iter().filter_map(|path| top_of(path)).collect();
        Self { whole: asks(""), disputed, proposed }
    }

    pub(super) fn of_member(&self, name: &str) -> Fate {
        if self.whole {
            Fate::Waiting
        } else if self.disputed.contains(name) {
            Fate::Disputed
        } else if self.proposed.contains(name) {
            Fate::Proposed
        } else {
            Fate::Committed
        }
    }
}
