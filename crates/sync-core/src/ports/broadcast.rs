//! Telling everybody who listens, on every node, that something changed. A signal says where to look, never what is
//! there: what it is about is read from the database by whoever may see it, so that a lost signal loses nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BatchId, DeviceId, OrganisationId, SessionId, SpaceId, UserId};

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Signal {
    /// The log of a space grew.
    Space(SpaceId),
    /// Somebody's rights in a space changed.
    Members(SpaceId),
    /// A login ended.
    Session(SessionId),
    /// A device was revoked.
    Device(DeviceId),
    /// A device was suspended.
    Suspended(DeviceId),
    /// A tenant was held, or let go.
    Organisation(OrganisationId),
    /// A batch of a device went on.
    Batch(DeviceId, BatchId),
    /// Something of a device was parked, or left the dead letters.
    DeadLetter(DeviceId, SpaceId),
    /// What is known of a user's device changed.
    Presence(UserId, DeviceId),
    /// Something waits for workers.
    Queue,
}

/// Who wants to be told. Called on any thread; returns at once.
pub trait Listener: Send + Sync {
    /// These were told since the last call, here or on another node; some may be told twice.
    fn hear(&self, signals: &[Signal]);

    /// Signals of other nodes may have been lost: look everywhere.
    fn lost(&self);
}

/// Tells signals to the listeners of every node.
pub trait Broadcaster: Send + Sync {
    /// Tells signals, after the commit that they are about. It returns at once. Listeners of this node are told before it
    /// returns, those of others soon.
    fn publish(&self, signals: &[Signal]);

    /// From now on the listener is told, until it is dropped elsewhere.
    fn listen(&self, listener: &Arc<dyn Listener>);
}
