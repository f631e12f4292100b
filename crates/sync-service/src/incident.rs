//! Incidents: a tenant or a device is held, so that nothing of it moves, and let go again.
//!
//! What holds is read in the transaction of whatever is done (`access::require_session`, the queue's steps): a device's on
//! every node from its answer on, a tenant's for all transactions that begin after its commit; connections are closed by the next look or sweep.

mod devices;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use sync_core::ports::{AccessGrant, Device, Footing, Scope, Signal, Suspension, Tenant, TenantState, Terms, Tx};
use sync_core::protocol::v1::incident::{HoldRequest, IncidentStatus, UnlockAsked};
use sync_core::{Code, DeviceId, OrganisationId, Problem, Timestamp, UserId};

use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceResult, access};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// On whose word something is held or let go.
#[derive(Debug, Clone)]
pub enum Authority {
    /// An owner's, who is logged in: an admin of the organisation.
    Owner(Caller),
    /// That of whoever runs the installation, and of the owners in whose names they speak.
    Operator(Vec<UserId>),
}

impl Authority {
    /// The owner, where one is logged in.
    const fn owner(&self) -> Option<UserId> {
        match self {
            Self::Owner(caller) => Some(caller.user_id),
            Self::Operator(_) => None,
        }
    }

    /// What is recorded of what they do.
    fn act(&self, organisation_id: OrganisationId, action: &'static str) -> Act {
        match self {
            Self::Owner(caller) => Act::by(caller, action),
            Self::Operator(named) => Act::of(organisation_id, action).with(json!({"operator": true, "for": named})),
        }
    }

    /// Checks that they may, in the transaction of what they do.
    fn check(&self, tx: &mut dyn Tx, organisation_id: OrganisationId) -> ServiceResult<()> {
        let Self::Owner(caller) = self else { return Ok(()) };
        let footing = tx.find_footing(caller.session_id)?;
        if matches!(footing, Footing::Ended | Footing::Suspended) {
            access::admit(footing)?;
        }
        if !caller.admin || caller.organisation_id != organisation_id {
            return Err(Problem::new(Code::Forbidden, "Only an owner, an admin of the organisation, may do this. Ask one of them.").into());
        }
        Ok(())
    }
}

fn terms(organisation_id: OrganisationId) -> Terms {
    Scope::Organisation(organisation_id).write()
}

