//! Who is connected to this node, and who follows which space. A signal marks spaces; whoever follows one and could be
//! sent something is looked for, all of a space together, with one look under way at a time. What is committed while a
//! look is under way is found by the next: the busier a space is, the more each look brings.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use sync_core::cursor::Cursor;
use sync_core::ports::{Listener, Signal};
use sync_core::{Code, DeviceId, Problem, SpaceId, Timestamp, UserId};

use super::connection::{About, Connection, Ending};
use super::feed::Feed;
use crate::cursors::CursorKeys;
use crate::{Caller, Service, ServiceResult};

/// How many connections are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubLimits {
    /// In all. 20,000 unless told.
    pub connections: usize,
    /// Of one user. 256 unless told.
    pub of_user: usize,
    /// Of one device: a browser has one for each tab, maybe. 64 unless told.
    pub of_device: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self { connections: 20_000, of_user: 256, of_device: 64 }
    }
}

/// What a hub has to do, and has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubFigures {
    /// Connections now.
    pub connections: usize,
    /// Spaces that somebody follows now.
    pub spaces: usize,
    /// Looks at a space, each of one transaction.
    pub looks: u64,
    /// Frames handed to transports.
    pub frames: u64,
}

/// Everybody who is connected to this node. Clones share everything.
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) service: Service,
    limits: HubLimits,
    /// Kept, because the broadcaster tells it for as long as somebody does.
    ear: Arc<dyn Listener>,
    registry: Mutex<Registry>,
    pub(crate) keys: RwLock<Option<CursorKeys>>,
    pub(crate) looks: AtomicU64,
    pub(crate) frames: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) connections: HashMap<u64, Arc<Connection>>,
    pub(crate) spaces: HashMap<SpaceId, Followed>,
    pub(crate) devices: HashMap<DeviceId, Vec<Arc<Connection>>>,
    users: HashMap<UserId, usize>,
    last_number: u64,
    pub(crate) draining: bool,
    /// Connections for which something is to be looked up beside spaces.
    pub(crate) wanting: HashMap<u64, Arc<Connection>>,
    /// Devices whose presence changed.
    pub(crate) presences: BTreeSet<(UserId, DeviceId)>,
    /// Whether that is being done.
    pub(crate) asking: bool,
}

/// A space that somebody follows.
#[derive(Default)]
pub(crate) struct Followed {
    pub(crate) by: HashMap<u64, Arc<Connection>>,
    /// Whether a look is under way.
    pub(crate) looking: bool,
    /// Whether another is wanted.
    pub(crate) again: bool,
    /// The head that the last sweep saw.
    pub(crate) head: Option<i64>,
}

impl Hub {
    /// A hub that hears what this service tells and reads what it would pull.
    #[must_use]
    pub fn new(service: &Service, limits: HubLimits) -> Self {
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
            service: service.clone(),
            limits,
            ear: Arc::new(Ear(shared.clone())),
            registry: Mutex::default(),
            keys: RwLock::new(None),
            looks: AtomicU64::new(0),
            frames: AtomicU64::new(0),
        });
        service.signals.listen(&shared.ear);
        Self(shared)
    }

    /// Takes a connection of somebody who is logged in; `answers` says whether the other side gives signs of life.
    ///
    /// # Errors
    /// `overloaded` when there are too many: in all, of the user, or of the device; or when the server stops.
    pub fn connect(&self, caller: &Caller, answers: bool) -> ServiceResult<Feed> {
        let now = self.0.service.now();
        let connection = self.0.registry().admit((caller, answers), &self.0.limits, now)?;
        Ok(Feed::new(Arc::clone(&self.0), connection))
    }

    /// From now on nobody is taken, and everybody is told to come back later, to another server.
    pub fn drain(&self) {
        let mut registry = self.0.registry();
        registry.draining = true;
        let all: Vec<_> = registry.connections.values().cloned().collect();
        drop(registry);
        for connection in all {
            connection.change(|state| state.end(Ending::Draining));
        }
    }

    /// What it has to do, and has done.
    #[must_use]
    pub fn figures(&self) -> HubFigures {
        let registry = self.0.registry();
        HubFigures {
            connections: registry.connections.len(),
            spaces: registry.spaces.len(),
            looks: self.0.looks.load(Ordering::Relaxed),
            frames: self.0.frames.load(Ordering::Relaxed),
        }
    }
}

