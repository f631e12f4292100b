//! Who is in a space, what they are called, and who of them decides.

use std::collections::{BTreeMap, BTreeSet};

use merge_engine::Policy;
use serde_json::Value;
use sync_core::conflict::{Conflict, Side};
use sync_core::json::{Object, pointer_tokens};
use sync_core::ports::{StoreResult, Tx};
use sync_core::schema::Owner;
use sync_core::{DeviceId, OrganisationId, Role, Schema, SpaceId, UserId};

/// The members of a space, and the names of those who stand in its questions.
#[derive(Debug, Default)]
pub(crate) struct People {
    members: BTreeMap<UserId, Role>,
    names: BTreeMap<UserId, String>,
    devices: BTreeMap<DeviceId, String>,
}

impl People {
    /// The members of a space, with their names.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn of(tx: &mut dyn Tx, organisation_id: OrganisationId, space_id: SpaceId) -> StoreResult<Self> {
        let mut people = Self::default();
        let members = tx.list_members(space_id)?.into_iter().filter(|member| member.removed_at.is_none());
        people.members = members.map(|member| (member.user_id, member.role)).collect();
        let ids = people.members.keys().copied().collect();
        people.learn_names(tx, organisation_id, (ids, BTreeSet::new()))?;
        Ok(people)
    }

    /// Learns the names of those who stand in questions.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn meet<'a>(
        &mut self,
        tx: &mut dyn Tx,
        organisation_id: OrganisationId,
        conflicts: impl Iterator<Item = &'a Conflict>,
    ) -> StoreResult<()> {
        let sides: Vec<(UserId, DeviceId)> = conflicts.flat_map(sides_of).map(|side| (side.user_id, side.device_id)).collect();
        let users = sides.iter().map(|(user_id, _)| *user_id).filter(|id| !id.0.is_nil() && !self.names.contains_key(id)).collect();
        let devices = sides.iter().map(|(_, device_id)| *device_id).filter(|id| !id.0.is_nil() && !self.devices.contains_key(id)).collect();
        self.learn_names(tx, organisation_id, (users, devices))
    }

    /// Learns the names of some people.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn meet_all(&mut self, tx: &mut dyn Tx, organisation_id: OrganisationId, users: BTreeSet<UserId>) -> StoreResult<()> {
        self.learn_names(tx, organisation_id, (users, BTreeSet::new()))
    }

    fn learn_names(
        &mut self,
        tx: &mut dyn Tx,
        organisation_id: OrganisationId,
        (users, devices): (BTreeSet<UserId>, BTreeSet<DeviceId>),
    ) -> StoreResult<()> {
        if !users.is_empty() {
            let users = tx.load_users(organisation_id, &users.into_iter().collect::<Vec<_>>())?;
            self.names.extend(users.into_iter().map(|user| (user.user_id, user.name)));
        }
        if !devices.is_empty() {
            let devices = tx.load_devices(organisation_id, &devices.into_iter().collect::<Vec<_>>())?;
            self.devices.extend(devices.into_iter().map(|device| (device.device_id, device.name)));
        }
        Ok(())
    }

    /// What people call somebody.
    pub(crate) fn name(&self, user_id: UserId) -> Option<&str> {
        self.names.get(&user_id).map(String::as_str)
    }

    /// The role of a member.
    pub(crate) fn role(&self, user_id: UserId) -> Option<Role> {
        self.members.get(&user_id).copied()
    }

    /// The members who are meant by `role:NAME` or `user:UUID`.
    pub(crate) fn meant_by<'p>(&'p self, ask: &'p str) -> impl Iterator<Item = UserId> + 'p {
        self.members.iter().filter(move |(user_id, role)| is_meant(ask, **user_id, **role)).map(|(user_id, _)| *user_id)
    }

    /// Puts names, roles and devices beside the sides of a conflict. A role that is there stays: it is the one of then.
    pub(crate) fn dress(&self, conflict: &mut Conflict) {
        for side in sides_mut(conflict) {
            side.name = self.names.get(&side.user_id).cloned();
            side.device = self.devices.get(&side.device_id).cloned();
            side.role = side.role.or_else(|| self.role(side.user_id));
        }
    }

    /// Who may decide a place, as `role:NAME` and `user:UUID`, the first one asked first; nobody where everybody who
    /// writes may. Whoever is named and is no member, and a role that nobody has, are the lead.
    pub(crate) fn deciders(&self, schema: &Schema, collection: &str, (path, body): (&str, &Object), settings: &Object) -> Vec<String> {
        if schema.collections.is_empty() {
            return Vec::new();
        }
        let policy = Policy::of(schema, collection);
        let owners = match policy.owners(path, body) {
            [] => &policy.collection.asks,
            owners => owners,
        };
        let mut asks: Vec<String> = Vec::new();
        let lead = || ask_role(Role::Lead);
        for owner in owners {
            let ask = match owner {
                Owner::Role(role) => ask_role(*role),
                Owner::Field(pointer) => named(value_at(body, pointer)).map_or_else(lead, ask_user),
                Owner::Space(key) => named(settings.get(key)).map_or_else(lead, ask_user),
            };
            let ask = if self.meant_by(&ask).next().is_some() { ask } else { lead() };
            if !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        if asks.is_empty() { vec![lead()] } else { asks }
    }

    /// Those who are asked, in words: `Ana`, `Ana or Rui`, `one of the leads`.
    pub(crate) fn waiting_for(&self, asks: &[&str]) -> Option<String> {
        let meant: BTreeSet<UserId> = asks.iter().flat_map(|ask| self.meant_by(ask)).collect();
        let mut names: Vec<&str> = meant.iter().filter_map(|user_id| self.name(*user_id)).collect();
        names.sort_unstable();
        match names[..] {
            [] => None,
            [one] => Some(one.to_owned()),
            [one, other] => Some(format!("{one} or {other}")),
            [one, other, third] => Some(format!("{one}, {other} or {third}")),
            [one, other, ..] => Some(format!("{one}, {other} or {} others", names.len().saturating_sub(2))),
        }
    }
}

