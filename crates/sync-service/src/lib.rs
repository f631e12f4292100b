//! The use cases of Rejoin: push, pull, resolve, receipts, identity, spaces. Each is one function of a [`Service`] and
//! a [`Caller`]; it runs one unit of work a space, decides purely, and returns an outcome. No SQL, no HTTP.

mod access;
mod admission;
mod audit;
pub mod conflicts;
mod cursors;
mod devices;
mod digest;
mod epochs;
pub mod error;
mod explain;
pub mod figures;
pub mod identity;
mod inbox;
pub mod incident;
mod keeping;
mod load;
mod maintenance;
mod presented;
mod pull;
mod purged;
mod push;
pub mod queue;
pub mod realtime;
mod receipts;
mod resolve;
pub mod service;
mod signals;
pub mod snapshot;
pub mod spaces;
mod urgent;
mod verify;
mod view;

pub use admission::Admitted;
pub use audit::{AuditExport, AuditQuery, Included, MAX_AUDIT_RECORDS};
pub use audit_log::{Keyring, SigningKey};
pub use conflicts::{Assigned, ConflictFilter, ConflictQuery, PreferenceQuery};
pub use devices::{Arrival, DeviceHealth, Presence, PresenceList};
pub use error::{ServiceError, ServiceResult};
pub use figures::Figures;
pub use keeping::Keeping;
pub use maintenance::Maintained;
pub use queue::QueueConfig;
pub use service::{Caller, Service};
pub use snapshot::SnapshotReader;
