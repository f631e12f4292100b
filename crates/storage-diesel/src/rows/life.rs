//! The life of a space's log.

use sync_core::ports::{FormerEpoch, Grave, LogEntry, Presented, ResultEntry, SpaceLog, Tombstone};
use sync_core::{DeviceId, OpId, OrganisationId, SpaceId, UserId};

use super::{HeadRecord, Row};
use crate::values::{Id, Instant, Key, Roles};

/// Space, whose it is, head, when it was made.
pub(crate) type LogRecord = (Id, Id, HeadRecord, Instant);

impl Row for LogRecord {
    type Value = SpaceLog;

    fn into_value(self) -> SpaceLog {
        let (space_id, organisation_id, head, created_at) = self;
        SpaceLog {
            space_id: SpaceId(space_id.0),
            organisation_id: OrganisationId(organisation_id.0),
            head: head.into_value(),
            created_at: created_at.0,
        }
    }
}

/// Space, device, user, floor, when.
pub(crate) type PresentedRecord = (Id, Id, Id, i64, Instant);

impl Row for PresentedRecord {
    type Value = Presented;

    fn into_value(self) -> Presented {
        let (space_id, device_id, user_id, floor, at) = self;
        Presented { space_id: SpaceId(space_id.0), device_id: DeviceId(device_id.0), user_id: UserId(user_id.0), floor, at: at.0 }
    }
}

/// Space, epoch, shared until, ended.
pub(crate) type FormerEpochRecord = (Id, Id, i64, Instant);

impl Row for FormerEpochRecord {
    type Value = FormerEpoch;

    fn into_value(self) -> FormerEpoch {
        let (space_id, epoch, shared_until, ended_at) = self;
        FormerEpoch { space_id: SpaceId(space_id.0), epoch: epoch.0, shared_until, ended_at: ended_at.0 }
    }
}

/// Key, version, when, who could see it.
pub(crate) type TombstoneRecord = (Key, i64, Instant, Roles);

impl Row for TombstoneRecord {
    type Value = Tombstone;

    fn into_value(self) -> Tombstone {
        let (key, version, at, audience) = self;
        Tombstone { key: key.0, version, at: at.0, audience: audience.0 }
    }
}

/// Key, version, who could see it.
pub(crate) type GraveRecord = (Key, i64, Roles);

impl Row for GraveRecord {
    type Value = Grave;

    fn into_value(self) -> Grave {
        let (key, version, audience) = self;
        Grave { key: key.0, version, audience: audience.0 }
    }
}

/// Version, when.
pub(crate) type LogEntryRecord = (i64, Instant);

impl Row for LogEntryRecord {
    type Value = LogEntry;

    fn into_value(self) -> LogEntry {
        let (version, at) = self;
        LogEntry { version, at: at.0 }
    }
}

/// Organisation, operation, whether it is due.
pub(crate) type ResultEntryRecord = (Id, Id, bool);

impl Row for ResultEntryRecord {
    type Value = ResultEntry;

    fn into_value(self) -> ResultEntry {
        let (organisation_id, op_id, is_due) = self;
        ResultEntry { organisation_id: OrganisationId(organisation_id.0), op_id: OpId(op_id.0), is_due }
    }
}
