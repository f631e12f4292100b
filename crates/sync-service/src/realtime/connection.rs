//! One connection, as the hub knows it: what it follows, and what it is still to be sent. Nothing else is held for it but
//! the names of spaces in which something changed, a few deliveries that are shared with others, and small frames of
//! which the newest of a kind counts.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use sync_core::cursor::Cursor;
use sync_core::ports::Footing;
use sync_core::{BatchId, DeviceId, Role, SpaceId, Timestamp};

use super::batch::Batch;
use super::frames::{Frame, Poke, Revoked};
use super::look::{Follower, Found, News};
use crate::Caller;

/// Deliveries that may wait for a connection at once; spaces beyond stay unread until it has taken some.
const MOST_DELIVERIES: usize = 4;
/// Small frames that may wait for a connection; the oldest makes room.
const MOST_NOTES: usize = 64;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The login ended, or its device was revoked.
    Revoked,
    /// The device was suspended.
    Suspended,
    /// The tenant was locked.
    Locked,
    /// The server stops.
    Draining,
    /// The other side did not read for too long.
    TooSlow,
    /// The other side was not heard of for too long.
    Silent,
    /// It was open for as long as one may be: whoever comes again shows that the login still stands.
    Aged,
}

impl Ending {
    /// Why a login may not be told anything any more, if it may not; of one that is not known, there is no footing.
    pub(crate) const fn of(footing: Option<Footing>) -> Option<Self> {
        match footing {
            Some(footing) if footing.may_read() => None,
            Some(Footing::Suspended) => Some(Self::Suspended),
            Some(Footing::Locked) => Some(Self::Locked),
            _ => Some(Self::Revoked),
        }
    }
}

/// A connection. Its lock is held for moments, and never while another lock is waited for.
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) caller: Caller,
    /// Whether the other side gives signs of life.
    pub(crate) answers: bool,
    /// Breaks off a transport that takes nothing.
    pub(crate) cut: OnceLock<Box<dyn Fn() + Send + Sync>>,
    state: Mutex<State>,
}

/// A space that is followed.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Tells this one from an earlier one of the same space.
    pub(crate) generation: u64,
    /// The cursor that the device holds.
    pub(crate) held: Option<Box<str>>,
    /// Up to where it was told everything, or is by what waits for it.
    pub(crate) place: i64,
    /// What its next cursor is made from; `None`: it is poked only.
    pub(crate) cursor: Option<Cursor>,
    /// The schema that it speaks, as it said.
    pub(crate) spoken: Option<u32>,
    /// The space's schema when it was last looked at.
    pub(crate) schema: Option<u32>,
    /// The role then.
    pub(crate) role: Option<Role>,
    /// Whether its first look is still to come.
    pub(crate) joining: bool,
    /// Whether a look is under way.
    pub(crate) looking: bool,
}

/// What waits to be sent.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// Documents; `place` is where they bring the device.
    Change { space_id: SpaceId, generation: u64, batch: Arc<Batch>, place: i64 },
    /// A poke.
    Poke { space_id: SpaceId, generation: u64, reason: Poke },
    /// Anything else.
    Frame(Frame),
}

impl Delivery {
    /// The space whose log it is about.
    const fn space_id(&self) -> Option<SpaceId> {
        match self {
            Self::Change { space_id, .. } | Self::Poke { space_id, .. } => Some(*space_id),
            Self::Frame(_) => None,
        }
    }
}

/// What a small frame is about: a newer one takes the place of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    Batch(BatchId),
    DeadLetters(SpaceId),
    Presence(SpaceId, DeviceId),
    Cache(SpaceId),
    Pong,
    Client,
    Load,
}

#[derive(Debug)]
pub(crate) struct State {
    /// Wakes whoever polls.
    pub(crate) waker: Option<Waker>,
    /// Whether everything was taken, and more would be.
    pub(crate) waiting: bool,
    /// Since when that did not change, or when something was last taken.
    pub(crate) moved_at: Timestamp,
    /// When the other side was last heard of.
    pub(crate) heard_at: Timestamp,
    /// When it was last sent anything.
    pub(crate) sent_at: Timestamp,
    /// When it came.
    pub(crate) came_at: Timestamp,
    /// Whether a heartbeat is due.
    pub(crate) beat: bool,
    /// By space; mostly few.
    pub(crate) spaces: Vec<(SpaceId, Subscription)>,
    /// Spaces to look at.
    pub(crate) dirty: BTreeSet<SpaceId>,
    /// Looks under way.
    pub(crate) looks: usize,
    pub(crate) deliveries: VecDeque<Delivery>,
    pub(crate) notes: VecDeque<(About, Frame)>,
    /// What of its device is to be looked up.
    pub(crate) wanted: BTreeSet<About>,
    pub(crate) ending: Option<Ending>,
    /// Since when it is to end.
    pub(crate) ending_since: Option<Timestamp>,
    pub(crate) said_farewell: bool,
    last_id: u64,
    last_generation: u64,
}

impl Connection {
    pub(crate) fn new(number: u64, caller: Caller, answers: bool, now: Timestamp) -> Self {
        let state = State {
            waker: None,
            waiting: false,
            moved_at: now,
            heard_at: now,
            sent_at: now,
            came_at: now,
            beat: false,
            spaces: Vec::new(),
            dirty: BTreeSet::new(),
            looks: 0,
            deliveries: VecDeque::new(),
            notes: VecDeque::new(),
            wanted: BTreeSet::new(),
            ending: None,
            ending_since: None,
            said_farewell: false,
            last_id: 0,
            last_generation: 0,
        };
        Self { number, caller, answers, cut: OnceLock::new(), state: Mutex::new(state) }
    }

