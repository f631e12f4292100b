//! Spaces and their members on the wire.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::json::RawJson;
use crate::{Role, SpaceId, Timestamp, UserId};

/// `POST /api/spaces`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CreateSpaceRequest {
    /// 1 to 200 characters.
    pub name: String,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    pub event_date: Option<String>,
    /// IANA name.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// A built-in schema's name, or a schema; absent or `null`: none.
    #[serde(default)]
    pub schema: Option<Value>,
    /// An object of strings, numbers and booleans; absent or `null`: none.
    #[serde(default)]
    pub settings: Option<Value>,
}

/// `PUT /api/spaces/{id}`. A member that is left out stays as it is; `null` takes a date, a zone or the settings away.
/// Other members are ignored, so that what `GET` gave can be sent back with changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct UpdateSpaceRequest {
    /// 1 to 200 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    pub event_date: Change<String>,
    /// IANA name.
    #[serde(default)]
    pub time_zone: Change<String>,
    /// `active` or `archived`.
    #[serde(default)]
    pub status: Option<String>,
    /// A built-in schema's name, or a schema: the one that the space has, or a newer version of it.
    #[serde(default)]
    pub schema: Change<Value>,
    /// All settings, in the place of those that stand.
    #[serde(default)]
    pub settings: Change<Value>,
}

/// What an update says of one member: nothing, `null`, or a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Left out: it stays.
    #[default]
    Keep,
    /// `null`: it is taken away.
    Clear,
    /// A new value.
    Set(T),
}

impl<T> Change<T> {
    /// The same change with its value checked or turned into another.
    ///
    /// # Errors
    /// What `check` answers.
    pub fn try_map<U, E>(self, check: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(check(value)?),
        })
    }

    /// Lays the change over what stands.
    pub fn lay_over(&self, standing: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Self::Keep => {}
            Self::Clear => *standing = None,
            Self::Set(value) => *standing = Some(value.clone()),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// A space in the caller's eyes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpaceItem {
    /// Its id.
    pub space_id: SpaceId,
    /// What people call it.
    pub name: String,
    /// `YYYY-MM-DD`.
    pub event_date: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// `active` or `archived`.
    pub status: &'static str,
    /// A built-in schema's name, a schema, or `null`.
    pub schema: Value,
    /// The version of its schema; left out where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// Its settings; `null` where nothing is set.
    pub settings: Option<RawJson>,
    /// The caller's role.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}

/// `GET /api/spaces?limit=&after=`: the spaces in which the caller is a member, by id.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpaceList {
    /// The spaces.
    pub items: Vec<SpaceItem>,
    /// Pass as `after` for the next page; `null` on the last one.
    pub next: Option<SpaceId>,
}

/// `PUT /api/spaces/{space_id}/members/{user_id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PutMemberRequest {
    /// Their role.
    pub role: Role,
}

/// A member of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberItem {
    /// The person.
    pub user_id: UserId,
    /// Their role.
    pub role: Role,
    /// What people call them.
    pub name: String,
    /// Their email.
    pub email: String,
}

/// `GET /api/spaces/{space_id}/members`: current members by user id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberList {
    /// The members.
    pub items: Vec<MemberItem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_told_from_left_out() {
        let update: UpdateSpaceRequest = serde_json::from_str(r#"{"event_date":null,"status":"archived","role":"lead"}"#).unwrap();
        assert_eq!(
            update,
            UpdateSpaceRequest { event_date: Change::Clear, status: Some("archived".into()), ..UpdateSpaceRequest::default() }
        );
    }
}
