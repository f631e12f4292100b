//! What a view lets write. An operation that touches anything else is kept whole for a lead, and tells nothing of what is
//! there: whether it may be written is decided before the document is looked at, as far as that can be.

use sync_core::document::CONFLICTS;
use sync_core::json::{Object, pointer};
use sync_core::operation::Kind;
use sync_core::{Code, Operation, Problem};

use super::View;
use super::sight::{Sight, is, names_at};

impl View {
    /// Whether an operation in the form of the space's schema writes only what may be written, whatever its document says.
    ///
    /// # Errors
    /// `role_forbids`, naming the first member of it that may not.
    pub(crate) fn may_write(&self, said: &Operation) -> Result<(), Problem> {
        let Some(sight) = self.sights.get(&said.collection).filter(|_| said.collection != CONFLICTS) else { return Ok(()) };
        let moved = said.kind == Kind::Intent;
        let whole = matches!(said.kind, Kind::Create | Kind::Delete | Kind::Restore) || said.patch.is_empty() && !moved;
        if sight.is_closed || whole && sight.is_read_only {
            return Err(self.forbidden(&said.collection, None));
        }
        let never = |name: &&String| sight.never_writes(name);
        let start = self.schema.collections.get(&said.collection).and_then(|rules| rules.shift.as_ref()).map(|shift| &shift.start);
        match said.patch.keys().chain(start.filter(|_| moved)).find(never) {
            Some(name) => Err(self.forbidden(&said.collection, Some(name))),
            None => Ok(()),
        }
    }

    /// The same against the document: the one that there is, or the one that is to be made.
    ///
    /// # Errors
    /// As [`View::may_write`].
    pub(crate) fn may_write_in(&self, said: &Operation, document: &Object) -> Result<(), Problem> {
        let Some(sight) = self.sights.get(&said.collection).filter(|_| said.collection != CONFLICTS) else { return Ok(()) };
        let is_named = |field: &String| document.get(field).is_some_and(|value| is(value, self.user_id));
        if sight.own_written.as_ref().is_some_and(|field| !is_named(field)) {
            let detail = format!(
                "a {} writes only documents of {} that name them; the operation is kept, and a lead decides",
                self.role.as_str(),
                said.collection
            );
            return Err(Problem::new(Code::RoleForbids, detail));
        }
        let withheld =
            |name: &&String| sight.unwritten.get(sight.now(name)).is_some_and(|places| !names_at(places, self.user_id, Some(document)));
        match said.patch.keys().find(withheld) {
            Some(name) => Err(self.forbidden(&said.collection, Some(name))),
            None => Ok(()),
        }
    }

    /// Whether a shift may move a document.
    pub(crate) fn may_move(&self, collection: &str, body: &Object) -> bool {
        let own = self.sights.get(collection).and_then(|sight| sight.own_written.as_ref());
        own.is_none_or(|field| body.get(field).is_some_and(|value| is(value, self.user_id)))
    }

    fn forbidden(&self, collection: &str, member: Option<&str>) -> Problem {
        let what = member.map_or_else(|| collection.to_owned(), |member| format!("{member} of {collection}"));
        let detail = format!("a {} does not write {what}; the operation is kept, and a lead decides", self.role.as_str());
        let problem = Problem::new(Code::RoleForbids, detail);
        match member {
            Some(member) => problem.at(pointer(&["patch", member])),
            None => problem,
        }
    }
}

impl Sight {
    /// Whether a member is written in no document.
    fn never_writes(&self, member: &str) -> bool {
        let name = self.now(member);
        match self.unwritten.get(name) {
            Some(places) => places.is_empty(),
            None => self.is_read_only && !self.written.contains(name),
        }
    }
}
