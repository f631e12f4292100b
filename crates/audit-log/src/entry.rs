//! A stored record as the verifier looks at it.

use sync_core::json::{Object, parse_strict};
use sync_core::ports::StoredAuditRecord;
use sync_core::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use crate::{Hash, Leaf, Particulars, commitment};

/// What of a record could be read.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record_id: Option<Uuid>,
    /// `None` when a column of it is damaged.
    pub(crate) leaf: Option<Leaf>,
    pub(crate) kept: Kept,
}

/// What became of the part that can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is what the leaf commits to.
    Whole,
    /// Nothing of it is left.
    Erased,
    /// It is not what the leaf commits to, or only a part of it.
    Wrong,
    /// Nothing was committed to yet.
    Uncommitted,
}

impl Entry {
    pub(crate) fn of(stored: &StoredAuditRecord) -> Self {
        Self { record_id: Uuid::from_slice(&stored.record_id).ok(), leaf: leaf(stored), kept: kept(stored) }
    }
}

fn leaf(stored: &StoredAuditRecord) -> Option<Leaf> {
    Some(Leaf {
        record_id: Uuid::from_slice(&stored.record_id).ok()?,
        organisation_id: OrganisationId::from_slice(&stored.organisation_id)?,
        space_id: whole(stored.space_id.as_deref(), SpaceId::from_slice).ok()?,
        at: Timestamp::from_millis(stored.at),
        action: std::str::from_utf8(&stored.action).ok()?.to_owned(),
        commitment: Hash::from_slice(stored.commitment.as_deref()?)?,
    })
}

fn kept(stored: &StoredAuditRecord) -> Kept {
    let StoredAuditRecord { salt, user_id, device_id, subject, reason, trace, details, .. } = stored;
    if [salt, user_id, device_id, subject, reason, trace, details].iter().all(|part| part.is_none()) {
        return Kept::Erased;
    }
    match (&stored.commitment, computed(stored)) {
        (None, _) => Kept::Uncommitted,
        (Some(said), Some(computed)) if said.as_slice() == computed.as_bytes() => Kept::Whole,
        _ => Kept::Wrong,
    }
}

/// The commitment to what is there; `None` when some of it is damaged or gone.
fn computed(stored: &StoredAuditRecord) -> Option<Hash> {
    let salt = stored.salt.as_deref()?.try_into().ok()?;
    let details: Object = match parse_strict(stored.details.as_deref()?).ok()? {
        serde_json::Value::Object(members) => members,
        _ => return None,
    };
    let particulars = Particulars {
        user_id: whole(stored.user_id.as_deref(), UserId::from_slice).ok()?,
        device_id: whole(stored.device_id.as_deref(), DeviceId::from_slice).ok()?,
        subject: whole(stored.subject.as_deref(), text).ok()?,
        reason: whole(stored.reason.as_deref(), text).ok()?,
        trace: whole(stored.trace.as_deref(), text).ok()?,
        details: &details,
    };
    Some(commitment(salt, &particulars))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A value that is there and can't be read.
pub(crate) struct Damaged;

/// Reads a value that may be absent.
fn whole<'a, T>(bytes: Option<&'a [u8]>, read: impl FnOnce(&'a [u8]) -> Option<T>) -> Result<Option<T>, Damaged> {
    bytes.map(|bytes| read(bytes).ok_or(Damaged)).transpose()
}
