//! Rejoin's tests across crates live in `it`, `sim` and `tidy` beside this file; there is no library.
