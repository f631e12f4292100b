//! The policy of a durable queue: what goes first, who is served next, who may write, when something is tried again, how
//! much is taken at once, and when it will be done. Pure functions over plain values: no clock, no randomness, no I/O, no
//! panic. Where rows are kept, and what is decided, is somebody else's.
//!
//! ```
//! use queue::sizing::{Budget, Pace, Route, route};
//!
//! let pace = Pace::default().learn(100, 20_000);
//! assert_eq!(pace.estimate_ms(40), 8, "a fifth of a millisecond each, by the one measurement so far");
//! assert_eq!(route(40, 20_000, pace.estimate_ms(40), 0, &Budget::default()), Route::Inline);
//! assert_eq!(route(40_000, 20_000_000, pace.estimate_ms(40_000), 0, &Budget::default()), Route::Queue);
//! ```
//!
//! With feature `runtime` there is a runner of workers, on tokio.

pub mod advice;
pub mod eta;
pub mod fairness;
pub mod histogram;
pub mod lease;
pub mod priority;
pub mod retry;
#[cfg(feature = "runtime")]
pub mod runner;
pub mod sizing;
