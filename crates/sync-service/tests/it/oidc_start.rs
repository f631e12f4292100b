//! Anybody may begin a login by a provider: what that makes the server ask, and what it does not make it keep.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use auth::oidc::challenge_of;
use serde_json::json;
use sync_core::Code;
use sync_core::ports::{Fetch, FetchError, FetchRequest, Fetched, Store as _};
use sync_service::ServiceError;
use sync_service::identity::OidcAnswer;
use testkit::fake::FakeFetch;

use crate::oidc::{Party, VERIFIER};
use crate::world::{now, refused};

const DESCRIPTION: &str = "https://id.example/.well-known/openid-configuration";

fn away() -> Result<Vec<u8>, FetchError> {
    Err(FetchError::Unreachable("no route".into()))
}

#[test]
fn a_provider_that_is_away_is_not_asked_by_everybody() {
    let party = Party::new(true);
    party.fetch.answer(DESCRIPTION, away());
    let begin = || now(party.service.begin_oidc("studio", challenge_of(VERIFIER), None));
    let wait_ms = || match begin() {
        Err(ServiceError::Problem(problem)) if problem.code == Code::Unavailable => problem.retry_after_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait_ms(), Some(10_000));
    party.world.clock.advance_ms(4_000);
    for _ in 0..20 {
        assert_eq!(wait_ms(), Some(6_000));
    }
    assert_eq!(party.fetch.take_asked().len(), 1);
    party.world.clock.advance_ms(6_000);
    assert_eq!(wait_ms(), Some(10_000));
    assert_eq!(party.fetch.take_asked().len(), 1, "after a while it is asked again");
}

#[test]
fn what_a_provider_said_goes_on_counting_while_it_is_away() {
    let party = Party::new(true);
    party.log_in("bo");
    party.world.clock.advance_ms(60 * 60_000);
    party.fetch.answer(DESCRIPTION, away());
    let _ = party.fetch.take_asked();
    for _ in 0..20 {
        party.begin();
    }
    assert_eq!(party.fetch.take_asked().len(), 1);
    party.log_in("bo");
    party.log_in("bo");
    party.world.clock.advance_ms(10_000);
    let asked = party.fetch.take_asked();
    assert!(asked.iter().all(|request| request.url != DESCRIPTION), "{asked:?}");
    party.begin();
    assert_eq!(party.fetch.take_asked().len(), 1, "after a while it is asked again");
}

/// Asks another, and tells what it answers once it is let.
struct Held {
    fetch: Arc<FakeFetch>,
    let_go: Arc<AtomicBool>,
}

impl Fetch for Held {
    fn fetch(&self, request: FetchRequest) -> Fetched {
        let (mut answer, let_go) = (self.fetch.fetch(request), Arc::clone(&self.let_go));
        Box::pin(poll_fn(move |context| if let_go.load(Ordering::SeqCst) { answer.as_mut().poll(context) } else { Poll::Pending }))
    }
}

#[test]
fn one_asks_a_provider_for_all_who_wait() {
    let party = Party::new(true);
    let let_go = Arc::new(AtomicBool::new(false));
    let service = party.world.restarted().with_fetch(Arc::new(Held { fetch: party.fetch.clone(), let_go: let_go.clone() }));
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(service.begin_oidc("studio", challenge_of(VERIFIER), None))).collect();
    for begun in &mut waiting {
        assert!(begun.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(party.fetch.take_asked().len(), 1);
    drop(waiting.remove(0));
    assert!(waiting.iter_mut().all(|begun| begun.as_mut().poll(&mut context).is_pending()));
    assert_eq!(party.fetch.take_asked().len(), 1, "whoever asked went away, and one of the others asks");
    let_go.store(true, Ordering::SeqCst);
    assert!(waiting.iter_mut().all(|begun| matches!(begun.as_mut().poll(&mut context), Poll::Ready(Ok(_)))));
    assert_eq!(party.fetch.take_asked().len(), 0);
}

#[test]
fn of_two_answers_to_one_login_one_lets_somebody_in() {
    let party = Party::new(true);
    let (state, nonce) = party.begin();
    party.tell("/token", &json!({"id_token":party.token(&nonce, "bo", true)}));
    let let_go = Arc::new(AtomicBool::new(false));
    let service = party.service.clone().with_fetch(Arc::new(Held { fetch: party.fetch.clone(), let_go: let_go.clone() }));
    let answer = || OidcAnswer { state: state.clone(), code: Some("a code".into()), error: None };
    let mut context = Context::from_waker(Waker::noop());
    let mut both = [(), ()].map(|()| Box::pin(service.finish_oidc("studio", answer())));
    // neither is finished when the other one is looked at
    assert!(both.iter_mut().all(|one| one.as_mut().poll(&mut context).is_pending()));
    let_go.store(true, Ordering::SeqCst);
    let [first, second] = both.map(now);
    assert!(first.unwrap().code.is_ok());
    assert_eq!(second.unwrap().code.unwrap_err().code, Code::SignInRefused);
}

#[test]
fn ten_thousand_begun_logins_keep_nobody_out() {
    let party = Party::new(true);
    let (state, nonce) = party.begin();
    let before = party.world.store.load().commits;
    for _ in 0..10_001 {
        party.begin();
    }
    assert_eq!(party.world.store.load().commits, before, "nothing is kept of a login that was only begun");
    for made_up in ["", "made up"] {
        assert_eq!(refused(party.finish(made_up)), Code::SignInRefused);
    }
    party.tell("/token", &json!({"id_token":party.token(&nonce, "bo", true)}));
    assert!(party.finish(&state).unwrap().code.is_ok(), "those that were begun before go on");
    party.log_in("eva");
}

#[test]
fn a_login_that_was_sealed_under_a_former_key_begins_again() {
    let party = Party::new(true);
    let (state, _) = party.begin();
    now(party.service.rotate_cursor_keys()).unwrap();
    assert_eq!(refused(party.finish(&state)), Code::SignInRefused);
    party.log_in("bo");
}
