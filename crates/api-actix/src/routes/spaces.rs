//! `/api/spaces`: spaces and their members.

use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::limits::MAX_SPACE_BODY_BYTES;
use sync_core::{SpaceId, UserId};

use super::{endpoint, mount};
use crate::call::{Answered, Call, created, no_content, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/spaces", vec![endpoint(Method::GET, list), endpoint(Method::POST, create)]);
    let one = vec![endpoint(Method::GET, get), endpoint(Method::PUT, update), endpoint(Method::DELETE, delete)];
    mount(cfg, "/api/spaces/{space_id}", one);
    mount(cfg, "/api/spaces/{space_id}/members", vec![endpoint(Method::GET, list_members)]);
    mount(cfg, "/api/spaces/{space_id}/presence", vec![endpoint(Method::GET, list_presence)]);
    let member = vec![endpoint(Method::PUT, put_member), endpoint(Method::DELETE, remove_member)];
    mount(cfg, "/api/spaces/{space_id}/members/{user_id}", member);
}

fn space_id(call: &Call) -> SpaceId {
    SpaceId(call.path_id("space_id"))
}

fn user_id(call: &Call) -> UserId {
    UserId(call.path_id("user_id"))
}

#[derive(Deserialize)]
struct Page {
    after: Option<SpaceId>,
    limit: Option<usize>,
}

async fn list(call: Call) -> Answered {
    let caller = call.caller().await?;
    let page: Page = call.query()?;
    ok(&call.service().list_spaces(&caller, page.limit, page.after).await?)
}

async fn create(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json_within(MAX_SPACE_BODY_BYTES).await?;
    created(&call.service().create_space(&caller, request).await?)
}

async fn get(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().get_space(&caller, space_id(&call)).await?)
}

async fn update(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json_within(MAX_SPACE_BODY_BYTES).await?;
    ok(&call.service().update_space(&caller, space_id(&call), request).await?)
}

async fn delete(call: Call) -> Answered {
    let caller = call.caller().await?;
    call.service().delete_space(&caller, space_id(&call)).await?;
    no_content()
}

async fn list_members(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().list_members(&caller, space_id(&call)).await?)
}

async fn list_presence(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().list_presence(&caller, space_id(&call)).await?)
}

async fn put_member(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json().await?;
    ok(&call.service().put_member(&caller, space_id(&call), user_id(&call), request).await?)
}

async fn remove_member(call: Call) -> Answered {
    let caller = call.caller().await?;
    call.service().remove_member(&caller, space_id(&call), user_id(&call)).await?;
    no_content()
}
