//! Column values that check themselves when they are read, so that a damaged row becomes an error and never a panic.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::{BigInt, Binary, Integer, Text};
use sync_core::json::RawJson;
use sync_core::ports::{BatchState, ItemState, SpaceStatus, TenantState};
use sync_core::{Audience, DocumentKey, Role, Status, Timestamp};
use uuid::Uuid;

/// 16 bytes.
#[derive(Debug, Clone, Copy, FromSqlRow)]
pub(crate) struct Id(pub(crate) Uuid);

impl<DB: Backend> FromSql<Binary, DB> for Id
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = Vec::<u8>::from_sql(bytes)?;
        Uuid::from_slice(&bytes).map(Self).map_err(|_| format!("an id of {} bytes instead of 16", bytes.len()).into())
    }
}

/// 32 bytes: a hash or a secret.
#[derive(Clone, Copy, FromSqlRow)]
pub(crate) struct Bytes32(pub(crate) [u8; 32]);

impl<DB: Backend> FromSql<Binary, DB> for Bytes32
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = Vec::<u8>::from_sql(bytes)?;
        <[u8; 32]>::try_from(bytes.as_slice()).map(Self).map_err(|_| format!("{} bytes instead of 32", bytes.len()).into())
    }
}

/// UTF-8 text that is stored as bytes.
#[derive(Debug, FromSqlRow)]
pub(crate) struct Utf8(pub(crate) String);

impl<DB: Backend> FromSql<Binary, DB> for Utf8
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_utf8(Vec::<u8>::from_sql(bytes)?).map(Self).map_err(|_| "bytes that are not UTF-8".into())
    }
}

/// Compact JSON that is stored as bytes.
#[derive(Debug, FromSqlRow)]
pub(crate) struct Json(pub(crate) RawJson);

impl<DB: Backend> FromSql<Binary, DB> for Json
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let Utf8(text) = FromSql::<Binary, DB>::from_sql(bytes)?;
        RawJson::from_stored(text).map(Self).ok_or_else(|| "bytes that are not JSON".into())
    }
}

/// `collection/id`.
#[derive(Debug, FromSqlRow)]
pub(crate) struct Key(pub(crate) DocumentKey);

impl<DB: Backend> FromSql<Text, DB> for Key
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        DocumentKey::from_stored(String::from_sql(bytes)?).map(Self).ok_or_else(|| "a document's key without a slash".into())
    }
}

/// A value that is stored under its name.
#[derive(Debug, FromSqlRow)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: StoredName, DB: Backend> FromSql<Text, DB> for Named<T>
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let name = String::from_sql(bytes)?;
        T::parse_stored_name(&name).map(Self).ok_or_else(|| format!("the unknown name {name:?}").into())
    }
}

/// What [`Named`] reads.
pub(crate) trait StoredName: Sized {
    fn parse_stored_name(name: &str) -> Option<Self>;
}

impl StoredName for Role {
    fn parse_stored_name(name: &str) -> Option<Self> {
        Self::parse(name)
    }
}

impl StoredName for SpaceStatus {
    fn parse_stored_name(name: &str) -> Option<Self> {
        Self::parse(name)
    }
}

impl StoredName for TenantState {
    fn parse_stored_name(name: &str) -> Option<Self> {
        Self::parse(name)
    }
}

impl StoredName for Status {
    fn parse_stored_name(name: &str) -> Option<Self> {
        Self::parse_stored(name)
    }
}

impl StoredName for ItemState {
    fn parse_stored_name(name: &str) -> Option<Self> {
        Self::parse(name)
    }
}

impl StoredName for BatchState {
    fn parse_stored_name(name: &str) -> Option<Self> {
        Self::parse(name)
    }
}

/// Unix milliseconds.
#[derive(Debug, Clone, Copy, FromSqlRow)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<DB: Backend> FromSql<BigInt, DB> for Instant
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        i64::from_sql(bytes).map(|ms| Self(Timestamp::from_millis(ms)))
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, FromSqlRow)]
pub(crate) struct Roles(pub(crate) Audience);

impl<DB: Backend> FromSql<Integer, DB> for Roles
where
    i32: FromSql<Integer, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        i32::from_sql(bytes).map(|bits| Self(Audience::from_bits(bits)))
    }
}
