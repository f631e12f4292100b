//! The embedded database: one writer that commits many jobs at once, and readers with snapshots of their own.

#[path = "statements/audit.rs"]
mod audit;
#[path = "sqlite/audit_log.rs"]
mod audit_log;
#[path = "statements/audit_reading.rs"]
mod audit_reading;
#[path = "statements/audit_trees.rs"]
mod audit_trees;
#[path = "sqlite/backup.rs"]
mod backup;
#[path = "statements/batches.rs"]
mod batches;
#[path = "statements/conflicts.rs"]
mod conflicts;
#[path = "sqlite/connection.rs"]
mod connection;
#[path = "statements/containment.rs"]
mod containment;
#[path = "sqlite/dialect.rs"]
mod dialect;
#[path = "statements/documents.rs"]
mod documents;
#[path = "statements/facts.rs"]
mod facts;
#[path = "statements/history.rs"]
mod history;
#[path = "statements/identity.rs"]
mod identity;
#[path = "sqlite/inspect.rs"]
mod inspect;
#[path = "statements/item_states.rs"]
mod item_states;
#[path = "statements/items.rs"]
mod items;
#[path = "statements/life.rs"]
mod life;
#[path = "sqlite/lock.rs"]
mod lock;
#[path = "statements/oidc.rs"]
mod oidc;
#[path = "statements/operations.rs"]
mod operations;
#[path = "statements/preferences.rs"]
mod preferences;
#[path = "statements/presence.rs"]
mod presence;
#[path = "statements/purges.rs"]
mod purges;
#[path = "statements/queue_memory.rs"]
mod queue_memory;
#[path = "statements/queue_reading.rs"]
mod queue_reading;
#[path = "statements/queue_spaces.rs"]
mod queue_spaces;
#[path = "sqlite/reader.rs"]
mod reader;
#[path = "sqlite/restore.rs"]
mod restore;
#[path = "statements/sessions.rs"]
mod sessions;
#[path = "statements/spaces.rs"]
mod spaces;
#[path = "sqlite/store.rs"]
mod store;
#[path = "statements/tx.rs"]
mod tx;
#[path = "sqlite/writer.rs"]
mod writer;

pub(crate) use audit_log::read_audit_log;
pub(crate) use backup::{back_up, inspect_backup};
#[cfg(feature = "bench")]
pub(crate) use connection::connect_to_write;
pub(crate) use connection::migrate;
pub(crate) use inspect::inspect;
pub use restore::{Restore, Restored};
pub use store::{CommitStats, SqliteConfig, SqliteStore};

/// The connection of the statements.
type Conn = diesel::SqliteConnection;
type Backend = diesel::sqlite::Sqlite;
