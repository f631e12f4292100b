//! The one place where membership is checked. What a caller may not see answers as if it did not exist.

use std::collections::BTreeMap;

use sync_core::ports::{Access, Footing, Scope, SpaceAccess, SpaceStatus, StoreResult, Terms, Transaction, Tx};
use sync_core::{Code, Problem, SpaceId};
use tracing::Instrument as _;

use crate::{Caller, Service, ServiceError, ServiceResult};

/// What a caller is to a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is no such space, it is another organisation's, or they were never a member: all alike.
    Unknown,
    /// They were a member, or are one of a space that was deleted: they read nothing, what they send is quarantined.
    Former(SpaceAccess),
    /// They are a member now.
    Member(SpaceAccess),
}

impl Standing {
    fn of(access: SpaceAccess) -> Self {
        if access.member.removed_at.is_some() || access.space.status == SpaceStatus::Deleted {
            Self::Former(access)
        } else {
            Self::Member(access)
        }
    }

    /// The membership of somebody who may read.
    ///
    /// # Errors
    /// `unknown_space`, the same for all who may not.
    pub(crate) fn member(self) -> Result<SpaceAccess, Problem> {
        match self {
            Self::Member(access) => Ok(access),
            Self::Unknown | Self::Former(_) => {
                Err(Problem::new(Code::UnknownSpace, "There is no such space, or you are not a member of it. Ask its lead to add you."))
            }
        }
    }
}

/// What the caller is to each of these spaces: one entry for each that was asked.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn load(tx: &mut dyn Tx, caller: &Caller, space_ids: &[SpaceId]) -> StoreResult<BTreeMap<SpaceId, Standing>> {
    let mut standings: BTreeMap<_, _> = space_ids.iter().map(|space_id| (*space_id, Standing::Unknown)).collect();
    for access in tx.load_access(caller.organisation_id, caller.user_id, space_ids)? {
        standings.insert(access.space.space_id, Standing::of(access));
    }
    Ok(standings)
}

/// What the caller is to a space; a member's standing is read under the lock of its log.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn lock(tx: &mut dyn Tx, caller: &Caller, space_id: SpaceId) -> StoreResult<Standing> {
    let access = tx.lock_access(caller.organisation_id, caller.user_id, space_id)?;
    Ok(access.map_or(Standing::Unknown, Standing::of))
}

/// The spaces in which the caller is a member, by id, after one, at most `limit`.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(crate) fn list_own(tx: &mut dyn Tx, caller: &Caller, after: Option<SpaceId>, limit: i64) -> StoreResult<Vec<SpaceAccess>> {
    tx.list_access(caller.organisation_id, caller.user_id, after, limit)
}

/// Checks that the caller's login still stands, and that nothing holds its device or tenant. A token is read before a
/// request's body, which may take minutes: what the body asks for is done only for somebody who may still do it.
///
/// # Errors
/// `unauthenticated`, `device_suspended`, `organisation_locked`, or the store's.
pub(crate) fn require_session(tx: &mut dyn Tx, caller: &Caller) -> ServiceResult<()> {
    Ok(admit(tx.find_footing(caller.session_id)?)?)
}

/// [`require_session`], for whoever is about to write: a login that stands does so until that is committed, and its end is
/// answered after it. Where the log of a space is locked, that is to come first, since the wait for it may be long. The
/// command line has no login: who may run it may write anyway.
///
/// # Errors
/// As [`require_session`], and `organisation_read_only`.
pub(crate) fn require_writable(tx: &mut dyn Tx, caller: &Caller) -> ServiceResult<()> {
    if caller.session_id.0.is_nil() {
        return Ok(());
    }
    Ok(admit_writing(tx.hold_footing(caller.session_id)?)?)
}

/// [`require_writable`] of whoever is to write later, before anything is looked for that they name: so that the refusal is the
/// same whether it is there or not. It holds nothing, and is asked again where it is written.
///
/// # Errors
/// As [`require_writable`].
pub(crate) fn look_writable(tx: &mut dyn Tx, caller: &Caller) -> ServiceResult<()> {
    if caller.session_id.0.is_nil() {
        return Ok(());
    }
    Ok(admit_writing(tx.find_footing(caller.session_id)?)?)
}

