//! In-memory ports and the conformance suites of every port. A dev-dependency only.
//!
//! [`memory::MemoryStore`] is a whole [`sync_core::ports::Store`] over plain maps, so that use cases run in plain tests;
//! [`fake`] has a clock that stands still until it is told to move, and entropy from a seed. A real adapter passes
//! [`conformance::store_suite`] before anything is built on it.
//!
//! ```
//! use std::sync::Arc;
//! use sync_core::ports::{Access, Store};
//! use testkit::memory::MemoryStore;
//!
//! let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
//! let devices = pollster::block_on(store.transact(Access::Read, |tx| {
//!     tx.list_devices(&[sync_core::UserId(uuid::Uuid::nil())])
//! }));
//! assert_eq!(devices, Ok(vec![]));
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test code: a failed expectation is to panic where it stands"
)]

mod audit_sample;
pub mod canary;
pub mod conformance;
pub mod device;
pub mod fake;
pub mod memory;

pub use audit_sample::AuditSample;
