//! The HTTP surface, in process, over the in-memory store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is to panic where it stands")]

mod bodies;
mod errors;
mod harness;
mod identity;
mod purged;
mod snapshot;
mod surface;
mod tenants;
