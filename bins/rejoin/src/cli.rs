//! The command line. Comments on its parts are its help.
#![allow(clippy::doc_markdown, reason = "help is shown as it is, without markup")]

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sync_core::{Role, SpaceId};

use crate::bench::options::BenchArgs;
use crate::failure::Failure;
use crate::settings::{Settings, Sources};

const EXIT_CODES: &str = "\
Every setting can be given as a flag, as a variable (server.bind is REJOIN_SERVER__BIND) or in rejoin.toml, in this order.

Exit codes: 0 done; 1 it could not be done; 2 a flag, a variable or the configuration file can't be used.";

/// An offline-first sync backend.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The configuration file [default: rejoin.toml in the working directory, when there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// database.url: sqlite:PATH or postgres://USER@HOST/DATABASE [default: sqlite:rejoin.db]
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// database.allow_fsync_off: use PostgreSQL with fsync=off, for tests only: a crash loses what was acknowledged [default: false]
    #[arg(long, global = true)]
    allow_fsync_off: bool,
    /// log.level: error, warn, info, debug, trace or directives [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// log.format: human or json [default: human]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API until SIGTERM or SIGINT
    #[command(after_help = EXIT_CODES)]
    Serve(ServeArgs),
    /// Show what Rejoin does: one wedding, three people, no signal; on SQLite in a temporary folder
    Demo(DemoArgs),
    /// Apply the migrations that the database lacks
    Migrate,
    /// Measure how fast a server is: one that is started for it in a temporary folder, or any other
    Bench(BenchArgs),
    /// Manage people
    #[command(subcommand)]
    User(UserCommand),
    /// Manage spaces
    #[command(subcommand)]
    Space(SpaceCommand),
}

#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// server.bind: where to listen; port 0 takes any that is free [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<String>,
    /// server.workers: threads that answer requests, 0 for one for each core [default: 0]
    #[arg(long, value_name = "NUMBER")]
    workers: Option<String>,
    /// server.shutdown_grace_s: how long requests may take to finish after SIGTERM [default: 25]
    #[arg(long, value_name = "SECONDS")]
    shutdown_grace_s: Option<String>,
    /// server.body_deadline_s: how long a body may take, before each 4 KiB of it add a second [default: 20]
    #[arg(long, value_name = "SECONDS")]
    body_deadline_s: Option<String>,
    /// database.connections: connections to PostgreSQL [default: 8]
    #[arg(long, value_name = "NUMBER")]
    connections: Option<String>,
    /// database.readers: threads that read from SQLite [default: 4]
    #[arg(long, value_name = "NUMBER")]
    readers: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the story, with exit code 0 when everything converged and nothing was lost
    #[arg(long)]
    pub(crate) once: bool,
    /// Where to listen [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) bind: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person to an organisation, which is made when there is none of this name
    Add(UserAdd),
}

#[derive(Debug, Args)]
pub(crate) struct UserAdd {
    /// The email to log in with
    pub(crate) email: String,
    /// The organisation's name
    #[arg(long, value_name = "NAME")]
    pub(crate) organisation: String,
    /// What people call them [default: the email up to the @]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// May manage the organisation's people
    #[arg(long)]
    pub(crate) admin: bool,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpaceCommand {
    /// Make a space and print its id
    Add(SpaceAdd),
    /// List the spaces of a person
    List {
        /// Their email
        #[arg(long, value_name = "EMAIL")]
        user: String,
    },
    /// Give a person a role in a space
    Member {
        /// The space
        space_id: SpaceId,
        /// The person's email
        email: String,
        /// lead, coordinator, photographer, vendor, couple or viewer
        #[arg(long, value_parser = role)]
        role: Role,
        /// The lead in whose name it is done
        #[arg(long, value_name = "EMAIL")]
        lead: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SpaceAdd {
    /// What people call it
    #[arg(long)]
    pub(crate) name: String,
    /// The email of the person who leads it
    #[arg(long, value_name = "EMAIL")]
    pub(crate) lead: String,
    /// The day of the event
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) event_date: Option<String>,
    /// Where it takes place, e.g. Europe/Lisbon
    #[arg(long, value_name = "IANA NAME")]
    pub(crate) time_zone: Option<String>,
    /// A built-in schema, e.g. wedding, or a JSON file with one
    #[arg(long, value_name = "NAME|FILE.json")]
    pub(crate) schema: Option<String>,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| format!("the roles are {}", Role::ALL.map(Role::as_str).join(", ")))
}

impl Common {
    /// The database that was asked for by the flag.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The settings of a command that does not serve.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        self.settings_with(&ServeArgs::default())
    }

    /// The settings of a command that brings its own database.
    pub(crate) fn settings_without_database(&self) -> Result<Settings, Failure> {
        match &self.database {
            Some(_) => Err(Failure::Input("the demo keeps its data in a temporary folder of its own; leave --database out".into())),
            None => self.settings(),
        }
    }

    /// The settings, with the flags of `serve`.
    pub(crate) fn settings_with(&self, serve: &ServeArgs) -> Result<Settings, Failure> {
        let allow_fsync_off = self.allow_fsync_off.then(|| "true".to_owned());
        let flags = [
            ("database.url", &self.database),
            ("database.allow_fsync_off", &allow_fsync_off),
            ("log.level", &self.log_level),
            ("log.format", &self.log_format),
            ("server.bind", &serve.bind),
            ("server.workers", &serve.workers),
            ("server.shutdown_grace_s", &serve.shutdown_grace_s),
            ("server.body_deadline_s", &serve.body_deadline_s),
            ("database.connections", &serve.connections),
            ("database.readers", &serve.readers),
        ];
        Settings::load(&Sources {
            file: self.config.clone(),
            environment: environment(),
            flags: flags.into_iter().map(|(key, value)| (key, value.clone())).collect(),
        })
    }
}

/// The variables whose name and value are text.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::settings::KEYS;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_every_key_and_its_default() {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("serve").unwrap().clone().render_long_help().to_string()
            + &Cli::command().render_long_help().to_string();
        for key in KEYS {
            let documented =
                help.split("\n  ").any(|part| part.contains(key.name) && part.contains(&format!("[default: {}]", key.default)));
            assert!(
                documented || help.contains(&format!("{}: ", key.name)) && help.contains(&format!("[default: {}]", key.default)),
                "{}",
                key.name
            );
        }
    }
}
