//! The flags of `rejoin device`.

use clap::{Args, Subcommand};
use sync_core::DeviceId;

const EXAMPLES: &str = "\
Examples:
  rejoin device list --organisation 'Studio Luz'
      whose devices there are, how they stand, when they were last seen
  rejoin device suspend DEVICE_ID --organisation 'Studio Luz' --reason 'nobody finds it'
      hold it: it keeps what it has not sent, and goes on after `resume`
  rejoin device revoke DEVICE_ID --organisation 'Studio Luz' --reason 'sold' --by ana@luz.example
      void its tokens for good, on the word of an owner, which is recorded
  rejoin device wipe DEVICE_ID --organisation 'Studio Luz' --reason 'stolen'
      revoke it, and have it drop what it holds the next time that it comes; `list` tells whether it confirmed that

A server is told nothing: it refuses the device from now on, and closes its sockets within 5 seconds.";

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List the devices of an organisation, revoked ones too
    #[command(after_help = EXAMPLES)]
    List {
        /// The organisation
        #[arg(long, value_name = "NAME")]
        organisation: String,
        /// Those of one person only
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Void a device's tokens for good: its owner may log in anew, as another device
    #[command(after_help = EXAMPLES)]
    Revoke(DeviceArgs),
    /// Hold a device: nothing of it is taken, it is sent nothing, and it keeps what it has not sent
    #[command(after_help = EXAMPLES)]
    Suspend(DeviceArgs),
    /// Let a suspended device go on
    #[command(after_help = EXAMPLES)]
    Resume(DeviceArgs),
    /// Revoke a device, and order it to drop what it holds the next time that it comes
    #[command(after_help = EXAMPLES)]
    Wipe(DeviceArgs),
}

/// Which device, and on whose word.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// The device
    pub(crate) device_id: DeviceId,
    /// Its organisation
    #[arg(long, value_name = "NAME")]
    pub(crate) organisation: String,
    /// Why: it is recorded
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The owner, an admin of the organisation, on whose word it is done: it is recorded
    #[arg(long, value_name = "EMAIL")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
