//! Logins by a provider of identity that exists in memory: what is asked of it, what of it is believed, and who gets in.

use std::sync::Arc;

use auth::oidc::challenge_of;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sync_core::ports::{Access, AuditFilter, AuditRecord, FetchError, Store, Tx};
use sync_core::protocol::v1::identity::{LoginDevice, OidcTokenRequest, TokenGrant};
use sync_core::{Code, Problem};
use sync_service::identity::{OidcAnswer, OidcOutcome, OidcSettings};
use sync_service::{Caller, Service, ServiceResult};
use testkit::fake::{FakeFetch, START};

use crate::world::{World, credentials, now, refused};

const ISSUER: &str = "https://id.example";
pub(crate) const VERIFIER: &str = "what only the app knows of this login";

/// A world with a provider, `studio`, of Alder & Rye.
pub(crate) struct Party {
    pub(crate) world: World,
    pub(crate) service: Service,
    pub(crate) fetch: Arc<FakeFetch>,
    key: (String, Ed25519KeyPair),
}

impl Party {
    pub(crate) fn new(by_email: bool) -> Self {
        let (world, fetch) = (World::new(), Arc::new(FakeFetch::default()));
        let service = world.service.clone().with_fetch(fetch.clone());
        let mut party = Self { world, service, fetch, key: pair("first", 1) };
        party.add("studio", by_email);
        let at = |path: &str| format!("{ISSUER}{path}");
        let told = json!({"issuer":ISSUER,"authorization_endpoint":at("/auth"),"token_endpoint":at("/token"),"jwks_uri":at("/keys")});
        party.tell("/.well-known/openid-configuration", &told);
        party.use_key("first", 1);
        party
    }

    pub(crate) fn add(&self, name: &str, by_email: bool) {
        self.add_to("Alder & Rye", name, by_email);
    }

    fn add_to(&self, organisation: &str, name: &str, by_email: bool) {
        let settings = OidcSettings {
            name: name.into(),
            organisation: organisation.into(),
            issuer: ISSUER.into(),
            client_id: "rejoin".into(),
            client_secret: Some("s3cret".into()),
            public_url: "https://sync.example/".into(),
            return_to: vec!["app.example:/in".into()],
            by_email,
        };
        let redirect_uri = now(self.service.add_oidc_provider(settings)).unwrap();
        assert_eq!(redirect_uri, format!("https://sync.example/api/auth/oidc/{name}/callback"));
    }

    pub(crate) fn tell(&self, path: &str, told: &Value) {
        self.fetch.answer(&format!("{ISSUER}{path}"), Ok(told.to_string().into_bytes()));
    }

    /// From now on the provider signs with another key, which is the only one that it publishes.
    fn use_key(&mut self, name: &str, seed: u8) {
        self.key = pair(name, seed);
        let public = BASE64.encode(self.key.1.public_key().as_ref());
        self.tell("/keys", &json!({"keys":[{"kty":"OKP","crv":"Ed25519","x":public,"kid":name,"alg":"EdDSA","use":"sig"}]}));
    }

    pub(crate) fn token(&self, nonce: &str, subject: &str, verified: bool) -> String {
        let now_s = self.service.now().millis() / 1_000;
        let claims = json!({"iss":ISSUER,"aud":"rejoin","sub":subject,"iat":now_s,"exp":now_s + 60,"nonce":nonce,
            "email":format!("{subject}@example.org"),"email_verified":verified,"name":subject});
        let part = |value: &Value| BASE64.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg":"EdDSA","kid":self.key.0})), part(&claims));
        format!("{message}.{}", BASE64.encode(self.key.1.sign(message.as_bytes()).as_ref()))
    }

    /// Begins a login; the `state` and the `nonce` that the provider is sent.
    pub(crate) fn begin(&self) -> (String, String) {
        let url = now(self.service.begin_oidc("studio", challenge_of(VERIFIER), Some("app.example:/in".into()))).unwrap();
        let value = |name: &str| url.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap().to_owned();
        assert!(url.starts_with("https://id.example/auth?response_type=code&client_id=rejoin&"), "{url}");
        (value("state"), value("nonce"))
    }

    pub(crate) fn finish(&self, state: &str) -> ServiceResult<OidcOutcome> {
        let answer = OidcAnswer { state: state.into(), code: Some("a code of the provider".into()), error: None };
        now(self.service.finish_oidc("studio", answer))
    }

    /// Somebody logs in at the provider: the code that their app gets, or why it gets none.
    fn sign_in(&self, subject: &str, verified: bool) -> Result<String, Problem> {
        let (state, nonce) = self.begin();
        self.tell("/token", &json!({"id_token":self.token(&nonce, subject, verified),"access_token":"x","token_type":"Bearer"}));
        let outcome = self.finish(&state).unwrap();
        assert_eq!(outcome.return_to.as_deref(), Some("app.example:/in"));
        outcome.code
    }

