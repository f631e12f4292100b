//! `/api/auth`: login, refresh, logout, the password, devices.

use actix_web::http::Method;
use actix_web::web;
use sync_core::DeviceId;
use sync_core::limits::MAX_SMALL_BODY_BYTES;

use super::{endpoint, mount};
use crate::call::{Answered, Call, no_content, ok};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/auth/login", vec![endpoint(Method::POST, login)]);
    mount(cfg, "/api/auth/refresh", vec![endpoint(Method::POST, refresh)]);
    mount(cfg, "/api/auth/logout", vec![endpoint(Method::POST, logout)]);
    mount(cfg, "/api/auth/password", vec![endpoint(Method::POST, change_password)]);
    mount(cfg, "/api/auth/devices", vec![endpoint(Method::GET, list_devices)]);
    let one = vec![endpoint(Method::GET, get_device), endpoint(Method::PUT, rename_device), endpoint(Method::DELETE, revoke_device)];
    mount(cfg, "/api/auth/devices/{device_id}/wipe", vec![endpoint(Method::POST, wipe_device)]);
    mount(cfg, "/api/auth/devices/{device_id}", one);
}

async fn login(call: Call) -> Answered {
    call.admit_login().await?;
    let request = call.json().await?;
    ok(&call.service().login_from(request, call.address()).await?)
}

async fn refresh(call: Call) -> Answered {
    let request = call.json().await?;
    ok(&call.service().refresh(request).await?)
}

async fn logout(call: Call) -> Answered {
    let caller = call.caller().await?;
    if let Some(request) = call.json_if_any(MAX_SMALL_BODY_BYTES).await? {
        return ok(&call.service().logout_reporting(&caller, request).await?);
    }
    call.service().logout(&caller).await?;
    no_content()
}

async fn change_password(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json().await?;
    call.service().change_password(&caller, request, call.address()).await?;
    no_content()
}

async fn list_devices(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().list_devices(&caller).await?)
}

async fn get_device(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().get_device(&caller, DeviceId(call.path_id("device_id"))).await?)
}

async fn rename_device(call: Call) -> Answered {
    let caller = call.caller().await?;
    let request = call.json().await?;
    ok(&call.service().rename_device(&caller, DeviceId(call.path_id("device_id")), request).await?)
}

async fn wipe_device(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().wipe_device(&caller, DeviceId(call.path_id("device_id"))).await?)
}

async fn revoke_device(call: Call) -> Answered {
    let caller = call.caller().await?;
    call.service().revoke_device(&caller, DeviceId(call.path_id("device_id"))).await?;
    no_content()
}
