//! `rejoin`: the composition root. It alone reads flags, the environment and files, and joins the adapters to the use
//! cases.

mod cli;
mod commands;
mod demo;
mod failure;
mod logging;
mod server;
mod settings;
mod system;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;

/// A push makes and drops thousands of small values; after the buffers of logins the memory goes back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rejoin: {failure}");
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Serve(serve) => commands::serve::run(&common.settings_with(&serve)?),
        Command::Demo(demo) => commands::demo::run(common.settings_without_database()?, &demo),
        Command::Migrate => commands::migrate::run(&common.settings()?),
        Command::User(user) => commands::user::run(&common.settings()?, user),
        Command::Space(space) => commands::space::run(&common.settings()?, space),
    }
}
