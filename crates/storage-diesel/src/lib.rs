//! The databases of Rejoin: [`sync_core::ports::Store`] over an embedded SQLite file and over PostgreSQL 15 or later.
//!
//! Both run the same statements (`statements/`), written once and compiled for each: the compiler checks every one
//! against both databases. Jobs are synchronous closures on threads that own their connections; nothing here needs an
//! asynchronous runtime of the caller's, and nothing is spoken through libpq.
//!
//! ```
//! use storage_diesel::{DatabaseConfig, open};
//! use sync_core::ports::Access;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("rejoin.db");
//! let store = open(&DatabaseConfig::new(format!("sqlite:{}", path.display())))?;
//! let keys = pollster::block_on(store.transact(Access::Read, |tx| tx.list_server_keys("cursor")))?;
//! assert!(keys.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![allow(clippy::duplicate_mod, reason = "the statements are written once and compiled for each database")]

mod audit;
mod backup;
#[cfg(feature = "bench")]
pub mod bench;
mod error;
mod figures;
mod insert;
mod inspect;
mod migrations;
mod open;
mod postgres;
mod queue;
mod rows;
mod schema;
mod sqlite;
mod threads;
mod values;

pub use audit::{TakePart, read_audit_log};
pub use backup::{BackupError, BackupReport, back_up, restore, verify_backup};
pub use error::OpenError;
pub use inspect::{Engine, Inspection, People, PostgresFacts, SqliteFacts, inspect};
pub use migrations::{MigrationReport, MigrationState};
pub use open::{DatabaseConfig, migrate, open, open_broadcaster};
pub use postgres::{PostgresConfig, PostgresStore};
pub use sqlite::{CommitStats, Restore, Restored, SqliteConfig, SqliteStore};
