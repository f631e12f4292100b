//! What `/metrics` tells.
//!
//! The figures are kept where they come about (requests here, operations in the use cases, commits in the store) and
//! read when somebody asks: nothing is registered, hashed or kept twice on the way of a request.

mod process;
mod requests;
mod text;

use sync_core::ports::{COMMIT_JOBS, StoreLoad};
use sync_service::Figures;
use sync_service::realtime::HubFigures;

use crate::state::ApiState;
pub(crate) use requests::Requests;
use text::{Kind, Text};

/// The text format of Prometheus.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything, in the text format.
pub(crate) fn render(state: &ApiState) -> String {
    let figures = state.service().figures();
    let mut text = Text::default();
    text.family("rejoin_build_info", Kind::Gauge, "The version that runs, as a label.");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    state.requests().write(&mut text);
    operations(&mut text, &figures);
    realtime(&mut text, &state.hub().figures());
    store(&mut text, &figures.store);
    process::write(&mut text);
    text.finish()
}

fn operations(text: &mut Text, figures: &Figures) {
    text.family("rejoin_operations_total", Kind::Counter, "Operations and resolutions that were answered, by their status.");
    for (status, count) in &figures.operations {
        text.sample(&[("status", status.as_str())], *count);
    }
    text.family("rejoin_conflicts_opened_total", Kind::Counter, "Conflicts that were opened.");
    text.sample(&[], figures.conflicts_opened);
    text.family("rejoin_audit_forks_total", Kind::Counter, "Checkpoints of the audit log that devices had, and that the log does not fit.");
    text.sample(&[], figures.audit_forks);
    text.family("rejoin_passwords_waiting", Kind::Gauge, "Logins and sign-ups whose password is hashed or waits for its turn.");
    text.sample(&[], figures.passwords_waiting);
    text.family("rejoin_syncs_in_flight", Kind::Gauge, "Syncs that are worked on.");
    text.sample(&[], figures.in_flight.0);
    text.family("rejoin_syncs_in_flight_limit", Kind::Gauge, "How many syncs may be worked on at once; above it they are refused.");
    text.sample(&[], figures.in_flight.1);
}

fn realtime(text: &mut Text, figures: &HubFigures) {
    text.family("rejoin_realtime_connections", Kind::Gauge, "Sockets and event streams that are open.");
    text.sample(&[], figures.connections);
    text.family("rejoin_realtime_spaces", Kind::Gauge, "Spaces that somebody who is connected follows.");
    text.sample(&[], figures.spaces);
    text.family("rejoin_realtime_looks_total", Kind::Counter, "Transactions that read a space for all connections that follow it.");
    text.sample(&[], figures.looks);
    text.family("rejoin_realtime_frames_total", Kind::Counter, "Frames and heartbeats that were handed to connections.");
    text.sample(&[], figures.frames);
}

fn store(text: &mut Text, load: &StoreLoad) {
    text.family("rejoin_commits_total", Kind::Counter, "Commits of the database that carried anything.");
    text.sample(&[], load.commits.commits);
    text.family("rejoin_commit_jobs", Kind::Histogram, "Jobs in one commit.");
    text.histogram(&[], &COMMIT_JOBS.map(|most| most.to_string()), &load.commits.sizes, load.commits.jobs);
    text.family("rejoin_store_waiting_jobs", Kind::Gauge, "Jobs that wait for the database.");
    text.sample(&[("lane", "write")], load.waiting_writes);
    text.sample(&[("lane", "read")], load.waiting_reads);
    text.family("rejoin_store_write_wait_seconds", Kind::Gauge, "How long the job that last began to write had waited.");
    text.sample(&[], load.write_wait.as_secs_f64());
    text.family("rejoin_store_connections", Kind::Gauge, "Connections to the database.");
    text.sample(&[("state", "busy")], load.busy_connections);
    text.sample(&[("state", "idle")], load.idle_connections);
}
