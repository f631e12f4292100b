//! The load generator: it drives a server from outside, over HTTP as devices do, and says what that cost. The server
//! that it starts is a process of its own, so that the two are measured apart.

pub(crate) mod arrivals;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod conflict;
pub(crate) mod crew;
pub(crate) mod data;
pub(crate) mod floor;
pub(crate) mod listeners;
pub(crate) mod logins;
pub(crate) mod metrics;
pub(crate) mod options;
pub(crate) mod overload;
pub(crate) mod processes;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod queue;
pub(crate) mod realtime;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod scale;
pub(crate) mod socket;
pub(crate) mod target;
pub(crate) mod wire;
