//! `rejoin user`.

use std::io::{self, BufRead as _};

use actix_web::rt::System;
use sync_core::protocol::v1::identity::AddUserRequest;

use super::load_user;
use crate::cli::{UserAdd, UserCommand};
use crate::failure::Failure;
use crate::logging;
use crate::server::Backend;
use crate::settings::Settings;

/// Manages people.
pub(crate) fn run(settings: &Settings, command: UserCommand) -> Result<(), Failure> {
    logging::start(settings);
    let UserCommand::Add(add) = command;
    let password = read_password()?;
    let backend = Backend::open(settings)?;
    System::new().block_on(async {
        let outcome = add_user(&backend, add, password).await;
        backend.close().await;
        outcome
    })
}

async fn add_user(backend: &Backend, add: UserAdd, password: String) -> Result<(), Failure> {
    let UserAdd { email, organisation, name, admin, .. } = add;
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let request = AddUserRequest { email: email.clone(), password, name };
    let added = backend.service().bootstrap_user(&organisation, request, admin).await?;
    let user = load_user(backend, &email).await?;
    println!("user_id {}\norganisation_id {}", added.user_id, user.organisation_id);
    Ok(())
}

/// The first line of standard input.
fn read_password() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::Input(format!("standard input can't be read: {error}; write the password to it")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::Input(
            "there is no password on standard input; write it there, as in `rejoin user add … --password-stdin < FILE`".into(),
        ));
    }
    Ok(password.to_owned())
}