/// `role:NAME`.
pub(crate) fn ask_role(role: Role) -> String {
    format!("role:{}", role.as_str())
}

/// `user:UUID`.
pub(crate) fn ask_user(user_id: UserId) -> String {
    format!("user:{user_id}")
}

/// Whether somebody in a role is meant by `role:NAME` or `user:UUID`.
pub(crate) fn is_meant(ask: &str, user_id: UserId, role: Role) -> bool {
    match ask.split_once(':') {
        Some(("role", name)) => role.as_str() == name,
        Some(("user", id)) => id.parse() == Ok(user_id),
        _ => false,
    }
}

/// Whether somebody in a role may decide a field for which these are asked.
pub(crate) fn may_decide(asks: &[String], user_id: UserId, role: Role) -> bool {
    asks.is_empty() || asks.iter().any(|ask| is_meant(ask, user_id, role))
}

fn named(value: Option<&Value>) -> Option<UserId> {
    value?.as_str()?.parse().ok()
}

fn value_at<'d>(body: &'d Object, pointer: &str) -> Option<&'d Value> {
    let tokens = pointer_tokens(pointer)?;
    let (first, rest) = tokens.split_first()?;
    rest.iter().try_fold(body.get(first)?, |here, token| here.get(token))
}

fn sides_of(conflict: &Conflict) -> impl Iterator<Item = &Side> {
    let decided = conflict.all_fields().filter_map(|(_, _, field)| field.decided_by.as_ref());
    conflict.ours_by.iter().chain([&conflict.theirs_by]).chain(&conflict.resolved_by).chain(decided)
}

fn sides_mut(conflict: &mut Conflict) -> impl Iterator<Item = &mut Side> {
    let Conflict { ours_by, theirs_by, resolved_by, fields, documents, .. } = conflict;
    let fields = fields.values_mut().chain(documents.iter_mut().flat_map(|part| part.fields.values_mut()));
    ours_by.iter_mut().chain([theirs_by]).chain(resolved_by).chain(fields.filter_map(|field| field.decided_by.as_mut()))
}
