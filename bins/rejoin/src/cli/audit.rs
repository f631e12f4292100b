//! The flags of `rejoin audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const EXIT_CODES: &str = "\
Exit codes: 0 the log is what it was; 1 it is not, and the first bad index is named; 2 what was given can't be read.
docs/operations.md explains what is found and what is not.";

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Read the whole log, and name the first record that is not what it was
    #[command(after_help = EXIT_CODES)]
    Verify(AuditVerifyArgs),
    /// Write the whole log into a file, as lines of JSON that can be checked elsewhere
    Export(AuditExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    /// A checkpoint that was kept elsewhere, e.g. one of GET /api/offline/audit/checkpoint; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// What to read: a database (URL, or an SQLite file) or an export [default: database.url]
    #[arg(long, value_name = "DATABASE|EXPORT")]
    pub(crate) against: Option<String>,
    /// The keys whose signatures count: the server's key file, or what `rejoin keys audit` printed [default: audit.key_file]
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditExportArgs {
    /// The file to write; it must not exist yet
    pub(crate) file: PathBuf,
}
