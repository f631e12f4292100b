//! What somebody sees and may write of a space: the one place where rights are applied. Pull, snapshot, comparison, push,
//! questions, change requests, explanations, the queue and sockets all ask here.
//!
//! A view is made of the schema's rights ([`sync_core::schema::rights`]), the reader's role, who they are, and the space's
//! settings. What a view hides never leaves, in any form: a document has a *version as seen*, the highest of what is seen in
//! it, and everything that is sent is counted, ordered and summed by it (`docs/adr/0021-a-version-as-seen.md`).

mod document;
mod outline;
mod question;
mod reads;
mod request;
mod sight;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_core::document::CONFLICTS;
use sync_core::json::Object;
use sync_core::ports::SpaceAccess;
use sync_core::{Audience, Role, Schema, UserId};

pub(crate) use self::document::{Subject, Trail};
pub(crate) use self::outline::{Outline, Outlines, Shown};
pub(crate) use self::question::marks;
pub(crate) use self::reads::Reads;
use self::sight::Sight;

/// From this sensitivity on values are shown to whoever asks for them by name, and that they did is recorded.
const SENSITIVE: u8 = 2;

/// What one caller sees of one space.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) schema: Arc<Schema>,
    pub(crate) user_id: UserId,
    pub(crate) role: Role,
    /// Collections of which something is hidden or not written; the others are seen as they are.
    sights: Arc<BTreeMap<String, Sight>>,
    tag: u32,
}

impl View {
    /// The view of a member.
    pub(crate) fn of(access: &SpaceAccess, schema: &Arc<Schema>, user_id: UserId) -> Self {
        Self::new(schema, (access.member.role, user_id), &access.space.settings())
    }

    /// The view of somebody in a role, where the space's settings say this.
    pub(crate) fn new(schema: &Arc<Schema>, (role, user_id): (Role, UserId), settings: &Object) -> Self {
        let mut view = Self::whole(schema, (role, user_id));
        if role == Role::Lead {
            return view;
        }
        let reader = sight::Reader { role, user_id, settings };
        let sight = |(name, collection): (&String, _)| {
            let sight = Sight::of(schema, (name, collection), &reader);
            (sight != Sight::default()).then(|| (name.clone(), sight))
        };
        view.sights = Arc::new(schema.collections.iter().filter_map(sight).collect());
        if !view.is_whole() {
            view.tag = sight::tag(view.tag, &view.sights);
        }
        view
    }

    /// A view that hides and forbids nothing but by `visibility`.
    pub(crate) fn whole(schema: &Arc<Schema>, (role, user_id): (Role, UserId)) -> Self {
        let place = Role::ALL.iter().position(|other| *other == role).unwrap_or_default();
        let tag = 16 + u32::try_from(place).unwrap_or_default();
        Self { schema: Arc::clone(schema), user_id, role, sights: Arc::default(), tag }
    }

    /// The tag of the view in cursors and marks: a different one means that something else may be visible. A new schema that
    /// hides the same is no other view: documents whose audience it changes are changed in the log.
    pub(crate) const fn tag(&self) -> u32 {
        self.tag
    }

    /// Whether nothing is hidden, but by `visibility`.
    pub(crate) fn is_whole(&self) -> bool {
        self.sights.values().all(Sight::hides_nothing)
    }

    /// Whether the documents of a collection are seen as they are stored.
    pub(crate) fn is_plain(&self, collection: &str) -> bool {
        if collection == CONFLICTS || self.is_requests(collection) {
            return self.is_whole();
        }
        self.sights.get(collection).is_none_or(Sight::hides_nothing)
    }

    fn is_requests(&self, collection: &str) -> bool {
        collection == sync_core::document::CHANGE_REQUESTS && !self.schema.collections.is_empty()
    }

    fn has_role_in(&self, audience: Audience) -> bool {
        audience.includes(self.role)
    }

    /// Whether a top-level member is read, where `body` is the document that it is in; without it, what is read only in some
    /// documents is not.
    pub(crate) fn reads(&self, collection: &str, member: &str, body: Option<&Object>) -> bool {
        self.sights.get(collection).is_none_or(|sight| sight.reads(member, (self.user_id, body)))
    }

    /// How sensitive a member is, by its present name where it was renamed; 0 where nothing is declared.
    fn sensitivity(&self, collection: &str, member: &str) -> u8 {
        let declared = |name: &str| self.schema.collection(collection).and_then(|rules| rules.fields.get(name));
        let lens = || self.schema.lens(collection, 1).map(|lens| lens.name_of(member).to_owned());
        declared(member).or_else(|| declared(&lens()?)).map_or(0, |field| field.sensitivity)
    }

    /// Whether the values of a member are left out wherever they are not what was asked for, though they are read.
    pub(crate) fn is_sensitive(&self, collection: &str, member: &str) -> bool {
        self.sensitivity(collection, member) >= SENSITIVE
    }

    /// Whether it is told of a member that it differs.
    pub(crate) fn is_told_of(&self, collection: &str, member: &str) -> bool {
        self.sights.get(collection).is_some_and(|sight| sight.tells_of(member))
    }

    /// Whether no document of a collection is seen.
    pub(crate) fn is_closed(&self, collection: &str) -> bool {
        self.sights.get(collection).is_some_and(|sight| sight.is_closed)
    }

    /// Whether only documents that name the reader are seen.
    fn is_own_only(&self, collection: &str) -> bool {
        self.sights.get(collection).is_some_and(|sight| sight.own.is_some())
    }
}

/// Views of one space, made for many of its members: those of one role whom the settings name alike share what it is made of.
pub(crate) struct Views<'a> {
    schema: &'a Arc<Schema>,
    settings: Object,
    made: BTreeMap<(Role, Vec<String>), View>,
}

impl<'a> Views<'a> {
    /// For a space with this schema and these settings.
    pub(crate) const fn new(schema: &'a Arc<Schema>, settings: Object) -> Self {
        Self { schema, settings, made: BTreeMap::new() }
    }

    /// The view of a member.
    pub(crate) fn of(&mut self, role: Role, user_id: UserId) -> View {
        let named = self.settings.iter().filter(|(_, value)| sight::is(value, user_id)).map(|(key, _)| key.clone()).collect();
        let (schema, settings) = (self.schema, &self.settings);
        let view = self.made.entry((role, named)).or_insert_with(|| View::new(schema, (role, user_id), settings));
        View { user_id, ..view.clone() }
    }
}
