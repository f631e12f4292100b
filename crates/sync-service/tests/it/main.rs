//! The use cases over memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "test code: a failed expectation is to panic where it stands, JSON is passed as it is written"
)]

mod audit;
mod audit_acts;
mod audit_fields;
mod audit_forks;
mod audit_logins;
mod depends;
mod explain;
mod held;
mod identity;
mod inbox;
mod inbox_learn;
mod inbox_many;
mod inbox_masking;
mod inbox_undo;
mod incident;
mod incident_report;
mod kept;
mod lenses;
mod line;
mod oidc;
mod oidc_start;
mod owners;
mod passwords;
mod presented;
mod pull;
mod pull_views;
mod purged;
mod push_base;
mod push_chains;
mod push_failures;
mod push_groups;
mod push_identity;
mod push_kinds;
mod push_storage;
mod queue_batch;
mod queue_order;
mod queue_tasks;
mod queue_work;
mod realtime;
mod realtime_follows;
mod realtime_limits;
mod realtime_queue;
mod realtime_shut_out;
mod requests;
mod resolve;
mod restored;
mod rights;
mod shift;
mod shifts_that_meet;
mod snapshot;
mod spaces;
mod status;
mod story;
mod strategies;
mod sync;
mod verify;
mod view;
mod view_alike;
mod view_ceased;
mod view_chain;
mod view_law;
mod view_steps;
mod warnings;
mod world;
