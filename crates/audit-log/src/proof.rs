//! Checking proofs (RFC 9162, 2.1.3.2 and 2.1.4.2).

use crate::{Hash, node_hash};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The index is not in the tree, or the older tree is larger than the newer.
    #[error("there is no such proof: the index is below the size, and the older size at most the newer")]
    Range,
    /// It has more or fewer hashes than a proof of these sizes has.
    #[error("the proof has another number of hashes than it must have for these sizes")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root: the tree is not the one that was vouched for")]
    Root,
}

/// Checks that a leaf stands at an index of a tree.
///
/// # Errors
/// [`ProofError`] when the proof does not show it.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(*sibling, hash);
            climb_alone(&mut at, &mut last);
        } else {
            hash = node_hash(hash, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match (last, hash == root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Checks that a newer tree begins with the leaves of an older one. Of an empty tree every tree is a continuation: its
/// proof is empty.
///
/// # Errors
/// [`ProofError`] when the proof does not show it.
pub fn verify_consistency(from: (u64, Hash), to: (u64, Hash), proof: &[Hash]) -> Result<(), ProofError> {
    let ((old_size, old_root), (new_size, new_root)) = (from, to);
    if old_size > new_size {
        return Err(ProofError::Range);
    }
    if old_size == new_size || old_size == 0 {
        let fits = if old_size == new_size { old_root == new_root } else { old_root == Hash::of_nothing() };
        return match (proof, fits) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    // a complete older tree is not repeated in its proof
    let (first, rest) = if old_size.is_power_of_two() { (Some(&old_root), proof) } else { (proof.first(), proof.get(1..).unwrap_or(&[])) };
    let first = *first.ok_or(ProofError::Length)?;
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    let trailing = at.trailing_ones();
    (at, last) = (at.checked_shr(trailing).unwrap_or(0), last.checked_shr(trailing).unwrap_or(0));
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            (old, new) = (node_hash(*sibling, old), node_hash(*sibling, new));
            climb_alone(&mut at, &mut last);
        } else {
            new = node_hash(new, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match (last, old == old_root && new == new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// A node at the right edge without a sibling is its parent: up to where it is a right child, or the root.
const fn climb_alone(at: &mut u64, last: &mut u64) {
    while *at & 1 == 0 && *at != 0 {
        (*at, *last) = (*at >> 1, *last >> 1);
    }
}
