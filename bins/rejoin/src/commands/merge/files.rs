//! Three files, as git gives them to a merge driver.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use merge_engine::{Context, Mode, Policy};
use sync_core::operation::Hint;

use super::document::source::Source;
use super::out;
use super::report::Report;
use super::texts::Texts;
use crate::failure::Failure;
use crate::output::{print, print_bytes};

/// What git calls the files that it makes for a merge driver begins with this.
const OF_GIT: &str = ".merge_file_";

/// Three files, and where their merge goes.
#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// What both sides started from; an empty file where there was nothing (git's %O)
    #[arg(required_unless_present = "batch")]
    base: Option<PathBuf>,
    /// This side (git's %A)
    #[arg(required_unless_present = "batch")]
    ours: Option<PathBuf>,
    /// The other side (git's %B)
    #[arg(required_unless_present = "batch")]
    theirs: Option<PathBuf>,
    /// Where to write the merge [default: standard output; OURS, where that is a file that git made for a merge driver]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What to call the file in messages (git's %P) [default: the name of OURS]
    #[arg(long, value_name = "PATH")]
    name: Option<String>,
    /// How the merge looks where somebody is to decide
    #[arg(long, value_enum, default_value_t = Conflicts::Markers)]
    conflicts: Conflicts,
    /// Print what was decided as one JSON object, with the merge in it unless that is written to a file
    #[arg(long)]
    json: bool,
}

/// How the merge looks where somebody is to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Conflicts {
    /// All three sides between marks, as `git merge` leaves them with conflict style diff3
    Markers,
    /// Valid JSON, with ours where the sides disagree
    KeepOurs,
}

/// Merges three files.
pub(super) fn run(arguments: &FileArgs, policy: &Policy, mode: Mode) -> Result<(), Failure> {
    let (Some(base), Some(ours), Some(theirs)) = (&arguments.base, &arguments.ours, &arguments.theirs) else {
        return Err(Failure::Input("name the three files: rejoin merge BASE OURS THEIRS".into()));
    };
    let texts = Texts::new(Source::read(base)?, Source::read(ours)?, Source::read(theirs)?);
    let mut context = Context::with_hint(Hint::Ask);
    context.mode = mode;
    let marked = arguments.conflicts == Conflicts::Markers;
    let (outcome, bytes) = texts.merge(policy, &context, marked)?;
    let target = arguments.out.as_deref().or_else(|| is_of_git(ours).then_some(ours));
    if let Some(target) = target {
        out::write(target, &bytes)?;
    }
    let report = Report::of(outcome);
    match target {
        _ if arguments.json => print(&report.json(target.is_none())?)?,
        Some(_) => {}
        None => print_bytes(&bytes)?,
    }
    let name = arguments.name.clone().unwrap_or_else(|| ours.display().to_string());
    report.end(&name, marked)
}

fn is_of_git(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(OF_GIT))
}
