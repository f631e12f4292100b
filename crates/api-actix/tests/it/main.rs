//! The HTTP surface, in process, over the in-memory store.

mod bodies;
mod errors;
mod harness;
mod identity;
mod surface;
mod tenants;
