//! Spaces, the heads of their logs, and their members.

use uuid::Uuid;

use super::StoreResult;
use crate::json::{Object, RawJson};
use crate::{OrganisationId, Role, SpaceId, Timestamp, UserId};

/// Whether a space takes changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceStatus {
    /// Yes.
    Active,
    /// Operations are quarantined, reading goes on.
    Archived,
    /// Nobody reads or writes; devices are told to purge.
    Deleted,
}

impl SpaceStatus {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Archived, Self::Deleted].into_iter().find(|status| status.as_str() == name)
    }
}

/// A space's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Its id.
    pub space_id: SpaceId,
    /// Its tenant.
    pub organisation_id: OrganisationId,
    /// What people call it.
    pub name: String,
    /// `YYYY-MM-DD`.
    pub event_date: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// Whether it takes changes.
    pub status: SpaceStatus,
    /// `"wedding"` (a built-in schema's name as JSON) or an inline schema as JSON; absent: none.
    pub schema: Option<String>,
    /// Who owns what, and how much is decided without asking: an object; absent: nothing is set.
    pub settings: Option<RawJson>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Space {
    /// Its settings; empty where nothing is set.
    #[must_use]
    pub fn settings(&self) -> Object {
        self.settings.as_ref().map(RawJson::object).unwrap_or_default()
    }
}

/// The head of a space's log. Its row is the lock that orders the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last version given; 0 in an empty log.
    pub version: i64,
    /// The log's random id.
    pub epoch: Uuid,
    /// A floor, or the beginning of a run without one, below this version can't be served any more: deletions up to it
    /// are told to nobody.
    pub kept_from: i64,
    /// A state before this version can't be rebuilt any more: changes up to it are gone.
    pub history_from: i64,
}

impl Head {
    /// The head of an empty log.
    #[must_use]
    pub const fn of_empty(epoch: Uuid) -> Self {
        Self { version: 0, epoch, kept_from: 0, history_from: 0 }
    }
}

/// A user's membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The space.
    pub space_id: SpaceId,
    /// The user.
    pub user_id: UserId,
    /// Their role, the last one when removed.
    pub role: Role,
    /// Set when access was taken away.
    pub removed_at: Option<Timestamp>,
    /// The purge that a former member's devices confirm; set with `removed_at`.
    pub purge_id: Option<Uuid>,
}

/// A space, its head and one user's membership in it, read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceAccess {
    /// The space.
    pub space: Space,
    /// Its head.
    pub head: Head,
    /// The user's membership, present even when removed.
    pub member: Member,
}

/// Rows of spaces and members.
pub trait SpaceRows {
    /// Stores a new space and its head.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_space(&mut self, space: &Space, epoch: Uuid) -> StoreResult<()>;

    /// Overwrites name, date, zone, status, schema and settings of a space.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn update_space(&mut self, space: &Space) -> StoreResult<()>;

    /// The spaces among `space_ids` of this organisation in which the user is or was a member, by space id. Spaces of
    /// other organisations and of others' membership do not appear.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_access(&mut self, organisation_id: OrganisationId, user_id: UserId, space_ids: &[SpaceId]) -> StoreResult<Vec<SpaceAccess>>;

    /// The spaces in which the user is a member now, by space id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_access(
        &mut self,
        organisation_id: OrganisationId,
        user_id: UserId,
        after: Option<SpaceId>,
        limit: i64,
    ) -> StoreResult<Vec<SpaceAccess>>;

    /// What [`Self::load_access`] tells of one space; where the user is a member now, under the lock that orders the
    /// space's log until the end of the transaction. Who is no member locks nothing.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_access(&mut self, organisation_id: OrganisationId, user_id: UserId, space_id: SpaceId) -> StoreResult<Option<SpaceAccess>>;

    /// Takes the lock that orders the space's log until the end of the transaction, and reads the head under it.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_head(&mut self, space_id: SpaceId) -> StoreResult<Option<Head>>;

    /// Sets the head's version. Only under the lock.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_head(&mut self, space_id: SpaceId, version: i64) -> StoreResult<()>;

    /// Stores a membership, over what stood there.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_member(&mut self, member: &Member) -> StoreResult<()>;

    /// All members of a space, removed ones too, by user id.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_members(&mut self, space_id: SpaceId) -> StoreResult<Vec<Member>>;
}
