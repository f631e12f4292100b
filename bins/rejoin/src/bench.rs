//! The load generator: it drives a server from outside, over HTTP as devices do, and says what that cost. The server
//! that it starts is a process of its own, so that the two are measured apart.

pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod conflict;
pub(crate) mod crew;
pub(crate) mod data;
pub(crate) mod floor;
pub(crate) mod metrics;
pub(crate) mod options;
pub(crate) mod processes;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod scale;
pub(crate) mod target;
pub(crate) mod wire;
