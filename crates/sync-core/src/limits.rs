//! The limits of protocol version 1, in one place.

/// Operations, and separately resolutions, in one request.
pub const MAX_OPERATIONS: usize = 1_000;
/// A document's compact JSON, in bytes; also one operation's `patch`.
pub const MAX_DOCUMENT_BYTES: usize = 262_144;
/// The body of a push and pull, of receipts, of resolutions, after decompression, in bytes.
pub const MAX_BODY_BYTES: usize = 8_388_608;
/// The body that makes or changes a space, with its schema, in bytes.
pub const MAX_SPACE_BODY_BYTES: usize = 262_144;
/// The body of a batch for the queue, in bytes.
pub const MAX_BATCH_BYTES: usize = 67_108_864;
/// Operations in one batch for the queue.
pub const MAX_BATCH_OPERATIONS: usize = 100_000;
/// A line of such a batch, in bytes.
pub const MAX_LINE_BYTES: usize = 262_144;
/// Any other body, in bytes: anybody may send one, also without a token.
pub const MAX_SMALL_BODY_BYTES: usize = 16_384;
/// A space's own schema as compact JSON, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 131_072;
/// A space's settings as compact JSON, in bytes.
pub const MAX_SETTINGS_BYTES: usize = 16_384;
/// Nesting of a document: `{"a":1}` has depth 1.
pub const MAX_DEPTH: usize = 32;
/// Items on one page of a pull.
pub const MAX_CHANGES: usize = 5_000;
/// Items on one page of a pull that names no number.
pub const DEFAULT_CHANGES: usize = 500;
/// Bytes of items on one page of a pull that names no number.
pub const DEFAULT_PAGE_BYTES: usize = 1_000_000;
/// Operation ids in one receipts request.
pub const MAX_RECEIPTS: usize = 10_000;
/// Collections in one comparison.
pub const MAX_VERIFY_COLLECTIONS: usize = 64;
/// Rows in one comparison, and documents in its answer.
pub const MAX_VERIFY_ROWS: usize = 10_000;
/// Bytes of documents in the answer to one comparison.
pub const MAX_REPAIR_BYTES: usize = 67_108_864;
/// Entries of `depends_on`.
pub const MAX_DEPENDENCIES: usize = 32;
/// Spaces in one pull.
pub const MAX_PULL_SPACES: usize = 1_000;
/// `remaining` is exact up to this number; one more means "more than this".
pub const MAX_REMAINING: i64 = 10_000;
/// Bytes of a document id, a group id.
pub const MAX_ID_BYTES: usize = 128;
/// The largest integer that a JSON number carries exactly: 2^53 (RFC 7493).
pub const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_992;
/// How long a device keeps acknowledged operations, in seconds: 35 days, so that what a restored backup lost can be sent
/// again.
pub const KEEP_ACKNOWLEDGED_S: u64 = 3_024_000;
/// Deletions are kept until every device seen within the first number of days has read past them, and at most the second.
pub const TOMBSTONE_DAYS: [u32; 2] = [90, 400];
/// How long history is kept, in days.
pub const HISTORY_DAYS: u32 = 400;
