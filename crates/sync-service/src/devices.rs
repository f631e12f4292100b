//! What is known of devices beside their logins: when they synced, how far they have read, how they are connected, and
//! what they report of themselves. A request leaves a note in memory; notes are written in bulk every few seconds, added
//! to what other nodes wrote. What a crash loses is a few seconds of figures.

mod advice;
mod day;
mod health;
mod known;
mod notes;
mod outbox;
pub(crate) mod presence;
mod smooth;
mod state;
mod status;
mod sweep;
mod visit;
mod words;

pub(crate) use self::day::Day;
pub use self::health::DeviceHealth;
pub(crate) use self::notes::Devices;
pub use self::presence::{Presence, PresenceList};
pub use self::visit::Arrival;
pub(crate) use self::visit::{Contact, Visit};
