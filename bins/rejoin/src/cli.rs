//! The command line. Comments on its parts are its help.
#![allow(clippy::doc_markdown, reason = "help is shown as it is, without markup")]

mod audit;
mod device;
mod incident;
mod oidc;
mod queue;
mod serve;

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use clap::{Arg, Args, Command as Definition, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use sync_core::{Role, SpaceId};

pub(crate) use self::audit::{AuditCommand, AuditExportArgs, AuditVerifyArgs};
pub(crate) use self::device::{DeviceArgs, DeviceCommand};
pub(crate) use self::incident::IncidentCommand;
pub(crate) use self::oidc::{OidcAdd, OidcCommand};
pub(crate) use self::queue::{QueueCommand, QueueFilterArgs};
pub(crate) use self::serve::ServeArgs;
use crate::bench::options::BenchArgs;
use crate::commands;
use crate::commands::config::ConfigCommand;
use crate::commands::doctor::DoctorArgs;
use crate::commands::merge::MergeArgs;
use crate::commands::migrate::MigrateArgs;
use crate::failure::Failure;
use crate::settings::{Settings, Sources};

const EXIT_CODES: &str = "\
Every setting can be given as a flag, as a variable (server.bind is REJOIN_SERVER__BIND) or in rejoin.toml, in this order.

Exit codes: 0 done; 1 it could not be done; 2 a flag, a variable, the configuration file or what was given can't be used.";

const DOCTOR_EXIT_CODES: &str = "\
Exit codes: 0 nothing failed, warnings there may be; 1 a check failed; 2 a flag is not known.
docs/operations.md explains each check.";

/// An offline-first sync backend.
#[derive(Debug, Parser)]
#[command(version = commands::version::text(), about, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
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
    /// Apply the migrations that the database lacks, or tell which they are
    #[command(after_help = EXIT_CODES)]
    Migrate(MigrateArgs),
    /// Measure how fast a server is: one that is started for it in a temporary folder, or any other
    Bench(BenchArgs),
    /// Copy the SQLite database into a file, while servers go on writing
    Backup(BackupArgs),
    /// Put a backup in the place of the SQLite database; every space gets a new epoch
    Restore(RestoreArgs),
    /// Merge JSON documents: three files, as a git merge driver does, or a whole collection of cases
    Merge(MergeArgs),
    /// Manage the keys of the installation
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage people
    #[command(subcommand)]
    User(UserCommand),
    /// List devices, and revoke, suspend, resume or wipe one
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Manage providers of identity by which organisations' people log in
    #[command(subcommand)]
    Oidc(OidcCommand),
    /// Manage spaces
    #[command(subcommand)]
    Space(SpaceCommand),
    /// Look at the queue, and retry or discard what failed
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Hold an organisation or a device, let it go, and tell what was touched
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Check that nobody changed the audit log, or take it elsewhere
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look for what is wrong with the installation, and say what to do; exit code 1 when something is
    #[command(after_help = DOCTOR_EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the script that completes commands and flags in a shell
    Completions {
        /// The shell, e.g. `rejoin completions bash > /etc/bash_completion.d/rejoin`
        shell: Shell,
    },
    /// Print the version
    Version {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
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

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not exist yet
    pub(crate) file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Check a backup from its first to its last page, and say what it holds
    Verify {
        /// The backup
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(required_unless_present = "mark_restored", conflicts_with = "mark_restored")]
    pub(crate) file: Option<PathBuf>,
    /// Replace the database that is there; it is kept beside the new one, under a name with the date
    #[arg(long)]
    pub(crate) replace: bool,
    /// The database was restored by other means (PostgreSQL's own tools): only give every space a new epoch
    #[arg(long, conflicts_with = "replace")]
    pub(crate) mark_restored: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the key that signs cursors from now on; the former one is good for another 400 days
    Rotate,
    /// Add the key that signs checkpoints of the audit log from now on; the former ones go on counting
    RotateAudit,
    /// Print the public keys that checkpoints of the audit log are signed with: for `rejoin audit verify --keys`, elsewhere
    Audit,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person to an organisation, which is made when there is none of this name
    Add(UserAdd),
    /// Give a person a new password; everybody who is logged in as them is logged out
    Password(UserPassword),
    /// List everybody who may log in
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
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

#[derive(Debug, Args)]
pub(crate) struct UserPassword {
    /// The email that they log in with
    pub(crate) email: String,
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
        /// Print one JSON array
        #[arg(long)]
        json: bool,
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

    /// Whether the flag allows PostgreSQL to run with `fsync=off`.
    pub(crate) const fn allow_fsync_off(&self) -> bool {
        self.allow_fsync_off
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
        Settings::load(&self.sources(serve))
    }

    /// Where settings come from, with the flags of `serve`.
    pub(crate) fn sources(&self, serve: &ServeArgs) -> Sources {
        let allow_fsync_off = self.allow_fsync_off.then(|| "true".to_owned());
        let flags = [
            ("database.url", &self.database),
            ("database.allow_fsync_off", &allow_fsync_off),
            ("log.level", &self.log_level),
            ("log.format", &self.log_format),
        ];
        Sources {
            file: self.config.clone(),
            environment: environment(),
            flags: flags.into_iter().chain(serve.flags()).map(|(key, value)| (key, value.clone())).collect(),
        }
    }
}

/// The flag of a key, with its dashes.
pub(crate) fn flag_of(key: &str) -> Option<String> {
    Some(format!("--{}", argument_of(key)?.get_long()?))
}

/// What a key is for, in the words of the help.
pub(crate) fn help_of(key: &str) -> Option<String> {
    let help = argument_of(key)?.get_help()?.to_string();
    let (_, rest) = help.split_once(": ")?;
    Some(rest.split(" [default").next().unwrap_or(rest).to_owned())
}

/// The argument of a key, which its help begins with.
fn argument_of(key: &str) -> Option<Arg> {
    let command = Cli::command();
    let mut arguments = command.get_arguments().chain(command.get_subcommands().flat_map(Definition::get_arguments));
    let is_of = |help: String| help.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    arguments.find(|argument| argument.get_help().is_some_and(|help| is_of(help.to_string()))).cloned()
}

/// The variables whose name and value are text.
fn environment() -> BTreeMap<String, String> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::KEYS;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_key_has_a_flag() {
        for key in KEYS {
            assert!(flag_of(key.name).is_some(), "{}: the help of a flag begins with the key", key.name);
        }
        assert_eq!(flag_of("server.bind").as_deref(), Some("--bind"));
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
