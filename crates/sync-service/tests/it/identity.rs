use std::thread;

use sync_core::ports::{Access, Store};
use sync_core::protocol::v1::identity::{LoginDevice, LoginRequest, RefreshRequest, TokenGrant};
use sync_core::{Code, DeviceId};
use sync_service::ServiceResult;
use testkit::fake::START;
use uuid::Uuid;

use crate::world::{PASSWORD, World, added, credentials, now, refused};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn refresh(world: &World, token: &str) -> ServiceResult<TokenGrant> {
    now(world.service.refresh(RefreshRequest { refresh_token: token.into() }))
}

fn on_device(id: DeviceId) -> LoginRequest {
    LoginRequest { device: LoginDevice { id: Some(id), name: None, platform: None }, ..credentials("ana@example.org", PASSWORD) }
}

#[test]
fn a_login_gives_tokens_that_say_who_calls() {
    let world = World::new();
    let grant = world.login("  ANA@example.org ");
    assert!(grant.access_token.starts_with("rja_") && grant.refresh_token.starts_with("rjr_"));
    assert_eq!(grant.expires_in_s, 900);
    let caller = now(world.service.authenticate(&grant.access_token)).unwrap();
    assert_eq!((caller.user_id, caller.device_id, caller.organisation_id), (grant.user_id, grant.device_id, grant.organisation_id));
    assert!(caller.admin && !world.caller("bo@example.org").admin);
}

#[test]
fn wrong_email_and_wrong_password_are_told_alike() {
    let world = World::new();
    let attempt = |email, password| now(world.service.login(credentials(email, password))).unwrap_err();
    let wrong = attempt("ana@example.org", "wrong horse");
    assert_eq!(wrong.problem().code, Code::WrongCredentials);
    for (email, password) in [("nobody@example.org", PASSWORD), ("not an email", PASSWORD), ("", ""), ("ana@example.org", "")] {
        assert_eq!(attempt(email, password), wrong, "{email}");
    }
    assert_eq!(attempt("ana@example.org", &"x".repeat(2_000)).problem().code, Code::Malformed);
}

#[test]
fn an_access_token_lives_fifteen_minutes() {
    let world = World::new();
    let token = world.login("ana@example.org").access_token;
    world.clock.advance_ms(15 * MINUTE - 1);
    assert!(now(world.service.authenticate(&token)).is_ok());
    world.clock.advance_ms(1);
    assert_eq!(refused(now(world.service.authenticate(&token))), Code::Unauthenticated);
    for garbage in ["", "rja_", "Bearer x", &format!("rja_{}", "A".repeat(43))] {
        assert_eq!(refused(now(world.service.authenticate(garbage))), Code::Unauthenticated);
    }
}

#[test]
fn a_refresh_replaces_the_pair() {
    let world = World::new();
    let first = world.login("ana@example.org");
    world.clock.advance_ms(20 * MINUTE);
    let second = refresh(&world, &first.refresh_token).unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!((second.user_id, second.device_id, second.organisation_id), (first.user_id, first.device_id, first.organisation_id));
    let caller = now(world.service.authenticate(&second.access_token)).unwrap();
    let devices = now(world.service.list_devices(&caller)).unwrap().items;
    assert_eq!(devices[0].seen_at, START.plus_ms(20 * MINUTE));
    assert!(devices[0].current);
}

#[test]
fn a_lost_reply_is_survived_and_a_late_one_ends_the_family() {
    let world = World::new();
    let first = world.login("ana@example.org");
    let second = refresh(&world, &first.refresh_token).unwrap();
    world.clock.advance_ms(10_000);
    let again = refresh(&world, &first.refresh_token).unwrap();
    assert_eq!(again.refresh_token, second.refresh_token, "the same successor");
    assert_ne!(again.access_token, second.access_token);
    assert!(now(world.service.authenticate(&second.access_token)).is_ok() && now(world.service.authenticate(&again.access_token)).is_ok());
    world.clock.advance_ms(1);
    assert_eq!(refused(refresh(&world, &first.refresh_token)), Code::InvalidRefreshToken);
    assert_eq!(refused(refresh(&world, &second.refresh_token)), Code::InvalidRefreshToken, "the family has ended");
    assert_eq!(refused(now(world.service.authenticate(&again.access_token))), Code::Unauthenticated, "its access tokens, too");
}

#[test]
fn a_grandparent_ends_the_family() {
    let world = World::new();
    let first = world.login("ana@example.org");
    let second = refresh(&world, &first.refresh_token).unwrap();
    let third = refresh(&world, &second.refresh_token).unwrap();
    assert_eq!(refused(refresh(&world, &first.refresh_token)), Code::InvalidRefreshToken);
    assert_eq!(refused(refresh(&world, &third.refresh_token)), Code::InvalidRefreshToken);
}

