//! What a log is read from.

use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use audit_log::parse_line;
use storage_diesel::{TakePart, read_audit_log};
use sync_core::ports::AuditPart;

use crate::failure::Failure;
use crate::settings::redacted;

/// What an SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A database or an export.
#[derive(Debug)]
pub(super) enum Source {
    Database(String),
    Export(PathBuf),
}

impl Source {
    /// A URL is a database; a file is one when it begins like one.
    pub(super) fn of(given: &str) -> Result<Self, Failure> {
        let is_url = given.split_once(':').is_some_and(|(scheme, _)| ["sqlite", "postgres", "postgresql"].contains(&scheme));
        if is_url {
            return Ok(Self::Database(given.to_owned()));
        }
        let mut beginning = Vec::new();
        let read = File::open(given).and_then(|file| file.take(16).read_to_end(&mut beginning));
        read.map_err(|error| unreadable(Path::new(given), &error))?;
        Ok(if beginning == SQLITE { Self::Database(format!("sqlite:{given}")) } else { Self::Export(given.into()) })
    }

    /// Hands over all parts.
    pub(super) fn read(&self, take: TakePart<'_>) -> Result<(), Failure> {
        match self {
            Self::Database(url) => read_audit_log(url, take).map_err(|error| Failure::Input(error.to_string())),
            Self::Export(file) => read_export(file, take).map_err(|error| unreadable(file, &error)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(url) => f.write_str(&redacted("database.url", url)),
            Self::Export(file) => write!(f, "{}", file.display()),
        }
    }
}

fn read_export(file: &Path, take: TakePart<'_>) -> std::io::Result<()> {
    let (mut lines, mut line) = (BufReader::new(File::open(file)?), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        let whole = line.strip_suffix(b"\n").and_then(|text| std::str::from_utf8(text).ok());
        if take(whole.map_or(AuditPart::Unreadable, parse_line)).is_break() {
            break;
        }
        line.clear();
    }
    Ok(())
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Input(format!("{} can't be read: {error}; check its name and rights", file.display()))
}
