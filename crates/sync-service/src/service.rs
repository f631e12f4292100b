//! What every use case works with.

use std::sync::Arc;

use auth::PasswordHasher;
use sync_core::ports::{Access, Broadcaster, Clock, Entropy, Fetch, Signal, Store};
use sync_core::{DeviceId, OrganisationId, SessionId, Timestamp, UserId};

use crate::admission::Gate;
use crate::audit;
use crate::cursors::KeyRing;
use crate::devices::Devices;
use crate::error::ServiceResult;
use crate::figures::Counters;
use crate::identity::{Providers, Recent, nobody};
use crate::keeping::Keeping;
use crate::maintenance::Rounds;
use crate::presented::Notes;
use crate::queue::recorder::Recorder;
use crate::queue::{QueueConfig, QueueState};
use crate::signals::InProcess;
use crate::view::Outlines;

/// Who calls: what a valid access token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Their tenant.
    pub organisation_id: OrganisationId,
    /// The person.
    pub user_id: UserId,
    /// The device to which the token is bound.
    pub device_id: DeviceId,
    /// The login.
    pub session_id: SessionId,
    /// Whether they manage the organisation.
    pub admin: bool,
    /// The trace of the request that they make (W3C Trace Context), for the audit log.
    pub trace: Option<u128>,
}

/// The use cases' ports.
#[derive(Clone)]
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Arc<PasswordHasher>,
    pub(crate) cursor_keys: Arc<KeyRing>,
    pub(crate) outlines: Arc<Outlines>,
    pub(crate) presented: Arc<Notes>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) keeping: Keeping,
    pub(crate) rounds: Arc<Rounds>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) signals: Arc<dyn Broadcaster>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) devices: Arc<Devices>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) queue: Arc<QueueState>,
    pub(crate) audit_keys: Arc<audit::Keys>,
    /// Always, but for measurements.
    pub(crate) records_pushes: bool,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) oidc: Arc<Providers>,
}

impl Service {
    /// A service over these ports. The hasher's pool is shared by all clones.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, hasher: Arc<PasswordHasher>) -> Self {
        let (cursor_keys, presented, counters, rounds, recent, recorder) = Default::default();
        let (devices, gate, outlines) = (Arc::default(), Arc::default(), Arc::default());
        let node_id = entropy.uuid_v7(clock.now());
        Self {
            store,
            clock,
            entropy,
            hasher,
            cursor_keys,
            outlines,
            presented,
            counters,
            keeping: Keeping::default(),
            rounds,
            recent,
            signals: Arc::new(InProcess::default()),
            recorder,
            devices,
            gate,
            queue: Arc::new(QueueState { config: QueueConfig::default(), node_id }),
            audit_keys: Arc::default(),
            records_pushes: true,
            fetch: nobody(),
            oidc: Arc::default(),
        }
    }

    /// The same service without a record of pushes: for measurements, never for a server that people use.
    #[cfg(feature = "bench")]
    #[must_use]
    pub fn without_push_records(self) -> Self {
        Self { records_pushes: false, ..self }
    }

    /// The same service with another configuration of its queue.
    #[must_use]
    pub fn with_queue(self, config: QueueConfig) -> Self {
        let node_id = self.queue.node_id;
        Self { queue: Arc::new(QueueState { config, node_id }), ..self }
    }

    /// The same service, which asks other servers by this: providers of identity. Without it, it asks none.
    #[must_use]
    pub fn with_fetch(self, fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, ..self }
    }

    /// The same service with other figures for what is kept, and how long.
    #[must_use]
    pub fn with_keeping(self, keeping: Keeping) -> Self {
        Self { keeping, ..self }
    }

    /// The same service, whose signals are told by this broadcaster: to the listeners of other nodes too.
    #[must_use]
    pub fn with_broadcaster(self, signals: Arc<dyn Broadcaster>) -> Self {
        Self { signals, ..self }
    }

    /// Who tells signals, here and on other nodes.
    #[must_use]
    pub fn broadcaster(&self) -> &Arc<dyn Broadcaster> {
        &self.signals
    }

    /// Tells everybody where to look, after the commit that it is about.
    pub(crate) fn publish(&self, signals: &[Signal]) {
        self.signals.publish(signals);
    }

    /// What is kept, and how long.
    #[must_use]
    pub fn keeping(&self) -> Keeping {
        self.keeping
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// The store's.
    pub async fn ready(&self) -> ServiceResult<()> {
        Ok(self.store.transact(Access::Read, |tx| tx.list_server_keys("ready").map(|_| ())).await?)
    }

    /// Now, by the clock port.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
