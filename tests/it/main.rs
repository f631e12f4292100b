//! The real server, from outside: crashes, workers that die or stand still, shutdown, and how many statements a push takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "test code: a failed expectation is to panic where it stands"
)]
#![allow(clippy::disallowed_methods, reason = "tests are told by the environment where PostgreSQL is and how long to run")]

mod audit_nodes;
mod canary;
mod crash;
mod database;
mod incident;
mod life;
mod matrix;
mod oidc;
mod questions;
mod queue_faults;
mod reuse;
mod revoked;
mod server;
mod shutdown;
mod socket;
mod sockets;
mod statements;
mod statements_owned;
mod storms;
mod strangers;
mod wedding;
