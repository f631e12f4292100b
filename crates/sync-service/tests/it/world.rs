//! A service over memory, with an organisation, its admin and two users in it.

use std::future::Future;
use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use sync_core::Code;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginDevice, LoginRequest, TokenGrant};
use sync_service::{Caller, Service, ServiceError, ServiceResult};
use testkit::fake::{FakeClock, SeededEntropy};
use testkit::memory::MemoryStore;

pub(crate) const PASSWORD: &str = "correct horse";

/// The ports of a service, and who is there: `ana@` (an admin) and `bo@` of Alder & Rye, `cy@` (an admin) of another
/// organisation, all with [`PASSWORD`].
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) hasher: Arc<PasswordHasher>,
    pub(crate) service: Service,
}

impl World {
    pub(crate) fn new() -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(FakeClock::new()));
        let hasher = hasher();
        let service = over(&store, &clock, &hasher, 1);
        for (organisation, email, admin) in
            [("Alder & Rye", "ana@example.org", true), ("Alder & Rye", "bo@example.org", false), ("Quinta Velha", "cy@example.org", true)]
        {
            now(service.bootstrap_user(organisation, added(email), admin)).unwrap();
        }
        Self { store, clock, hasher, service }
    }

    /// Another service over the same database: another node, or the same one after a restart.
    pub(crate) fn restarted(&self) -> Service {
        over(&self.store, &self.clock, &hasher(), 2)
    }

    /// A login on a new device.
    pub(crate) fn login(&self, email: &str) -> TokenGrant {
        now(self.service.login(credentials(email, PASSWORD))).unwrap()
    }

    /// Who holds the tokens of a login on a new device.
    pub(crate) fn caller(&self, email: &str) -> Caller {
        now(self.service.authenticate(&self.login(email).access_token)).unwrap()
    }
}

fn hasher() -> Arc<PasswordHasher> {
    let mut config = PasswordConfig::default();
    (config.memory_kib, config.passes, config.workers, config.queue) = (8, 1, 1, 64);
    Arc::new(PasswordHasher::new(&config).unwrap())
}

fn over(store: &Arc<MemoryStore>, clock: &Arc<FakeClock>, hasher: &Arc<PasswordHasher>, seed: u64) -> Service {
    Service::new(store.clone(), clock.clone(), Arc::new(SeededEntropy::new(seed)), hasher.clone())
}

pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

pub(crate) fn added(email: &str) -> AddUserRequest {
    AddUserRequest { email: email.into(), password: PASSWORD.into(), name: email.split('@').next().unwrap().into() }
}

pub(crate) fn credentials(email: &str, password: &str) -> LoginRequest {
    let device = LoginDevice { id: None, name: Some("Rui's iPad".into()), platform: Some("ipados".into()) };
    LoginRequest { email: email.into(), password: password.into(), device }
}

/// The code of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: ServiceResult<T>) -> Code {
    match outcome {
        Err(error @ ServiceError::Problem(_)) => error.problem().code,
        other => panic!("a refusal was expected: {other:?}"),
    }
}
