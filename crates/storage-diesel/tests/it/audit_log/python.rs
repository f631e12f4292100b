//! The second verifier, which shares no code with the first.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sync_core::OrganisationId;

use super::AuditSample;

/// Whether there is a Python to run it; there must be one where tests count.
#[allow(clippy::disallowed_methods, reason = "tests are told by the environment what must not be left out")]
fn is_there() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    let demanded = std::env::var("CI").is_ok_and(|value| value == "true") || std::env::var("REJOIN_TESTS_RUN").is_ok();
    assert!(there || !demanded, "python3 must be installed: the second verifier is written in it");
    if !there {
        println!("the second verifier is skipped: there is no python3");
    }
    there
}

/// Makes sure that it finds the same first bad indexes in a file.
pub(super) fn agrees(file: &Path, expected: &[(OrganisationId, u64)], notes: &[Vec<u8>]) {
    if !is_there() {
        return;
    }
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/audit/verify.py");
    let keys = file.with_extension("keys");
    std::fs::write(&keys, AuditSample::key().line()).unwrap();
    let mut command = Command::new("python3");
    command.args(["-B", "-I"]).arg(program).arg(file).arg("--keys").arg(keys);
    for (index, note) in notes.iter().enumerate() {
        let path = file.with_extension(format!("note-{index}"));
        std::fs::write(&path, note).unwrap();
        command.arg("--checkpoint").arg(path);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<(OrganisationId, u64)> = said
        .filter_map(|log| log["first_bad_index"].as_u64().map(|index| (log["organisation_id"].as_str().unwrap().parse().unwrap(), index)))
        .collect();
    assert_eq!(found, expected, "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(i32::from(!expected.is_empty())), "{}", String::from_utf8_lossy(&output.stderr));
}
