//! `/api/offline/conflict`: reading what waits for an answer.

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::{ConflictId, SpaceId};
use sync_service::{ConflictFilter, ConflictQuery};

use super::{endpoint, mount};
use crate::call::{Answered, Call, ok};

/// Conflicts on a page when the caller names no number.
const DEFAULT_CONFLICTS: i64 = 50;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/conflict", vec![endpoint(Method::GET, list)]);
    mount(cfg, "/api/offline/conflict/{conflict_id}", vec![endpoint(Method::GET, get)]);
}

#[derive(Deserialize)]
struct Page {
    space: Option<String>,
    #[serde(default)]
    state: State,
    limit: Option<i64>,
    after: Option<ConflictId>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Open,
    Resolved,
    All,
}

async fn list(call: Call) -> Answered {
    let caller = call.caller().await?;
    let page: Page = call.query()?;
    let query = ConflictQuery {
        // as in a path: what is no UUID names a space that nobody has
        space: page.space.map(|text| text.parse().unwrap_or(SpaceId(uuid::Uuid::nil()))),
        state: match page.state {
            State::Open => ConflictFilter::Open,
            State::Resolved => ConflictFilter::Resolved,
            State::All => ConflictFilter::All,
        },
        limit: page.limit.unwrap_or(DEFAULT_CONFLICTS),
        after: page.after,
    };
    ok(&call.service().list_conflicts(&caller, query).await?)
}

async fn get(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().load_conflict(&caller, ConflictId(call.path_id("conflict_id"))).await?)
}
