//! Realtime: who is connected learns at once what they would pull.
//!
//! A [`Hub`] hears signals and holds connections; a [`Feed`] is a transport's end of one. Nothing is pushed at a
//! connection: it is asked for its next frame whenever its transport could send one, and only then something is read for
//! it. Data is read by cursor, with the code and the checks of pull, once for all who stand at the same place. Decided in
//! `docs/adr/0016-sockets-that-pull.md`.

mod ask;
mod batch;
mod connection;
mod feed;
pub(crate) mod frames;
mod hub;
mod joining;
mod look;
mod looking;
mod presence;
mod sweep;
mod tickets;

pub use connection::Ending;
pub use feed::{Feed, Outgoing, Wanted};
pub use hub::{Hub, HubFigures, HubLimits};

/// Clients of a server that stops come back within this many milliseconds, each at its own time.
const COME_BACK_WITHIN_MS: u64 = 5_000;
