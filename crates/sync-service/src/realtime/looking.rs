//! Looks at spaces, one at a time for each: begun for everybody who could be sent something, told to them when it is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sync_core::ports::{Job, Scope, StoreResult, Tx};
use sync_core::{OrganisationId, SpaceId};
use uuid::Uuid;

use super::connection::{About, Connection};
use super::frames::Frame;
use super::hub::Shared;
use super::look::{Follower, Found, look};

impl Shared {
    /// Marks a space for all who follow it, and looks at it for those who could be sent something.
    pub(crate) fn mark(self: &Arc<Self>, space_id: SpaceId) {
        let followers: Vec<Arc<Connection>> = match self.registry().spaces.get(&space_id) {
            Some(followed) => followed.by.values().cloned().collect(),
            None => return,
        };
        for connection in followers {
            connection.change(|state| {
                if state.find(space_id).is_some() {
                    state.dirty.insert(space_id);
                }
                false
            });
        }
        self.look_at(space_id);
    }

    /// Marks what a tenant's people follow: whether they may still be told anything is found by the looks.
    pub(crate) fn mark_tenant(self: &Arc<Self>, organisation_id: OrganisationId) {
        for space_id in self.followed_of(organisation_id) {
            self.mark(space_id);
        }
    }

    /// The spaces that a tenant's people follow. The registry is let go with the answer: [`Self::mark`] takes it again.
    fn followed_of(&self, organisation_id: OrganisationId) -> Vec<SpaceId> {
        let is_of = |connection: &Arc<Connection>| connection.caller.organisation_id == organisation_id;
        let registry = self.registry();
        registry.spaces.iter().filter(|(_, followed)| followed.by.values().any(is_of)).map(|(id, _)| *id).collect()
    }

    /// Looks at a space for those who could be sent something, unless a look is under way: then once more after it.
    pub(crate) fn look_at(self: &Arc<Self>, space_id: SpaceId) {
        let Some(followed) = self.begin_look(space_id) else { return };
        let (connections, followers): (Vec<_>, Vec<Follower>) =
            followed.into_iter().map(|(connection, follower, generation)| ((connection, generation), follower)).unzip();
        // who follows a space is of its organisation
        let organisation_id = connections.first().map(|(connection, _)| connection.caller.organisation_id);
        let scope = Scope::Organisation(organisation_id.unwrap_or(OrganisationId(Uuid::nil())));
        self.looks.fetch_add(1, Ordering::Relaxed);
        let look = Look { shared: Arc::clone(self), space_id, connections, followers, found: Vec::new() };
        self.service.store.submit(scope.read(), Box::new(look));
    }

    fn begin_look(&self, space_id: SpaceId) -> Option<Vec<(Arc<Connection>, Follower, u64)>> {
        let mut registry = self.registry();
        let followed = registry.spaces.get_mut(&space_id)?;
        if followed.looking {
            followed.again = true;
            return None;
        }
        let take = |connection: &Arc<Connection>| {
            connection.take_dirty(space_id).map(|(follower, generation)| (Arc::clone(connection), follower, generation))
        };
        let taken: Vec<_> = followed.by.values().filter_map(take).collect();
        followed.again = false;
        followed.looking = !taken.is_empty();
        followed.looking.then_some(taken)
    }

    /// Another look may begin; whether one is wanted. After one that failed, the next sweep finds that the head moved.
    fn end_look(&self, space_id: SpaceId, done: bool) -> bool {
        let mut registry = self.registry();
        let Some(followed) = registry.spaces.get_mut(&space_id) else { return false };
        followed.looking = false;
        if followed.by.is_empty() {
            registry.spaces.remove(&space_id);
            return false;
        }
        if !done {
            followed.head = None;
        }
        done && followed.again
    }
}

/// A look at a space. It is told on the thread that did it, so that nothing has to wait for it.
struct Look {
    shared: Arc<Shared>,
    space_id: SpaceId,
    /// For whom, and which of their subscriptions of the space.
    connections: Vec<(Arc<Connection>, u64)>,
    followers: Vec<Follower>,
    found: Vec<Found>,
}

impl Job for Look {
    fn run(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        self.found = look(tx, self.space_id, &self.followers, &self.shared.service.outlines)?;
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: StoreResult<()>) {
        let Self { shared, space_id, connections, found, .. } = *self;
        let later = found.iter().any(Found::is_later);
        let backoff = outcome.as_ref().err().map(|error| {
            tracing::warn!(%error, space.id = %space_id, "a space could not be looked at; the next sweep looks again");
            let retry_after_ms = shared.service.spread_ms(shared.service.retry_within_ms());
            Frame::Backoff { retry_after_ms, reason: "busy" }
        });
        let mut found = found.into_iter().map(Some);
        for (connection, generation) in connections {
            let found = if outcome.is_ok() { found.next().flatten() } else { None };
            let shut_out = found.as_ref().is_some_and(Found::is_revoked);
            connection.change(|state| {
                let wakes = state.take_found(space_id, generation, found);
                backoff.clone().map_or(wakes, |backoff| state.note(About::Load, backoff))
            });
            if shut_out {
                shared.unfollow(space_id, &connection);
            }
        }
        let again = shared.end_look(space_id, outcome.is_ok());
        if again || later {
            shared.look_at(space_id);
        }
    }
}
