//! A storm: one refresh token, used a thousand times at once, on each database. The clock stands still, so that however
//! slow the machine is the predecessor is within its grace.

use std::sync::{Arc, Barrier};

use auth::{PasswordConfig, PasswordHasher};
use storage_diesel::DatabaseConfig;
use sync_core::Code;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginDevice, LoginRequest, RefreshRequest, TokenGrant};
use sync_service::Service;
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::server::run;

const PASSWORD: &str = "correct horse";
/// Uses at once, and how many follow each of them.
const AT_ONCE: usize = 100;
const EACH: usize = 10;

struct Studio {
    clock: Arc<FakeClock>,
    service: Service,
}

impl Studio {
    fn over(database: &Database) -> Self {
        run(database, &["migrate"]);
        let mut config = DatabaseConfig::new(&database.url);
        config.allow_fsync_off = true;
        let store = storage_diesel::open(&config).unwrap();
        let mut passwords = PasswordConfig::default();
        (passwords.memory_kib, passwords.passes) = (8, 1);
        let (clock, hasher) = (Arc::new(FakeClock::new()), Arc::new(PasswordHasher::new(&passwords).unwrap()));
        let service = Service::new(store, clock.clone(), Arc::new(SeededEntropy::new(5)), hasher);
        let ana = AddUserRequest { email: "ana@example.org".into(), password: PASSWORD.into(), name: "Ana".into() };
        pollster::block_on(service.bootstrap_user("Alder", ana, true)).unwrap();
        Self { clock, service }
    }

    fn login(&self) -> TokenGrant {
        let request = LoginRequest { email: "ana@example.org".into(), password: PASSWORD.into(), device: LoginDevice::default() };
        pollster::block_on(self.service.login(request)).unwrap()
    }

    /// Uses a refresh token; once more where the database has too much to do.
    fn refresh(&self, token: &str) -> Result<String, Code> {
        for _ in 0..1_000 {
            let answer = pollster::block_on(self.service.refresh(RefreshRequest { refresh_token: token.into() }));
            match answer.map_err(|error| error.problem().code) {
                Err(Code::Overloaded) => std::thread::yield_now(),
                other => return other.map(|grant| grant.refresh_token),
            }
        }
        Err(Code::Overloaded)
    }
}

fn storm(database: &Database) {
    let studio = Studio::over(database);
    let first = studio.login().refresh_token;
    let start = Barrier::new(AT_ONCE);
    let heads: Vec<Result<String, Code>> = std::thread::scope(|scope| {
        let use_it = || {
            start.wait();
            (0..EACH).map(|_| studio.refresh(&first)).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(use_it)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let head = heads[0].clone().unwrap();
    assert_eq!(heads.len(), AT_ONCE * EACH);
    assert!(heads.iter().all(|other| other.as_ref() == Ok(&head)), "one head, whoever asked");
    // the reply was lost: the device has nothing but the token that it sent, and nine seconds later it still works
    studio.clock.advance_ms(9_000);
    assert_eq!(studio.refresh(&first).as_ref(), Ok(&head));
    let next = studio.refresh(&head).unwrap();
    assert_eq!(studio.refresh(&head).as_ref(), Ok(&next), "and so does the next");
    assert_eq!(studio.refresh(&first), Err(Code::InvalidRefreshToken), "a grandparent ends the family");
    assert_eq!(studio.refresh(&next), Err(Code::InvalidRefreshToken));
}

#[test]
fn a_thousand_uses_of_one_token_leave_one_head_on_sqlite() {
    storm(&Database::sqlite());
}

#[test]
fn a_thousand_uses_of_one_token_leave_one_head_on_postgres() {
    if let Some(database) = Database::postgres() {
        storm(&database);
    }
}
