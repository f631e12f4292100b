//! `rejoin`: the composition root. It alone reads flags, the environment and files, and joins the adapters to the use
//! cases.

mod bench;
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
        Command::Bench(bench) => commands::bench::run(common.database(), &bench),
        Command::Space(space) => commands::space::run(&common.settings()?, space),
    }
}
