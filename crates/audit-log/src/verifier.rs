//! Whether a log is what it was: all of it is read once, in order, and the first place at which it is not is named.
//!
//! Three things have to agree: the records, the tiles, and the checkpoints. A record differs from its leaf in the tiles: it is
//! at fault, unless what vouches for the tree (a checkpoint, or a tile above) is with the record; then the tile is. Where
//! records and tiles agree and a checkpoint does not, both were changed together, somewhere after the last checkpoint that
//! agrees.
//!
//! A hash is kept for each leaf, twice: 64 bytes a record. The records themselves pass through.

mod closing;
mod finding;
mod logs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sync_core::OrganisationId;
use sync_core::ports::{AuditPart, StoredAuditRecord};
use uuid::Uuid;

pub use self::finding::{Fault, Finding, Report};
pub use self::logs::{NoLog, Verification};
use crate::entry::{Entry, Kept};
use crate::tiles::within;
use crate::{Checkpoint, Hash, Leaf, Tile, TileId, VerifyingKey, origin};

/// Reads the log of one organisation, part by part.
#[derive(Debug)]
pub struct Verifier<'a> {
    organisation_id: OrganisationId,
    keys: &'a [VerifyingKey],
    claimed: Option<i64>,
    tiles: BTreeMap<TileId, Tile>,
    vouched: Vec<Vouched>,
    /// Up to where the last good checkpoint that is stored goes.
    stored_up_to: u64,
    leaves: Vec<Hash>,
    /// Whether the records stopped following one another.
    broken: bool,
    suspect: Option<Suspect>,
    /// A record without a place that is not what it was.
    waiting_at_fault: Option<Entry>,
    first: Option<Finding>,
    report: Report,
}

/// What a checkpoint vouches for.
#[derive(Debug, Clone, Copy)]
struct Vouched {
    size: u64,
    root: Hash,
    /// Whether it was kept elsewhere than in the log.
    outside: bool,
}

/// The first record that is not the leaf of its place, and the leaf after it.
#[derive(Debug)]
struct Suspect {
    index: u64,
    record_id: Option<Uuid>,
    leaf: Option<Leaf>,
    next: Option<Leaf>,
}

impl<'a> Verifier<'a> {
    /// For the log of an organisation whose tree is said to have so many leaves, with the keys whose signatures count.
    #[must_use]
    pub fn new(organisation_id: OrganisationId, claimed: Option<i64>, keys: &'a [VerifyingKey]) -> Self {
        Self {
            organisation_id,
            keys,
            claimed,
            tiles: BTreeMap::new(),
            vouched: Vec::new(),
            stored_up_to: 0,
            leaves: Vec::new(),
            broken: false,
            suspect: None,
            waiting_at_fault: None,
            first: None,
            report: Report::of(organisation_id),
        }
    }

    /// Adds a checkpoint that was kept elsewhere, and whose signature was checked: it also shows that the log was put back.
    pub fn hold_against(&mut self, checkpoint: &Checkpoint) {
        self.vouched.push(Vouched { size: checkpoint.size, root: checkpoint.root, outside: true });
    }

    /// Takes the next part. They come in the order that [`AuditPart`] names.
    pub fn take(&mut self, part: &AuditPart) {
        match part {
            // a log begins with a verifier of its own
            AuditPart::Log { .. } => {}
            AuditPart::Checkpoint { size, root, note } => self.checkpoint(*size, root, note),
            AuditPart::Tile { level, tile_index, hashes } => self.tile(*level, *tile_index, hashes),
            AuditPart::Record(record) => self.record(record),
            AuditPart::Unreadable => {
                self.note(self.next_index(), None, Fault::Unreadable);
                self.broken = true;
            }
        }
    }

    fn checkpoint(&mut self, size: i64, root: &[u8], note: &[u8]) {
        self.report.checkpoints += 1;
        let opened = std::str::from_utf8(note).ok().and_then(|note| Checkpoint::open(note, self.keys).ok());
        let fits = |known: &Checkpoint| {
            known.origin == origin(self.organisation_id) && i64::try_from(known.size) == Ok(size) && known.root.as_bytes() == root
        };
        match opened.filter(fits) {
            Some(known) => {
                self.stored_up_to = self.stored_up_to.max(known.size);
                self.vouched.push(Vouched { size: known.size, root: known.root, outside: false });
            }
            None => self.note(self.stored_up_to, None, Fault::Checkpoint { size }),
        }
    }

    fn tile(&mut self, level: i64, index: i64, bytes: &[u8]) {
        let (Ok(level), Ok(index)) = (u8::try_from(level), u64::try_from(index)) else {
            return self.note(0, None, Fault::Tile { level, tile_index: index });
        };
        let id = TileId { level, index };
        let (tile, whole) = Tile::of_what_is_whole(bytes);
        if !whole {
            self.note(id.first_leaf(tile.width()), None, Fault::tile(id));
        }
        self.tiles.insert(id, tile);
    }

    fn record(&mut self, stored: &StoredAuditRecord) {
        let entry = Entry::of(stored);
        let Some(place) = stored.leaf_index else { return self.waiting(entry) };
        self.report.redacted += u64::from(entry.kept == Kept::Erased);
        if self.broken {
            return;
        }
        let expected = self.next_index();
        match u64::try_from(place) {
            Ok(index) if index == expected => self.in_place(index, entry),
            Ok(index) if index > expected => {
                self.note(expected, None, Fault::Missing);
                self.broken = true;
            }
            index => self.note(index.unwrap_or(0), entry.record_id, Fault::Inserted),
        }
    }

    fn in_place(&mut self, index: u64, entry: Entry) {
        let hash = entry.leaf.as_ref().map(|leaf| leaf.hash(index));
        if let Some(Suspect { index: before, next: next @ None, .. }) = &mut self.suspect
            && *before + 1 == index
        {
            next.clone_from(&entry.leaf);
        }
        let stored = self.stored_leaf(index);
        let unlike = hash.is_none() || stored.is_some() && stored != hash;
        if !unlike && !matches!(entry.kept, Kept::Whole | Kept::Erased) {
            self.note(index, entry.record_id, Fault::Particulars);
        }
        // a leaf that can't be read still has a place
        self.leaves.push(hash.unwrap_or_else(Hash::of_nothing));
        if unlike && self.suspect.is_none() {
            self.suspect = Some(Suspect { index, record_id: entry.record_id, leaf: entry.leaf, next: None });
        }
    }

    fn waiting(&mut self, entry: Entry) {
        self.report.waiting += 1;
        if entry.kept == Kept::Wrong && self.waiting_at_fault.is_none() {
            self.waiting_at_fault = Some(entry);
        }
    }

    /// The hash of a leaf by the tiles.
    fn stored_leaf(&self, index: u64) -> Option<Hash> {
        let (id, position) = within(0, index);
        self.tiles.get(&id)?.hashes().get(position).copied()
    }

    fn next_index(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap_or(u64::MAX)
    }

    /// Remembers what is wrong, if nothing before it is.
    fn note(&mut self, index: u64, record_id: Option<Uuid>, fault: Fault) {
        if self.first.as_ref().is_none_or(|first| index < first.index) {
            self.first = Some(Finding { index, record_id, fault });
        }
    }
}
