//! What can be told when all of a log was read.

use std::collections::BTreeMap;

use super::{Fault, Report, Suspect, Verifier, Vouched};
use crate::tiles::{self, TILE_WIDTH, complete_root, hashes_at, within};
use crate::{Hash, Leaf, Tile, TileError, TileId};

/// The tree by the records, and by what is stored of it.
struct Trees<'a> {
    records: BTreeMap<TileId, Tile>,
    stored: &'a BTreeMap<TileId, Tile>,
    /// How many leaves the records have.
    count: u64,
    /// How many leaves there are by the longer of both.
    size: u64,
}

impl Verifier<'_> {
    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let stored = std::mem::take(&mut self.tiles);
        let count = self.next_index();
        // appending to an empty tree reads no tile
        let records = tiles::append(0, &self.leaves, |_| None).unwrap_or_default().into_iter().collect();
        let trees = Trees { records, size: count.max(following(&stored)), stored: &stored, count };
        self.ends(&trees);
        self.upper_tiles(&trees);
        self.superfluous_tiles(&trees);
        let with_records = self.checkpoints(&trees);
        if let Some(suspect) = self.suspect.take() {
            let is_tile = suspect.index < with_records || trees.are_with_the_record(suspect.index);
            let fault = if is_tile { Fault::tile(within(0, suspect.index).0) } else { trees.fault_of(&suspect) };
            self.note(suspect.index, suspect.record_id, fault);
        }
        if let Some(entry) = self.waiting_at_fault.take() {
            self.note(trees.size, entry.record_id, Fault::Waiting);
        }
        let sound = self.first.as_ref().map_or(u64::MAX, |first| first.index);
        Report { records: count, vouched: self.report.vouched.min(sound), finding: self.first, ..self.report }
    }

    /// Whether the log ends where it should.
    fn ends(&mut self, trees: &Trees<'_>) {
        if self.broken {
            return;
        }
        if trees.count < trees.size {
            self.note(trees.count, None, Fault::Truncated { size: trees.size });
        }
        let claimed = self.claimed.unwrap_or(0);
        if i64::try_from(trees.count) != Ok(claimed) {
            self.note(trees.count.min(u64::try_from(claimed).unwrap_or(0)), None, Fault::Size { claimed });
        }
    }

    /// Whether each hash that a tree of this size has is stored, and, above the leaves, is that of the tile below or of the
    /// records.
    fn upper_tiles(&mut self, trees: &Trees<'_>) {
        for level in (0_u8..).take_while(|level| hashes_at(*level, trees.size) > 0) {
            for place in 0..hashes_at(level, trees.size) {
                let (id, position) = within(level, place);
                let stored = at(trees.stored, id, position);
                let below = level.checked_sub(1).map(|level| TileId { level, index: place });
                let known = [below.and_then(|id| full_root(trees.stored, id)), at(&trees.records, id, position)];
                let wrong = level > 0 && stored.is_some_and(|hash| !known.contains(&Some(hash)) && known != [None, None]);
                if stored.is_none() || wrong {
                    self.note(id.first_leaf(u64::try_from(position).unwrap_or(0)), None, Fault::tile(id));
                    break;
                }
            }
        }
    }

    fn superfluous_tiles(&mut self, trees: &Trees<'_>) {
        for (id, tile) in trees.stored {
            let begins = id.index.saturating_mul(256);
            let room = hashes_at(id.level, trees.size).saturating_sub(begins);
            if tile.width() > room || tile.width() == 0 {
                self.note(id.first_leaf(room.min(256)), None, Fault::tile(*id));
            }
        }
    }

    /// Whether each checkpoint vouches for this log. How far one agrees bounds where it was changed, if a greater one does
    /// not; but of one that was kept elsewhere only others that were: what is stored may have been signed after the change.
    fn checkpoints(&mut self, trees: &Trees<'_>) -> u64 {
        let mut vouched = std::mem::take(&mut self.vouched);
        vouched.sort_by_key(|one| one.size);
        let (mut agreed, mut agreed_outside, mut with_records) = (0, 0, 0);
        for Vouched { size, root, outside } in vouched {
            if size > trees.size {
                let fault = if outside { Fault::RolledBack { size } } else { Fault::Truncated { size } };
                self.note(trees.count, None, fault);
                continue;
            }
            let is_of_records = trees.by_records(size) == Ok(root);
            if is_of_records || trees.by_tiles(size) == Ok(root) {
                agreed = size;
                agreed_outside = if outside { size } else { agreed_outside };
                with_records = if is_of_records { size } else { with_records };
            } else {
                self.note(if outside { agreed_outside } else { agreed }, None, Fault::Forked { size });
            }
        }
        self.report.vouched = agreed;
        with_records
    }
}

impl Trees<'_> {
    fn by_records(&self, size: u64) -> Result<Hash, TileError> {
        tiles::root(size, |id| self.records.get(&id))
    }

    fn by_tiles(&self, size: u64) -> Result<Hash, TileError> {
        tiles::root(size, |id| self.stored.get(&id))
    }

    /// Whether the tile above has the hash that the records make of the tile of this leaf.
    fn are_with_the_record(&self, index: u64) -> bool {
        let (leaves, _) = within(0, index);
        let (above, position) = within(1, leaves.index);
        let said = at(self.stored, above, position);
        said.is_some() && said == full_root(&self.records, leaves)
    }

    /// What became of the first record that is not the leaf of its place.
    fn fault_of(&self, suspect: &Suspect) -> Fault {
        let is_at = |leaf: &Leaf, place: u64| {
            let (id, position) = within(0, place);
            at(self.stored, id, position) == Some(leaf.hash(place))
        };
        if suspect.next.as_ref().is_some_and(|next| is_at(next, suspect.index)) {
            return Fault::Inserted;
        }
        let found = suspect.leaf.as_ref().and_then(|leaf| (0..self.size).find(|place| is_at(leaf, *place)));
        found.map_or(Fault::Altered, |belongs_at| Fault::Moved { belongs_at })
    }
}

/// How many leaves the stored tiles have, one after the other.
fn following(stored: &BTreeMap<TileId, Tile>) -> u64 {
    let mut leaves = 0;
    for index in 0.. {
        let width = stored.get(&TileId { level: 0, index }).map_or(0, Tile::width);
        leaves += width;
        if width < 256 {
            break;
        }
    }
    leaves
}

fn at(tiles: &BTreeMap<TileId, Tile>, id: TileId, position: usize) -> Option<Hash> {
    tiles.get(&id)?.hashes().get(position).copied()
}

/// The root of a full tile.
fn full_root(tiles: &BTreeMap<TileId, Tile>, id: TileId) -> Option<Hash> {
    tiles.get(&id).filter(|tile| tile.hashes().len() == TILE_WIDTH).map(|tile| complete_root(tile.hashes()))
}
