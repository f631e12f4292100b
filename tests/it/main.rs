//! The real server, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code: a failed expectation is to panic where it stands")]
