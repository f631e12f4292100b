//! `rejoin restore`.

use std::path::Path;

use actix_web::rt::System;
use storage_diesel::restore;
use sync_core::ports::Clock as _;

use super::backup::held;
use crate::cli::RestoreArgs;
use crate::failure::Failure;
use crate::logging;
use crate::server::Backend;
use crate::settings::Settings;
use crate::system::SystemClock;

/// Puts a backup in the place of the database, or marks one that was put there by other means.
pub(crate) fn run(settings: &Settings, arguments: &RestoreArgs) -> Result<(), Failure> {
    logging::start(settings);
    match &arguments.file {
        Some(file) => put_in_place(settings, file, arguments.replace),
        None => mark(settings),
    }
}

fn put_in_place(settings: &Settings, file: &Path, replace: bool) -> Result<(), Failure> {
    let restore = restore(file, &settings.database_url, replace)?;
    // the copy is migrated and forked before it is there for anybody
    begin_new_epochs(&Settings { database_url: format!("sqlite:{}", restore.copy().display()), ..settings.clone() })?;
    let stamp: String = SystemClock.now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let restored = restore.finish(&stamp)?;
    println!("restored {}: {}", file.display(), held(&restored.holds));
    if let Some(replaced) = restored.replaced {
        println!("the database that was there is kept as {}", replaced.display());
    }
    println!("every space has a new epoch: devices are told, and send again what the backup lacks");
    Ok(())
}

fn mark(settings: &Settings) -> Result<(), Failure> {
    let spaces = begin_new_epochs(settings)?;
    println!("{spaces} spaces have a new epoch: devices are told, and send again what the backup lacks");
    Ok(())
}

fn begin_new_epochs(settings: &Settings) -> Result<usize, Failure> {
    let backend = Backend::open(settings)?;
    System::new().block_on(async {
        let outcome = backend.service().begin_new_epochs().await;
        backend.close().await;
        Ok(outcome?)
    })
}
