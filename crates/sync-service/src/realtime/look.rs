//! Looking at a space for all connections that follow it: one transaction checks their logins and memberships, and reads
//! once for all who stand at the same place in the same view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sync_core::cursor::Cursor;
use sync_core::ports::{Footing, Member, SpaceAccess, SpaceStatus, StoreError, StoreResult, Tx};
use sync_core::{Role, Schema, SessionId, SpaceId, UserId};

use super::batch::Batch;
use super::connection::Ending;
use super::frames::Poke;
use crate::Caller;
use crate::cursors::epoch_tag;
use crate::pull::Abreast;
use crate::view::{Outlines, Reads, View, Views};

/// Documents in one frame; what is further behind is to pull.
pub(crate) const MOST_ITEMS: usize = 200;
/// Bytes of documents in one frame.
pub(crate) const MOST_BYTES: usize = 262_144;
/// Bytes of documents that are read for one: some see less of a document than others.
const MOST_READ: usize = 4 * MOST_BYTES;
/// Places that one look reads from, in views that hide nothing: who stands elsewhere has to wait for the next.
const MOST_PLACES: usize = 64;
/// People that one look reads for whose views hide something, each for themselves.
const MOST_READERS: usize = 512;

/// Somebody for whom a space is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower {
    /// Who.
    pub(crate) caller: Caller,
    /// Up to where they were told everything.
    pub(crate) place: i64,
    /// The cursor under which they are sent documents; `None`: they are poked only.
    pub(crate) cursor: Option<Cursor>,
    /// The schema that the device said it speaks.
    pub(crate) spoken: Option<u32>,
}

/// What a look found for one of them.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// What they are told.
    pub(crate) news: News,
    /// The space's schema; 0 where it was not read.
    pub(crate) schema: u32,
    /// Their role; `None` where they are no member.
    pub(crate) role: Option<Role>,
}

impl Found {
    /// Whether they have to wait for the next look.
    pub(crate) const fn is_later(&self) -> bool {
        matches!(self.news, News::Later)
    }

    /// Whether they follow the space no longer.
    pub(crate) const fn is_revoked(&self) -> bool {
        matches!(self.news, News::Revoked)
    }
}

/// What somebody is told of a space.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// Nothing: nothing changed up to this place that they may see.
    Nothing(i64),
    /// These documents, which bring them to this place.
    Change(Arc<Batch>, i64),
    /// To pull; they are told of everything up to this place.
    Poke(Poke, i64),
    /// They are no member any more.
    Revoked,
    /// Their login may be told nothing any more.
    ShutOut(Ending),
    /// They have to wait for the next look.
    Later,
}

/// Looks at a space for these followers; what was found for each, in their order.
pub(crate) fn look(tx: &mut dyn Tx, space_id: SpaceId, followers: &[Follower], outlines: &Outlines) -> StoreResult<Vec<Found>> {
    let sessions: BTreeSet<SessionId> = followers.iter().map(|follower| follower.caller.session_id).collect();
    let footings: BTreeMap<SessionId, Footing> = tx.list_footings(&sessions.into_iter().collect::<Vec<_>>())?.into_iter().collect();
    let Some(access) = enter(tx, space_id, followers)? else {
        return Ok(followers.iter().map(|_| Found { news: News::Revoked, schema: 0, role: None }).collect());
    };
    let schema = Schema::of_space(access.space.schema.as_deref());
    let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
    let members: BTreeMap<UserId, Member> = tx.list_members(space_id)?.into_iter().map(|member| (member.user_id, member)).collect();
    let views = Views::new(&schema, access.space.settings());
    let (found, behind, reads) = Default::default();
    let mut desk = Desk { access, schema: &schema, views, outlines, found, behind, reads };
    let mut found = Vec::with_capacity(followers.len());
    for follower in followers {
        let member = members.get(&follower.caller.user_id).filter(|member| desk.admits(member, follower));
        let news = match (Ending::of(footings.get(&follower.caller.session_id).copied()), member) {
            (Some(ending), _) => News::ShutOut(ending),
            (None, Some(member)) => {
                desk.access.member = member.clone();
                desk.tell(tx, follower)?
            }
            (None, None) => News::Revoked,
        };
        found.push(Found { news, schema: schema.version, role: member.map(|member| member.role) });
    }
    Ok(found)
}

/// The space, and the membership of the first of these that has one.
fn enter(tx: &mut dyn Tx, space_id: SpaceId, followers: &[Follower]) -> StoreResult<Option<SpaceAccess>> {
    let mut tried = BTreeSet::new();
    for Follower { caller, .. } in followers {
        if tried.insert((caller.organisation_id, caller.user_id)) {
            let access = tx.load_access(caller.organisation_id, caller.user_id, &[space_id])?.pop();
            if access.is_some() {
                return Ok(access);
            }
        }
    }
    Ok(None)
}

