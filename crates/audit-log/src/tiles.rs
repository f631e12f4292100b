//! A tree in rows of 256 hashes (C2SP tlog-tiles): at level 0 the leaves, at each further level the roots of the full tiles
//! below. A root or a proof reads O(log n) tiles.
//!
//! Tiles are read through a closure. Who reads them from a database asks first which are needed (`needed_for_…`) and
//! fetches those at once.

use crate::spans::{self, Node, Span};
use crate::{Hash, node_hash};

/// How many hashes a full tile has.
pub const TILE_WIDTH: usize = 256;
/// Its binary logarithm: how many levels of the tree are in one tile.
const TILE_HEIGHT: u32 = 8;
/// [`TILE_WIDTH`] as a number of hashes.
const WIDTH: u64 = 1 << TILE_HEIGHT;

/// Which tile: the `index`-th of a level, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaves; 7 is the highest that a tree can have.
    pub level: u8,
    /// From the left.
    pub index: u64,
}

impl TileId {
    /// The first leaf below the `position`-th hash of this tile; saturating.
    #[must_use]
    pub fn first_leaf(self, position: u64) -> u64 {
        let hash = self.index.saturating_mul(WIDTH).saturating_add(position);
        hash.saturating_mul(1_u64.checked_shl(TILE_HEIGHT * u32::from(self.level)).unwrap_or(u64::MAX))
    }
}

/// 1 to 256 hashes; the last tile of a level may be partial.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tile(Vec<Hash>);

impl Tile {
    /// From stored bytes; `None` when they are not 1 to 256 hashes.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<{ Hash::BYTES }>();
        let whole = rest.is_empty() && (1..=TILE_WIDTH).contains(&hashes.len());
        whole.then(|| Self(hashes.iter().copied().map(Hash::from_bytes).collect()))
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// Its hashes, from the left.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// How many hashes it has.
    pub(crate) fn width(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// Up to 256 hashes from bytes, whatever they are, and whether that is all of them, and any.
    pub(crate) fn of_what_is_whole(bytes: &[u8]) -> (Self, bool) {
        let hashes = bytes.as_chunks::<{ Hash::BYTES }>().0.iter().take(TILE_WIDTH);
        (Self(hashes.copied().map(Hash::from_bytes).collect()), Self::parse(bytes).is_some())
    }
}

/// Why nothing can be said from these tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// A tile is missing.
    #[error("tile {} of level {} is missing", .0.index, .0.level)]
    Missing(TileId),
    /// A tile has fewer hashes than the tree's size demands, or, where it is to be continued, more.
    #[error("tile {} of level {} has another width than a tree of this size has", .0.index, .0.level)]
    Width(TileId),
    /// The index is not in the tree, or the older size is above the newer.
    #[error("there is no such proof: the index is below the size, and the older size at most the newer")]
    Range,
}

/// How many hashes a level has in a tree of `size` leaves.
#[must_use]
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// The partial tiles at the right edge of a tree of `size` leaves, which [`append`] continues.
#[must_use]
pub fn needed_to_append(size: u64) -> Vec<TileId> {
    let levels = (0..).map_while(|level| Some(level).zip(Some(hashes_at(level, size)).filter(|hashes| *hashes > 0)));
    levels.filter(|(_, hashes)| !hashes.is_multiple_of(WIDTH)).map(|(level, hashes)| TileId { level, index: hashes / WIDTH }).collect()
}

/// The tiles that [`root`] reads.
#[must_use]
pub fn needed_for_root(size: u64) -> Vec<TileId> {
    needed(&[Span { from: 0, to: size }])
}

/// The tiles that [`prove_inclusion`] reads.
#[must_use]
pub fn needed_for_inclusion(index: u64, size: u64) -> Vec<TileId> {
    if index < size { needed(&spans::inclusion(index, size)) } else { Vec::new() }
}

/// The tiles that [`prove_consistency`] reads.
#[must_use]
pub fn needed_for_consistency(from: u64, to: u64) -> Vec<TileId> {
    if from > 0 && from <= to { needed(&spans::consistency(from, to)) } else { Vec::new() }
}

