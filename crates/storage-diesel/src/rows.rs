//! Rows as they are read, in the order in which their statements select columns, and what they mean.

mod audit;
mod identity;
mod life;
mod oidc;
mod preferences;
mod presence;
mod purges;
mod queue;
mod spaces;

pub(crate) use audit::{AuditCheckpointRow, AuditRow, AuditTileRow, AuditTreeRow};
pub(crate) use identity::{
    AccountRecord, DeviceRecord, FootingRecord, GrantRecord, HeldRecord, OrganisationRecord, ServerKeyRecord, SessionRecord, TenantRecord,
    TriesRecord, UserRecord,
};
pub(crate) use life::{FormerEpochRecord, GraveRecord, LogEntryRecord, LogRecord, PresentedRecord, ResultEntryRecord, TombstoneRecord};
pub(crate) use oidc::{OidcCodeRecord, OidcLinkRecord, OidcProviderRecord};
pub(crate) use preferences::{PreferenceRecord, RuleRecord};
pub(crate) use presence::DeviceStateRecord;
pub(crate) use purges::PurgeRecord;
pub(crate) use queue::{
    BatchRecord, CountRecord, FigureRecord, ItemRecord, MissedRecord, PlaceRecord, QueueSpaceRecord, RankRecord, TaskRecord,
};
pub(crate) use spaces::{
    AccessRecord, ChangeRecord, ConflictPlace, DocumentRecord, DueRecord, HeadRecord, LinkRecord, MemberRecord, OperationRecord,
    ResultRecord, SumRecord,
};

use crate::values::{Id, Utf8};

/// A row that becomes a port's value.
pub(crate) trait Row {
    type Value;

    fn into_value(self) -> Self::Value;
}

/// A single text.
impl Row for Utf8 {
    type Value = String;

    fn into_value(self) -> String {
        self.0
    }
}

/// A single id.
impl Row for Id {
    type Value = uuid::Uuid;

    fn into_value(self) -> uuid::Uuid {
        self.0
    }
}
