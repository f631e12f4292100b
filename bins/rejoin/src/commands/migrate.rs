//! `rejoin migrate`.

use clap::{Args, Subcommand};
use serde_json::json;
use storage_diesel::{Engine, MigrationState, SqliteFacts, inspect, migrate};

use crate::failure::Failure;
use crate::logging;
use crate::output::{Table, print, print_json};
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    command: Option<MigrateCommand>,
    /// Only tell what would be applied, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// List every migration and whether the database has it
    Status,
}

/// Applies what is missing and prints it, or tells how things stand.
pub(crate) fn run(settings: &Settings, arguments: &MigrateArgs) -> Result<(), Failure> {
    logging::start(settings);
    match arguments.command {
        Some(MigrateCommand::Status) => status(settings, arguments.json),
        None if arguments.dry_run => told(&standing(settings)?.missing, "would apply", arguments.json),
        None => told(&migrate(&settings.database_url)?.applied, "applied", arguments.json),
    }
}

/// How the database stands. One that does not exist yet lacks everything.
fn standing(settings: &Settings) -> Result<MigrationState, Failure> {
    let Some(inspection) = inspect(&settings.database_url, false)? else { return Ok(MigrationState::none()) };
    match inspection.engine {
        Engine::Sqlite(SqliteFacts { damage: Some(_), .. }) => {
            Err(Failure::Failed("the database is damaged and does not tell; `rejoin doctor` says what to do".into()))
        }
        _ => Ok(inspection.migrations),
    }
}

fn told(names: &[String], verb: &str, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print_json(&json!({verb.replace(' ', "_"): names}));
    }
    if names.is_empty() {
        return print("the database is up to date\n");
    }
    let lines: Vec<_> = names.iter().map(|name| format!("{verb} {name}")).collect();
    print(&format!("{}\n", lines.join("\n")))
}

fn status(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let MigrationState { applied, missing, unknown, .. } = standing(settings)?;
    if as_json {
        return print_json(&json!({"applied": applied, "missing": missing, "unknown": unknown}));
    }
    let mut table = Table::new(["migration", "state"]);
    for (names, state) in [(applied, "applied"), (missing, "missing"), (unknown, "applied by a newer Rejoin")] {
        for name in names {
            table.row([name, state.into()]);
        }
    }
    print(&table.render())
}
