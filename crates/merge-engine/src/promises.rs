//! What each strategy promises. The property tests hold every strategy to its row, and a strategy without a row does not
//! compile.

use sync_core::schema::Strategy;

/// What holds for every base, ours and theirs, beyond what holds for all strategies: the outcome depends on nothing but the
/// inputs; equal edits are no question; no input panics; every dispute and proposal names a place that holds its *ours*; a
/// value that is not in the outcome is in a dispute, a proposal or a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table: each column stands for itself")]
pub struct Promises {
    /// What only one side changed is taken: `merge(b, x, b) = merge(b, b, x) = x`. Where it is not promised, a change by
    /// somebody who may not make it becomes a proposal or a note.
    pub one_sided: bool,
    /// What both sides changed is in the outcome, or asked: nobody is outvoted.
    pub keeps_both: bool,
    /// Swapping the sides swaps *ours* and *theirs*, and changes nothing else but the order of items. For strategies that
    /// ask the clock, when the clock's readings are swapped too.
    pub symmetric: bool,
    /// Nothing is in the outcome that no side had.
    pub closed: bool,
}

/// The promises of a strategy.
#[must_use]
pub fn promises(strategy: &Strategy) -> Promises {
    let row = |one_sided, keeps_both, symmetric, closed| Promises { one_sided, keeps_both, symmetric, closed };
    match strategy {
        Strategy::Ask | Strategy::Opaque | Strategy::Object | Strategy::Set(_) | Strategy::List(_) => row(true, true, true, true),
        Strategy::Sequence => row(true, true, false, true),
        Strategy::Text(_) => row(true, true, false, false),
        Strategy::Counter => row(true, true, true, false),
        Strategy::Lww | Strategy::Order | Strategy::Lattice(_) | Strategy::Safer(_) | Strategy::Min | Strategy::Max => {
            row(true, false, true, true)
        }
        Strategy::SafeSet(..) => row(false, true, false, true),
        Strategy::Append(_) | Strategy::Authority(_) | Strategy::First(_) | Strategy::Immutable | Strategy::Server => {
            row(false, false, false, true)
        }
        // as the one that its condition chooses
        Strategy::When(_) => row(false, false, false, false),
    }
}
