//! The real binary: its words, its exit codes, and how it stops.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is to panic where it stands")]

mod audit;
mod backup;
mod batch;
mod bench;
mod commands;
mod configuration;
mod connections;
mod device;
mod doctor;
mod git;
mod listings;
mod merge;
mod metrics;
mod oidc;
mod otel;
mod process;
mod queue;
mod shutdown;
mod tls;
