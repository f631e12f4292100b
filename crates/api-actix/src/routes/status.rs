//! `/api/offline/sync/status`: how devices fare.

use actix_web::http::Method;
use actix_web::web;
use sync_core::DeviceId;

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/sync/status/{device_id}", vec![endpoint(Method::GET, get), endpoint(Method::POST, report)]);
}

fn device_id(call: &Call) -> DeviceId {
    DeviceId(call.path_id("device_id"))
}

async fn get(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().device_status(&caller, device_id(&call)).await?)
}

async fn report(call: Call) -> Answered {
    let caller = call.caller().await?;
    let report = call.json().await?;
    ok(&call.service().report_device(&caller, device_id(&call), report).await?)
}
