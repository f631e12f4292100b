//! How often somebody may try a password, and what a new one ends.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use sync_core::Code;
use sync_core::ports::{Listener, Signal, Store as _};
use sync_core::protocol::v1::identity::{PasswordRequest, RefreshRequest, TokenGrant};
use sync_service::{Service, ServiceResult};

use crate::world::{PASSWORD, World, credentials, now, refused};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const NEW: &str = "staple correct horse";

fn attempt(service: &Service, email: &str, password: &str, from: IpAddr) -> ServiceResult<TokenGrant> {
    now(service.login_from(credentials(email, password), Some(from)))
}

/// How long a refusal says to wait.
fn wait_ms(outcome: ServiceResult<TokenGrant>) -> u64 {
    let problem = outcome.unwrap_err().problem();
    assert_eq!(problem.code, Code::RateLimited);
    problem.retry_after_ms.unwrap()
}

fn change(old: &str, new: &str) -> PasswordRequest {
    PasswordRequest { old_password: old.into(), new_password: new.into() }
}

#[test]
fn a_failed_login_costs_the_same_for_anybody() {
    let world = World::new();
    let cost = |email: &str| {
        let (hashed, commits) = (world.hasher.hashed(), world.store.load().commits.jobs);
        assert_eq!(refused(attempt(&world.service, email, "wrong horse", HOME)), Code::WrongCredentials);
        (world.hasher.hashed() - hashed, world.store.load().commits.jobs - commits)
    };
    for email in ["ana@example.org", "nobody@example.org", "no email at all", ""] {
        assert_eq!(cost(email), (1, 2), "{email}: a hash, and a transaction before and after it");
    }
    for email in ["ana@example.org", "nobody@example.org"] {
        for _ in 1..5 {
            assert_eq!(cost(email), (1, 2), "{email}");
        }
        let hashed = world.hasher.hashed();
        assert_eq!(wait_ms(attempt(&world.service, email, "wrong horse", HOME)), 1_000, "{email}");
        assert_eq!(world.hasher.hashed(), hashed, "{email}: what is refused is not hashed");
    }
}

#[test]
fn tries_count_on_all_nodes_together() {
    let world = World::new();
    let nodes = [&world.service, &world.restarted()];
    for node in nodes.iter().cycle().take(5) {
        assert_eq!(refused(attempt(node, "ana@example.org", "wrong horse", ELSEWHERE)), Code::WrongCredentials);
    }
    for node in nodes {
        assert_eq!(wait_ms(attempt(node, "ANA@example.org ", PASSWORD, ELSEWHERE)), 1_000, "the right one waits as well");
        assert!(attempt(node, "ana@example.org", PASSWORD, HOME).is_ok(), "she is not who tries");
        assert!(attempt(node, "bo@example.org", PASSWORD, ELSEWHERE).is_ok(), "nor is he");
    }
    world.clock.advance_ms(1_000);
    assert!(attempt(&world.service, "ana@example.org", PASSWORD, ELSEWHERE).is_ok());
    for _ in 0..5 {
        assert_eq!(refused(attempt(&world.service, "ana@example.org", "x", ELSEWHERE)), Code::WrongCredentials, "a new beginning");
    }
}

#[test]
fn an_hour_of_rest_saves_no_tries() {
    let world = World::new();
    for _ in 0..2 {
        for _ in 0..5 {
            assert_eq!(refused(attempt(&world.service, "ana@example.org", "wrong horse", ELSEWHERE)), Code::WrongCredentials);
        }
        assert_eq!(wait_ms(attempt(&world.service, "ana@example.org", "wrong horse", ELSEWHERE)), 1_000);
        world.clock.advance_ms(3_600_001);
    }
}

