//! The tree as it is stored.

use std::collections::BTreeMap;

use audit_log::{Hash, Tile, TileError, TileId, tiles};
use sync_core::OrganisationId;
use sync_core::ports::{AuditTile, StoreError, StoreResult, Tx};

/// Tiles that were read together.
pub(super) struct Tiles(BTreeMap<TileId, Tile>);

impl Tiles {
    /// Reads tiles; one that is not there is found missing by what needs it.
    pub(super) fn load(tx: &mut dyn Tx, organisation_id: OrganisationId, ids: &[TileId]) -> StoreResult<Self> {
        let places: Vec<(i32, i64)> = ids.iter().map(|id| (i32::from(id.level), signed(id.index))).collect();
        let rows = tx.load_audit_tiles(organisation_id, &places)?;
        let tile = |row: &AuditTile| {
            let id = TileId { level: u8::try_from(row.level).ok()?, index: unsigned(row.tile_index) };
            Some((id, Tile::parse(&row.hashes)?))
        };
        let damaged = || StoreError::Damaged(format!("a tile of the audit log of organisation {organisation_id}"));
        rows.iter().map(|row| tile(row).ok_or_else(damaged)).collect::<StoreResult<_>>().map(Self)
    }

    pub(super) fn find(&self, id: TileId) -> Option<&Tile> {
        self.0.get(&id)
    }
}

/// The root of the first `size` leaves.
pub(super) fn root(tx: &mut dyn Tx, organisation_id: OrganisationId, size: u64) -> StoreResult<Hash> {
    let read = Tiles::load(tx, organisation_id, &tiles::needed_for_root(size))?;
    tiles::root(size, |id| read.find(id)).map_err(damaged)
}

/// The proof that the tree of `to` leaves begins with that of `from`.
pub(super) fn prove_consistency(tx: &mut dyn Tx, organisation_id: OrganisationId, from: u64, to: u64) -> StoreResult<Vec<Hash>> {
    let read = Tiles::load(tx, organisation_id, &tiles::needed_for_consistency(from, to))?;
    tiles::prove_consistency(from, to, |id| read.find(id)).map_err(damaged)
}

/// The proof that the leaf at `index` is in the tree of `size` leaves.
pub(super) fn prove_inclusion(tx: &mut dyn Tx, organisation_id: OrganisationId, index: u64, size: u64) -> StoreResult<Vec<Hash>> {
    let read = Tiles::load(tx, organisation_id, &tiles::needed_for_inclusion(index, size))?;
    tiles::prove_inclusion(index, size, |id| read.find(id)).map_err(damaged)
}

/// How many leaves an organisation's tree has.
pub(super) fn size(tx: &mut dyn Tx, organisation_id: OrganisationId) -> StoreResult<u64> {
    Ok(tx.find_audit_tree(organisation_id)?.map_or(0, |tree| unsigned(tree.size)))
}

pub(super) fn damaged(error: TileError) -> StoreError {
    StoreError::Damaged(format!("the audit log: {error}"))
}

/// A size or an index as it is stored.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A stored size or index; a negative one, which nobody stores, is none.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
