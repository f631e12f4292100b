//! `rejoin merge`: the merge of the server, for files.

mod batch;
mod document;
mod files;
mod layout;
mod out;
mod report;
mod texts;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use merge_engine::{Mode, Policy};
use serde_json::Value;
use sync_core::Schema;

use super::read_schema;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  rejoin merge base.json ours.json theirs.json
      print the merge; members stand in the order of ours, indented as it is
  rejoin merge base.json ours.json theirs.json -o ours.json --conflicts keep-ours
      write valid JSON even where somebody is to decide
  rejoin merge base.json ours.json theirs.json --schema wedding --collection timeline_events
      merge each field by the strategy that a schema gives it
  git config merge.rejoin.driver 'rejoin merge %O %A %B -o %A --name %P'
      let git merge JSON files with it (README.md has the other two lines)
  rejoin merge --batch cases.jsonl.gz --mode assisted > results.jsonl
      merge many cases on all cores

A batch has one case a line, {\"id\",\"base\",\"ours\",\"theirs\"}; a base that is not there is absent, null is a value. Its results
stand in the order of the cases: {\"id\",\"status\":\"clean|conflict\",\"merged\",\"conflicts\",\"micros\"}, or, of a line that is no case,
{\"id\",\"status\":\"error\",\"line\",\"error\"}. `micros` is the time of the merge alone, without reading and writing.
In careful mode memory does not grow with the file. In assisted mode all of it is held in memory, since cases may learn: one with
\"repo\", \"committed_at\" (seconds since 1970) and \"human\" (what somebody made of it) teaches those of the same repository that were
committed later, and nothing else. What a case has in \"human\" itself is not read before its result is final; \"learned\" lists the
places that were decided as earlier ones were.

Exit codes: 0 nobody needs to be asked, or the whole batch was merged; 1 somebody is to decide: the places are marked in the
output and listed on standard error; 2 what was given can't be used: the output is left as it was, and the other lines of a batch
are merged all the same.";

/// Options of `rejoin merge`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = EXAMPLES, override_usage = "rejoin merge [OPTIONS] <BASE> <OURS> <THEIRS>\n       rejoin merge [OPTIONS] --batch <FILE>")]
pub(crate) struct MergeArgs {
    #[command(flatten)]
    files: files::FileArgs,
    /// Merge the cases of a file instead, one a line, plain or gzipped; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "ours", "theirs", "out", "name", "conflicts", "json"])]
    batch: Option<PathBuf>,
    /// How much is decided without asking
    #[arg(long, value_enum, default_value_t = Decides::Careful)]
    mode: Decides,
    /// A schema that says how fields merge: a built-in one, e.g. wedding, or a JSON file
    #[arg(long, value_name = "NAME|FILE.json", requires = "collection")]
    schema: Option<String>,
    /// The schema's collection of which the documents are
    #[arg(long, value_name = "NAME", requires = "schema")]
    collection: Option<String>,
}

/// How much is decided without asking.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decides {
    /// Ask whenever two people really disagree
    Careful,
    /// Decide also by rules that hold without a schema; in a batch, also by what was decided before
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
///
/// # Errors
/// [`Failure::Failed`] when somebody is to decide, [`Failure::Input`] when what was given can't be used.
pub(crate) fn run(arguments: &MergeArgs) -> Result<(), Failure> {
    let policy = arguments.policy()?;
    match &arguments.batch {
        Some(file) => batch::run(file, &policy, arguments.mode.into()),
        None => files::run(&arguments.files, &policy, arguments.mode.into()),
    }
}

impl MergeArgs {
    fn policy(&self) -> Result<Policy, Failure> {
        let (Some(given), Some(collection)) = (&self.schema, &self.collection) else { return Ok(Policy::default()) };
        let unusable = |what: String| Failure::Input(format!("the schema {given} can't be used: {what}; check --schema"));
        let schema = match read_schema(given)? {
            Value::String(name) => Schema::built_in(&name).ok_or_else(|| unusable("there is no built-in one of this name".into()))?,
            value => Schema::from_value(&value).map_err(|fault| unusable(fault.to_string()))?.into(),
        };
        if schema.collection(collection).is_none() {
            let names: Vec<&str> = schema.collections.keys().map(String::as_str).collect();
            let names = names.join(", ");
            return Err(Failure::Input(format!("the schema {given} has no collection {collection}: give --collection one of {names}")));
        }
        Ok(Policy::of(&schema, collection))
    }
}
