//! `rejoin audit`.

mod source;
mod words;

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use audit_log::{Checkpoint, Keyring, Report, Verification, VerifyingKey, to_line};
use serde_json::json;
use storage_diesel::read_audit_log;

use self::source::Source;
use crate::cli::{AuditCommand, AuditExportArgs, AuditVerifyArgs};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::settings::Settings;

/// Checks the log, or writes it into a file.
pub(crate) fn run(settings: &Settings, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify(verify) => check(settings, &verify),
        AuditCommand::Export(AuditExportArgs { file }) => export(settings, &file),
    }
}

fn check(settings: &Settings, given: &AuditVerifyArgs) -> Result<(), Failure> {
    let keys = Keyring::parse(&text_of(&given.keys)?).map_err(|error| Failure::Input(format!("{}: {error}", given.keys.display())))?;
    let outside = given.checkpoint.iter().map(|file| checkpoint(file, keys.known())).collect::<Result<Vec<_>, _>>()?;
    let source = Source::of(given.against.as_deref().unwrap_or(&settings.database_url))?;
    let mut verification = Verification::new(keys.known(), outside);
    source.read(&mut |part| {
        verification.take(&part);
        ControlFlow::Continue(())
    })?;
    let reports = verification.finish().map_err(|error| Failure::Input(format!("{source}: {error}")))?;
    tell(&reports, given.json)
}

fn checkpoint(file: &Path, keys: &[VerifyingKey]) -> Result<Checkpoint, Failure> {
    Checkpoint::open(&text_of(file)?, keys).map_err(|error| Failure::Input(format!("{}: {error}", file.display())))
}

fn text_of(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|error| Failure::Input(format!("{} can't be read: {error}; check its name and rights", file.display())))
}

fn tell(reports: &[Report], as_json: bool) -> Result<(), Failure> {
    let sound = reports.iter().all(Report::is_sound);
    if as_json {
        print_json(&json!({"sound": sound, "logs": reports}))?;
    } else {
        print(&words::of(reports))?;
    }
    let bad = reports.iter().filter(|report| !report.is_sound()).count();
    if sound {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{bad} of {} logs are not what they were; docs/operations.md says what to do", reports.len())))
    }
}

fn export(settings: &Settings, file: &Path) -> Result<(), Failure> {
    let cannot =
        |error: std::io::Error| Failure::Failed(format!("{} can't be written: {error}; check the disk and its rights", file.display()));
    // it holds what people did: for its owner alone
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let made =
        made.map_err(|error| Failure::Input(format!("{} can't be made: {error}; name a file that does not exist yet", file.display())))?;
    let (mut out, mut lines, mut failed) = (BufWriter::new(made), 0_u64, None);
    read_audit_log(&settings.database_url, &mut |part| match out.write_all(to_line(&part).as_bytes()) {
        Ok(()) => {
            lines += 1;
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all()).map_err(cannot)?;
    print(&format!("wrote {}: {lines} lines; check it with `rejoin audit verify --against {}`\n", file.display(), file.display()))
}