    fn redeem(&self, code: &str, verifier: &str) -> ServiceResult<TokenGrant> {
        let device = LoginDevice { id: None, name: Some("Rui's iPad".into()), platform: None };
        now(self.service.redeem_oidc(OidcTokenRequest { code: code.into(), verifier: verifier.into(), device }, None))
    }

    pub(crate) fn log_in(&self, subject: &str) -> TokenGrant {
        self.redeem(&self.sign_in(subject, true).unwrap(), VERIFIER).unwrap()
    }
}

/// What an organisation's log says of providers and links, oldest first: action, about what, details.
fn acts(party: &Party, caller: Caller) -> Vec<(String, String, Value)> {
    let organisation_id = caller.organisation_id;
    let store: &dyn Store = &*party.world.store;
    let list = move |tx: &mut dyn Tx| tx.list_audit_records(organisation_id, &AuditFilter::default(), None, 1_000);
    let mut found = now(store.transact(Access::Read, list)).unwrap();
    found.reverse();
    let of_providers = found.into_iter().filter(|record| record.action.starts_with("oidc.") || record.action.ends_with("link"));
    let told = |record: AuditRecord| {
        let details = record.details.map(|details| serde_json::from_str(details.as_str()).unwrap()).unwrap_or_default();
        (record.action, record.subject.unwrap(), details)
    };
    of_providers.map(told).collect()
}

