//! `rejoin demo`: one believable wedding, three people who edit it without seeing each other, and what comes of it,
//! played through the real HTTP API of a server in this process.

mod data;
pub(crate) mod story;
mod tablet;
