//! The tree against RFC 6962 as it is written: recursively, over all leaves.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{Frontier, Hash, ProofError, Tile, TileError, TileId, leaf_hash, node_hash, tiles, verify_consistency, verify_inclusion};

/// The greatest power of two below a length.
fn split(length: usize) -> usize {
    length.next_power_of_two() / 2
}

/// MTH of RFC 6962, 2.1.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(naive_root(left), naive_root(right))
        }
    }
}

/// PATH of RFC 6962, 2.1.1.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, beside) =
        if index < left.len() { (naive_path(index, left), right) } else { (naive_path(index - left.len(), right), left) };
    path.push(naive_root(beside));
    path
}

/// SUBPROOF of RFC 6962, 2.1.2.
fn naive_subproof(from: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if known { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, beside) = if from <= left.len() {
        (naive_subproof(from, left, known), right)
    } else {
        (naive_subproof(from - left.len(), right, false), left)
    };
    proof.push(naive_root(beside));
    proof
}

/// A count as the tree counts.
fn n(count: usize) -> u64 {
    count.try_into().unwrap()
}

fn numbered(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

/// Tiles of a tree that grew in steps.
fn grown(leaves: &[Hash], steps: &[usize]) -> BTreeMap<TileId, Tile> {
    let (mut stored, mut size) = (BTreeMap::new(), 0);
    for step in steps.iter().copied().chain([leaves.len()]) {
        let next = (size + step).min(leaves.len());
        let needed = tiles::needed_to_append(n(size));
        let changed = tiles::append(n(size), &leaves[size..next], |id| {
            assert!(needed.contains(&id), "{id:?} was not announced");
            stored.get(&id)
        });
        let changed = changed.unwrap();
        stored.extend(changed);
        size = next;
    }
    stored
}

fn roots_of_the_classical_leaves() -> [(&'static [u8], &'static str); 8] {
    [
        (b"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (b"\x00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (b"\x10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (b"\x20\x21", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (b"\x30\x31", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (b"\x40\x41\x42\x43", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        (b"\x50\x51\x52\x53\x54\x55\x56\x57", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ]
}

fn hex(hash: Hash) -> String {
    hash.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

/// The leaves and roots with which implementations of Certificate Transparency are tested.
#[test]
fn roots_are_those_of_certificate_transparency() {
    let (mut frontier, mut leaves) = (Frontier::new(), Vec::new());
    assert_eq!(hex(frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in roots_of_the_classical_leaves() {
        leaves.push(leaf_hash(leaf));
        frontier.push(leaf_hash(leaf));
        let stored = grown(&leaves, &[]);
        assert_eq!(hex(frontier.root()), root);
        assert_eq!(hex(tiles::root(frontier.size(), |id| stored.get(&id)).unwrap()), root);
    }
}

/// Every proof of every tree of up to 40 leaves, in all three ways: as the RFC says, from tiles, and checked.
#[test]
fn small_trees_are_proved_whole() {
    let all = numbered(40);
    for size in 0..=40_usize {
        let (leaves, root) = (&all[..size], naive_root(&all[..size]));
        let stored = grown(leaves, &[]);
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = tiles::prove_inclusion(n(index), n(size), |id| stored.get(&id)).unwrap();
            assert_eq!(proof, naive_path(index, leaves), "{index} of {size}");
            verify_inclusion(*leaf, n(index), n(size), &proof, root).unwrap();
        }
        for from in 0..=size {
            let proof = tiles::prove_consistency(n(from), n(size), |id| stored.get(&id)).unwrap();
            if from > 0 {
                assert_eq!(proof, naive_subproof(from, leaves, true), "{from} to {size}");
            }
            verify_consistency((n(from), naive_root(&all[..from])), (n(size), root), &proof).unwrap();
        }
    }
}

/// The example of C2SP tlog-tiles: which tiles a tree of 70,000 leaves has.
#[test]
fn tiles_are_laid_out_as_c2sp_says() {
    let leaves = numbered(70_000);
    let stored = grown(&leaves, &[256, 1, 255, 30_000]);
    let widths = |level| -> Vec<usize> { stored.iter().filter(|(id, _)| id.level == level).map(|(_, tile)| tile.hashes().len()).collect() };
    let (zero, one) = (widths(0), widths(1));
    assert_eq!((zero.len(), zero.iter().filter(|width| **width == 256).count(), zero[273]), (274, 273, 112));
    assert_eq!((one, widths(2), widths(3)), (vec![256, 17], vec![1], vec![]));
    assert_eq!(tiles::root(70_000, |id| stored.get(&id)).unwrap(), naive_root(&leaves));
    let read = [tiles::needed_for_root(70_000).len(), tiles::needed_for_inclusion(31_337, 70_000).len()];
    assert!(read.iter().all(|tiles| *tiles <= 5), "{read:?}");
    assert_eq!(TileId { level: 1, index: 1 }.first_leaf(3), 65_536 + 3 * 256);
    assert_eq!(tiles::needed_to_append(256), [TileId { level: 1, index: 0 }]);
    assert_eq!((tiles::needed_to_append(0), tiles::needed_to_append(65_536)), (vec![], vec![TileId { level: 2, index: 0 }]));
}

#[test]
fn what_is_missing_is_named() {
    let leaves = numbered(300);
    let mut stored = grown(&leaves, &[]);
    let root = |stored: &BTreeMap<TileId, Tile>, size| tiles::root(size, |id| stored.get(&id));
    let edge = TileId { level: 0, index: 1 };
    assert_eq!(root(&stored, 301), Err(TileError::Width(edge)));
    assert_eq!(tiles::append(299, &leaves[299..], |id| stored.get(&id)), Err(TileError::Width(edge)));
    stored.remove(&edge);
    assert_eq!(root(&stored, 300), Err(TileError::Missing(edge)));
    assert_eq!(tiles::append(300, &leaves[..1], |id| stored.get(&id)), Err(TileError::Missing(edge)));
    assert_eq!(tiles::prove_inclusion(7, 7, |id| stored.get(&id)), Err(TileError::Range));
    assert_eq!(tiles::prove_consistency(8, 7, |id| stored.get(&id)), Err(TileError::Range));
    assert_eq!(Tile::parse(&[0; 33]), None);
    assert_eq!(Tile::parse(&[0; 257 * 32]), None);
    assert_eq!(Tile::parse(&[]), None);
}

/// Sizes at the far end cost no more and overflow nothing.
#[test]
fn the_largest_tree_is_planned() {
    for (index, size) in [(u64::MAX - 1, u64::MAX), (0, u64::MAX), (1 << 63, (1 << 63) + 1)] {
        assert!(tiles::needed_for_inclusion(index, size).len() <= 72);
        assert!(tiles::needed_for_consistency(index.max(1), size).len() <= 72);
        let lonely = verify_inclusion(leaf_hash(b""), index, size, &[], leaf_hash(b""));
        assert_eq!(lonely, Err(ProofError::Length));
    }
    assert!(tiles::needed_to_append(u64::MAX).len() == 8);
}

proptest! {
    /// However a tree grew: root, proofs and frontier are those of the RFC.
    #[test]
    fn growth_leaves_no_trace(size in 1_usize..1500, steps in prop::collection::vec(1_usize..600, 0..6), (a, b) in any::<(u16, u16)>()) {
        let leaves = numbered(n(size));
        let stored = grown(&leaves, &steps);
        let lookup = |id: TileId| stored.get(&id);
        let mut frontier = Frontier::new();
        for leaf in &leaves {
            frontier.push(*leaf);
        }
        let root = naive_root(&leaves);
        prop_assert_eq!(frontier.root(), root);
        let kept = Frontier::from_parts(n(size), frontier.peaks().to_vec());
        prop_assert_eq!(kept, Some(frontier));
        prop_assert_eq!(tiles::root(n(size), lookup).unwrap(), root);

        let (index, from) = (usize::from(a) % size, usize::from(b) % size + 1);
        let needed = tiles::needed_for_inclusion(n(index), n(size));
        let proof = tiles::prove_inclusion(n(index), n(size), |id| lookup(id).filter(|_| needed.contains(&id))).unwrap();
        prop_assert_eq!(&proof, &naive_path(index, &leaves));
        let needed = tiles::needed_for_consistency(n(from), n(size));
        let proof = tiles::prove_consistency(n(from), n(size), |id| lookup(id).filter(|_| needed.contains(&id))).unwrap();
        prop_assert_eq!(&proof, &naive_subproof(from, &leaves, true));
        // tiles that went on growing prove the older tree as well
        prop_assert_eq!(tiles::root(n(from), lookup).unwrap(), naive_root(&leaves[..from]));
    }

    /// A proof that is changed in any way proves nothing.
    #[test]
    fn proofs_bear_no_change(size in 2_usize..200, (a, b) in any::<(u16, u16)>(), bit in 0_usize..256, at in any::<u16>()) {
        let leaves = numbered(n(size));
        let (root, size_) = (naive_root(&leaves), n(size));
        let (index, from) = (usize::from(a) % size, usize::from(b) % (size - 1) + 1);
        let flip = |proof: &[Hash]| {
            let mut proof = proof.to_vec();
            let chosen = usize::from(at) % proof.len();
            let mut bytes = *proof[chosen].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            proof[chosen] = Hash::from_bytes(bytes);
            proof
        };
        let longer = |proof: &[Hash]| [proof, &[root]].concat();
        let path = naive_path(index, &leaves);
        let included = |index: usize, size, proof: &[Hash]| verify_inclusion(leaves[index], n(index), size, proof, root);
        prop_assert_eq!(included(index, size_, &flip(&path)), Err(ProofError::Root));
        prop_assert_eq!(included(index, size_, &path[1..]), Err(ProofError::Length));
        prop_assert_eq!(included(index, size_, &longer(&path)), Err(ProofError::Length));
        let other = (index + 1) % size;
        prop_assert!(included(other, size_, &path).is_err());
        prop_assert_eq!(verify_inclusion(leaves[index], size_, size_, &path, root), Err(ProofError::Range));

        let (old, proof) = (naive_root(&leaves[..from]), naive_subproof(from, &leaves, true));
        let consistent = |old_size: usize, old: Hash, proof: &[Hash]| verify_consistency((n(old_size), old), (size_, root), proof);
        prop_assert_eq!(consistent(from, old, &proof), Ok(()));
        prop_assert_eq!(consistent(from, old, &flip(&proof)), Err(ProofError::Root));
        prop_assert_eq!(consistent(from, old, &longer(&proof)), Err(ProofError::Length));
        prop_assert!(consistent(from, old, &proof[1..]).is_err());
        prop_assert_eq!(consistent(from, root, &proof), Err(ProofError::Root));
        prop_assert_eq!(consistent(size, old, &[]), Err(ProofError::Root));
        prop_assert_eq!(consistent(size, root, &proof), Err(ProofError::Length));
        prop_assert_eq!(consistent(size + 1, root, &[]), Err(ProofError::Range));
        prop_assert_eq!(consistent(0, old, &[]), Err(ProofError::Root));
    }

    /// No proof, however long or odd, makes a check go wrong.
    #[test]
    fn odd_proofs_are_refused(from in any::<u64>(), to in any::<u64>(), length in 0_usize..80) {
        let proof = vec![leaf_hash(b"x"); length];
        prop_assert!(verify_inclusion(leaf_hash(b"a"), from, to, &proof, leaf_hash(b"b")).is_err());
        prop_assert!(verify_consistency((from, leaf_hash(b"a")), (to, leaf_hash(b"b")), &proof).is_err());
    }
}
