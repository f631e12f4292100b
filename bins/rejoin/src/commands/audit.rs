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
use crate::audit_keys;
use crate::cli::{AuditCommand, AuditExportArgs, AuditVerifyArgs};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::settings::Settings;

/// Checks the log, or writes it into a file.
pub(crate) fn run(settings: &Settings, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify(verify) => {
            let keys = verify.keys.clone().unwrap_or_else(|| audit_keys::path(settings));
            check(&settings.database_url, &keys, &verify)
        }
        AuditCommand::Export(AuditExportArgs { file }) => export(&settings.database_url, &file),
    }
}

fn check(database_url: &str, keys: &Path, given: &AuditVerifyArgs) -> Result<(), Failure> {
    let keys = Keyring::parse(&text_of(keys)?).map_err(|error| Failure::Input(format!("{}: {error}", keys.display())))?;
    let outside = given.checkpoint.iter().map(|file| checkpoint(file, keys.known())).collect::<Result<Vec<_>, _>>()?;
    let source = Source::of(given.against.as_deref().unwrap_or(database_url))?;
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

fn export(database_url: &str, file: &Path) -> Result<(), Failure> {
    let cannot =
        |error: std::io::Error| Failure::Failed(format!("{} can't be written: {error}; check the disk and its rights", file.display()));
    // it holds what people did: for its owner alone
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let made =
        made.map_err(|error| Failure::Input(format!("{} can't be made: {error}; name a file that does not exist yet", file.display())))?;
    let (mut out, mut lines, mut failed) = (BufWriter::new(made), 0_u64, None);
    read_audit_log(database_url, &mut |part| match out.write_all(to_line(&part).as_bytes()) {
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

#[cfg(test)]
mod tests {
    use testkit::AuditSample;

    use super::*;

    const SAMPLE: AuditSample = AuditSample { organisation: 1, records: 300, checkpoint_every: 100, waiting: 1 };

    /// What verifying a text as an export ends with.
    fn verify(text: &str, note: Option<&str>) -> Result<(), Failure> {
        let folder = tempfile::tempdir().unwrap();
        let [keys, export, kept] = ["keys", "log.ndjson", "kept.txt"].map(|name| folder.path().join(name));
        fs::write(&keys, AuditSample::key().verifying_key().line()).unwrap();
        fs::write(&export, text).unwrap();
        let checkpoint = note.map(|note| fs::write(&kept, note).map(|()| kept).unwrap()).into_iter().collect();
        let given = AuditVerifyArgs { checkpoint, against: Some(export.display().to_string()), keys: None, json: true };
        check("sqlite:/nowhere", &keys, &given)
    }

    #[test]
    fn exit_codes_say_sound_tampered_or_unusable() {
        let text: String = SAMPLE.parts().iter().map(to_line).collect();
        verify(&text, None).unwrap();
        let tampered = |text: &str, note: Option<&str>| assert!(matches!(verify(text, note), Err(Failure::Failed(_))));
        tampered(&text.replacen("sync.push", "sync.pull", 1), None);
        tampered(text.trim_end(), None);
        let later = AuditSample { records: 400, ..SAMPLE }.parts();
        let mut notes = later.iter().filter_map(|part| match part {
            sync_core::ports::AuditPart::Checkpoint { note, .. } => std::str::from_utf8(note).ok(),
            _ => None,
        });
        let note = notes.next_back().unwrap();
        tampered(&text, Some(note));
        let unusable = |text: &str, note: Option<&str>| assert!(matches!(verify(text, note), Err(Failure::Input(_))));
        unusable("no log at all\n", None);
        unusable(&text, Some(&note.replace("400", "401")));
    }
}
