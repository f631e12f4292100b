//! What happens without a signal: heartbeats, deadlines, and the look everywhere that finds what a signal that was lost
//! would have told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sync_core::ports::{Access, Footing, Tx};
use sync_core::{Role, SessionId, SpaceId, Timestamp, UserId};

use super::connection::{Connection, Ending, State};
use super::hub::{Hub, Shared};
use crate::ServiceResult;
use crate::cursors::CursorKeys;

/// How often a connection is sent something, in milliseconds.
const BEAT_EVERY_MS: i64 = 25_000;
/// A connection whose other side answers is closed when it was not heard of for so long.
const SILENT_AFTER_MS: i64 = 60_000;
/// A connection that could not be sent anything for so long is closed.
const SLOW_AFTER_MS: i64 = 30_000;
/// A connection that is to end and takes nothing is cut off after so long.
const CUT_AFTER_MS: i64 = 1_500;
/// The longest that a connection is open.
const OPEN_FOR_MS: i64 = 24 * 60 * 60 * 1_000;

/// What a sweep found.
struct Swept {
    footings: Vec<(SessionId, Footing)>,
    heads: Vec<(SpaceId, i64)>,
    roles: HashMap<(SpaceId, UserId), Role>,
}

impl Hub {
    /// Sees to heartbeats and deadlines, and asks again for what could not be looked up. Call it every second.
    pub fn tick(&self) {
        let now = self.0.service.now();
        for connection in self.0.connections() {
            let mut stuck = false;
            connection.change(|state| {
                stuck = state.is_stuck(now);
                state.tick(now, connection.answers)
            });
            if let Some(cut) = connection.cut.get().filter(|_| stuck) {
                cut();
            }
        }
        self.0.ask();
    }

    /// Looks whether logins ended or were locked out, memberships changed or logs grew without a signal. Call it every two seconds: nobody is
    /// sent anything, and nobody stays connected, for longer than that after they were shut out.
    ///
    /// # Errors
    /// The store's; the next sweep finds the same.
    pub async fn sweep(&self) -> ServiceResult<()> {
        let connections = self.0.connections();
        if connections.is_empty() {
            return Ok(());
        }
        let keys = self.0.service.cursor_keys([]).await?;
        self.0.take_keys(&keys);
        let sessions: BTreeSet<SessionId> = connections.iter().map(|connection| connection.caller.session_id).collect();
        let sessions = Vec::from_iter(sessions);
        let spaces: Vec<SpaceId> = self.0.registry().spaces.keys().copied().collect();
        let look = move |tx: &mut dyn Tx| {
            let members = tx.list_current_members(&spaces)?.into_iter();
            let roles = members.map(|member| ((member.space_id, member.user_id), member.role));
            Ok(Swept { roles: roles.collect(), footings: tx.list_footings(&sessions)?, heads: tx.list_heads(&spaces)? })
        };
        let swept = self.0.service.store.transact(Access::Read, look).await?;
        self.0.compare(&connections, &swept);
        Ok(())
    }
}

impl State {
    /// Whether it was to end, and its transport did not even take that.
    fn is_stuck(&mut self, now: Timestamp) -> bool {
        let since = self.ending.map(|_| *self.ending_since.get_or_insert(now));
        since.is_some_and(|since| now.millis().saturating_sub(since.millis()) > CUT_AFTER_MS)
    }

    /// Whether there is anything to do for whoever polls.
    fn tick(&mut self, now: Timestamp, answers: bool) -> bool {
        let since = |at: Timestamp| now.millis().saturating_sub(at.millis());
        if self.ending.is_some() {
            return false;
        }
        if since(self.came_at) > OPEN_FOR_MS {
            return self.end(Ending::Aged);
        }
        if answers && since(self.heard_at) > SILENT_AFTER_MS {
            return self.end(Ending::Silent);
        }
        if !self.waiting && since(self.moved_at) > SLOW_AFTER_MS {
            self.deliveries.clear();
            return self.end(Ending::TooSlow);
        }
        self.beat |= since(self.sent_at) >= BEAT_EVERY_MS;
        self.beat
    }
}

impl Shared {
    fn connections(&self) -> Vec<Arc<Connection>> {
        self.registry().connections.values().cloned().collect()
    }

    pub(crate) fn take_keys(&self, keys: &CursorKeys) {
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(keys.clone());
    }

    fn compare(self: &Arc<Self>, connections: &[Arc<Connection>], swept: &Swept) {
        let footings: BTreeMap<SessionId, Footing> = swept.footings.iter().copied().collect();
        let mut changed: BTreeSet<SpaceId> = BTreeSet::new();
        for connection in connections {
            if let Some(ending) = Ending::of(footings.get(&connection.caller.session_id).copied()) {
                connection.change(|state| state.end(ending));
            }
            for (space_id, followed) in &connection.lock().spaces {
                let role = swept.roles.get(&(*space_id, connection.caller.user_id)).copied();
                if !followed.joining && followed.role != role {
                    changed.insert(*space_id);
                }
            }
        }
        let mut registry = self.registry();
        for (space_id, head) in &swept.heads {
            if let Some(followed) = registry.spaces.get_mut(space_id)
                && followed.head.replace(*head) != Some(*head)
            {
                changed.insert(*space_id);
            }
        }
        drop(registry);
        for space_id in changed {
            self.mark(space_id);
        }
    }
}
