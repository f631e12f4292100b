//! The ports: every effect of Rejoin passes through one of these traits. Each has a real and an in-memory
//! implementation under one conformance suite (`testkit`).

mod audit;
mod audit_reading;
mod batches;
mod broadcast;
mod conflicts;
mod containment;
mod documents;
mod environment;
mod identity;
mod life;
mod load;
mod oidc;
mod operations;
mod preferences;
mod presence;
mod purges;
mod queue;
mod queue_memory;
mod queue_reading;
mod queue_spaces;
mod spaces;
mod store;

pub use audit::{AuditCheckpoint, AuditFilter, AuditRecord, AuditRows, AuditTile, AuditTree, AuditTreeRows, Sequenced};
pub use audit_reading::{AuditPart, StoredAuditRecord};
pub use batches::{BatchRows, BatchState, QueueBatch};
pub use broadcast::{Broadcaster, Listener, Signal};
pub use conflicts::{ConflictEntry, ConflictFilter, ConflictLink, ConflictPage, ConflictRows, DueConflict};
pub use containment::{ContainmentRows, Footing, Suspension, Tenant, TenantState, Wipe};
pub use documents::{ChangeRow, CollectionSum, DocumentPage, DocumentRow, DocumentRows, History, LiveDocument, LivePage, Presence};
pub use environment::{Clock, Entropy};
pub use identity::{
    AccessGrant, Account, Device, DeviceRows, IdentityRows, LoginRows, LoginTries, Organisation, ServerKey, Session, SessionRows, User,
};
pub use life::{FormerEpoch, Grave, GraveRows, HistoryRows, LogEntry, LogRows, Presented, PresentedRows, ResultEntry, SpaceLog, Tombstone};
pub use load::{COMMIT_JOBS, CommitTally, StoreLoad};
pub use oidc::{Fetch, FetchError, FetchRequest, Fetched, OidcCode, OidcLink, OidcProvider, OidcRows};
pub use operations::{OperationRows, StoredOperation, StoredResult};
pub use preferences::{PreferenceKey, PreferenceRow, PreferenceRows, PreferenceRule};
pub use presence::{DeviceState, DeviceStateRows, SocketRows};
pub use purges::{Purge, PurgeRows};
pub use queue::{ItemPlace, ItemRows, ItemState, ItemStateRows, QueueItem};
pub use queue_memory::{QueueFigure, QueueMemoryRows, QueueTask};
pub use queue_reading::{ItemCount, ItemMark, QueueFilter, QueueReading, Visible};
pub use queue_spaces::{QueueSpace, QueueSpaceRows};
pub use spaces::{Head, Member, Space, SpaceAccess, SpaceRows, SpaceStatus};
pub use store::{Access, Job, Scope, Store, StoreError, StoreResult, Terms, Transaction, Tx};