#[test]
fn concurrent_refreshes_have_one_head() {
    let world = World::new();
    let first = world.login("ana@example.org");
    let grants: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| refresh(&world, &first.refresh_token).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(grants.iter().all(|grant| grant.refresh_token == grants[0].refresh_token));
    assert!(grants.iter().all(|grant| now(world.service.authenticate(&grant.access_token)).is_ok()));
    assert!(refresh(&world, &grants[0].refresh_token).is_ok());
}

#[test]
fn a_refresh_whose_commit_was_lost_is_repeated() {
    for kept in [true, false] {
        let world = World::new();
        let first = world.login("ana@example.org");
        world.store.lose_next_commit(kept);
        assert_eq!(refresh(&world, &first.refresh_token).unwrap_err().problem().code, Code::UnknownOutcome);
        let second = refresh(&world, &first.refresh_token).unwrap();
        assert!(refresh(&world, &second.refresh_token).is_ok(), "kept: {kept}");
    }
}

#[test]
fn a_family_ends_after_ninety_days() {
    let world = World::new();
    let mut grant = world.login("ana@example.org");
    for _ in 0..89 {
        world.clock.advance_ms(DAY);
        grant = refresh(&world, &grant.refresh_token).unwrap();
    }
    world.clock.advance_ms(DAY - 5 * MINUTE);
    grant = refresh(&world, &grant.refresh_token).unwrap();
    assert_eq!(grant.expires_in_s, 300, "the access token ends with its family");
    world.clock.advance_ms(5 * MINUTE);
    assert_eq!(refused(refresh(&world, &grant.refresh_token)), Code::InvalidRefreshToken);
    assert_eq!(refused(now(world.service.authenticate(&grant.access_token))), Code::Unauthenticated);
}

#[test]
fn what_is_no_refresh_token_is_refused() {
    let world = World::new();
    let grant = world.login("ana@example.org");
    for text in ["", "rjr_", &grant.access_token, &format!("rjr_{}", "A".repeat(64))] {
        assert_eq!(refused(refresh(&world, text)), Code::InvalidRefreshToken);
    }
    assert!(refresh(&world, &grant.refresh_token).is_ok());
}

#[test]
fn a_login_on_the_same_device_ends_the_one_before() {
    let world = World::new();
    let first = world.login("ana@example.org");
    world.clock.advance_ms(DAY);
    let second = now(world.service.login(on_device(first.device_id))).unwrap();
    assert_eq!(second.device_id, first.device_id);
    assert_eq!(refused(refresh(&world, &first.refresh_token)), Code::InvalidRefreshToken);
    let caller = now(world.service.authenticate(&second.access_token)).unwrap();
    let devices = now(world.service.list_devices(&caller)).unwrap().items;
    assert_eq!(devices.len(), 1);
    assert_eq!((devices[0].name.as_str(), devices[0].platform.as_str()), ("Rui's iPad", "ipados"), "what was left out stays");
    assert_eq!((devices[0].created_at, devices[0].seen_at), (START, START.plus_ms(DAY)));
}

#[test]
fn a_device_is_bound_to_its_user() {
    let world = World::new();
    let bos = world.login("bo@example.org");
    let strangers = world.login("cy@example.org");
    let revoked = world.login("ana@example.org");
    let ana = now(world.service.authenticate(&revoked.access_token)).unwrap();
    now(world.service.revoke_device(&ana, revoked.device_id)).unwrap();
    for id in [bos.device_id, strangers.device_id, revoked.device_id, DeviceId(Uuid::max())] {
        assert_eq!(refused(now(world.service.login(on_device(id)))), Code::UnknownDevice);
        let guess = LoginRequest { password: "wrong horse".into(), ..on_device(id) };
        assert_eq!(refused(now(world.service.login(guess))), Code::WrongCredentials, "the password comes first");
    }
    assert!(refresh(&world, &bos.refresh_token).is_ok(), "nobody else was touched");
}

#[test]
fn a_logout_ends_its_session_only() {
    let world = World::new();
    let (first, second) = (world.login("ana@example.org"), world.login("ana@example.org"));
    let caller = now(world.service.authenticate(&first.access_token)).unwrap();
    now(world.service.logout(&caller)).unwrap();
    now(world.service.logout(&caller)).unwrap();
    assert_eq!(refused(now(world.service.authenticate(&first.access_token))), Code::Unauthenticated);
    assert_eq!(refused(refresh(&world, &first.refresh_token)), Code::InvalidRefreshToken);
    assert!(now(world.service.authenticate(&second.access_token)).is_ok());
    assert!(now(world.service.login(on_device(first.device_id))).is_ok(), "the device stays known");
}