impl Registry {
    fn admit(&mut self, (caller, answers): (&Caller, bool), limits: &HubLimits, now: Timestamp) -> Result<Arc<Connection>, Problem> {
        let full = |what: &str| Problem::new(Code::Overloaded, format!("{what}; wait as long as Retry-After says, then connect again"));
        if self.draining {
            return Err(full("the server stops, and takes no connection any more"));
        }
        if self.connections.len() >= limits.connections {
            return Err(full("the server holds as many connections as it may"));
        }
        if self.users.get(&caller.user_id).is_some_and(|open| *open >= limits.of_user) {
            return Err(full("you have as many connections open as one person may; close some"));
        }
        if self.devices.get(&caller.device_id).is_some_and(|open| open.len() >= limits.of_device) {
            return Err(full("this device has as many connections open as one may; close some"));
        }
        self.last_number += 1;
        let connection = Arc::new(Connection::new(self.last_number, *caller, answers, now));
        self.connections.insert(connection.number, Arc::clone(&connection));
        self.devices.entry(caller.device_id).or_insert_with(|| Vec::with_capacity(1)).push(Arc::clone(&connection));
        *self.users.entry(caller.user_id).or_default() += 1;
        Ok(connection)
    }

    fn let_go(&mut self, connection: &Connection, spaces: &[SpaceId]) {
        self.connections.remove(&connection.number);
        self.wanting.remove(&connection.number);
        let Caller { user_id, device_id, .. } = connection.caller;
        if let Some(open) = self.devices.get_mut(&device_id) {
            open.retain(|other| other.number != connection.number);
            if open.is_empty() {
                self.devices.remove(&device_id);
            }
        }
        if let Some(open) = self.users.get_mut(&user_id) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.users.remove(&user_id);
            }
        }
        for space_id in spaces {
            self.unfollow(*space_id, connection.number);
        }
    }

    fn unfollow(&mut self, space_id: SpaceId, number: u64) {
        if let Some(followed) = self.spaces.get_mut(&space_id) {
            followed.by.remove(&number);
            if followed.by.is_empty() && !followed.looking {
                self.spaces.remove(&space_id);
            }
        }
    }
}

impl Shared {
    // whatever panicked meanwhile, the registry is whole between two statements
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs a cursor; `None` before anybody followed anything.
    pub(crate) fn sign(&self, cursor: Cursor, space_id: SpaceId, user_id: UserId) -> Option<String> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.sign(cursor, space_id, user_id)
    }

    pub(crate) fn let_go(&self, connection: &Connection) {
        let spaces: Vec<SpaceId> = connection.lock().spaces.iter().map(|(space_id, _)| *space_id).collect();
        self.registry().let_go(connection, &spaces);
    }

    pub(crate) fn follow(&self, space_id: SpaceId, connection: &Arc<Connection>) {
        let mut registry = self.registry();
        // who was let go meanwhile follows nothing any more
        if registry.connections.contains_key(&connection.number) {
            registry.spaces.entry(space_id).or_default().by.insert(connection.number, Arc::clone(connection));
        }
    }

    /// Forgets that a connection follows a space, unless it does so again.
    pub(crate) fn unfollow(&self, space_id: SpaceId, connection: &Connection) {
        let mut registry = self.registry();
        if connection.lock().find(space_id).is_none() {
            registry.unfollow(space_id, connection.number);
        }
    }

    /// Ends the connections for which this holds, and tells them why.
    fn end_where(&self, ending: Ending, ends: impl Fn(&Connection) -> bool) {
        let ended: Vec<_> = self.registry().connections.values().filter(|connection| ends(connection)).cloned().collect();
        for connection in ended {
            connection.change(|state| state.end(ending));
        }
    }

    /// Notes what is to be looked up for a device.
    fn want(self: &Arc<Self>, device_id: DeviceId, about: About) {
        let of_device = self.registry().devices.get(&device_id).cloned().unwrap_or_default();
        for connection in &of_device {
            connection.lock().wanted.insert(about);
        }
        self.ask_for(&of_device);
    }
}

/// What the broadcaster holds of a hub.
pub(crate) struct Ear(pub(crate) Weak<Shared>);

impl Listener for Ear {
    fn hear(&self, signals: &[Signal]) {
        let Some(shared) = self.0.upgrade() else { return };
        for signal in signals {
            match *signal {
                Signal::Space(space_id) | Signal::Members(space_id) => shared.mark(space_id),
                Signal::Session(session_id) => shared.end_where(Ending::Revoked, |connection| connection.caller.session_id == session_id),
                Signal::Device(device_id) => shared.end_where(Ending::Revoked, |connection| connection.caller.device_id == device_id),
                Signal::Suspended(device_id) => shared.end_where(Ending::Suspended, |connection| connection.caller.device_id == device_id),
                Signal::Organisation(organisation_id) => shared.mark_tenant(organisation_id),
                Signal::Batch(device_id, batch_id) => shared.want(device_id, About::Batch(batch_id)),
                Signal::DeadLetter(device_id, space_id) => shared.want(device_id, About::DeadLetters(space_id)),
                Signal::Presence(user_id, device_id) => shared.tell_presence(user_id, device_id),
                // of the workers' alone
                _ => {}
            }
        }
    }

    // the next sweep looks everywhere, as every one does
    fn lost(&self) {}
}
