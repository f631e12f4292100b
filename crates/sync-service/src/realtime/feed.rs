//! What a transport works with: the end of a connection that it polls whenever it could send something.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use sync_core::cursor::Cursor;
use sync_core::{Problem, SpaceId};

use super::batch::Batch;
use super::connection::{About, Connection, Delivery, Ending, State};
use super::frames::{self, Frame, Revoked};
use super::hub::Shared;
use super::joining;
use crate::ServiceResult;

/// Spaces that one poll has looked at.
const LOOKS_AT_ONCE: usize = 4;

/// What a transport is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A frame. `moved` tells that the device holds another cursor once it took it.
    Frame {
        /// JSON.
        text: String,
        /// Whether a cursor moved.
        moved: bool,
    },
    /// A sign of life.
    Heartbeat,
    /// Nothing more: it is to be closed.
    End(Ending),
}

/// A space to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The space.
    pub space_id: SpaceId,
    /// The cursor that the device holds; absent: it is poked only.
    pub cursor: Option<String>,
    /// The schema that it speaks; absent: any.
    pub schema: Option<u32>,
}

/// The transport's end of a connection. Dropping it ends the connection.
///
/// While it is not polled, nothing is read for it and nothing is kept for it beyond the names of spaces.
pub struct Feed {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
}

impl Feed {
    pub(crate) fn new(shared: Arc<Shared>, connection: Arc<Connection>) -> Self {
        Self { shared, connection }
    }

    /// Follows spaces from now on, each after its cursor; what was followed already goes on from the new one. What can't
    /// be followed is told by a frame: `revoked` to a former member, `failed` where there is no such space for them.
    ///
    /// # Errors
    /// The store's; nothing is followed that was not before.
    pub fn follow(&self, wanted: Vec<Wanted>) -> impl Future<Output = ServiceResult<()>> + Send + use<> {
        joining::join(Arc::clone(&self.shared), Arc::clone(&self.connection), wanted)
    }

    /// Follows spaces no longer.
    pub fn unfollow(&self, space_ids: &[SpaceId]) {
        for space_id in space_ids {
            if self.connection.lock().unfollow(*space_id) {
                self.shared.unfollow(*space_id, &self.connection);
            }
        }
    }

    /// How many spaces it follows.
    #[must_use]
    pub fn followed(&self) -> usize {
        self.connection.lock().spaces.len()
    }

    /// The cursors that the device holds, of the spaces that it follows, by their ids.
    #[must_use]
    pub fn cursors(&self) -> Vec<(SpaceId, Option<String>)> {
        let state = self.connection.lock();
        state.spaces.iter().map(|(space_id, followed)| (*space_id, followed.held.as_deref().map(str::to_owned))).collect()
    }

    /// How to break off the transport, for when it takes nothing and is to end.
    pub fn cut_with(&self, cut: impl Fn() + Send + Sync + 'static) {
        // the first one stays
        let _ = self.connection.cut.set(Box::new(cut));
    }

    /// The other side gave a sign of life.
    pub fn heard(&self) {
        self.connection.lock().heard_at = self.shared.service.now();
    }

    /// The other side asked for one.
    pub fn pong(&self) {
        self.connection.change(|state| state.note(About::Pong, Frame::Pong {}));
    }

    /// Tells the other side what it did wrong.
    pub fn fail(&self, problem: Problem) {
        let failed = Frame::Failed { space_id: None, parked: None, op_ids: Vec::new(), problem: Some(problem) };
        self.connection.change(|state| state.note(About::Client, failed));
    }

    /// What is to be sent next. Call it only when it could be sent at once.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Outgoing> {
        let mut state = self.connection.lock();
        let now = self.shared.service.now();
        if let Some(outgoing) = self.take(&mut state) {
            (state.waiting, state.moved_at, state.sent_at, state.beat) = (false, now, now, false);
            drop(state);
            self.shared.frames.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(outgoing);
        }
        (state.waiting, state.moved_at) = (true, now);
        state.waker = Some(context.waker().clone());
        let dirty: Vec<SpaceId> = state.dirty.iter().copied().take(LOOKS_AT_ONCE).collect();
        let wants = !state.wanted.is_empty();
        drop(state);
        // what is found at once wakes at once
        for space_id in dirty {
            self.shared.look_at(space_id);
        }
        if wants {
            self.shared.ask_for(std::slice::from_ref(&self.connection));
        }
        Poll::Pending
    }

    fn take(&self, state: &mut State) -> Option<Outgoing> {
        if let Some(ending) = state.ending {
            return Some(self.farewell(state, ending));
        }
        while let Some(delivery) = state.deliveries.pop_front() {
            if let Some(outgoing) = self.compose(state, delivery) {
                return Some(outgoing);
            }
        }
        if let Some((_, frame)) = state.notes.pop_front() {
            return Some(framed(state, &frame));
        }
        std::mem::take(&mut state.beat).then_some(Outgoing::Heartbeat)
    }

    /// The last words, then the end.
    fn farewell(&self, state: &mut State, ending: Ending) -> Outgoing {
        if std::mem::replace(&mut state.said_farewell, true) {
            return Outgoing::End(ending);
        }
        match ending {
            Ending::Revoked => framed(state, &Frame::Revoked { space_id: None, what: Revoked::Session }),
            Ending::Suspended => framed(state, &Frame::Revoked { space_id: None, what: Revoked::DeviceSuspended }),
            Ending::Locked => framed(state, &Frame::Revoked { space_id: None, what: Revoked::OrganisationLocked }),
            Ending::Draining => framed(
                state,
                &Frame::Backoff { retry_after_ms: self.shared.service.spread_ms(super::COME_BACK_WITHIN_MS), reason: "draining" },
            ),
            Ending::TooSlow | Ending::Silent | Ending::Aged => Outgoing::End(ending),
        }
    }

    fn compose(&self, state: &mut State, delivery: Delivery) -> Option<Outgoing> {
        match delivery {
            Delivery::Frame(frame) => Some(framed(state, &frame)),
            Delivery::Poke { space_id, generation, reason } => {
                let held = state.same(space_id, generation)?.held.clone();
                Some(Outgoing::Frame { text: frames::poke(state.next_id(), space_id, held.as_deref(), reason), moved: false })
            }
            Delivery::Change { space_id, generation, batch, place } => self.change(state, (space_id, generation), &batch, place),
        }
    }

    /// Documents, under the cursor that the device holds, with the one that it holds then; the questions among them come
    /// next.
    fn change(&self, state: &mut State, (space_id, generation): (SpaceId, u64), batch: &Batch, place: i64) -> Option<Outgoing> {
        let id = state.next_id();
        let followed = state.same(space_id, generation)?;
        let next = Cursor { floor: Some(place), place, ..followed.cursor? };
        let cursor = self.shared.sign(next, space_id, self.connection.caller.user_id)?;
        let since = followed.held.replace(cursor.as_str().into()).unwrap_or_default();
        let text = frames::change(id, space_id, &since, &cursor, &batch.items_for(self.connection.caller.device_id));
        for question in batch.questions.iter().rev() {
            state.deliveries.push_front(Delivery::Frame(question.clone()));
        }
        Some(Outgoing::Frame { text, moved: true })
    }
}

fn framed(state: &mut State, frame: &Frame) -> Outgoing {
    Outgoing::Frame { text: frames::text_of(frame, state.next_id()), moved: false }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.let_go(&self.connection);
    }
}
