//! `rejoin merge`: the merge of the server, for files.

mod batch;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use merge_engine::Mode;

use crate::failure::Failure;

/// Options of `rejoin merge`.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// A file with one case a line, {"id","base","ours","theirs"}, plain or gzipped; `-` is standard input
    #[arg(long, value_name = "FILE.jsonl[.gz]", required = true)]
    batch: PathBuf,
    /// How much is decided without asking
    #[arg(long, value_enum, default_value_t = Decides::Careful)]
    mode: Decides,
}

/// How much is decided without asking.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decides {
    /// Ask whenever two people really disagree
    Careful,
    /// Decide also by the rules that hold without a schema, and by what was decided before
    Assisted,
}

impl From<Decides> for Mode {
    fn from(decides: Decides) -> Self {
        match decides {
            Decides::Careful => Self::Careful,
            Decides::Assisted => Self::Assisted,
        }
    }
}

/// Merges what was named.
pub(crate) fn run(arguments: &MergeArgs) -> Result<(), Failure> {
    batch::run(&arguments.batch, arguments.mode.into())
}
