//! The flags of `rejoin bench`. Comments on its parts are its help.
#![allow(clippy::doc_markdown, reason = "help is shown as it is, without markup")]

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::crew::Plan;
use super::data::SMALLEST_DOCUMENT_BYTES;
use super::wire::Encoding;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum BenchCommand {
    /// Devices edit their own documents: two fields of each, durable when it is acknowledged
    Push,
    /// Two devices edit different fields of the same documents from the same base; everything is read back
    Conflict,
    /// A first sync of everything, and a sync after 100 changes
    Pull,
    /// Push, and then the rows that it wrote straight into the same database
    Floor,
    /// Push and floor over 1,000 to 1,000,000 documents in 1 and 1,000 spaces
    Scale,
    /// Five times as many pushes as the server can take, for a minute, and how it comes back
    Overload,
    /// A queue of 100,000 operations, worked off; pushes and urgent changes beside it; operations that can't be decided
    Queue,
    /// From a push on one device to the frames on others, also between two nodes; and 5,000 sockets that wait
    Realtime,
    /// Pushes to a server that keeps the audit log, and to one that does not, in turns
    Audit,
    /// The server that does not
    #[command(hide = true)]
    Unrecorded,
    /// A flood of logins, 500 at once, beside single pushes
    Logins,
    /// All of them but audit, overload, queue, realtime and logins; without --database on SQLite, and push and floor on PostgreSQL where it is installed
    All,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Drive this server instead of starting one; it keeps what is written to it
    #[arg(long, global = true, value_name = "URL", requires = "email", requires = "password_file")]
    pub(crate) url: Option<String>,
    /// The email of an admin there
    #[arg(long, global = true, value_name = "EMAIL", requires = "url")]
    pub(crate) email: Option<String>,
    /// A file whose first line is the admin's password, - for standard input
    #[arg(long, global = true, value_name = "FILE", requires = "url")]
    pub(crate) password_file: Option<PathBuf>,
    /// Devices that push at the same time [default: 50]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) devices: Option<usize>,
    /// Operations in one request, or several such numbers, each for a run [default: 20,1]
    #[arg(long, global = true, value_name = "NUMBER", value_delimiter = ',')]
    pub(crate) batch: Vec<usize>,
    /// Operations that are measured [default: 20000]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) operations: Option<usize>,
    /// Documents [default: 10000]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) documents: Option<usize>,
    /// Spaces that they are in [default: 1]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) spaces: Option<usize>,
    /// The size of a document [default: 600]
    #[arg(long, global = true, value_name = "BYTES")]
    pub(crate) document_bytes: Option<usize>,
    /// How long five times too much, or a flood of logins, is offered [default: 60]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) seconds: Option<usize>,
    /// Operations that are queued [default: 100000]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) queued: Option<usize>,
    /// Sockets that wait at the same time [default: 5000]
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) sockets: Option<usize>,
    /// How bodies travel, both ways
    #[arg(long, global = true, value_enum, default_value_t = Encoding::None)]
    pub(crate) encoding: Encoding,
    /// The seed of the work: the same one asks for the same documents and edits
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A tenth of the work, and fewer points and repeats
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Print one JSON object, as the last line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Options {
    /// What there is to work on.
    pub(crate) fn plan(&self) -> Result<Plan, Failure> {
        let plan = Plan {
            devices: self.devices.unwrap_or(50),
            documents: self.documents.unwrap_or(10_000),
            spaces: self.spaces.unwrap_or(1),
            document_bytes: self.document_bytes.unwrap_or(600),
            encoding: self.encoding,
            seed: self.seed,
        };
        within("--devices", plan.devices, 1, 10_000)?;
        within("--documents", plan.documents, 1, 100_000_000)?;
        within("--spaces", plan.spaces, 1, plan.documents)?;
        within("--document-bytes", plan.document_bytes, SMALLEST_DOCUMENT_BYTES, sync_core::limits::MAX_DOCUMENT_BYTES)?;
        Ok(plan)
    }

    /// Operations of each request, a number a run.
    pub(crate) fn batches(&self) -> Result<Vec<usize>, Failure> {
        for batch in &self.batch {
            within("--batch", *batch, 1, sync_core::limits::MAX_OPERATIONS)?;
        }
        Ok(if self.batch.is_empty() { vec![20, 1] } else { self.batch.clone() })
    }

    /// Operations that are queued: a request of the inline run edits so many of their documents.
    pub(crate) fn queued(&self, batch: usize) -> Result<usize, Failure> {
        let queued = self.queued.unwrap_or(if self.quick { 10_000 } else { 100_000 });
        within("--queued", queued, batch.max(10), 100_000)?;
        Ok(queued)
    }

    /// For how long too much is offered.
    pub(crate) fn seconds(&self) -> Result<usize, Failure> {
        let seconds = self.seconds.unwrap_or(if self.quick { 10 } else { 60 });
        within("--seconds", seconds, 1, 3_600)?;
        Ok(seconds)
    }

    /// Operations that are measured.
    pub(crate) fn operations(&self) -> Result<usize, Failure> {
        let operations = self.operations.unwrap_or(if self.quick { 2_000 } else { 20_000 });
        within("--operations", operations, 1, 1_000_000_000)?;
        Ok(operations)
    }
}

fn within(flag: &str, given: usize, least: usize, most: usize) -> Result<(), Failure> {
    if (least..=most).contains(&given) {
        Ok(())
    } else {
        Err(Failure::Input(format!("{flag} {given}: a number from {least} to {most} is expected")))
    }
}