/// What changed above a place in a view.
enum Read {
    /// Nothing.
    Nothing,
    /// More than a frame carries.
    TooMuch,
    /// This.
    Same(Arc<Batch>),
}

/// Where somebody stands: in which view, up to where. What hides something may hide other things from each person.
type Stand = (u32, Option<UserId>, i64);

/// What was read so far, to be told to all for whom it is the same.
struct Desk<'a> {
    /// The space, with the membership of whoever is being told.
    access: SpaceAccess,
    schema: &'a Schema,
    views: Views<'a>,
    outlines: &'a Outlines,
    found: BTreeMap<Stand, Read>,
    /// Whether anything changed above a place, for those who are poked only.
    behind: BTreeMap<Stand, bool>,
    reads: Reads,
}

impl Desk<'_> {
    /// Whether a membership lets them read.
    fn admits(&self, member: &Member, follower: &Follower) -> bool {
        let space = &self.access.space;
        member.removed_at.is_none() && space.status != SpaceStatus::Deleted && space.organisation_id == follower.caller.organisation_id
    }

    fn tell(&mut self, tx: &mut dyn Tx, follower: &Follower) -> StoreResult<News> {
        let head = self.access.head;
        let view = self.views.of(self.access.member.role, follower.caller.user_id);
        let Some(cursor) = follower.cursor else { return self.poke(tx, &view, follower) };
        let poke = |reason| Ok(News::Poke(reason, head.version));
        if cursor.epoch_tag != epoch_tag(head.epoch) || follower.place > head.version || follower.place < head.kept_from {
            return poke(Poke::Reset);
        }
        if cursor.view_tag != view.tag() {
            return poke(Poke::Rights);
        }
        if follower.spoken.is_some_and(|spoken| spoken < self.schema.oldest_readable) {
            return poke(Poke::Upgrade);
        }
        if follower.place == head.version {
            return Ok(News::Nothing(head.version));
        }
        self.change(tx, &view, follower)
    }

    fn stand(view: &View, place: i64) -> Stand {
        (view.tag(), (!view.is_whole()).then_some(view.user_id), place)
    }

    /// What changed above their place, read unless it was already.
    fn change(&mut self, tx: &mut dyn Tx, view: &View, follower: &Follower) -> StoreResult<News> {
        let (head, stand) = (self.access.head.version, Self::stand(view, follower.place));
        if !self.found.contains_key(&stand) {
            let alike = self.found.keys().filter(|(_, reader, _)| reader.is_some() == stand.1.is_some()).count();
            if alike >= if stand.1.is_some() { MOST_READERS } else { MOST_PLACES } {
                return Ok(News::Later);
            }
            let abreast = Abreast { access: &self.access, view, outlines: self.outlines, place: follower.place };
            let read = Read::above(tx, &abreast, &mut self.reads)?;
            self.found.insert(stand, read);
        }
        Ok(match self.found.get(&stand) {
            None | Some(Read::TooMuch) => News::Poke(Poke::Behind, head),
            Some(Read::Nothing) => News::Nothing(head),
            Some(Read::Same(batch)) => News::Change(Arc::clone(batch), head),
        })
    }

    /// For those who are poked only: whether there is anything that they have not been told of.
    fn poke(&mut self, tx: &mut dyn Tx, view: &View, follower: &Follower) -> StoreResult<News> {
        let head = self.access.head.version;
        let place = follower.place.min(head);
        let stand = Self::stand(view, place);
        let behind = if let Some(behind) = self.behind.get(&stand) {
            *behind
        } else {
            let abreast = Abreast { access: &self.access, view, outlines: self.outlines, place };
            let behind = place < head && abreast.is_behind(tx, &mut self.reads)?;
            self.behind.insert(stand, behind);
            behind
        };
        // a log that took the place of a longer one begins anew
        Ok(if behind || follower.place > head { News::Poke(Poke::Behind, head) } else { News::Nothing(head) })
    }
}

impl Read {
    fn above(tx: &mut dyn Tx, abreast: &Abreast<'_>, reads: &mut Reads) -> StoreResult<Self> {
        let Some(items) = abreast.items(tx, (MOST_ITEMS, MOST_READ), reads)? else { return Ok(Self::TooMuch) };
        if items.is_empty() {
            return Ok(Self::Nothing);
        }
        let batch = Batch::make(&items, abreast.access.space.space_id, MOST_BYTES);
        Ok(batch.map_or(Self::TooMuch, |batch| Self::Same(Arc::new(batch))))
    }
}
