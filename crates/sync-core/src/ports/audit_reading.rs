//! The audit log as bytes, for whoever checks it: a row that was damaged is to be told of, not to be an error.

/// A part of the log of one organisation. Parts come in this order: the log, its checkpoints by size, its tiles, its records
/// by place, and records that have no place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditPart {
    /// What follows is of another organisation.
    Log {
        /// The tenant.
        organisation_id: Vec<u8>,
        /// How many leaves its tree is said to have; `None` when nothing says so.
        size: Option<i64>,
    },
    /// A signed statement about the tree.
    Checkpoint {
        /// How many leaves it is said to be about.
        size: i64,
        /// The root that it is said to have.
        root: Vec<u8>,
        /// The signed note.
        note: Vec<u8>,
    },
    /// Hashes of the tree.
    Tile {
        /// The level, from 0.
        level: i64,
        /// Which of its level, from 0.
        tile_index: i64,
        /// 32 bytes each.
        hashes: Vec<u8>,
    },
    /// A record.
    Record(Box<StoredAuditRecord>),
    /// A part that can't be read, where a record would stand: a damaged line of an export.
    Unreadable,
}

/// A record of the log as bytes: ids as 16, texts and JSON as UTF-8, if they are whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredAuditRecord {
    /// Its id.
    pub record_id: Vec<u8>,
    /// The tenant.
    pub organisation_id: Vec<u8>,
    /// In which space.
    pub space_id: Option<Vec<u8>>,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// What.
    pub action: Vec<u8>,
    /// What commits to the rest.
    pub commitment: Option<Vec<u8>>,
    /// Its place in the tree.
    pub leaf_index: Option<i64>,
    /// Deletable: the commitment's key.
    pub salt: Option<Vec<u8>>,
    /// Deletable: who.
    pub user_id: Option<Vec<u8>>,
    /// Deletable: on which device.
    pub device_id: Option<Vec<u8>>,
    /// Deletable: to what.
    pub subject: Option<Vec<u8>>,
    /// Deletable: why.
    pub reason: Option<Vec<u8>>,
    /// Deletable: the trace.
    pub trace: Option<Vec<u8>>,
    /// Deletable: a JSON object.
    pub details: Option<Vec<u8>>,
}
