//! What the sender of an operation saw: the document at its base, from the log, with its own chain laid over it.

use std::borrow::Cow;

use sync_core::json::Object;
use sync_core::ports::ChangeRow;
use sync_core::{Audience, DocumentKey};

use super::overlay::Overlay;
use super::world::{Doc, World};

/// Which state a sender had seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The document at a version of this log.
    At(i64),
    /// One that is not known here. Members that last changed at or below a version are as they were.
    Unknown {
        /// That version.
        unchanged: i64,
    },
}

/// What a sender saw.
pub(crate) struct View<'a> {
    /// The document at the sender's base.
    pub(crate) base: Cow<'a, Object>,
    /// The same with the sender's own chain laid over it, where there is one.
    laid: Option<Object>,
    /// Every member is known, not only those that are there.
    pub(crate) complete: bool,
    pub(crate) live: bool,
}

impl View<'_> {
    /// What the sender saw: the base with its own chain.
    pub(crate) fn body(&self) -> &Object {
        self.laid.as_ref().unwrap_or(&self.base)
    }
}

impl World {
    /// Whether the base is one that this log knows. Every log begins empty: version 0 is shared by all.
    pub(crate) fn knows(&self, base_version: i64) -> bool {
        base_version == 0 || (self.is_shared(base_version) && base_version >= self.history_from)
    }

    /// Whether a version means here what it means to the sender.
    fn is_shared(&self, version: i64) -> bool {
        version <= self.shared.until.min(self.head_before)
    }

    /// [`World::knows`] for one document: as it stands it is known, however old that is.
    pub(crate) fn knows_of(&self, key: &DocumentKey, doc: &Doc, base_version: i64) -> bool {
        self.knows(base_version) || (self.seen_version(key, doc) <= base_version && self.is_shared(base_version))
    }

    /// Where the base is not known: members that last changed at or below this version are what the sender saw, or what
    /// that was made from in a log that is lost.
    pub(crate) fn unchanged_until(&self, key: &DocumentKey, doc: &Doc, base_version: i64) -> i64 {
        let limit = match (self.is_shared(base_version), self.shared.fits) {
            (true, _) => base_version,
            // a base above the head: of a fork whose point is not known
            (false, true) => 0,
            (false, false) => self.shared.until,
        };
        // whether the sender could see it then can't be told from what is kept
        if doc.audience_version <= limit && !self.knows_of(key, doc, base_version) { limit } else { 0 }
    }

