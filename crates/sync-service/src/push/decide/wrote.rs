//! Who wrote what is live, as far as the log at hand tells it: for the strategies that ask.

use merge_engine::{Provenance, Writer};
use sync_core::{DocumentKey, FieldVersion, OpId, UserId};

use crate::push::overlay::{Fate, Overlay};
use crate::push::world::{Doc, World};

/// The writers of a live document's members.
pub(in crate::push) struct Wrote<'a> {
    pub(in crate::push) world: &'a World,
    pub(in crate::push) key: &'a DocumentKey,
    pub(in crate::push) doc: &'a Doc,
    /// Up to where the sender has seen the log.
    pub(in crate::push) seen: i64,
    /// What the sender's own chain wrote since.
    pub(in crate::push) overlay: &'a Overlay,
}

impl Wrote<'_> {
    fn author(&self, op_id: OpId) -> Option<UserId> {
        let last = [Some(self.doc.by), self.doc.stored_by.map(|(by, _)| by)].into_iter().flatten();
        let logged = self.world.changes_of(self.key).map(|change| change.by);
        last.chain(logged).find(|by| by.op_id == op_id).map(|by| by.user_id)
    }
}

impl Provenance for Wrote<'_> {
    fn writer(&self, member: &str) -> Option<Writer> {
        let FieldVersion(_, stamp) = *self.doc.fields.0.get(member)?;
        let actor = self.author(stamp.2).and_then(|user_id| self.world.people.actor(user_id));
        Some(Writer { actor, stamp })
    }

    fn rewritten(&self, member: &str) -> bool {
        let version = self.doc.fields.version_of(member);
        let laid = self.overlay.fields.get(member);
        version > self.seen && !laid.is_some_and(|laid| laid.fate == Fate::Committed && laid.seen_at >= version)
    }
}
