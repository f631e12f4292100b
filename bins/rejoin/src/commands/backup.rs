//! `rejoin backup`.

use std::path::Path;

use storage_diesel::{BackupReport, back_up, verify_backup};
use sync_core::ports::Clock as _;

use crate::cli::{BackupArgs, BackupCommand};
use crate::failure::Failure;
use crate::logging;
use crate::settings::Settings;
use crate::system::SystemClock;

/// Makes a backup, or checks one.
pub(crate) fn run(settings: &Settings, backup: BackupArgs) -> Result<(), Failure> {
    logging::start(settings);
    match (backup.command, backup.file) {
        (Some(BackupCommand::Verify { file }), _) => println!("{} is whole: {}", file.display(), held(&verify_backup(&file)?)),
        (None, Some(file)) => make(settings, &file)?,
        (None, None) => return Err(Failure::Input("name the file to write: rejoin backup FILE".into())),
    }
    Ok(())
}

fn make(settings: &Settings, file: &Path) -> Result<(), Failure> {
    let report = back_up(&settings.database_url, file, SystemClock.now())?;
    println!("wrote {}: {}", file.display(), held(&report));
    Ok(())
}

/// What a backup holds, in words.
pub(crate) fn held(report: &BackupReport) -> String {
    let made_at = report.made_at.map_or_else(String::new, |at| format!(", made at {at}"));
    format!("{} spaces, {} documents, {} bytes{made_at}", report.spaces, report.documents, report.size_bytes)
}
