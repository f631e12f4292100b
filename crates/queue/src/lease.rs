//! The lease of a space: free → held → renewed, ended or handed back, as functions over its row.
//!
//! The row is read and written under its lock. A lease that nobody renewed is free again; who takes it gets the next fence.
//! What a worker writes is written in the same transaction in which [`may_write`] was asked under the lock: a worker that
//! stood still while another one took over finds another fence there, and writes nothing. No clock decides that, only how
//! soon a dead worker's space is taken up: after at most the lease and one interval of looking.

use sync_core::Timestamp;
use sync_core::ports::QueueSpace;
use uuid::Uuid;

/// How long a lease holds unless it is renewed.
pub const LEASE_MS: i64 = 30_000;

/// A worker's lease of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Who has it: a worker's own id.
    pub holder: Uuid,
    /// The fence that its writes carry.
    pub fence: i64,
}

/// Where the lease of a space stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has it.
    Free,
    /// It is held until then.
    Held(Lease, Timestamp),
    /// It was held until then, and nobody has taken it since: its holder may still write, and anybody may take it.
    Ended(Lease, Timestamp),
}

/// Where the lease of a space stands.
#[must_use]
pub fn standing(space: &QueueSpace, now: Timestamp) -> Standing {
    let (Some(holder), Some(until)) = (space.leased_by, space.leased_until) else { return Standing::Free };
    let lease = Lease { holder, fence: space.fence };
    if now < until { Standing::Held(lease, until) } else { Standing::Ended(lease, until) }
}

/// Whether anybody may take it.
#[must_use]
pub fn is_free(space: &QueueSpace, now: Timestamp) -> bool {
    !matches!(standing(space, now), Standing::Held(..))
}

/// The row after a worker took the lease; `None` where somebody holds it.
#[must_use]
pub fn take(space: &QueueSpace, holder: Uuid, now: Timestamp, lease_ms: i64) -> Option<(QueueSpace, Lease)> {
    if !is_free(space, now) {
        return None;
    }
    // no row was ever leased so often that the fence ends; if one were, nobody gets it
    let fence = space.fence.checked_add(1)?;
    let taken = QueueSpace { fence, leased_by: Some(holder), leased_until: Some(now.plus_ms(lease_ms.max(0))), ..*space };
    Some((taken, Lease { holder, fence }))
}

/// The row after its holder said that it is alive; `None` where somebody took the lease meanwhile, or it was handed back.
/// A lease never becomes shorter by it.
#[must_use]
pub fn renew(space: &QueueSpace, lease: &Lease, now: Timestamp, lease_ms: i64) -> Option<QueueSpace> {
    let until = now.plus_ms(lease_ms.max(0));
    may_write(space, lease).then(|| QueueSpace { leased_until: space.leased_until.max(Some(until)), ..*space })
}

/// The row after its holder handed the lease back; `None` where it had it no more.
#[must_use]
pub fn release(space: &QueueSpace, lease: &Lease) -> Option<QueueSpace> {
    may_write(space, lease).then_some(QueueSpace { leased_by: None, leased_until: None, ..*space })
}

/// The row of a lease that is void, because what it was about was put back: its holder writes nothing any more, and anybody
/// takes it at once. A row that nobody holds stays as it is.
#[must_use]
pub fn void(space: &QueueSpace, now: Timestamp) -> QueueSpace {
    match space.leased_by {
        None => *space,
        Some(_) => QueueSpace { fence: space.fence.saturating_add(1), leased_until: Some(now), due_at: Some(now), ..*space },
    }
}

/// Whether what this holder decided may be written: it has the lease, or had it last and nobody took it since. To be asked
/// under the row's lock, in the transaction that writes.
#[must_use]
pub fn may_write(space: &QueueSpace, lease: &Lease) -> bool {
    space.fence == lease.fence && space.leased_by == Some(lease.holder)
}

#[cfg(test)]
mod tests;
