//! `/api/offline/sync`: push, pull, receipts, comparisons, resolutions.

use actix_web::http::Method;
use actix_web::web;
use sync_core::OpId;
use sync_core::limits::MAX_BODY_BYTES;
use sync_core::protocol::v1;

use super::{endpoint, mount};
use crate::call::{Answered, Call, MAX_URGENT_BODY_BYTES, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/sync", vec![endpoint(Method::POST, sync)]);
    mount(cfg, "/api/offline/sync/receipts", vec![endpoint(Method::POST, receipts)]);
    mount(cfg, "/api/offline/sync/explain/{op_id}", vec![endpoint(Method::GET, explain)]);
    mount(cfg, "/api/offline/sync/purged", vec![endpoint(Method::POST, purged)]);
    mount(cfg, "/api/offline/sync/verify", vec![endpoint(Method::POST, verify)]);
    mount(cfg, "/api/offline/sync/resolve", vec![endpoint(Method::PUT, resolve)]);
}

async fn sync(call: Call) -> Answered {
    let mut room = call.admit().await?;
    let (caller, over) = match call.syncing_caller().await {
        Err(refused) => {
            let Some((_, wipe)) = call.wiped_caller().await.filter(|(_, wipe)| wipe.confirmed_at.is_none()) else { return Err(refused) };
            let request = call.read(MAX_BODY_BYTES, v1::SyncRequest::parse).await?;
            return ok(&call.service().answer_wiped(&wipe, &request));
        }
        caller => caller?,
    };
    let limit = if over.is_some() { MAX_URGENT_BODY_BYTES } else { MAX_BODY_BYTES };
    let (request, arrival) = call.read_arrival(limit, v1::SyncRequest::parse).await?;
    if let Some(over) = over
        && !call.service().is_urgent(&caller, &request).await?
    {
        return Err(call.over(over));
    }
    room.begin();
    ok(&call.service().sync_arrived(&caller, request, arrival).await?)
}

async fn receipts(call: Call) -> Answered {
    let mut room = call.admit().await?;
    let caller = call.caller().await?;
    let op_ids = call.read(MAX_BODY_BYTES, v1::read_receipts).await?;
    room.begin();
    ok(&call.service().receipts(&caller, op_ids).await?)
}

async fn explain(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().explain(&caller, OpId(call.path_id("op_id"))).await?)
}

async fn purged(call: Call) -> Answered {
    let caller = match call.caller().await {
        Err(refused) => {
            let Some((caller, _)) = call.wiped_caller().await else { return Err(refused) };
            let request = call.json().await?;
            return ok(&call.service().wiped(&caller, request).await?);
        }
        caller => caller?,
    };
    let request = call.json().await?;
    ok(&call.service().purged(&caller, request).await?)
}

async fn verify(call: Call) -> Answered {
    let mut room = call.admit().await?;
    let caller = call.caller().await?;
    let request = call.read(MAX_BODY_BYTES, v1::VerifyRequest::parse).await?;
    room.begin();
    ok(&call.service().verify(&caller, request).await?)
}

async fn resolve(call: Call) -> Answered {
    let mut room = call.admit().await?;
    let caller = call.caller().await?;
    let resolutions = call.read(MAX_BODY_BYTES, v1::read_resolutions).await?;
    room.begin();
    ok(&call.service().resolve(&caller, resolutions).await?)
}
