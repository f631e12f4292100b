//! `/api/offline/incident`: holding an organisation or a device, letting it go, and what was touched. The one area that an
//! owner reaches while their organisation is locked.

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::{DeviceId, Timestamp};
use sync_service::incident::Authority;

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let one = vec![endpoint(Method::GET, status), endpoint(Method::POST, hold), endpoint(Method::DELETE, let_go)];
    mount(cfg, "/api/offline/incident", one);
    mount(cfg, "/api/offline/incident/report", vec![endpoint(Method::GET, report)]);
}

#[derive(Deserialize)]
struct Which {
    device: Option<DeviceId>,
}

#[derive(Deserialize)]
struct Reported {
    device: Option<DeviceId>,
    since: Option<Timestamp>,
}

async fn status(call: Call) -> Answered {
    let owner = call.owner().await?;
    ok(&call.service().incident_status(&Authority::Owner(owner), owner.organisation_id).await?)
}

async fn hold(call: Call) -> Answered {
    let owner = call.owner().await?;
    let request = call.json().await?;
    ok(&call.service().hold(&Authority::Owner(owner), owner.organisation_id, request).await?)
}

async fn let_go(call: Call) -> Answered {
    let owner = call.owner().await?;
    let (by, which): (_, Which) = (Authority::Owner(owner), call.query()?);
    if let Some(device_id) = which.device {
        call.service().let_device_go(&by, owner.organisation_id, device_id, None).await?;
        return ok(&call.service().incident_status(&by, owner.organisation_id).await?);
    }
    ok(&call.service().let_tenant_go(&by, owner.organisation_id).await?)
}

async fn report(call: Call) -> Answered {
    let owner = call.owner().await?;
    let asked: Reported = call.query()?;
    let since = asked.since.unwrap_or_default();
    ok(&call.service().incident_report(&Authority::Owner(owner), owner.organisation_id, asked.device, since).await?)
}
