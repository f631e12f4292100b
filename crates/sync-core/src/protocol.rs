//! The wire.

pub mod v1;
