//! Random worlds: devices that edit offline over a network that loses, repeats and delays, against the service as it
//! runs in production, and what must hold whatever happens.
//!
//! `REJOIN_SIM_CASES` is the number of worlds of the largest suite (the others take their share of it). A failing world
//! is printed shrunk, and its seed is kept in `proptest-regressions/`; `REJOIN_SIM_TRACE=1` prints every request and
//! answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::pedantic,
    missing_docs,
    reason = "test code: a failed expectation is to panic where it stands"
)]

mod busy;
mod chronicle;
mod coverage;
mod edits;
mod found;
mod ledger;
mod network;
mod postgres;
mod properties;
mod queueing;
mod quiet;
mod script;
mod server;
mod skew;
mod world;
