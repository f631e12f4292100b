//! `rejoin keys`.

use super::with;

use crate::audit_keys;
use crate::cli::KeysCommand;
use crate::failure::Failure;
use crate::logging;
use crate::output::print;
use crate::server::Backend;
use crate::settings::Settings;
use crate::system::SystemEntropy;

/// Manages the installation's keys.
pub(crate) fn run(settings: &Settings, command: &KeysCommand) -> Result<(), Failure> {
    logging::start(settings);
    match command {
        KeysCommand::Rotate => rotate_cursor_keys(settings),
        KeysCommand::RotateAudit => rotate_audit_keys(settings),
        KeysCommand::Audit => print_audit_keys(settings),
    }
}

fn rotate_cursor_keys(settings: &Settings) -> Result<(), Failure> {
    with(Backend::open_existing(settings)?, async |backend| {
        let number = backend.service().rotate_cursor_keys().await?;
        println!(
            "key {number} signs cursors from now on; running servers take it up within a minute, the former key is good for another 400 days"
        );
        Ok(())
    })
}

fn rotate_audit_keys(settings: &Settings) -> Result<(), Failure> {
    let path = audit_keys::path(settings);
    let key = audit_keys::next(&path, &SystemEntropy::new())?;
    with(Backend::open_existing(settings)?, async move |backend| {
        backend.service().record_audit_key(&key.public).await?;
        let (number, place) = (key.add()?, path.display());
        println!(
            "key {number} of {place} signs checkpoints from now on; running servers take it up within a minute, the former ones go on counting"
        );
        Ok(())
    })
}

fn print_audit_keys(settings: &Settings) -> Result<(), Failure> {
    let keys = audit_keys::read(&audit_keys::path(settings))?;
    let lines: Vec<_> = keys.known().iter().map(|key| key.line() + "\n").collect();
    print(&lines.concat())
}
