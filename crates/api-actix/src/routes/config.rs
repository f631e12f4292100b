//! `/api/offline/config`: what a client may count on, before it logs in.

use actix_web::http::Method;
use actix_web::web;
use sync_core::protocol::v1::Config;

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};
use crate::encoding::ENCODINGS;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/config", vec![endpoint(Method::GET, config)]);
}

async fn config(call: Call) -> Answered {
    let keeping = call.service().keeping();
    let mut config = Config::new(env!("CARGO_PKG_VERSION"), &ENCODINGS);
    config.tombstone_days = [keeping.device_days, keeping.tombstone_days];
    config.history_days = keeping.history_days;
    ok(&config)
}
