//! What holds a tenant or a device: who is locked out, since when, by whom and why. Nothing of it is ever a reason to drop
//! what a device has not sent.

use uuid::Uuid;

use super::{QueueBatch, StoreResult, StoredOperation};
use crate::{BatchId, DeviceId, OpId, OrganisationId, SessionId, SpaceId, Timestamp, UserId};

/// What a tenant may do. Each one forbids what the one before it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TenantState {
    /// Everything.
    #[default]
    Active,
    /// Read: nothing is written, by nobody.
    ReadOnly,
    /// Nothing: it is quiet, and everything stays as it is.
    Locked,
}

impl TenantState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::ReadOnly, Self::Locked];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ReadOnly => "read_only",
            Self::Locked => "locked",
        }
    }

    /// The one that is written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A tenant's state, and how it came to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Which.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: TenantState,
    /// Since when; `None` where nobody ever changed it.
    pub since: Option<Timestamp>,
    /// Which owner put it there; `None`: whoever runs the installation.
    pub by: Option<UserId>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The first of two owners who want it active again, and when they said so.
    pub unlock: Option<(UserId, Timestamp)>,
}

/// Why a device may do nothing for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// By whom; `None`: whoever runs the installation.
    pub by: Option<UserId>,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// An order to a device to drop everything that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wipe {
    /// Under which id the device confirms it.
    pub purge_id: Uuid,
    /// When it was given.
    pub ordered_at: Timestamp,
    /// When the device said that it had done so.
    pub confirmed_at: Option<Timestamp>,
    /// How many operations it dropped unsent, as it said.
    pub outbox_left: Option<i64>,
}

/// What a login may do at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Footing {
    /// Everything that its person may.
    Active,
    /// Read.
    ReadOnly,
    /// Nothing, because its tenant is locked.
    Locked,
    /// Nothing, because its device is suspended.
    Suspended,
    /// Nothing any more: it ended, or its device was revoked.
    Ended,
}

impl Footing {
    /// Of a login on a device, in a tenant.
    #[must_use]
    pub const fn of(ended: bool, suspended: bool, tenant: TenantState) -> Self {
        match (ended, suspended, tenant) {
            (true, ..) => Self::Ended,
            (_, true, _) => Self::Suspended,
            (_, _, TenantState::Locked) => Self::Locked,
            (_, _, TenantState::ReadOnly) => Self::ReadOnly,
            (_, _, TenantState::Active) => Self::Active,
        }
    }

    /// Whether it may be told anything.
    #[must_use]
    pub const fn may_read(self) -> bool {
        matches!(self, Self::Active | Self::ReadOnly)
    }
}

/// Rows of what holds tenants and devices.
pub trait ContainmentRows {
    /// What a login may do; one that is not known has ended. Asked in the transaction of whatever is done for it, since
    /// minutes may have passed since its token was read.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_footing(&mut self, session_id: SessionId) -> StoreResult<Footing>;

    /// [`Self::find_footing`], for whoever writes: a login that stands does so until the end of the transaction, and whoever
    /// ends it waits for that.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn hold_footing(&mut self, session_id: SessionId) -> StoreResult<Footing>;

    /// What these logins may do, in any order; those that are not known are left out.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_footings(&mut self, session_ids: &[SessionId]) -> StoreResult<Vec<(SessionId, Footing)>>;

    /// The batches of the queue among these, each with what its device and tenant may do now.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_work(&mut self, batch_ids: &[BatchId]) -> StoreResult<Vec<(QueueBatch, Footing)>>;

    /// A tenant; `None` where there is none.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_tenant(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<Tenant>>;

    /// A tenant by its name.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_tenant_named(&mut self, name: &str) -> StoreResult<Option<Tenant>>;

    /// The state of the tenant whose space this is; `None` where there is no such space.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_tenant_state(&mut self, space_id: SpaceId) -> StoreResult<Option<TenantState>>;

    /// [`Self::find_tenant`], locked until the end of the transaction.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_tenant(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<Tenant>>;

    /// Stores a tenant's state, and what belongs to it. Only under its lock.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_tenant(&mut self, tenant: &Tenant) -> StoreResult<()>;

    /// A device, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_device(&mut self, device_id: DeviceId) -> StoreResult<Option<super::Device>>;

    /// Stores what holds a device: its suspension and the order to wipe it. Only under its lock.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_device_hold(&mut self, device: &super::Device) -> StoreResult<()>;

    /// What was decided in an organisation since an instant, of one device or of all, by id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_decided(
        &mut self,
        organisation_id: OrganisationId,
        device_id: Option<DeviceId>,
        since: Timestamp,
        after: Option<OpId>,
        limit: i64,
    ) -> StoreResult<Vec<StoredOperation>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forbids_more_is_told() {
        let check = |ended, suspended, tenant, expected| assert_eq!(Footing::of(ended, suspended, tenant), expected);
        check(false, false, TenantState::Active, Footing::Active);
        check(false, false, TenantState::ReadOnly, Footing::ReadOnly);
        check(false, false, TenantState::Locked, Footing::Locked);
        check(false, true, TenantState::Locked, Footing::Suspended);
        check(true, true, TenantState::Locked, Footing::Ended);
        assert!(Footing::ReadOnly.may_read() && !Footing::Locked.may_read());
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in TenantState::ALL {
            assert_eq!(TenantState::parse(state.as_str()), Some(state));
        }
        assert_eq!(TenantState::parse("Locked"), None);
    }
}
