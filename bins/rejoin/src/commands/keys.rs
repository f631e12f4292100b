//! `rejoin keys`.

use actix_web::rt::System;

use crate::cli::KeysCommand;
use crate::failure::Failure;
use crate::logging;
use crate::server::Backend;
use crate::settings::Settings;

/// Manages the installation's keys.
pub(crate) fn run(settings: &Settings, command: &KeysCommand) -> Result<(), Failure> {
    logging::start(settings);
    let backend = Backend::open_existing(settings)?;
    System::new().block_on(async {
        let KeysCommand::Rotate = command;
        let outcome = backend.service().rotate_cursor_keys().await;
        backend.close().await;
        let number = outcome?;
        println!("key {number} signs cursors from now on; running servers take it up within a minute, the former key is good for another 400 days");
        Ok(())
    })
}
