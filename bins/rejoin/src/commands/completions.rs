//! `rejoin completions`.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output::print;

/// Prints the script that completes `rejoin` in a shell.
pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "rejoin", &mut script);
    print(&String::from_utf8_lossy(&script))
}
