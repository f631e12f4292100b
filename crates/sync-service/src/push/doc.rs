//! A document as a unit of work sees it.

use std::borrow::Cow;

use sync_core::json::{Object, RawJson};
use sync_core::ports::{DocumentRow, Grave, Presence, StoreError, StoreResult};
use sync_core::{Audience, Author, DeviceId, DocumentKey, FieldVersions, OpId, Timestamp, UserId};
use uuid::Uuid;

use crate::view::Subject;

/// A document as it stands in this unit of work.
#[derive(Debug, Clone)]
pub(crate) struct Doc {
    pub(crate) version: i64,
    pub(crate) presence: Presence,
    pub(crate) body: Object,
    pub(crate) fields: FieldVersions,
    pub(crate) by: Author,
    pub(crate) at: Timestamp,
    pub(crate) foreign_version: i64,
    pub(crate) audience: Audience,
    pub(crate) audience_ever: Audience,
    pub(crate) audience_version: i64,
    pub(crate) open_conflicts: i32,
    /// It was deleted so long ago that nothing of it is kept but its id.
    pub(crate) is_buried: bool,
    /// What stood in the database: version, whether live, audience. `None` for a new document.
    pub(crate) stored: Option<(i64, bool, Audience)>,
    /// Who had made the last change then.
    pub(crate) stored_by: Option<(Author, Timestamp)>,
}

impl Doc {
    pub(crate) fn of_row(row: &DocumentRow) -> StoreResult<Self> {
        let damaged = || StoreError::Damaged(format!("document at version {} has unreadable fields", row.version));
        Ok(Self {
            version: row.version,
            presence: row.presence,
            body: row.body.read().ok_or_else(damaged)?,
            fields: FieldVersions::decode(&row.fields).ok_or_else(damaged)?,
            by: row.by,
            at: row.at,
            foreign_version: row.foreign_version,
            audience: row.audience,
            audience_ever: row.audience_ever,
            audience_version: row.audience_version,
            open_conflicts: row.open_conflicts,
            is_buried: false,
            stored: Some((row.version, !row.presence.deleted, row.audience)),
            stored_by: Some((row.by, row.at)),
        })
    }

    /// A deleted document of which only a grave is left.
    pub(crate) fn of_grave(grave: &Grave) -> Self {
        let nobody = Author { user_id: UserId(Uuid::nil()), device_id: DeviceId(Uuid::nil()), op_id: OpId(Uuid::nil()) };
        let version = grave.version;
        Self {
            version,
            presence: Presence { created: version, live_since: version, deleted: true },
            body: Object::new(),
            fields: FieldVersions::default(),
            by: nobody,
            at: Timestamp::default(),
            foreign_version: 0,
            audience: grave.audience,
            audience_ever: grave.audience,
            audience_version: version,
            open_conflicts: 0,
            is_buried: true,
            stored: None,
            stored_by: None,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        !self.presence.deleted
    }

    /// The document, as somebody looks at it.
    pub(crate) fn subject<'a>(&'a self, key: &'a DocumentKey) -> Subject<'a> {
        Subject {
            key,
            version: self.version,
            live_since: self.presence.live_since,
            is_deleted: self.presence.deleted,
            audience: self.audience,
            audience_version: self.audience_version,
            body: Cow::Borrowed(&self.body),
            fields: Cow::Borrowed(&self.fields),
        }
    }

    pub(crate) fn to_row(&self, key: DocumentKey) -> DocumentRow {
        DocumentRow {
            key,
            version: self.version,
            presence: self.presence,
            body: RawJson::from_object(&self.body),
            fields: self.fields.encode(),
            by: self.by,
            at: self.at,
            foreign_version: self.foreign_version,
            audience: self.audience,
            audience_ever: self.audience_ever,
            audience_version: self.audience_version,
            open_conflicts: self.open_conflicts,
        }
    }
}
