//! One file a command.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod incident;
pub(crate) mod keys;
pub(crate) mod merge;
pub(crate) mod migrate;
pub(crate) mod oidc;
pub(crate) mod queue;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod space;
pub(crate) mod user;
pub(crate) mod version;

use std::fs;
use std::path::Path;

use actix_web::rt::System;
use auth::check;
use serde_json::Value;
use sync_core::json::parse_strict;
use sync_core::ports::{Access, User};
use sync_core::{DeviceId, SessionId};
use sync_service::Caller;
use uuid::Uuid;

use crate::failure::Failure;
use crate::server::Backend;

/// Does something with an installation, and closes it in good order.
fn with(backend: Backend, work: impl AsyncFnOnce(&Backend) -> Result<(), Failure>) -> Result<(), Failure> {
    System::new().block_on(async {
        let outcome = work(&backend).await;
        backend.close().await;
        outcome
    })
}

/// The user of an email.
async fn load_user(backend: &Backend, email: &str) -> Result<User, Failure> {
    let wanted = check::email(email).map_err(|problem| Failure::Input(problem.detail))?;
    let found = backend.store().transact(Access::Read, move |tx| tx.find_user_by_email(&wanted)).await;
    let found = found.map_err(|error| Failure::Failed(error.to_string()))?;
    found.ok_or_else(|| Failure::Failed(format!("nobody has the email {email}; add them with `rejoin user add`")))
}

/// A caller who acts in a user's name: who may run this command may read and write the database anyway.
fn in_the_name_of(user: &User) -> Caller {
    Caller {
        organisation_id: user.organisation_id,
        user_id: user.user_id,
        device_id: DeviceId(Uuid::nil()),
        session_id: SessionId(Uuid::nil()),
        admin: user.admin,
        trace: None,
    }
}

/// A built-in schema's name as it is, or the content of a JSON file.
fn read_schema(given: &str) -> Result<Value, Failure> {
    if !Path::new(given).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return Ok(given.into());
    }
    let bytes = fs::read(given).map_err(|error| Failure::Input(format!("the schema {given} can't be read: {error}; check --schema")))?;
    parse_strict(&bytes).map_err(|error| Failure::Input(format!("the schema {given} is not JSON: {error}; correct it")))
}
