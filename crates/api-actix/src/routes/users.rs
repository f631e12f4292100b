//! `/api/users`: an organisation's people.

use actix_web::http::Method;
use actix_web::web;

use super::{endpoint, mount};
use crate::call::{Answered, Call, created};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/users", vec![endpoint(Method::POST, add)]);
}

async fn add(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json().await?;
    created(&call.service().add_user(&caller, request).await?)
}
