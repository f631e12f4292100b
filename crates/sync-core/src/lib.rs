//! The vocabulary of Rejoin: ids, instants, documents, operations, schemas, roles, cursors, the wire types of
//! protocol version 1, and the ports through which every effect passes.
//!
//! This crate decides nothing about merging and performs no effect: no clock, no randomness, no I/O. It builds for
//! `wasm32-unknown-unknown`, so that a client can share the very same types.
//!
//! ```
//! use sync_core::{json, DocumentKey};
//!
//! let key = DocumentKey::new("timeline_events", "evt-ceremony").expect("both names are valid");
//! assert_eq!(key.as_str(), "timeline_events/evt-ceremony");
//!
//! let sent = json::parse_strict(br#"{"title":"Ceremony","duration_min":45.0}"#).expect("well formed");
//! assert_eq!(json::canonical(&sent), r#"{"duration_min":45,"title":"Ceremony"}"#);
//! ```

pub mod conflict;
pub mod cursor;
pub mod document;
pub mod ids;
pub mod json;
pub mod limits;
pub mod mark;
pub mod operation;
pub mod ports;
pub mod problem;
pub mod protocol;
pub mod role;
pub mod schema;
pub mod time;

pub use document::{Author, DocumentKey, FieldVersion, FieldVersions, Stamp};
pub use ids::{BatchId, ConflictId, DeviceId, OpId, OrganisationId, SessionId, SpaceId, TaskId, UserId};
pub use json::Object;
pub use operation::{Kind, Operation, Status};
pub use problem::{Code, Problem};
pub use role::{Audience, Role};
pub use schema::Schema;
pub use time::Timestamp;