#[test]
fn a_revoked_device_is_out_at_once() {
    let world = World::new();
    let (tablet, phone) = (world.login("bo@example.org"), world.login("bo@example.org"));
    let bo = now(world.service.authenticate(&phone.access_token)).unwrap();
    now(world.service.revoke_device(&bo, tablet.device_id)).unwrap();
    world.clock.advance_ms(5);
    now(world.service.revoke_device(&bo, tablet.device_id)).unwrap();
    assert_eq!(refused(now(world.service.authenticate(&tablet.access_token))), Code::Unauthenticated);
    assert_eq!(refused(refresh(&world, &tablet.refresh_token)), Code::InvalidRefreshToken);
    let device = now(world.service.get_device(&bo, tablet.device_id)).unwrap();
    assert_eq!((device.revoked_at, device.current), (Some(START), false), "the first revocation counts");
    assert!(now(world.service.authenticate(&phone.access_token)).is_ok());
}

#[test]
fn only_an_admin_revokes_others_devices_and_only_of_their_organisation() {
    let world = World::new();
    let (ana, bo, cy) = (world.caller("ana@example.org"), world.caller("bo@example.org"), world.caller("cy@example.org"));
    for (caller, device_id) in [(&bo, ana.device_id), (&cy, bo.device_id), (&ana, cy.device_id), (&ana, DeviceId(Uuid::nil()))] {
        assert_eq!(refused(now(world.service.revoke_device(caller, device_id))), Code::UnknownDevice);
        assert_eq!(refused(now(world.service.get_device(caller, device_id))), Code::UnknownDevice);
    }
    now(world.service.revoke_device(&ana, bo.device_id)).unwrap();
    assert_eq!(now(world.service.list_devices(&bo)).unwrap().items[0].revoked_at, Some(START));
    assert_eq!(now(world.service.list_devices(&ana)).unwrap().items.len(), 1, "one's own only");
}

#[test]
fn admins_add_users() {
    let world = World::new();
    let (ana, bo) = (world.caller("ana@example.org"), world.caller("bo@example.org"));
    let user_id = now(world.service.add_user(&ana, added(" New@Example.org"))).unwrap().user_id;
    let caller = world.caller("new@example.org");
    assert_eq!((caller.user_id, caller.organisation_id, caller.admin), (user_id, ana.organisation_id, false));
    assert_eq!(refused(now(world.service.add_user(&bo, added("x@example.org")))), Code::Forbidden);
    assert_eq!(refused(now(world.service.add_user(&ana, added("NEW@example.org")))), Code::EmailTaken);
    assert_eq!(refused(now(world.service.add_user(&ana, added("cy@example.org")))), Code::EmailTaken, "in the whole installation");
    for (change, pointer) in [("email", "/email"), ("password", "/password"), ("name", "/name")] {
        let mut request = added("x@example.org");
        match change {
            "email" => request.email = "x".into(),
            "password" => request.password = "short".into(),
            _ => request.name = " ".into(),
        }
        let problem = now(world.service.add_user(&ana, request)).unwrap_err().problem();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(pointer)));
    }
}

#[test]
fn the_first_users_share_their_organisation() {
    let world = World::new();
    let (ana, bo, cy) = (world.caller("ana@example.org"), world.caller("bo@example.org"), world.caller("cy@example.org"));
    assert_eq!(ana.organisation_id, bo.organisation_id);
    assert_ne!(ana.organisation_id, cy.organisation_id);
    let taken = now(world.service.bootstrap_user("Brand New", added("ana@example.org"), true));
    assert_eq!(refused(taken), Code::EmailTaken);
    let store: &dyn Store = &*world.store;
    let probe = sync_core::ports::Organisation { organisation_id: bo.organisation_id, name: "Brand New".into(), created_at: START };
    let row = probe.clone();
    let standing = now(store.transact(Access::Write, move |tx| tx.ensure_organisation(&row))).unwrap();
    assert_eq!(standing, probe, "the refusal left no organisation behind");
}

#[test]
fn long_over_access_tokens_are_pruned() {
    let world = World::new();
    let first = world.login("ana@example.org");
    let hash = auth::AccessToken::parse(&first.access_token).unwrap().hash();
    let stored = || {
        let store: &dyn Store = &*world.store;
        now(store.transact(Access::Read, move |tx| tx.find_access(&hash))).unwrap().is_some()
    };
    world.clock.advance_ms(16 * MINUTE);
    refresh(&world, &first.refresh_token).unwrap();
    assert!(stored(), "for a minute it may still count on a node whose clock is behind");
    world.clock.advance_ms(1);
    world.login("bo@example.org");
    assert!(!stored());
}
