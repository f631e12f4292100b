//! `rejoin`: the composition root. It alone reads flags, the environment and files, and joins the adapters to the use
//! cases.

mod audit_keys;
mod bench;
mod cli;
mod commands;
mod demo;
mod failure;
mod fetch;
mod logging;
mod otel;
mod output;
mod panic;
mod progress;
mod server;
mod settings;
mod system;
mod tls;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;

/// A push makes and drops thousands of small values; after the buffers of logins the memory goes back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panic::explain();
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // several things may be wrong at once, a line each
            for line in failure.to_string().lines() {
                let _ = writeln!(io::stderr(), "rejoin: {line}");
            }
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Serve(serve) => commands::serve::run(&common.settings_with(&serve)?),
        Command::Demo(demo) => commands::demo::run(common.settings_without_database()?, &demo),
        Command::Migrate(migrate) => commands::migrate::run(&common.settings()?, &migrate),
        Command::Backup(backup) => commands::backup::run(&common.settings()?, backup),
        Command::Restore(restore) => commands::restore::run(&common.settings()?, &restore),
        Command::Keys(keys) => commands::keys::run(&common.settings()?, &keys),
        Command::User(user) => commands::user::run(&common.settings()?, user),
        Command::Device(device) => commands::device::run(&common.settings()?, device),
        Command::Oidc(oidc) => commands::oidc::run(&common.settings()?, oidc),
        Command::Bench(bench) => commands::bench::run(common.database(), common.allow_fsync_off(), &bench),
        Command::Queue(queue) => commands::queue::run(&common.settings()?, queue),
        Command::Incident(incident) => commands::incident::run(&common.settings()?, incident),
        Command::Space(space) => commands::space::run(&common.settings()?, space),
        Command::Audit(audit) => commands::audit::run(&common.settings()?, audit),
        Command::Doctor(doctor) => commands::doctor::run(&common, &doctor),
        Command::Merge(merge) => commands::merge::run(&merge),
        Command::Config(config) => commands::config::run(&common, &config),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Version { json } => commands::version::run(json),
    }
}