impl Service {
    /// Who holds an access token, for what is allowed while their tenant is held: dealing with that.
    ///
    /// # Errors
    /// `unauthenticated`, `device_suspended`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn authenticate_owner(&self, token: &str) -> ServiceResult<Caller> {
        let AccessGrant { session_id, organisation_id, user_id, device_id, admin, footing, .. } = self.find_grant(token).await?;
        if matches!(footing, Footing::Ended | Footing::Suspended) {
            access::admit(footing)?;
        }
        Ok(Caller { organisation_id, user_id, device_id, session_id, admin, trace: None })
    }

    /// How a tenant stands.
    ///
    /// # Errors
    /// `forbidden` unless the caller is an owner; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn incident_status(&self, by: &Authority, organisation_id: OrganisationId) -> ServiceResult<IncidentStatus> {
        let by = by.clone();
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            Ok(status_of(tx.find_tenant(organisation_id)?.ok_or_else(unknown_organisation)?))
        };
        self.decide(Scope::Organisation(organisation_id).read(), work).await
    }

    /// Holds a tenant, or one of its devices. What holds already is only ever held more: it is let go by
    /// [`Self::let_tenant_go`] alone.
    ///
    /// # Errors
    /// `forbidden`, `malformed`, `unknown_device`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn hold(&self, by: &Authority, organisation_id: OrganisationId, request: HoldRequest) -> ServiceResult<IncidentStatus> {
        let (by, now) = (by.clone(), self.now());
        let reason = auth::check::label(&request.reason, 1, MAX_REASON, "/reason")?;
        let state = state_of(&request)?;
        let (device_id, entropy) = (request.device_id, Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            let tenant = tx.lock_tenant(organisation_id)?.ok_or_else(unknown_organisation)?;
            if let Some(device_id) = device_id {
                let device = lock_device(tx, organisation_id, device_id)?;
                if device.suspended.is_none() {
                    let act = by.act(organisation_id, "device.suspend").about(&device_id).because(Some(&reason));
                    audit::write(tx, &*entropy, now, [act])?;
                    let held = Suspension { at: now, by: by.owner(), reason: Some(reason.clone()) };
                    tx.put_device_hold(&Device { suspended: Some(held), ..device })?;
                }
                return Ok(status_of(tenant));
            }
            if tenant.state >= state {
                return Ok(status_of(tenant));
            }
            let act = by.act(organisation_id, "incident.lock").about(&organisation_id).because(Some(&reason));
            audit::write(tx, &*entropy, now, [act.changing("state", tenant.state.as_str(), state.as_str())])?;
            let held = Tenant { state, since: Some(now), by: by.owner(), reason: Some(reason.clone()), unlock: None, ..tenant };
            tx.put_tenant(&held)?;
            Ok(status_of(held))
        };
        let status = self.decide(terms(organisation_id), work).await?;
        self.publish(&[device_id.map_or(Signal::Organisation(organisation_id), Signal::Suspended)]);
        Ok(status)
    }

    /// Lets a tenant go once two different owners want it: the first is noted, the second confirms.
    ///
    /// # Errors
    /// `forbidden`, `same_owner`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn let_tenant_go(&self, by: &Authority, organisation_id: OrganisationId) -> ServiceResult<IncidentStatus> {
        let (by, now, entropy) = (by.clone(), self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            let tenant = tx.lock_tenant(organisation_id)?.ok_or_else(unknown_organisation)?;
            let asked = tenant.unlock.map(|(user_id, _)| user_id);
            let named: Vec<UserId> = match &by {
                Authority::Owner(caller) => vec![caller.user_id],
                Authority::Operator(named) => named.clone(),
            };
            let all: Vec<UserId> = named.iter().copied().chain(asked).collect();
            // who is no owner any more has no say, whatever they were when they asked
            let owners = tx.load_users(organisation_id, &all)?.into_iter().filter(|user| user.admin).map(|user| user.user_id).collect();
            let before = tenant.state;
            let next = let_go(tenant, &named, &owners, now)?;
            if before != TenantState::Active {
                let act = by.act(organisation_id, "incident.unlock").about(&organisation_id).with(json!({"asked_by": asked}));
                audit::write(tx, &*entropy, now, [act.changing("state", before.as_str(), next.state.as_str())])?;
                tx.put_tenant(&next)?;
            }
            Ok(status_of(next))
        };
        let status = self.decide(terms(organisation_id), work).await?;
        self.publish(&[Signal::Organisation(organisation_id), Signal::Queue]);
        Ok(status)
    }

    /// Lets a device go on. A reason, where there is one, is recorded.
    ///
    /// # Errors
    /// `forbidden`, `malformed`, `unknown_device`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn let_device_go(
        &self,
        by: &Authority,
        organisation_id: OrganisationId,
        device_id: DeviceId,
        reason: Option<&str>,
    ) -> ServiceResult<()> {
        let (by, now, entropy) = (by.clone(), self.now(), Arc::clone(&self.entropy));
        let reason = reason.map(|reason| auth::check::label(reason, 1, MAX_REASON, "/reason")).transpose()?;
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            let device = lock_device(tx, organisation_id, device_id)?;
            let act = by.act(organisation_id, "device.resume").about(&device_id).because(reason.as_deref());
            audit::write(tx, &*entropy, now, device.suspended.is_some().then_some(act))?;
            Ok(tx.put_device_hold(&Device { suspended: None, ..device })?)
        };
        self.decide(terms(organisation_id), work).await?;
        self.publish(&[Signal::Queue]);
        Ok(())
    }

    /// The tenant of a name, for the command line.
    ///
    /// # Errors
    /// `malformed` where there is none; the store's.
    pub async fn load_tenant(&self, name: &str) -> ServiceResult<Tenant> {
        let name = name.to_owned();
        let work = move |tx: &mut dyn Tx| Ok(tx.find_tenant_named(&name)?.ok_or_else(unknown_organisation)?);
        self.decide(Scope::Installation.read(), work).await
    }
}

fn unknown_organisation() -> Problem {
    Problem::new(Code::Malformed, "there is no such organisation; `rejoin user list` names those that there are").at("/organisation")
}

fn lock_device(tx: &mut dyn Tx, organisation_id: OrganisationId, device_id: DeviceId) -> ServiceResult<Device> {
    Ok(own(tx.lock_device(device_id)?, organisation_id)?)
}

