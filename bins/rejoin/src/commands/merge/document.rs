//! A JSON text as its author wrote it, beside the values that a merge works on.

mod exact;
pub(super) mod form;
pub(super) mod source;
pub(super) mod tree;
pub(super) mod write;