fn admit_writing(footing: Footing) -> Result<(), Problem> {
    admit(footing)?;
    if footing == Footing::ReadOnly {
        let detail = "Your organisation was set to read only; nothing of this was taken. Keep the outbox: it is taken once that is over.";
        return Err(Problem::new(Code::OrganisationReadOnly, detail));
    }
    Ok(())
}

/// Whether a footing allows anything at all.
///
/// # Errors
/// `unauthenticated`, `device_suspended`, `organisation_locked`.
pub(crate) fn admit(footing: Footing) -> Result<(), Problem> {
    let (code, detail) = match footing {
        Footing::Active | Footing::ReadOnly => return Ok(()),
        Footing::Locked => {
            (Code::OrganisationLocked, "Your organisation was locked; nothing of this was taken. Keep the outbox, and ask an owner.")
        }
        Footing::Suspended => {
            (Code::DeviceSuspended, "This device was suspended; nothing of this was taken. Keep the outbox, and ask an owner.")
        }
        Footing::Ended => (
            Code::Unauthenticated,
            "The session ended or the device was revoked while the request was on its way; nothing of it was taken. Keep the outbox.",
        ),
    };
    Err(Problem::new(code, detail))
}

/// The caller's membership in one space.
///
/// # Errors
/// `unknown_space`, or the store's.
pub(crate) fn require_member(tx: &mut dyn Tx, caller: &Caller, space_id: SpaceId) -> ServiceResult<SpaceAccess> {
    let standing = load(tx, caller, &[space_id])?.remove(&space_id).unwrap_or(Standing::Unknown);
    Ok(standing.member()?)
}

fn require_management(access: SpaceAccess) -> ServiceResult<SpaceAccess> {
    if access.member.role.may_manage() {
        Ok(access)
    } else {
        Err(Problem::new(Code::Forbidden, "Only a lead of the space may do this. Ask one of them.").into())
    }
}

/// The membership of a caller who may manage the space and its members. The space's lock is taken and the right is read under it, so that two
/// leads who change each other's roles at once are decided one after the other, and after every push that came first.
///
/// # Errors
/// `unknown_space`, `forbidden`, those of [`require_writable`], or the store's.
pub(crate) fn lock_as_manager(tx: &mut dyn Tx, caller: &Caller, space_id: SpaceId) -> ServiceResult<SpaceAccess> {
    require_writable(tx, caller)?;
    require_management(lock(tx, caller, space_id)?.member()?)
}

/// The terms of what is done for a caller: the database itself keeps to them (`storage-diesel`).
impl Caller {
    /// Their own: what they may see anywhere.
    pub(crate) const fn scope(&self) -> Scope {
        Scope::Member { organisation_id: self.organisation_id, user_id: self.user_id }
    }

    /// The terms of what they read.
    pub(crate) const fn read(&self) -> Terms {
        self.scope().read()
    }

    /// The terms of what they change.
    pub(crate) const fn write(&self) -> Terms {
        self.scope().write()
    }

    /// The terms where an admin answers for the whole organisation, spaces of others included: its queue, its devices.
    pub(crate) const fn oversee(&self, access: Access) -> Terms {
        let scope = if self.admin { Scope::Organisation(self.organisation_id) } else { self.scope() };
        Terms { access, scope }
    }
}

impl Service {
    /// Runs a unit of work that may end in a problem. A problem commits what was written before it: a job decides first
    /// and writes then.
    pub(crate) async fn decide<T, F>(&self, terms: impl Into<Terms>, work: F) -> ServiceResult<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> ServiceResult<T> + Send + 'static,
    {
        let terms = terms.into();
        let span = tracing::debug_span!("transaction", access = ?terms.access);
        Ok(self.begin(terms, work).instrument(span).await??)
    }

    /// [`Service::decide`], under way: the work goes on while its answer is not yet asked for.
    pub(crate) fn begin<T, F>(&self, terms: impl Into<Terms>, mut work: F) -> Transaction<Result<T, Problem>>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> ServiceResult<T> + Send + 'static,
    {
        let job = move |tx: &mut dyn Tx| match work(tx) {
            Ok(value) => Ok(Ok(value)),
            Err(ServiceError::Problem(problem)) => Ok(Err(problem)),
            Err(ServiceError::Store(error)) => Err(error),
        };
        self.store.transact(terms, job)
    }
}
