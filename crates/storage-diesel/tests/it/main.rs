//! The port on real databases. PostgreSQL is tested when `REJOIN_TEST_POSTGRES` holds the URL of a database of a running
//! cluster in which databases may be created.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is to panic where it stands"
)]

mod audit_log;
mod backfill;
mod broadcast;
mod carried;
mod columns;
#[cfg(feature = "bench")]
mod floor;
mod opening;
mod postgres;
mod queue;
mod row_security;
mod sqlite;
mod support;
