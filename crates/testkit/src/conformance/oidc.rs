use sync_core::ports::{OidcCode, OidcLink, OidcProvider};

use super::Case;
use super::bench::{ANA, BO, Bench, NOW, ORGANISATION};

pub(super) const CASES: &[Case] = &[
    ("providers_are_replaced_listed_and_dropped", providers_are_replaced_listed_and_dropped),
    ("a_code_is_taken_once", a_code_is_taken_once),
    ("a_state_is_used_once", a_state_is_used_once),
    ("a_subject_is_linked_once", a_subject_is_linked_once),
];

fn provider(name: &str) -> OidcProvider {
    OidcProvider {
        name: name.into(),
        organisation_id: ORGANISATION,
        issuer: "https://id.example".into(),
        client_id: "rejoin".into(),
        client_secret: Some("s3cret".into()),
        public_url: "https://sync.example".into(),
        return_to: "https://app.example/in\napp.example:/in".into(),
        by_email: true,
        created_at: NOW,
    }
}

fn providers_are_replaced_listed_and_dropped(bench: &Bench) {
    bench.write(|tx| {
        tx.put_oidc_provider(&provider("studio"))?;
        tx.put_oidc_provider(&provider("abadia"))
    });
    let newer = OidcProvider { client_secret: None, by_email: false, ..provider("studio") };
    let row = newer.clone();
    bench.write(move |tx| tx.put_oidc_provider(&row));
    assert!(bench.read(|tx| tx.list_oidc_providers()) == [provider("abadia"), newer.clone()]);
    assert!(bench.read(|tx| tx.find_oidc_provider("studio")) == Some(newer));
    assert!(bench.read(|tx| tx.find_oidc_provider("Studio")).is_none());
    assert_eq!([0, 1].map(|_| bench.write(|tx| tx.drop_oidc_provider("studio"))), [true, false]);
    assert_eq!(bench.read(|tx| tx.list_oidc_providers()).len(), 1);
}

fn code(hash: u8, ms: i64) -> OidcCode {
    OidcCode { hash: [hash; 32], challenge: "challenge".into(), user_id: ANA, expires_at: NOW.plus_ms(ms) }
}

fn a_code_is_taken_once(bench: &Bench) {
    bench.write(|tx| [(1, 10), (2, 20), (3, 30)].into_iter().try_for_each(|(hash, ms)| tx.insert_oidc_code(&code(hash, ms))));
    assert!(bench.try_write(|tx| tx.insert_oidc_code(&code(3, 30))).is_err());
    bench.write(|tx| tx.drop_oidc_codes(NOW.plus_ms(20)));
    let take = |hash: u8| bench.write(move |tx| tx.take_oidc_code(&[hash; 32]));
    assert!(take(1).is_none() && take(2) == Some(code(2, 20)) && take(2).is_none());
    assert!(take(3) == Some(code(3, 30)));
}

fn a_state_is_used_once(bench: &Bench) {
    let uses = |number: u8, ms: i64| bench.write(move |tx| tx.use_oidc_state(&[number; 32], NOW.plus_ms(ms)));
    let is_used = |number: u8| bench.read(move |tx| tx.is_oidc_state_used(&[number; 32]));
    assert_eq!((is_used(1), uses(1, 10), uses(1, 30), is_used(1), is_used(2)), (false, true, false, true, false));
    assert!(uses(2, 20));
    bench.write(|tx| tx.drop_oidc_codes(NOW.plus_ms(20)));
    assert_eq!((is_used(1), is_used(2)), (false, true), "those that nobody believes any more are forgotten");
}

fn a_subject_is_linked_once(bench: &Bench) {
    let link = |issuer: &str, subject: &str, user_id| OidcLink {
        issuer: issuer.into(),
        subject: subject.into(),
        organisation_id: ORGANISATION,
        user_id,
        linked_at: NOW,
    };
    let first = link("https://id.example", "ana", ANA);
    let rows = [first.clone(), link("https://id.example", "ana", BO), link("https://other.example", "ana", BO)];
    let stored = bench.write(move |tx| rows.iter().map(|row| tx.insert_oidc_link(row)).collect::<Result<Vec<_>, _>>());
    assert_eq!(stored, [true, false, true]);
    let found = |issuer: &'static str, subject: &'static str| bench.read(move |tx| tx.find_oidc_link(issuer, subject));
    assert_eq!(found("https://id.example", "ana"), Some(first));
    assert_eq!(found("https://other.example", "ana").map(|link| link.user_id), Some(BO));
    assert_eq!(found("https://id.example", "Ana"), None);
    let dropped: Vec<bool> =
        bench.write(|tx| ["Ana", "ana", "ana"].map(|subject| tx.drop_oidc_link("https://id.example", subject)).into_iter().collect());
    assert_eq!(dropped, vec![false, true, false]);
    assert_eq!(found("https://id.example", "ana"), None);
    assert!(found("https://other.example", "ana").is_some(), "another issuer's stays");
}