fn own(device: Option<Device>, organisation_id: OrganisationId) -> Result<Device, Problem> {
    let unknown = || Problem::new(Code::UnknownDevice, "There is no such device in your organisation.").at("/device_id");
    device.filter(|device| device.organisation_id == organisation_id).ok_or_else(unknown)
}

/// The state that is asked for: locked, unless it says otherwise.
fn state_of(request: &HoldRequest) -> Result<TenantState, Problem> {
    let state = request.state.as_deref().map_or(Some(TenantState::Locked), TenantState::parse);
    let held = state.filter(|state| *state != TenantState::Active);
    held.ok_or_else(|| Problem::new(Code::Malformed, "state is to be locked or read_only; DELETE lets an organisation go").at("/state"))
}

/// A tenant after these want it to go, who are owners as far as they are among `owners`; so is whoever asked before.
fn let_go(tenant: Tenant, named: &[UserId], owners: &BTreeSet<UserId>, now: Timestamp) -> Result<Tenant, Problem> {
    if tenant.state == TenantState::Active {
        return Ok(tenant);
    }
    let refused = |detail| Err(Problem::new(Code::SameOwner, detail));
    if let Some(stranger) = named.iter().find(|user_id| !owners.contains(user_id)) {
        return Err(Problem::new(Code::Forbidden, format!("{stranger} is no owner, an admin of the organisation; name one who is.")));
    }
    let before = tenant.unlock.filter(|(user_id, _)| owners.contains(user_id));
    let all: BTreeSet<UserId> = named.iter().copied().chain(before.map(|(user_id, _)| user_id)).collect();
    match (all.len(), before, all.first()) {
        (2.., ..) => Ok(Tenant { state: TenantState::Active, since: Some(now), by: None, reason: None, unlock: None, ..tenant }),
        (1, None, Some(first)) => Ok(Tenant { unlock: Some((*first, now)), ..tenant }),
        (1, Some(_), _) => refused("You asked for this before; another owner has to confirm it."),
        _ => refused("Two owners have to want this; name them."),
    }
}

fn status_of(tenant: Tenant) -> IncidentStatus {
    IncidentStatus {
        organisation_id: tenant.organisation_id,
        name: tenant.name,
        state: tenant.state.as_str(),
        since: tenant.since,
        by: tenant.by,
        reason: tenant.reason,
        unlock: tenant.unlock.map(|(by, at)| UnlockAsked { by, at }),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(9_000);

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn locked(asked: Option<u128>) -> Tenant {
        Tenant {
            organisation_id: OrganisationId(Uuid::nil()),
            name: "Alder".into(),
            state: TenantState::Locked,
            since: Some(Timestamp::from_millis(1)),
            by: None,
            reason: Some("lost".into()),
            unlock: asked.map(|number| (user(number), Timestamp::from_millis(5))),
        }
    }

    fn check(asked: Option<u128>, named: &[u128], owners: &[u128], expected: Result<Option<u128>, Code>) {
        let named: Vec<UserId> = named.iter().copied().map(user).collect();
        let owners = owners.iter().copied().map(user).collect();
        let outcome = let_go(locked(asked), &named, &owners, NOW);
        let told = outcome.map(|tenant| {
            let freed = tenant.state == TenantState::Active;
            assert_eq!(freed, tenant.unlock.is_none(), "{tenant:?}");
            tenant.unlock.map(|(user_id, _)| user_id.0.as_u128())
        });
        assert_eq!(told.map_err(|problem| problem.code), expected);
    }

    #[test]
    fn two_different_owners_let_a_tenant_go() {
        check(None, &[1], &[1, 2], Ok(Some(1)));
        check(Some(1), &[2], &[1, 2], Ok(None));
        check(None, &[1, 2], &[1, 2], Ok(None));
        check(Some(1), &[1], &[1, 2], Err(Code::SameOwner));
        check(None, &[1, 1], &[1], Ok(Some(1)));
        check(None, &[], &[1], Err(Code::SameOwner));
        check(None, &[3], &[1], Err(Code::Forbidden));
        // whoever asked first is no owner any more
        check(Some(9), &[2], &[2], Ok(Some(2)));
    }

    #[test]
    fn a_free_tenant_stays_as_it_is() {
        let free = Tenant { state: TenantState::Active, ..locked(None) };
        assert_eq!(let_go(free.clone(), &[user(1)], &BTreeSet::new(), NOW), Ok(free));
    }
}
