//! Protocol version 1: requests as they are read, responses as they are written.

pub mod audit;
pub mod batch;
pub mod config;
pub mod explain;
pub mod identity;
pub mod inbox;
pub mod incident;
pub mod purged;
pub mod queue;
pub mod realtime;
pub mod report;
pub mod request;
pub mod response;
pub mod spaces;
pub mod status;

pub use audit::{AuditList, Gossip, GossipAnswer};
pub use batch::{BatchAnswer, BatchFault, BatchProgress};
pub use config::Config;
pub use inbox::ConflictList;
pub use purged::{PurgedRequest, PurgedResponse};
pub use report::DeviceReport;
pub use request::{
    Choice, HeldRow, Pull, Received, Resolution, SyncRequest, VerifyRequest, VerifyStep, read_again, read_edited_operation,
    read_operation_line, read_receipts, read_resolutions, read_stored_operation,
};
pub use response::{
    ExcludedDocument, Item, ItemKind, Next, OperationResult, Receipt, Receipts, Repair, ResolveResponse, SpaceChanges, SyncResponse,
    TouchedDocument, VerifyResponse, WarnedDocument, Warning,
};
pub use status::DeviceStatus;
