//! Whatever changes something is recorded: each call of the matrix that is accepted leaves a record in the audit log, unless
//! it stands here that it does nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::table::Row;
use crate::server::Client;

/// Records that are looked at: a new one is among the newest.
const NEWEST: usize = 20;

/// Calls that read, though they are no GET, or tell how a device is doing; and what is asked to be tried again here was decided
/// long ago, so that it answers its receipt. A new endpoint is not among them by itself.
const NO_ACTS: [&str; 9] = [
    "PUT /api/offline/queue/retry/{id}",
    "POST /api/offline/sync (pull)",
    "POST /api/offline/sync/receipts",
    "POST /api/offline/sync/verify (sums)",
    "POST /api/offline/sync/verify (rows)",
    "POST /api/offline/sync/status/{device_id}",
    "POST /api/offline/realtime/ticket",
    "POST /api/offline/conflict",
    "POST /api/auth/refresh",
];

/// Whether an accepted call of a row has to leave a record.
pub(super) fn is_act(row: &Row) -> bool {
    row.method != "GET" && !NO_ACTS.contains(&row.title().as_str())
}

/// The newest records that these may see.
pub(super) fn newest(admins: [&Client; 3]) -> BTreeSet<String> {
    let list = |client: &Client| client.call("GET", &format!("/api/offline/audit?limit={NEWEST}"), &Value::Null).unwrap();
    let ids = |list: Value| list["items"].as_array().unwrap().iter().map(|item| item["record_id"].to_string()).collect::<Vec<_>>();
    admins.into_iter().flat_map(|admin| ids(list(admin))).collect()
}
