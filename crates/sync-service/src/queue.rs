//! The queue: operations that were accepted and are decided by workers, and what people see and do of it.

pub(crate) mod recorder;
mod span;
