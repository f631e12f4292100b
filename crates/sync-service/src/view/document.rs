//! Documents as a view shows them: whether, with which members, and at which version.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sync_core::document::CONFLICTS;
use sync_core::json::{Object, RawJson};
use sync_core::ports::{ChangeRow, DocumentRow, StoreError, StoreResult};
use sync_core::{Audience, Author, DeviceId, DocumentKey, FieldVersions, Timestamp};

use super::View;
use super::sight::{Sight, is};

/// A document that somebody looks at.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a DocumentKey,
    pub(crate) version: i64,
    pub(crate) live_since: i64,
    pub(crate) is_deleted: bool,
    pub(crate) audience: Audience,
    pub(crate) audience_version: i64,
    pub(crate) body: Cow<'a, Object>,
    pub(crate) fields: Cow<'a, FieldVersions>,
}

impl<'a> Subject<'a> {
    /// A stored document.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub(crate) fn of_row(row: &'a DocumentRow) -> StoreResult<Self> {
        let damaged = || StoreError::Damaged(format!("document at version {} has unreadable fields", row.version));
        Ok(Self {
            key: &row.key,
            version: row.version,
            live_since: row.presence.live_since,
            is_deleted: row.presence.deleted,
            audience: row.audience,
            audience_version: row.audience_version,
            body: Cow::Owned(row.body.object()),
            fields: Cow::Owned(FieldVersions::decode(&row.fields).ok_or_else(damaged)?),
        })
    }
}

impl View {
    /// Whether a document with this body and audience is in the view.
    pub(crate) fn sees_body(&self, collection: &str, audience: Audience, body: &Object) -> bool {
        self.has_role_in(audience) && self.sights.get(collection).is_none_or(|sight| self.shows(sight, body))
    }

    fn shows(&self, sight: &Sight, body: &Object) -> bool {
        !sight.is_closed && sight.own.as_ref().is_none_or(|field| body.get(field).is_some_and(|value| is(value, self.user_id)))
    }

    /// Whether a document is in the view; of a deleted one, whether it was when it was deleted.
    pub(crate) fn sees(&self, subject: &Subject<'_>) -> bool {
        self.version_of(subject).is_some()
    }

    /// The version of a document as it is seen: the highest of what is visible of it; `None` where it is not in the view.
    pub(crate) fn version_of(&self, subject: &Subject<'_>) -> Option<i64> {
        let collection = subject.key.collection();
        if !self.sees_body(collection, subject.audience, &subject.body) {
            return None;
        }
        if self.is_plain(collection) {
            return Some(subject.version);
        }
        if collection == CONFLICTS {
            return self.question(&subject.body, (&subject.fields, subject.version)).map(|(_, version)| version);
        }
        if self.is_requests(collection) && self.request(&subject.body).is_none() {
            return None;
        }
        if subject.is_deleted || self.sights.get(collection).is_none_or(|sight| sight.hidden.is_empty()) {
            return Some(subject.version);
        }
        let visible = |(name, _): &(&String, _)| self.reads(collection, name, Some(&subject.body));
        let fields = subject.fields.0.iter().filter(visible).map(|(_, field)| field.0).max().unwrap_or_default();
        Some(fields.max(subject.live_since).max(subject.audience_version))
    }

    /// The version at which something last changed that decides which members of a document are seen.
    pub(crate) fn decided_at(&self, collection: &str, fields: &FieldVersions) -> i64 {
        let Some(sight) = self.sights.get(collection) else { return 0 };
        sight.deciding().iter().map(|name| fields.version_of(name)).max().unwrap_or_default()
    }

    /// Whether documents of a collection are sent whole: what is seen of them is more than some of their members left out.
    pub(crate) fn is_remade(&self, key: &DocumentKey) -> bool {
        key.collection() == CONFLICTS || self.is_requests(key.collection()) && !self.is_plain(key.collection())
    }

    /// Whether some members of a collection's documents are hidden: who changed them last is looked up in the log.
    pub(crate) fn hides_members(&self, collection: &str) -> bool {
        self.sights.get(collection).is_some_and(|sight| !sight.hidden.is_empty())
    }

    /// The member that says in which documents of a collection only the reader sees, and is to see, something.
    pub(crate) fn own_field(&self, collection: &str) -> Option<&str> {
        self.sights.get(collection)?.own.as_deref()
    }

    /// Leaves out of a body what is not read. Of a question or a request that is not in the view, nothing is left.
    pub(crate) fn body(&self, key: &DocumentKey, body: &Object, versions: (&FieldVersions, i64)) -> Object {
        let collection = key.collection();
        if self.is_plain(collection) {
            return body.clone();
        }
        if collection == CONFLICTS {
            return self.question(body, versions).map(|(conflict, _)| RawJson::of(&conflict).object()).unwrap_or_default();
        }
        let mut seen = if self.is_requests(collection) { self.request(body).unwrap_or_default() } else { body.clone() };
        self.leave_out(collection, &mut seen, body);
        seen
    }

    /// Leaves out of members of a document what is not read.
    pub(crate) fn leave_out(&self, collection: &str, members: &mut Object, body: &Object) {
        members.retain(|name, _| self.reads(collection, name, Some(body)));
    }

    /// The body of a stored document, as it is read.
    pub(crate) fn show(&self, subject: &Subject<'_>, stored: &RawJson) -> RawJson {
        if self.is_plain(subject.key.collection()) {
            return stored.clone();
        }
        RawJson::from_object(&self.body(subject.key, &subject.body, (&subject.fields, subject.version)))
    }

    /// Whether a change touched something of a document that is read: a change of none of its members made, deleted or
    /// brought it back.
    pub(crate) fn is_touched(&self, change: &ChangeRow, body: &Object) -> bool {
        let before = change.before.object();
        before.is_empty() || !change.was_live || before.keys().any(|name| self.reads(change.key.collection(), name, Some(body)))
    }
}

/// What the log tells of the visible changes of a document.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trail<'a> {
    /// The document's changes at hand, newest first.
    pub(crate) changes: &'a [ChangeRow],
    /// From where on the log tells everything.
    pub(crate) from: i64,
}

impl Trail<'_> {
    /// Who made the last change that is seen, and when. Told only where the log would tell it of any document: what was left
    /// out would say that something hidden had changed.
    pub(crate) fn last(&self, subject: &Subject<'_>, seen: i64, stored: (Author, Timestamp)) -> Option<(Author, Timestamp)> {
        if seen < self.from {
            return None;
        }
        if seen == subject.version {
            return Some(stored);
        }
        self.changes.iter().find(|change| change.version == seen).map(|change| (change.by, change.at))
    }

    /// The one device that made all visible changes above a floor.
    pub(crate) fn only_device(&self, view: &View, subject: &Subject<'_>, floor: i64) -> Option<DeviceId> {
        if floor < self.from {
            return None;
        }
        let since = self.changes.iter().take_while(|change| change.version > floor);
        let devices: BTreeSet<DeviceId> =
            since.filter(|change| view.is_touched(change, &subject.body)).map(|change| change.by.device_id).collect();
        let mut devices = devices.into_iter();
        devices.next().filter(|_| devices.next().is_none())
    }
}
