use sync_core::ports::{OidcAttempt, OidcLink, OidcProvider};

use super::Case;
use super::bench::{ANA, BO, Bench, NOW, ORGANISATION};

pub(super) const CASES: &[Case] = &[
    ("providers_are_replaced_listed_and_dropped", providers_are_replaced_listed_and_dropped),
    ("a_login_by_a_provider_is_taken_once", a_login_by_a_provider_is_taken_once),
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

fn attempt(hash: u8, ms: i64) -> OidcAttempt {
    OidcAttempt {
        hash: [hash; 32],
        provider: "studio".into(),
        nonce: "nonce".into(),
        verifier: "verifier".into(),
        challenge: "challenge".into(),
        return_to: None,
        user_id: None,
        expires_at: NOW.plus_ms(ms),
    }
}

fn a_login_by_a_provider_is_taken_once(bench: &Bench) {
    let known = OidcAttempt { user_id: Some(ANA), return_to: Some("app.example:/in".into()), ..attempt(2, 20) };
    let row = known.clone();
    bench.write(move |tx| {
        tx.insert_oidc_attempt(&attempt(1, 10))?;
        tx.insert_oidc_attempt(&row)?;
        tx.insert_oidc_attempt(&attempt(3, 30))
    });
    assert!(bench.try_write(|tx| tx.insert_oidc_attempt(&attempt(3, 30))).is_err());
    let count = |provider: &'static str| bench.read(move |tx| tx.count_oidc_attempts(provider));
    assert_eq!((count("studio"), count("abadia")), (3, 0));
    bench.write(|tx| tx.drop_oidc_attempts(NOW.plus_ms(20)));
    assert_eq!(count("studio"), 2);
    let take = |hash: u8| bench.write(move |tx| tx.take_oidc_attempt(&[hash; 32]));
    assert!(take(1).is_none() && take(2) == Some(known) && take(2).is_none());
    assert!(take(3) == Some(attempt(3, 30)));
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
