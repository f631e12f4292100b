//! What a verifier says.

use serde::Serialize;
use sync_core::OrganisationId;
use uuid::Uuid;

use crate::TileId;

/// What is wrong at a place of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "fault")]
#[non_exhaustive]
pub enum Fault {
    /// A record is not the one that the tree has here.
    #[error("the record is not what it was when it got its place: its id, space, time, action or commitment was changed")]
    Altered,
    /// Its particulars do not fit their commitment.
    #[error("who, what or why was changed, or a part of it erased: it does not fit what the record committed to")]
    Particulars,
    /// There is no record where one was.
    #[error("the record is missing")]
    Missing,
    /// There is one where none was.
    #[error("a record stands here that was not in the log")]
    Inserted,
    /// It is the record of another place.
    #[error("the record that stands here belongs at {belongs_at}")]
    Moved {
        /// Where it belongs.
        belongs_at: u64,
    },
    /// All records from here on are missing.
    #[error("the log ends here; it went on, to {size} records")]
    Truncated {
        /// How many records there were at least.
        size: u64,
    },
    /// A checkpoint that was kept elsewhere knows more of the log than there is.
    #[error("the log ends here; a checkpoint that was kept elsewhere vouches for {size} records: an earlier copy was put in its place")]
    RolledBack {
        /// How many records there were.
        size: u64,
    },
    /// Records and tiles agree with each other and not with what was signed.
    #[error(
        "from here on the log is another one than the checkpoint of {size} records vouches for: records and tree were changed together"
    )]
    Forked {
        /// How many records the checkpoint vouches for.
        size: u64,
    },
    /// A hash of the tree is missing, superfluous or wrong.
    #[error("a hash of the tree is missing, superfluous or wrong (tile {tile_index} of level {level}); the records are not at fault")]
    Tile {
        /// The level.
        level: i64,
        /// Which of its level.
        tile_index: i64,
    },
    /// The size that is stored for the tree is not that of the log.
    #[error("the log is said to have {claimed} records, and has another number")]
    Size {
        /// What is stored.
        claimed: i64,
    },
    /// A checkpoint that nobody whose key is known signed, or that is not what its row says.
    #[error("the checkpoint of {size} records after this is not what was signed, is of another log, or none of the known keys signed it")]
    Checkpoint {
        /// What its row says.
        size: i64,
    },
    /// A record that waits for its place has particulars that do not fit their commitment.
    #[error("a record that waits for its place was changed: who, what or why does not fit what it committed to")]
    Waiting,
    /// A damaged line of an export.
    #[error("what stands here can't be read as a record of the log")]
    Unreadable,
}

impl Fault {
    pub(super) fn tile(id: TileId) -> Self {
        Self::Tile { level: i64::from(id.level), tile_index: i64::try_from(id.index).unwrap_or(i64::MAX) }
    }
}

/// The first place that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The first bad index, from 0: everything below it is as it was when it was sequenced.
    pub index: u64,
    /// The record that stands there, where one does.
    pub record_id: Option<Uuid>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What was found in the log of one organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whose log.
    pub organisation_id: OrganisationId,
    /// How many records follow one another from the first on.
    pub records: u64,
    /// How many records had their particulars erased; their leaves still verify.
    pub redacted: u64,
    /// How many records have no place yet: nothing vouches for their being there.
    pub waiting: u64,
    /// How many checkpoints were read from the log itself.
    pub checkpoints: u64,
    /// Up to which record a checkpoint vouches for the log as it is. What follows could have been changed together with the
    /// tree, and nobody could tell.
    pub vouched: u64,
    /// What is wrong first; `None` when the log is sound.
    pub finding: Option<Finding>,
}

impl Report {
    pub(super) const fn of(organisation_id: OrganisationId) -> Self {
        Self { organisation_id, records: 0, redacted: 0, waiting: 0, checkpoints: 0, vouched: 0, finding: None }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.finding.is_none()
    }
}