fn pair(name: &str, seed: u8) -> (String, Ed25519KeyPair) {
    (name.to_owned(), Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
}

#[test]
fn somebody_gets_the_account_with_their_verified_email_and_keeps_it() {
    let party = Party::new(true);
    let bo = party.world.caller("bo@example.org");
    let grant = party.log_in("bo");
    assert_eq!((grant.user_id, grant.organisation_id), (bo.user_id, bo.organisation_id));
    assert!(now(party.service.authenticate(&grant.access_token)).is_ok());
    let code = party.sign_in("bo", false).unwrap();
    assert_eq!(party.redeem(&code, VERIFIER).unwrap().user_id, bo.user_id, "once linked, the email does not matter");
    let made = party.log_in("eva");
    assert_ne!(made.user_id, bo.user_id);
    assert_eq!(party.log_in("eva").user_id, made.user_id);
    let guess = now(party.service.login(credentials("eva@example.org", "")));
    assert_eq!(refused(guess), Code::WrongCredentials, "no password fits an account that was made so");
}

#[test]
fn nobody_gets_an_account_that_is_not_theirs() {
    let party = Party::new(true);
    let refused = |subject, verified| party.sign_in(subject, verified).unwrap_err().code;
    assert_eq!(refused("bo", false), Code::NotLinked, "anybody may say that this is their email");
    assert_eq!(refused("cy", true), Code::NotLinked, "the account is another organisation's");
    let strict = Party::new(false);
    assert_eq!(strict.sign_in("bo", true).unwrap_err().code, Code::NotLinked, "nobody is linked unless the operator allows it");
}

#[test]
fn a_code_is_good_once_for_a_minute_and_for_whoever_began() {
    let party = Party::new(true);
    let code = || party.sign_in("bo", true).unwrap();
    let used = code();
    assert!(party.redeem(&used, VERIFIER).is_ok());
    assert_eq!(refused(party.redeem(&used, VERIFIER)), Code::SignInRefused);
    let stolen = code();
    assert_eq!(refused(party.redeem(&stolen, "another verifier")), Code::SignInRefused);
    assert_eq!(refused(party.redeem(&stolen, VERIFIER)), Code::SignInRefused, "it was spent on the thief");
    let late = code();
    party.world.clock.advance_ms(60_000);
    assert_eq!(refused(party.redeem(&late, VERIFIER)), Code::SignInRefused);
    let (state, _) = party.begin();
    assert_eq!(refused(party.redeem(&state, VERIFIER)), Code::SignInRefused, "what goes to the provider is no code");
}

#[test]
fn an_answer_fits_one_login() {
    let party = Party::new(true);
    party.add("other", true);
    let (state, nonce) = party.begin();
    party.tell("/token", &json!({"id_token":party.token(&nonce, "bo", true)}));
    let answer = OidcAnswer { state: state.clone(), code: Some("c".into()), error: None };
    assert_eq!(refused(now(party.service.finish_oidc("other", answer))), Code::SignInRefused, "it was begun with another provider");
    assert_eq!(refused(party.finish("made up")), Code::SignInRefused);
    assert_eq!(refused(party.finish(&forged(&state))), Code::SignInRefused);
    assert!(party.finish(&state).unwrap().code.is_ok());
    let _ = party.fetch.take_asked();
    assert_eq!(refused(party.finish(&state)), Code::SignInRefused, "it lets somebody in once");
    assert_eq!(party.fetch.take_asked().len(), 0, "and the provider is not asked again");
    let (first, first_nonce) = party.begin();
    let (second, _) = party.begin();
    party.tell("/token", &json!({"id_token":party.token(&first_nonce, "bo", true)}));
    assert_eq!(party.finish(&second).unwrap().code.unwrap_err().code, Code::SignInRefused, "the token is another login's");
    assert!(party.finish(&first).unwrap().code.is_ok());
    let (late, _) = party.begin();
    party.world.clock.advance_ms(10 * 60_000);
    assert_eq!(refused(party.finish(&late)), Code::SignInRefused);
    let (state, _) = party.begin();
    let denied = OidcAnswer { state, code: None, error: Some("access_denied".into()) };
    let outcome = now(party.service.finish_oidc("studio", denied)).unwrap();
    assert_eq!(outcome.code.unwrap_err().code, Code::SignInRefused);
}

/// A state that the server made, with another last byte.
fn forged(state: &str) -> String {
    let mut bytes = BASE64.decode(state).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    BASE64.encode(bytes)
}

#[test]
fn what_is_asked_of_a_provider_fits_together() {
    let party = Party::new(true);
    party.log_in("bo");
    let asked = party.fetch.take_asked();
    let urls: Vec<_> = asked.iter().map(|request| request.url.trim_start_matches(ISSUER)).collect();
    assert_eq!(urls, ["/.well-known/openid-configuration", "/token", "/keys"]);
    assert_eq!(asked[1].basic, Some(("rejoin".into(), "s3cret".into())));
    let form = asked[1].form.clone().unwrap();
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap();
    assert_eq!(value("redirect_uri"), "https://sync.example/api/auth/oidc/studio/callback");
    assert_eq!((value("grant_type"), value("code")), ("authorization_code".into(), "a code of the provider".into()));
    assert_ne!(value("code_verifier"), VERIFIER, "the app's verifier stays between it and this server");
    party.log_in("bo");
    assert_eq!(party.fetch.take_asked().len(), 1, "the rest is remembered");
    party.world.clock.advance_ms(60 * 60_000);
    party.log_in("bo");
    assert_eq!(party.fetch.take_asked().len(), 3, "for an hour");
}

#[test]
fn a_new_key_is_looked_for_and_made_up_ones_are_not_looked_for_often() {
    let mut party = Party::new(true);
    party.log_in("bo");
    party.world.clock.advance_ms(10_000);
    party.use_key("second", 2);
    party.log_in("bo");
    let _ = party.fetch.take_asked();
    party.key = pair("made up", 3);
    for _ in 0..20 {
        assert_eq!(party.sign_in("bo", true).unwrap_err().code, Code::SignInRefused);
    }
    let asked = party.fetch.take_asked();
    assert_eq!(asked.iter().filter(|request| request.url.ends_with("/keys")).count(), 0, "ten seconds did not pass");
    party.world.clock.advance_ms(10_000);
    for _ in 0..20 {
        assert_eq!(party.sign_in("bo", true).unwrap_err().code, Code::SignInRefused);
    }
    assert_eq!(party.fetch.take_asked().iter().filter(|request| request.url.ends_with("/keys")).count(), 1);
}

#[test]
fn a_provider_that_is_away_or_says_nonsense_lets_nobody_in() {
    let party = Party::new(true);
    let begin = |name: &str, challenge: String, return_to: Option<&str>| {
        now(party.service.begin_oidc(name, challenge, return_to.map(str::to_owned)))
    };
    assert_eq!(refused(begin("nobody", challenge_of(VERIFIER), None)), Code::UnknownProvider);
    assert_eq!(refused(begin("studio", "plain".into(), None)), Code::Malformed);
    assert_eq!(refused(begin("studio", challenge_of(VERIFIER), Some("https://evil.example"))), Code::Malformed);
    let (state, _) = party.begin();
    party.fetch.answer("https://id.example/token", Err(FetchError::Refused(500)));
    assert_eq!(party.finish(&state).unwrap().code.unwrap_err().code, Code::Unavailable);
    for told in [json!({"id_token":"x.y.z"}), json!({"error":"invalid_grant"}), json!([])] {
        let (state, _) = party.begin();
        party.tell("/token", &told);
        assert_eq!(party.finish(&state).unwrap().code.unwrap_err().code, Code::SignInRefused, "{told}");
    }
    let away = Party::new(true);
    away.fetch.answer("https://id.example/.well-known/openid-configuration", Err(FetchError::Unreachable("no route".into())));
    assert_eq!(refused(now(away.service.begin_oidc("studio", challenge_of(VERIFIER), None))), Code::Unavailable);
    now(away.service.remove_oidc_provider("studio")).unwrap();
    assert_eq!(refused(now(away.service.remove_oidc_provider("studio"))), Code::UnknownProvider);
    assert!(away.service.now() >= START);
}

#[test]
fn an_operator_links_somebody_whom_no_email_may() {
    let party = Party::new(false);
    let (bo, cy) = (party.world.caller("bo@example.org"), party.world.caller("cy@example.org"));
    assert_eq!(party.sign_in("248", false).unwrap_err().code, Code::NotLinked);
    party.world.clock.advance_ms(1);
    let link = |subject: &str, email: &str| now(party.service.link_oidc("studio", subject, email));
    assert_eq!(link("248", "Bo@Example.org").unwrap(), bo.user_id);
    assert_eq!(party.log_in("248").user_id, bo.user_id);
    assert_eq!(link("248", "bo@example.org").unwrap(), bo.user_id, "once more changes nothing");
    assert_eq!(refused(link("248", "ana@example.org")), Code::Malformed, "it is somebody else's");
    assert_eq!(refused(link("249", "cy@example.org")), Code::UnknownUser, "of another organisation");
    assert_eq!(refused(link("", "bo@example.org")), Code::Malformed);
    assert_eq!(refused(now(party.service.link_oidc("none", "249", "bo@example.org"))), Code::UnknownProvider);
    assert_eq!(party.log_in("248").user_id, bo.user_id);

    party.add_to("Quinta Velha", "abadia", false);
    assert_eq!(refused(now(party.service.unlink_oidc("abadia", "248"))), Code::NotLinked, "the link is another organisation's");
    party.world.clock.advance_ms(1);
    assert_eq!(now(party.service.unlink_oidc("studio", "248")).unwrap(), bo.user_id);
    assert_eq!(refused(now(party.service.unlink_oidc("studio", "248"))), Code::NotLinked);
    assert_eq!(party.sign_in("248", true).unwrap_err().code, Code::NotLinked);
    let details = json!({"operator":true,"provider":"studio","subject":"248"});
    let act = |action: &str| (action.to_owned(), bo.user_id.to_string(), details.clone());
    assert_eq!(acts(&party, bo)[1..], [act("user.link"), act("user.unlink")]);
    assert!(acts(&party, cy).iter().all(|(action, ..)| action == "oidc.add"));
}

#[test]
fn what_an_operator_does_with_providers_is_recorded() {
    let party = Party::new(false);
    let (ana, cy) = (party.world.caller("ana@example.org"), party.world.caller("cy@example.org"));
    party.world.clock.advance_ms(1);
    party.add("studio", true);
    party.world.clock.advance_ms(1);
    party.add_to("Quinta Velha", "studio", true);
    let of = |by_email: bool| json!({"operator":true,"provider":"studio","issuer":ISSUER,"by_email":by_email});
    let mut replaced = of(true);
    replaced["changes"] = json!({"by_email":{"from":false,"to":true}});
    let act = |action: &str, details: Value| (action.to_owned(), "studio".to_owned(), details);
    assert_eq!(acts(&party, ana), [act("oidc.add", of(false)), act("oidc.add", replaced), act("oidc.remove", of(true))]);
    party.world.clock.advance_ms(1);
    now(party.service.remove_oidc_provider("studio")).unwrap();
    assert_eq!(refused(now(party.service.remove_oidc_provider("studio"))), Code::UnknownProvider);
    assert_eq!(acts(&party, cy), [act("oidc.add", of(true)), act("oidc.remove", of(true))], "and the refused one is not");
    assert_eq!(acts(&party, ana).len(), 3);
}

#[test]
fn nobody_is_sent_where_the_operator_does_not_allow_it_any_more() {
    let party = Party::new(true);
    let (state, nonce) = party.begin();
    party.tell("/token", &json!({"id_token":party.token(&nonce, "ana", true),"access_token":"x","token_type":"Bearer"}));
    let settings = |return_to: &str| OidcSettings {
        name: "studio".into(),
        organisation: "Alder & Rye".into(),
        issuer: ISSUER.into(),
        client_id: "rejoin".into(),
        client_secret: Some("s3cret".into()),
        public_url: "https://sync.example/".into(),
        return_to: vec![return_to.into()],
        by_email: true,
    };
    now(party.service.add_oidc_provider(settings("app.example:/elsewhere"))).unwrap();
    assert_eq!(refused(party.finish(&state)), Code::SignInRefused);
    now(party.service.add_oidc_provider(settings("app.example:/in"))).unwrap();
    assert_eq!(party.finish(&state).unwrap().return_to.as_deref(), Some("app.example:/in"));
}