    /// A document's changes, newest first: those of this unit of work, then those that were stored.
    pub(crate) fn changes_of<'a>(&'a self, key: &DocumentKey) -> impl Iterator<Item = &'a ChangeRow> {
        let staged = self.staged_of.get(key).into_iter().flatten().rev().filter_map(|place| self.staged.get(*place));
        staged.chain(self.history.get(key).into_iter().flatten())
    }

    /// Remembers how a document stood at a version that a sender had seen.
    pub(crate) fn remember(&mut self, key: &DocumentKey, version: i64) {
        let Some(doc) = self.docs.get(key).filter(|doc| self.seen_version(key, doc) > version && self.knows(version)) else { return };
        let place = (key.clone(), version);
        if !self.past.contains_key(&place) {
            let then = self.rebuild(key, doc, version);
            self.past.insert(place, then);
        }
    }

    /// The body and liveness at a version, in the form of the present schema: later changes taken back, newest first.
    fn rebuild(&self, key: &DocumentKey, doc: &Doc, version: i64) -> (Object, bool) {
        if version < self.history_from {
            // the one older version that is known: the empty beginning of every log
            return (Object::new(), false);
        }
        let (mut body, mut live) = (doc.body.clone(), doc.is_live());
        for change in self.changes_of(key).take_while(|change| change.version > version) {
            take_back(&mut body, change);
            live = change.was_live;
        }
        match self.lens_since(key, version).filter(|_| live || !body.is_empty()) {
            Some(lens) => (lens.lift_document(&body), live),
            None => (body, live),
        }
    }

    /// A document as it stood when this unit of work began, and whether it was live.
    pub(super) fn at_first(&self, key: &DocumentKey, doc: &Doc) -> (Object, bool) {
        let (mut body, mut live) = (doc.body.clone(), doc.is_live());
        for change in self.changes_of(key).take_while(|change| change.version > self.head_before) {
            take_back(&mut body, change);
            live = change.was_live;
        }
        (body, live)
    }

    fn at<'a>(&'a self, key: &DocumentKey, doc: &'a Doc, version: i64) -> (Cow<'a, Object>, bool) {
        if self.seen_version(key, doc) <= version {
            return (Cow::Borrowed(&doc.body), doc.is_live());
        }
        if let Some((body, live)) = self.past.get(&(key.clone(), version)) {
            return (Cow::Borrowed(body), *live);
        }
        let (body, live) = self.rebuild(key, doc, version);
        (Cow::Owned(body), live)
    }

    /// Whether a version is one that this log knows, and that the sender may see the document at: nobody reads what was
    /// hidden from them then by claiming that they had seen it.
    pub(crate) fn may_have_seen(&self, key: &DocumentKey, version: i64) -> bool {
        let hidden = |doc: &Doc| {
            let (body, live) = self.at(key, doc, version);
            let audience = self.schema.collection(key.collection()).map_or(Audience::EVERYONE, |collection| collection.audience(&body));
            // of what was not there yet, nothing is hidden
            (live || !body.is_empty()) && !self.view.sees_body(key.collection(), audience, &body)
        };
        match self.docs.get(key) {
            // what it was at any time is not known any more
            Some(doc) if doc.is_buried => false,
            Some(doc) => self.knows_of(key, doc, version) && !hidden(doc),
            None => self.knows(version),
        }
    }

    /// What the sender of an operation saw: the document at a version that they had seen, or else what they say that
    /// they saw and what did not change since, with their own chain laid over it.
    pub(crate) fn sender_view<'a>(
        &'a self,
        key: &DocumentKey,
        doc: &'a Doc,
        seen: Seen,
        base: Option<&Object>,
        overlay: &Overlay,
    ) -> View<'a> {
        let unchanged = match seen {
            Seen::At(base_version) => {
                let (body, live) = self.at(key, doc, base_version);
                return self.over_own(key, doc, (body, live, base_version), overlay.clone().beyond(base_version));
            }
            Seen::Unknown { unchanged } => unchanged,
        };
        let same = doc.body.iter().filter(|(name, _)| doc.fields.version_of(name) <= unchanged);
        let mut body: Object = same.map(|(name, value)| (name.clone(), value.clone())).collect();
        body.extend(base.cloned().unwrap_or_default());
        body.retain(|_, value| !value.is_null());
        Self::laid_over(Cow::Owned(body), true, false, overlay)
    }

    /// What the sender of a creation saw: nothing but its own chain.
    pub(crate) fn blank_view(&self, key: &DocumentKey, doc: &Doc, overlay: &Overlay) -> View<'static> {
        self.over_own(key, doc, (Cow::Owned(Object::new()), false, 0), overlay.clone())
    }

    /// Lays a chain over a base. Of what only waits (with its group, or with the whole document), and nobody but the
    /// sender's own device changed since the base, the sender goes on from what is live.
    fn over_own<'a>(
        &self,
        key: &DocumentKey,
        doc: &Doc,
        (mut body, live, version): (Cow<'a, Object>, bool, i64),
        mut overlay: Overlay,
    ) -> View<'a> {
        if doc.is_live() {
            let by_others = |change: &&ChangeRow| self.sender != Some(change.by.device_id);
            let others: Vec<&ChangeRow> = self.changes_of(key).take_while(|change| change.version > version).filter(by_others).collect();
            for name in overlay.take_undisputed(|name| others.iter().any(|change| self.touched_member(change, name))) {
                match doc.body.get(&name) {
                    Some(value) => body.to_mut().insert(name, value.clone()),
                    None => body.to_mut().remove(&name),
                };
            }
        }
        let mut view = Self::laid_over(body, live, true, &overlay);
        if view.live
            && let Some(lens) = self.lens_since(key, version)
        {
            if !live && view.laid.is_none() {
                view.laid = Some(view.base.clone().into_owned());
            }
            if let Some(laid) = &mut view.laid {
                // a creation of the chain was lifted as a patch
                lens.add_defaults(laid, |name| overlay.fields.contains_key(name));
            }
        }
        view
    }

    fn laid_over<'a>(base: Cow<'a, Object>, live: bool, complete: bool, overlay: &Overlay) -> View<'a> {
        let live = overlay.lives().unwrap_or(live);
        let laid = (!overlay.fields.is_empty() || overlay.anew.is_some()).then(|| {
            let mut body = base.clone().into_owned();
            overlay.lay_over(&mut body);
            body
        });
        View { base, laid, complete, live }
    }
}

/// Takes a change back.
fn take_back(body: &mut Object, change: &ChangeRow) {
    for (name, value) in change.before.object() {
        if value.is_null() {
            body.remove(&name);
        } else {
            body.insert(name, value);
        }
    }
}
