//! `rejoin migrate`.

use crate::failure::Failure;
use crate::logging;
use crate::settings::Settings;

/// Applies what is missing and prints it.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    logging::start(settings);
    let report = storage_diesel::migrate(&settings.database_url)?;
    for name in &report.applied {
        println!("applied {name}");
    }
    if report.applied.is_empty() {
        println!("the database is up to date");
    }
    Ok(())
}
