//! `/healthz` and `/readyz`, for whoever watches the process.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt::time::timeout;
use actix_web::web;
use serde::Serialize;
use sync_core::{Code, Problem};

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};

/// How long the database may take to answer a readiness probe.
const READY_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/healthz", vec![endpoint(Method::GET, healthy)]);
    mount(cfg, "/readyz", vec![endpoint(Method::GET, ready)]);
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The process lives.
async fn healthy() -> Answered {
    ok(&Health { status: "ok" })
}

/// The database answers, and the server is not going away.
async fn ready(call: Call) -> Answered {
    if call.state().is_draining() {
        return Err(Problem::new(Code::Unavailable, "the server is shutting down; use another, or wait for the next one").into());
    }
    match timeout(READY_WITHIN, call.service().ready()).await {
        Ok(answered) => answered?,
        Err(_) => return Err(Problem::new(Code::Unavailable, "the database does not answer in time; wait and ask again").into()),
    }
    ok(&Health { status: "ready" })
}
