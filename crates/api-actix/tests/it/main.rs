//! The HTTP surface, in process, over the in-memory store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is to panic where it stands")]

mod audit;
mod batch;
mod bodies;
mod canary;
mod compression;
mod contract;
mod doors;
mod errors;
mod harness;
mod identity;
mod inbox;
mod incident;
mod intents;
mod limits;
mod load;
mod metrics;
mod openapi;
mod passwords;
mod queue;
mod reads;
mod realtime;
mod realtime_frames;
mod realtime_socket;
mod schemas;
mod snapshot;
mod status;
mod surface;
mod tenants;
