//! Who belongs to a space.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_core::ports::{Member, Signal, User};
use sync_core::protocol::v1::spaces::{MemberItem, MemberList, PutMemberRequest};
use sync_core::{Code, Problem, SpaceId, UserId};

use crate::access::{lock_as_manager, require_member, require_writable};
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// Gives a user of the organisation a role in the space; a former member is back with it. Leads only.
    ///
    /// # Errors
    /// `unknown_space`, `forbidden`, `unknown_user`, `last_lead` when nobody would be left to manage the space.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn put_member(
        &self,
        caller: &Caller,
        space_id: SpaceId,
        user_id: UserId,
        request: PutMemberRequest,
    ) -> ServiceResult<MemberItem> {
        let (caller, role, now, entropy) = (*caller, request.role, self.now(), Arc::clone(&self.entropy));
        let stored = self.decide(caller.write(), move |tx| {
            lock_as_manager(tx, &caller, space_id)?;
            let user = tx.load_users(caller.organisation_id, &[user_id])?.pop().ok_or_else(unknown_user)?;
            let members = tx.list_members(space_id)?;
            if !role.may_manage() {
                require_other_lead(&members, user_id)?;
            }
            let member = Member { space_id, user_id, role, removed_at: None, purge_id: None };
            tx.put_member(&member)?;
            let before = current(&members, user_id).map(|member| member.role.as_str());
            let act = Act::by(&caller, "member.grant").in_space(space_id).about(&user_id).changing("role", before, role.as_str());
            audit::write(tx, &*entropy, now, [act])?;
            Ok(item(&member, &user))
        });
        let stored = stored.await?;
        self.publish(&[Signal::Members(space_id)]);
        Ok(stored)
    }

    /// The members of a space, by user id. Members only.
    ///
    /// # Errors
    /// `unknown_space`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_members(&self, caller: &Caller, space_id: SpaceId) -> ServiceResult<MemberList> {
        let caller = *caller;
        self.decide(caller.read(), move |tx| {
            require_member(tx, &caller, space_id)?;
            let members: Vec<_> = tx.list_members(space_id)?.into_iter().filter(|member| member.removed_at.is_none()).collect();
            let user_ids: Vec<_> = members.iter().map(|member| member.user_id).collect();
            let users = tx.load_users(caller.organisation_id, &user_ids)?;
            let users: BTreeMap<_, _> = users.iter().map(|user| (user.user_id, user)).collect();
            let items = members.iter().filter_map(|member| users.get(&member.user_id).map(|user| item(member, user))).collect();
            Ok(MemberList { items })
        })
        .await
    }

    /// Takes a member's access away: a lead anybody's, everybody their own. Their devices are told to purge.
    ///
    /// # Errors
    /// `unknown_space`, `forbidden`, `unknown_user` when they are no member, `last_lead`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn remove_member(&self, caller: &Caller, space_id: SpaceId, user_id: UserId) -> ServiceResult<()> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let purge_id = self.entropy.uuid_v7(now);
        self.decide(caller.write(), move |tx| {
            if caller.user_id == user_id {
                require_writable(tx, &caller)?;
                require_member(tx, &caller, space_id)?;
                tx.lock_head(space_id)?;
                require_member(tx, &caller, space_id)?;
            } else {
                lock_as_manager(tx, &caller, space_id)?;
            }
            let members = tx.list_members(space_id)?;
            let member = current(&members, user_id).ok_or_else(unknown_user)?;
            require_other_lead(&members, user_id)?;
            tx.put_member(&Member { removed_at: Some(now), purge_id: Some(purge_id), ..member.clone() })?;
            let act =
                Act::by(&caller, "member.revoke").in_space(space_id).about(&user_id).changing("role", member.role.as_str(), None::<&str>);
            Ok(audit::write(tx, &*entropy, now, [act])?)
        })
        .await?;
        self.publish(&[Signal::Members(space_id)]);
        Ok(())
    }
}

fn unknown_user() -> Problem {
    Problem::new(Code::UnknownUser, "There is no such user here. An admin adds people to the organisation, a lead adds them to the space.")
}

fn current(members: &[Member], user_id: UserId) -> Option<&Member> {
    members.iter().find(|member| member.user_id == user_id && member.removed_at.is_none())
}

/// Refuses what would take the last lead away from a space. Its members were read under the space's lock.
fn require_other_lead(members: &[Member], user_id: UserId) -> Result<(), Problem> {
    let mut leads = members.iter().filter(|member| member.removed_at.is_none() && member.role.may_manage());
    if leads.all(|lead| lead.user_id == user_id) {
        return Err(Problem::new(Code::LastLead, "This is the space's only lead. Make somebody else a lead first."));
    }
    Ok(())
}

fn item(member: &Member, user: &User) -> MemberItem {
    MemberItem { user_id: member.user_id, role: member.role, name: user.name.clone(), email: user.email.clone() }
}
