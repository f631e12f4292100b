//! The flags of `rejoin queue`.

use clap::{Args, Subcommand};
use sync_core::{BatchId, DeviceId, OpId, SpaceId, Timestamp};

/// Which operations of the queue.
#[derive(Debug, Clone, Args)]
pub(crate) struct QueueFilterArgs {
    /// Of one space
    #[arg(long, value_name = "UUID")]
    pub(crate) space: Option<SpaceId>,
    /// From one device
    #[arg(long, value_name = "UUID")]
    pub(crate) device: Option<DeviceId>,
    /// Of one batch
    #[arg(long, value_name = "UUID")]
    pub(crate) batch: Option<BatchId>,
    /// Of one lane, 0 to 3
    #[arg(long, value_name = "NUMBER")]
    pub(crate) lane: Option<i32>,
    /// That failed last with this code
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// Tell how much waits, how it went, and what to do
    Stats {
        /// In whose name: an admin sees their organisation, a lead their spaces
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// Over so many hours
        #[arg(long, value_name = "NUMBER", default_value_t = 24)]
        hours: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List what waits, by space, then in the order in which it is decided
    List {
        /// In whose name
        #[arg(long, value_name = "EMAIL")]
        user: String,
        #[command(flatten)]
        filter: QueueFilterArgs,
        /// queued, parked, staged, ready, held, delayed or leased
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show one operation with its payload
    Show {
        /// The operation
        op_id: OpId,
        /// In whose name
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Try again what failed: one operation, or all that the filter means
    Retry {
        /// The operation; without it, all that failed and the filter means
        op_id: Option<OpId>,
        /// In whose name
        #[arg(long, value_name = "EMAIL")]
        user: String,
        #[command(flatten)]
        filter: QueueFilterArgs,
        /// Not before this instant, e.g. 2026-06-20T18:00:00Z
        #[arg(long, value_name = "INSTANT", value_parser = instant, requires = "op_id")]
        at: Option<Timestamp>,
        /// The members as they are to be, instead of what was sent: a JSON object
        #[arg(long, value_name = "JSON", requires = "op_id")]
        patch: Option<String>,
        /// Why; it is recorded
        #[arg(long, value_name = "WORDS")]
        reason: Option<String>,
        /// Only tell how many there are
        #[arg(long, conflicts_with = "op_id")]
        preview: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take out what failed: one operation, or all that the filter means; it is refused and kept
    Discard {
        /// The operation; without it, all that failed and the filter means
        op_id: Option<OpId>,
        /// In whose name
        #[arg(long, value_name = "EMAIL")]
        user: String,
        #[command(flatten)]
        filter: QueueFilterArgs,
        /// Why; it is recorded, and told
        #[arg(long, value_name = "WORDS")]
        reason: Option<String>,
        /// Only tell how many there are
        #[arg(long, conflicts_with = "op_id")]
        preview: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print what waits with its payloads, a line of JSON each
    Export {
        /// In whose name
        #[arg(long, value_name = "EMAIL")]
        user: String,
        #[command(flatten)]
        filter: QueueFilterArgs,
        /// queued, parked, staged, ready, held, delayed or leased
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "an instant is written as 2026-06-20T14:02:11Z".to_owned())
}
