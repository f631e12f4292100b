//! A log that shows when somebody changed it: a Merkle tree over the records of one organisation (RFC 6962), stored as
//! tiles (C2SP tlog-tiles), vouched for by signed checkpoints (C2SP tlog-checkpoint), and a verifier that names the first
//! record that is not what it was.
//!
//! Pure: no clock, no randomness, no I/O, no panic on any input. Salts and seeds are given by the caller.
//!
//! ```
//! use std::collections::BTreeMap;
//! use audit_log::{Checkpoint, SigningKey, leaf_hash, tiles, verify_inclusion};
//!
//! // three leaves go into the tiles of an empty tree
//! let leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")];
//! let stored: BTreeMap<_, _> = tiles::append(0, &leaves, |_| None)?.into_iter().collect();
//! let root = tiles::root(3, |id| stored.get(&id))?;
//!
//! // a checkpoint vouches for them
//! let key = SigningKey::from_seed([7; 32])?;
//! let note = Checkpoint::new("rejoin/example", 3, root).sign(&key)?;
//! let known = Checkpoint::open(&note, &[key.verifying_key()])?;
//!
//! // and a proof shows that one of them is in it
//! let proof = tiles::prove_inclusion(1, 3, |id| stored.get(&id))?;
//! verify_inclusion(leaves[1], 1, known.size, &proof, known.root)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is stored where
//!
//! A record has a part that is for good, the [`Leaf`], and one that can be erased, the [`Particulars`] with their salt. The
//! leaf holds only a [`commitment`] to the particulars: HMAC-SHA256 under a salt of 32 random bytes. Who erases salt and
//! particulars leaves a record whose leaf still verifies (*redacted*), and nothing from which the particulars could be
//! guessed. A record whose particulars do not fit its commitment is *tampered* with.
//!
//! A leaf's place is part of it (`seq`), so that no leaf can stand anywhere else.

mod checkpoint;
mod entry;
mod export;
mod frontier;
mod hash;
mod keys;
mod proof;
mod record;
mod spans;
pub mod tiles;
mod verifier;

pub use checkpoint::{Checkpoint, MAX_NOTE_BYTES, NoteError, origin};
pub use export::{parse_line, to_line};
pub use frontier::Frontier;
pub use hash::{Hash, leaf_hash, node_hash};
pub use keys::{KeyError, Keyring, SigningKey, VerifyingKey};
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use record::{Leaf, Particulars, SALT_BYTES, commitment};
pub use tiles::{TILE_WIDTH, Tile, TileError, TileId};
pub use verifier::{Fault, Finding, NoLog, Report, Verification, Verifier};

#[cfg(test)]
mod laws;
