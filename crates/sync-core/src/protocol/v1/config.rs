//! What a client may count on.

use serde::Serialize;

use crate::limits;

/// The answer to `GET /api/offline/config`.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// The protocol versions that are spoken.
    pub protocol: [u32; 1],
    /// The server's version.
    pub server_version: &'static str,
    /// What one request may carry.
    pub limits: Limits,
    /// Codings of bodies, in both directions.
    pub encodings: &'static [&'static str],
    /// How long a device keeps acknowledged operations, in seconds.
    pub keep_acknowledged_s: u64,
    /// Deletions are told to devices seen within so many days, and to nobody after so many.
    pub tombstone_days: [u32; 2],
    /// How long history is kept, in days.
    pub history_days: u32,
    /// How checksums are made.
    pub checksum: &'static str,
    /// What there is beyond push and pull.
    pub features: &'static [&'static str],
}

/// What one request may carry.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::struct_field_names, reason = "these are the members of the wire")]
pub struct Limits {
    /// Operations, and separately resolutions.
    pub max_operations: usize,
    /// A document's compact JSON.
    pub max_document_bytes: usize,
    /// A body, after decompression.
    pub max_body_bytes: usize,
    /// Nesting of a document.
    pub max_depth: usize,
    /// Items on a page of pull.
    pub max_changes: usize,
    /// Ids in one receipts request.
    pub max_receipts: usize,
    /// Entries of `depends_on`.
    pub max_dependencies: usize,
    /// Spaces in one pull.
    pub max_pull_spaces: usize,
    /// Rows in one comparison.
    pub max_verify_rows: usize,
}

/// What exists beyond push and pull, by name.
const FEATURES: &[&str] =
    &["receipts", "resolve", "groups", "dependencies", "schemas", "checksums", "verify", "snapshot", "purged", "explain"];

impl Config {
    /// What this version offers, on a server of a version that takes bodies in these codings.
    #[must_use]
    pub const fn new(server_version: &'static str, encodings: &'static [&'static str]) -> Self {
        Self {
            protocol: [1],
            server_version,
            limits: Limits {
                max_operations: limits::MAX_OPERATIONS,
                max_document_bytes: limits::MAX_DOCUMENT_BYTES,
                max_body_bytes: limits::MAX_BODY_BYTES,
                max_depth: limits::MAX_DEPTH,
                max_changes: limits::MAX_CHANGES,
                max_receipts: limits::MAX_RECEIPTS,
                max_dependencies: limits::MAX_DEPENDENCIES,
                max_pull_spaces: limits::MAX_PULL_SPACES,
                max_verify_rows: limits::MAX_VERIFY_ROWS,
            },
            encodings,
            keep_acknowledged_s: limits::KEEP_ACKNOWLEDGED_S,
            tombstone_days: limits::TOMBSTONE_DAYS,
            history_days: limits::HISTORY_DAYS,
            checksum: "sha256-64-sum/1",
            features: FEATURES,
        }
    }
}
