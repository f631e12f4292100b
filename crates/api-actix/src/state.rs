//! What every request works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sync_core::ports::Entropy;
use sync_service::Service;
use sync_service::realtime::{Hub, HubLimits};

use crate::address::Proxies;
use crate::limits::{Budgets, Limits};
use crate::metrics::Requests;

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiConfig {
    /// How long a request's body may take to arrive, before each 4 KiB received add a second. 20 s unless told.
    pub body_deadline: Duration,
    /// Whether [`configure`](crate::configure) mounts `/metrics`. It does unless told; otherwise
    /// [`configure_metrics`](crate::configure_metrics) mounts it, on an address that fewer can reach.
    pub metrics: bool,
    /// How many sockets and event streams are taken.
    pub sockets: HubLimits,
    /// Whose `X-Forwarded-For` is believed. Nobody's unless told.
    pub proxies: Proxies,
    /// How often somebody may ask.
    pub limits: Limits,
    /// Origins whose pages may read answers. None unless told.
    pub origins: Vec<String>,
    /// Whether connections are encrypted: browsers are then told to come no other way.
    pub tls: bool,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            body_deadline: Duration::from_secs(20),
            metrics: true,
            sockets: HubLimits::default(),
            proxies: Proxies::default(),
            limits: Limits::default(),
            origins: Vec::new(),
            tls: false,
        }
    }
}

/// What every request works with. Clones share everything.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

struct Shared {
    service: Service,
    entropy: Arc<dyn Entropy>,
    config: ApiConfig,
    draining: AtomicBool,
    requests: Arc<Requests>,
    hub: Hub,
    budgets: Budgets,
}

impl ApiState {
    /// A state over a service. The entropy makes request ids and spreads retries.
    #[must_use]
    pub fn new(service: Service, entropy: Arc<dyn Entropy>, config: ApiConfig) -> Self {
        let hub = Hub::new(&service, config.sockets);
        let budgets = Budgets::new(&config.limits, &service);
        let (draining, requests) = Default::default();
        Self(Arc::new(Shared { service, entropy, config, draining, requests, hub, budgets }))
    }

    /// The use cases.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// Who is connected by a socket or an event stream. Somebody is to call [`Hub::tick`] every second and [`Hub::sweep`]
    /// every two.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// From now on `/readyz` answers 503, and sockets and event streams are closed. Everything else goes on.
    pub fn begin_draining(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.hub.drain();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.0.config
    }

    pub(crate) fn budgets(&self) -> &Budgets {
        &self.0.budgets
    }

    pub(crate) fn requests(&self) -> &Arc<Requests> {
        &self.0.requests
    }

    pub(crate) fn new_request_id(&self) -> String {
        self.0.entropy.uuid_v7(self.0.service.now()).to_string()
    }

    /// When a client that is refused for now may come again: full jitter, over a time that grows with the load.
    pub(crate) fn retry_ms(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.entropy.fill(&mut bytes);
        1 + u64::from_ne_bytes(bytes) % self.service().retry_within_ms().max(1)
    }
}
