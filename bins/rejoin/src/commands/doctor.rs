//! `rejoin doctor`: looks at everything that an installation depends on, while it runs or before it ever did, and changes
//! nothing of the database.

mod clock;
mod database;
mod disk;
mod files;
mod network;
mod report;

use clap::Args;
use storage_diesel::{Engine, Inspection, OpenError, inspect};

use crate::cli::{Common, ServeArgs};
use crate::commands::config::summary;
use crate::failure::Failure;
use crate::output::{coloured, print, print_json};
use crate::settings::{Layers, Settings};
use report::{Check, Report};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Leave out what takes long: reading all of an SQLite file to find damage
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Runs every check, prints what was found, and fails when one failed.
pub(crate) fn run(common: &Common, arguments: &DoctorArgs) -> Result<(), Failure> {
    let report = Report::new(examine(common, arguments));
    if arguments.json {
        print_json(&report.json())?;
    } else {
        print(&report.text(coloured()))?;
    }
    match report.failures() {
        0 => Ok(()),
        1 => Err(Failure::Failed("a check failed; its fix is named above".into())),
        number => Err(Failure::Failed(format!("{number} checks failed; their fixes are named above"))),
    }
}

fn examine(common: &Common, arguments: &DoctorArgs) -> Vec<Check> {
    let layers = match Layers::read(&common.sources(&arguments.serve)) {
        Ok(layers) => layers,
        Err(failure) => return vec![unusable(&failure)],
    };
    let (found, secrets) = (summary(&layers), files::holds_password(&layers));
    let settings = match Settings::load_from(layers) {
        Ok(settings) => settings,
        Err(failure) => return vec![unusable(&failure)],
    };
    let mut checks = vec![Check::ok("configuration", found)];
    let inspected = inspect(&settings.database_url, !arguments.quick);
    checks.extend(of_database(&settings, &inspected));
    let sqlite = settings.database_url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    if let Some(path) = sqlite {
        checks.extend(disk::examine(path.as_ref()));
    }
    checks.push(files::permissions(sqlite.map(AsRef::as_ref), secrets.as_deref()));
    checks.push(files::open_files());
    checks.push(network::address(settings.bind));
    checks.push(network::encryption(settings.bind, &settings.door, &settings.database_url));
    checks
}

fn unusable(failure: &Failure) -> Check {
    let fix = "correct it as it says there; `rejoin config default` prints every key with its default";
    Check::failure("configuration", failure.to_string().replace('\n', "; "), fix)
}

fn of_database(settings: &Settings, inspected: &Result<Option<Inspection>, OpenError>) -> Vec<Check> {
    match inspected {
        Err(error) => vec![database::unreachable(&settings.database_url, error), clock::alone()],
        Ok(None) => vec![database::absent(&settings.database_url), database::nobody(), clock::alone()],
        Ok(Some(inspection)) if database::is_damaged(inspection) => {
            let unread = |name| Check::skipped(name, "a damaged file does not tell");
            let mut checks = vec![database::reached(inspection), unread("migrations"), unread("admin"), clock::alone()];
            if let Engine::Sqlite(facts) = &inspection.engine {
                checks.push(database::whole(facts));
            }
            checks
        }
        Ok(Some(inspection)) => {
            let mut checks = vec![database::reached(inspection)];
            match &inspection.engine {
                Engine::Postgres(facts) => {
                    checks.push(database::durable(facts, settings.allow_fsync_off));
                    checks.push(database::connections(facts, settings.connections));
                    checks.push(database::migrated(inspection, true));
                    checks.push(database::row_security(inspection, facts));
                    checks.push(clock::against(inspection.newest_at, Some((facts.clock_at, facts.clock_read))));
                }
                Engine::Sqlite(facts) => {
                    checks.push(database::migrated(inspection, false));
                    checks.push(database::whole(facts));
                    checks.push(clock::against(inspection.newest_at, None));
                }
                // an engine that is not known here has no checks of its own yet
                _ => checks.push(clock::against(inspection.newest_at, None)),
            }
            checks.push(inspection.people.map_or_else(database::nobody, database::people));
            checks
        }
    }
}