    // whatever panicked meanwhile, the state is whole between two statements
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever polls where the change says that there is something for them.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.lock();
        let waker = if change(&mut state) { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes a space that is to be looked at, where it would be sent what is found: who is looked for, and the generation
    /// of the subscription.
    pub(crate) fn take_dirty(&self, space_id: SpaceId) -> Option<(Follower, u64)> {
        let mut state = self.lock();
        let waits = |delivery: &Delivery| delivery.space_id() == Some(space_id);
        if !state.waiting
            || state.ending.is_some()
            || state.looks + state.deliveries.len() >= MOST_DELIVERIES
            || state.deliveries.iter().any(waits)
        {
            return None;
        }
        let subscription = state.find(space_id).filter(|subscription| !subscription.joining && !subscription.looking)?;
        let Subscription { generation, place, cursor, spoken, .. } = *subscription;
        if !state.dirty.remove(&space_id) {
            return None;
        }
        state.looks += 1;
        if let Some(subscription) = state.find_mut(space_id) {
            subscription.looking = true;
        }
        Some((Follower { caller: self.caller, place, cursor, spoken }, generation))
    }
}

impl State {
    /// The id of the next frame.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn find(&self, space_id: SpaceId) -> Option<&Subscription> {
        let at = self.spaces.binary_search_by_key(&space_id, |(id, _)| *id).ok()?;
        self.spaces.get(at).map(|(_, subscription)| subscription)
    }

    pub(crate) fn find_mut(&mut self, space_id: SpaceId) -> Option<&mut Subscription> {
        let at = self.spaces.binary_search_by_key(&space_id, |(id, _)| *id).ok()?;
        self.spaces.get_mut(at).map(|(_, subscription)| subscription)
    }

    /// The subscription of a space, if it is still this one.
    pub(crate) fn same(&mut self, space_id: SpaceId, generation: u64) -> Option<&mut Subscription> {
        self.find_mut(space_id).filter(|subscription| subscription.generation == generation)
    }

    /// Follows a space from now on, in the place of how it was followed; what waits of that is void.
    pub(crate) fn follow(&mut self, space_id: SpaceId, held: Option<Box<str>>, spoken: Option<u32>) -> u64 {
        self.last_generation += 1;
        let generation = self.last_generation;
        let (place, cursor, schema, role) = (0, None, None, None);
        let subscription = Subscription { generation, held, place, cursor, spoken, schema, role, joining: true, looking: false };
        match self.spaces.binary_search_by_key(&space_id, |(id, _)| *id) {
            Ok(at) => {
                if let Some((_, stored)) = self.spaces.get_mut(at) {
                    *stored = subscription;
                }
            }
            Err(at) => {
                self.spaces.reserve_exact(1);
                self.spaces.insert(at, (space_id, subscription));
            }
        }
        generation
    }

    pub(crate) fn unfollow(&mut self, space_id: SpaceId) -> bool {
        self.dirty.remove(&space_id);
        let Ok(at) = self.spaces.binary_search_by_key(&space_id, |(id, _)| *id) else { return false };
        self.spaces.remove(at);
        true
    }

    /// Notes a small frame; always wakes.
    pub(crate) fn note(&mut self, about: About, frame: Frame) -> bool {
        self.notes.retain(|(known, _)| *known != about);
        self.notes.push_back((about, frame));
        if self.notes.len() > MOST_NOTES {
            self.notes.pop_front();
        }
        true
    }

    /// Ends it, unless it ends already; always wakes.
    pub(crate) fn end(&mut self, ending: Ending) -> bool {
        self.ending.get_or_insert(ending);
        true
    }

    /// A look is over. What it found is taken where the subscription is still the one that it was for; whether there is
    /// anything to do. `None`: it failed, and the next
    /// sweep marks the space again.
    pub(crate) fn take_found(&mut self, space_id: SpaceId, generation: u64, found: Option<Found>) -> bool {
        self.looks = self.looks.saturating_sub(1);
        let Some(subscription) = self.same(space_id, generation) else { return !self.dirty.is_empty() };
        subscription.looking = false;
        let Some(Found { news, schema, role }) = found else { return false };
        subscription.role = role;
        let outdated = schema > 0 && subscription.schema.replace(schema).is_some_and(|known| known != schema);
        if outdated {
            self.note(About::Cache(space_id), Frame::Cache { space_id, what: "schema", version: schema });
        }
        self.take_news(space_id, generation, news) || outdated || !self.dirty.is_empty()
    }

    fn take_news(&mut self, space_id: SpaceId, generation: u64, news: News) -> bool {
        let Some(subscription) = self.same(space_id, generation) else { return false };
        match news {
            News::Nothing(place) => {
                subscription.place = place;
                return false;
            }
            News::Later => {
                self.dirty.insert(space_id);
            }
            News::Change(batch, place) => {
                subscription.place = place;
                self.deliveries.push_back(Delivery::Change { space_id, generation, batch, place });
            }
            News::Poke(reason, place) => {
                (subscription.place, subscription.cursor) = (place, None);
                self.deliveries.push_back(Delivery::Poke { space_id, generation, reason });
            }
            News::Revoked => {
                self.unfollow(space_id);
                let revoked = Frame::Revoked { space_id: Some(space_id), what: Revoked::Membership };
                self.deliveries.push_back(Delivery::Frame(revoked));
            }
            News::ShutOut(ending) => {
                self.end(ending);
            }
        }
        true
    }
}