#[test]
fn a_full_queue_counts_nothing() {
    let world = World::new();
    let slots: Vec<_> = std::iter::from_fn(|| world.hasher.reserve().ok()).collect();
    assert_eq!(slots.len(), 65, "one at work and 64 that wait");
    let commits = world.store.load().commits.jobs;
    for _ in 0..20 {
        assert_eq!(refused(attempt(&world.service, "ana@example.org", "wrong horse", HOME)), Code::Overloaded);
    }
    assert_eq!(world.store.load().commits.jobs, commits, "nothing was even looked up");
    drop(slots);
    assert!(attempt(&world.service, "ana@example.org", PASSWORD, HOME).is_ok());
}

#[derive(Default)]
struct Heard(Mutex<Vec<Signal>>);

impl Listener for Heard {
    fn hear(&self, signals: &[Signal]) {
        self.0.lock().unwrap().extend_from_slice(signals);
    }

    fn lost(&self) {}
}

#[test]
fn a_new_password_ends_all_other_logins() {
    let world = World::new();
    let (own, other) = (world.login("bo@example.org"), world.login("bo@example.org"));
    let [caller, ended] = [&own, &other].map(|grant| now(world.service.authenticate(&grant.access_token)).unwrap());
    let heard = Arc::new(Heard::default());
    let listener: Arc<dyn Listener> = heard.clone();
    world.service.broadcaster().listen(&listener);
    now(world.service.change_password(&caller, change(PASSWORD, NEW), Some(HOME))).unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [Signal::Session(ended.session_id)]);
    assert!(now(world.service.authenticate(&own.access_token)).is_ok());
    assert_eq!(refused(now(world.service.authenticate(&other.access_token))), Code::Unauthenticated);
    let refresh = |grant: &TokenGrant| now(world.service.refresh(RefreshRequest { refresh_token: grant.refresh_token.clone() }));
    assert_eq!(refused(refresh(&other)), Code::InvalidRefreshToken);
    assert!(refresh(&own).is_ok());
    assert_eq!(refused(attempt(&world.service, "bo@example.org", PASSWORD, HOME)), Code::WrongCredentials);
    assert!(attempt(&world.service, "bo@example.org", NEW, HOME).is_ok());
    assert!(now(world.service.authenticate(&world.login("ana@example.org").access_token)).is_ok(), "nobody else's");
}

#[test]
fn a_token_alone_changes_no_password() {
    let world = World::new();
    let caller = world.caller("bo@example.org");
    let refuse = |old: &str, new: &str| now(world.service.change_password(&caller, change(old, new), Some(HOME))).unwrap_err().problem();
    for (new, pointer) in [("short", "/new_password"), (&*"x".repeat(1_025), "/new_password")] {
        let problem = refuse(PASSWORD, new);
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(pointer)));
    }
    for _ in 0..5 {
        let problem = refuse("a guess", NEW);
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::WrongPassword, Some("/old_password")));
    }
    assert_eq!(refuse(PASSWORD, NEW).code, Code::RateLimited, "guesses count");
    assert!(attempt(&world.service, "bo@example.org", PASSWORD, ELSEWHERE).is_ok(), "nothing was changed");
    world.clock.advance_ms(1_000);
    now(world.service.logout(&caller)).unwrap();
    assert_eq!(refuse(PASSWORD, NEW).code, Code::Unauthenticated, "the login ended");
    assert!(attempt(&world.service, "bo@example.org", PASSWORD, ELSEWHERE).is_ok());
}

#[test]
fn an_operator_resets_a_password() {
    let world = World::new();
    let grants = [world.login("bo@example.org"), world.login("bo@example.org")];
    assert_eq!(now(world.service.reset_password(" BO@example.org", NEW)).unwrap(), 2);
    for grant in grants {
        assert_eq!(refused(now(world.service.authenticate(&grant.access_token))), Code::Unauthenticated);
    }
    assert!(attempt(&world.service, "bo@example.org", NEW, HOME).is_ok());
    assert_eq!(refused(now(world.service.reset_password("nobody@example.org", NEW))), Code::UnknownUser);
    assert_eq!(refused(now(world.service.reset_password("bo@example.org", "short"))), Code::Malformed);
}
