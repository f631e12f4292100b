//! `/api/offline/sync/snapshot`: a space as lines.

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::SpaceId;

use super::{endpoint, mount};
use crate::call::{Answered, Call};
use crate::stream::as_lines;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/sync/snapshot", vec![endpoint(Method::GET, snapshot)]);
}

#[derive(Deserialize)]
struct Query {
    space: String,
    mark: Option<String>,
}

async fn snapshot(call: Call) -> Answered {
    let caller = call.caller().await?;
    let query: Query = call.query()?;
    // as in a path: what is no UUID names a space that nobody has
    let space_id = query.space.parse().unwrap_or(SpaceId(uuid::Uuid::nil()));
    let reader = call.service().snapshot(&caller, space_id, query.mark.as_deref()).await?;
    Ok(as_lines(&call, reader))
}
