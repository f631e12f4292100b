//! `rejoin version`.

use std::sync::LazyLock;

use serde_json::json;

use crate::failure::Failure;
use crate::output::{print, print_json};

/// The commit, when whoever built it set `REJOIN_COMMIT`.
const COMMIT: Option<&str> = option_env!("REJOIN_COMMIT");
/// The version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Version, and commit where that is known.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| COMMIT.map_or_else(|| VERSION.to_owned(), |commit| format!("{VERSION} ({commit})")));
    &TEXT
}

/// What to put into a report: version, commit, machine.
pub(crate) fn line() -> String {
    format!("rejoin {} on {} {}", text(), std::env::consts::OS, std::env::consts::ARCH)
}

/// Prints the version.
pub(crate) fn run(as_json: bool) -> Result<(), Failure> {
    if !as_json {
        return print(&format!("{}\n", line()));
    }
    print_json(&json!({
        "version": VERSION,
        "commit": COMMIT,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    }))
}
