//! The flags of `rejoin incident`.

use clap::Subcommand;
use sync_core::{DeviceId, Timestamp};

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Lock an organisation: every server is quiet within 5 seconds, and nothing is deleted
    Lock {
        /// The organisation
        #[arg(long, value_name = "NAME")]
        organisation: String,
        /// People go on reading; nothing is written
        #[arg(long, conflicts_with = "device")]
        read_only: bool,
        /// Suspend one device only
        #[arg(long, value_name = "UUID")]
        device: Option<DeviceId>,
        /// Why: it is recorded
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Let an organisation go on, once two different owners want it; or a device
    Unlock {
        /// The organisation
        #[arg(long, value_name = "NAME")]
        organisation: String,
        /// An owner, an admin of the organisation, who wants it; give two, unless another has asked for it already
        #[arg(long, value_name = "EMAIL")]
        by: Vec<String>,
        /// Let one suspended device go on only
        #[arg(long, value_name = "UUID")]
        device: Option<DeviceId>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Tell how an organisation stands, and what was touched, by which device, since when
    Report {
        /// The organisation
        #[arg(long, value_name = "NAME")]
        organisation: String,
        /// By one device only
        #[arg(long, value_name = "UUID")]
        device: Option<DeviceId>,
        /// From when on, such as 2026-06-20T14:00:00Z [default: from the beginning]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        since: Option<Timestamp>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "it is to be a time of RFC 3339, such as 2026-06-20T14:00:00Z".into())
}
