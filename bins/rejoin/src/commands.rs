//! One file a command.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod merge;
pub(crate) mod migrate;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod space;
pub(crate) mod user;
pub(crate) mod version;

use auth::check;
use sync_core::ports::{Access, User};
use sync_core::{DeviceId, SessionId};
use sync_service::Caller;
use uuid::Uuid;

use crate::failure::Failure;
use crate::server::Backend;

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
    }
}