fn needed(spans: &[Span]) -> Vec<TileId> {
    let mut ids: Vec<TileId> = spans.iter().flat_map(|span| span.nodes()).map(|node| place(node).0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Appends leaves to a tree of `size` leaves: the tiles that are new or changed, whole, to be stored in place of what was
/// there.
///
/// # Errors
/// [`TileError`] when a partial tile at the edge is missing or has another width.
pub fn append<'a>(size: u64, leaves: &[Hash], lookup: impl Fn(TileId) -> Option<&'a Tile>) -> Result<Vec<(TileId, Tile)>, TileError> {
    let (mut changed, mut fresh) = (Vec::new(), leaves.to_vec());
    for level in 0_u8.. {
        if fresh.is_empty() {
            break;
        }
        let before = hashes_at(level, size);
        let mut id = TileId { level, index: before / WIDTH };
        let mut tile = if before.is_multiple_of(WIDTH) { Tile::default() } else { lookup(id).ok_or(TileError::Missing(id))?.clone() };
        if u64::try_from(tile.0.len()).ok() != Some(before % WIDTH) {
            return Err(TileError::Width(id));
        }
        let mut above = Vec::new();
        for hash in fresh {
            tile.0.push(hash);
            if tile.0.len() == TILE_WIDTH {
                above.push(complete_root(&tile.0));
                changed.push((id, std::mem::take(&mut tile)));
                id.index += 1;
            }
        }
        if !tile.0.is_empty() {
            changed.push((id, tile));
        }
        fresh = above;
    }
    Ok(changed)
}

/// The root of the tree's first `size` leaves.
///
/// # Errors
/// [`TileError`] when a tile is missing or too narrow.
pub fn root<'a>(size: u64, lookup: impl Fn(TileId) -> Option<&'a Tile>) -> Result<Hash, TileError> {
    span_root(Span { from: 0, to: size }, &lookup)
}

/// Proves that the leaf at `index` is in the tree of `size` leaves.
///
/// # Errors
/// [`TileError`] when the index is outside, or a tile is missing or too narrow.
pub fn prove_inclusion<'a>(index: u64, size: u64, lookup: impl Fn(TileId) -> Option<&'a Tile>) -> Result<Vec<Hash>, TileError> {
    if index >= size {
        return Err(TileError::Range);
    }
    spans::inclusion(index, size).into_iter().map(|span| span_root(span, &lookup)).collect()
}

/// Proves that the tree of `to` leaves begins with those of the tree of `from`. Empty when `from` is 0 or `to`.
///
/// # Errors
/// [`TileError`] when `from` is above `to`, or a tile is missing or too narrow.
pub fn prove_consistency<'a>(from: u64, to: u64, lookup: impl Fn(TileId) -> Option<&'a Tile>) -> Result<Vec<Hash>, TileError> {
    match from {
        _ if from > to => Err(TileError::Range),
        0 => Ok(Vec::new()),
        _ => spans::consistency(from, to).into_iter().map(|span| span_root(span, &lookup)).collect(),
    }
}

fn span_root<'a>(span: Span, lookup: &impl Fn(TileId) -> Option<&'a Tile>) -> Result<Hash, TileError> {
    let mut right = None;
    for node in span.nodes().into_iter().rev() {
        let left = node_root(node, lookup)?;
        right = Some(right.map_or(left, |right| node_hash(left, right)));
    }
    Ok(right.unwrap_or_else(Hash::of_nothing))
}

fn node_root<'a>(node: Node, lookup: &impl Fn(TileId) -> Option<&'a Tile>) -> Result<Hash, TileError> {
    let (id, from, count) = place(node);
    let tile = lookup(id).ok_or(TileError::Missing(id))?;
    let hashes = tile.0.get(from..from + count).ok_or(TileError::Width(id))?;
    Ok(complete_root(hashes))
}

/// The tile in which a complete subtree is, where its hashes begin there, and how many they are.
fn place(node: Node) -> (TileId, usize, usize) {
    let (level, height) = (node.height / TILE_HEIGHT, node.height % TILE_HEIGHT);
    let first = node.index << height;
    let (id, position) = within(u8::try_from(level).unwrap_or(u8::MAX), first);
    (id, position, 1 << height)
}

/// The tile of a hash of a level, and where it is in it.
pub(crate) fn within(level: u8, place: u64) -> (TileId, usize) {
    (TileId { level, index: place / WIDTH }, usize::try_from(place % WIDTH).unwrap_or(0))
}

/// The root over a power of two of hashes.
pub(crate) fn complete_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(*left, *right)).collect();
    }
    row.first().copied().unwrap_or_else(Hash::of_nothing)
}
