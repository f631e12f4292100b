use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use sync_core::Timestamp;

use super::*;

/// A private RSA key of these tests alone (PKCS #8, 2048 bits); ring makes none.
const RSA: &[u8] = include_bytes!("tests/rsa.der");
const NOW: Timestamp = Timestamp::from_millis(1_781_964_000_000);
const NOW_S: i64 = 1_781_964_000;
const EXPECTED: Expected<'static> = Expected { issuer: "https://id.example", client_id: "rejoin", nonce: "n-0S6_WzA2Mj" };

/// Whoever signs.
enum Signer {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    fn all() -> [Self; 3] {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        [
            Self::Rs256(RsaKeyPair::from_pkcs8(RSA).unwrap()),
            Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap()),
            Self::EdDsa(Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap()),
        ]
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rs256(pair) => {
                let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty":"RSA","n":text(&public.n),"e":text(&public.e)})
            }
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty":"EC","crv":"P-256","x":text(&point[1..33]),"y":text(&point[33..])})
            }
            Self::EdDsa(pair) => json!({"kty":"OKP","crv":"Ed25519","x":text(pair.public_key().as_ref())}),
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Es256(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header(&self) -> Value {
        json!({"alg":self.algorithm(),"kid":"one","typ":"JWT"})
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn keys(jwks: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({"iss":"https://id.example","sub":"24400320","aud":"rejoin","exp":NOW_S + 600,"iat":NOW_S - 5,"nonce":"n-0S6_WzA2Mj",
        "email":"ana@luz.example","email_verified":true,"name":"Ana"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

#[test]
fn good_tokens_are_believed() {
    for signer in Signer::all() {
        let keys = keys(&[signer.jwk("one")]);
        let identity = check(&signer.sign(&signer.header(), &claims()), &keys, &EXPECTED, NOW).unwrap();
        let expected = Identity { subject: "24400320".into(), verified_email: Some("ana@luz.example".into()), name: Some("Ana".into()) };
        assert_eq!(identity, expected, "{}", signer.algorithm());
        let nameless = signer.sign(&json!({"alg":signer.algorithm()}), &claims());
        assert!(check(&nameless, &keys, &EXPECTED, NOW).is_ok(), "one key needs no name");
    }
}

#[test]
fn what_an_issuer_did_not_sign_is_not_believed() {
    for signer in Signer::all() {
        let (jwk, other) = (signer.jwk("one"), Signer::all());
        let keys = keys(std::slice::from_ref(&jwk));
        let refused = |token: &str| check(token, &keys, &EXPECTED, NOW).unwrap_err();
        let good = signer.sign(&signer.header(), &claims());
        let (message, signature) = good.rsplit_once('.').unwrap();
        for header in [json!({"alg":"none","kid":"one"}), json!({"alg":"None"}), json!({"alg":"nOnE"}), json!({"alg":""}), json!({})] {
            for signature in ["", signature] {
                let token = format!("{}.{signature}", unsigned(&header, &claims()));
                assert!(matches!(refused(&token), Refusal::Form(_) | Refusal::UnknownKey), "{header}");
            }
        }
        // the public key as the secret of a symmetric signature, in each form that it has
        for secret in [jwk.to_string(), jwk["n"].as_str().or(jwk["x"].as_str()).unwrap().to_owned()] {
            let message = unsigned(&json!({"alg":"HS256","kid":"one"}), &claims());
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
            let tag = ring::hmac::sign(&key, message.as_bytes());
            assert_eq!(refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))), Refusal::UnknownKey);
        }
        let tampered = unsigned(&signer.header(), &with("sub", "somebody else".into()));
        assert_eq!(refused(&format!("{tampered}.{signature}")), Refusal::Signature);
        let mut bent = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bent[7] ^= 1;
        assert_eq!(refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(bent))), Refusal::Signature);
        assert_eq!(refused(&format!("{message}.")), Refusal::Signature);
        for (position, stranger) in other.iter().enumerate() {
            let header = json!({"alg":stranger.algorithm(),"kid":"one","jwk":stranger.jwk("one"),"jku":"https://evil.example/keys"});
            let same = stranger.algorithm() == signer.algorithm();
            if position == 0 && same {
                // the one RSA key of these tests is the issuer's own
                continue;
            }
            let expected = if same { Refusal::Signature } else { Refusal::UnknownKey };
            assert_eq!(refused(&stranger.sign(&header, &claims())), expected, "a key that the token brings is not looked at");
        }
        for kid in ["two", "", "ONE", "../one", "one\0", "/dev/null", "one' OR '1'='1"] {
            let header = json!({"alg":signer.algorithm(),"kid":kid});
            assert_eq!(refused(&signer.sign(&header, &claims())), Refusal::UnknownKey, "{kid:?}");
        }
        let critical = json!({"alg":signer.algorithm(),"kid":"one","crit":["b64"],"b64":false});
        assert!(matches!(refused(&signer.sign(&critical, &claims())), Refusal::Form(_)));
        for text in ["", ".", "..", "a.b", "a.b.c", &format!("{good}.x"), &format!("{good} "), &good[1..], &"x".repeat(20_000)] {
            assert!(matches!(refused(text), Refusal::Form(_) | Refusal::Signature), "{text:.40}");
        }
        let payload = format!("{}.{}", URL_SAFE_NO_PAD.encode(signer.header().to_string()), URL_SAFE_NO_PAD.encode("[]"));
        assert!(matches!(refused(&format!("{payload}.{signature}")), Refusal::Signature | Refusal::Form(_)));
    }
}

#[test]
fn each_claim_is_what_it_is_to_be() {
    let [_, signer, _] = Signer::all();
    let keys = keys(&[signer.jwk("one")]);
    let refused = |claims: &Value| check(&signer.sign(&signer.header(), claims), &keys, &EXPECTED, NOW).err();
    let null = Value::Null;
    for (name, value, blamed) in [
        ("iss", null.clone(), Some("iss")),
        ("iss", "https://id.example/".into(), Some("iss")),
        ("iss", "https://evil.example".into(), Some("iss")),
        ("aud", null.clone(), Some("aud")),
        ("aud", "another".into(), Some("aud")),
        ("aud", json!([]), Some("aud")),
        ("aud", json!(["rejoin"]), None),
        ("aud", json!(["rejoin", "another"]), Some("azp")),
        ("azp", "another".into(), Some("azp")),
        ("azp", "rejoin".into(), None),
        ("exp", null.clone(), Some("exp")),
        ("exp", (NOW_S - 59).into(), None),
        ("exp", (NOW_S - 60).into(), Some("exp")),
        ("exp", (NOW_S + 2 * 86_400).into(), Some("iat")),
        ("exp", i64::MAX.into(), Some("iat")),
        ("iat", null.clone(), Some("iat")),
        ("iat", (NOW_S + 60).into(), None),
        ("iat", (NOW_S + 61).into(), Some("iat")),
        ("nbf", (NOW_S + 60).into(), None),
        ("nbf", (NOW_S + 61).into(), Some("nbf")),
        ("nonce", null.clone(), Some("nonce")),
        ("nonce", "another".into(), Some("nonce")),
        ("sub", null.clone(), Some("sub")),
        ("sub", "".into(), Some("sub")),
        ("sub", "x".repeat(256).into(), Some("sub")),
    ] {
        assert_eq!(refused(&with(name, value.clone())), blamed.map(Refusal::Claim), "{name}: {value:.40}");
    }
    for (name, value) in [("exp", json!("tomorrow")), ("sub", json!(7)), ("aud", json!({})), ("nonce", json!(["n-0S6_WzA2Mj"]))] {
        assert!(matches!(refused(&with(name, value)), Some(Refusal::Form(_))), "{name}");
    }
    let mut many = with("aud", json!(["another", "rejoin"]));
    many["azp"] = "rejoin".into();
    assert_eq!(refused(&many), None);
}

#[test]
fn an_email_counts_that_was_verified() {
    let [_, _, signer] = Signer::all();
    let keys = keys(&[signer.jwk("one")]);
    let email = |claims: &Value| check(&signer.sign(&signer.header(), claims), &keys, &EXPECTED, NOW).unwrap().verified_email;
    assert_eq!(email(&claims()).as_deref(), Some("ana@luz.example"));
    for value in [Value::Null, json!(false)] {
        assert_eq!(email(&with("email_verified", value)), None);
    }
    let stringly = check(&signer.sign(&signer.header(), &with("email_verified", json!("true"))), &keys, &EXPECTED, NOW);
    assert!(stringly.is_err(), "what is no boolean is not taken for true");
}

#[test]
fn only_keys_that_sign_are_kept() {
    let [rsa, ec, ed] = Signer::all();
    let token = ec.sign(&ec.header(), &claims());
    let believed = |jwks: &[Value]| check(&token, &keys(jwks), &EXPECTED, NOW).is_ok();
    let but = |name: &str, value: Value| {
        let mut jwk = ec.jwk("one");
        jwk[name] = value;
        jwk
    };
    assert!(believed(&[json!({"kty":"unheard of"}), json!(7), rsa.jwk("one"), ec.jwk("one"), ed.jwk("one")]));
    assert!(believed(&[but("alg", json!("ES256"))]));
    for (name, value) in
        [("use", json!("enc")), ("alg", json!("HS256")), ("alg", json!("ES384")), ("crv", json!("P-384")), ("x", json!("!"))]
    {
        assert!(!believed(&[but(name, value.clone())]), "{name}: {value}");
    }
    assert!(!believed(&[json!({"kty":"oct","k":"c2VjcmV0","kid":"one"})]));
    assert!(!believed(&[ec.jwk("one"), ec.jwk("one")]), "two keys of one name");
    let nameless = ec.sign(&json!({"alg":"ES256"}), &claims());
    let [_, another, _] = Signer::all();
    assert_eq!(check(&nameless, &keys(&[ec.jwk("one"), another.jwk("two")]), &EXPECTED, NOW), Err(Refusal::UnknownKey));
    for bytes in ["", "{}", "[]", "{\"keys\":{}}"] {
        assert!(KeySet::parse(bytes.as_bytes()).is_err(), "{bytes}");
    }
}

#[test]
fn a_description_is_that_of_its_issuer() {
    let told = |issuer: &str, token: &str| {
        json!({"issuer":issuer,"authorization_endpoint":"https://id.example/auth?tenant=1","token_endpoint":token,
            "jwks_uri":"https://id.example/keys","more":1})
        .to_string()
    };
    let parse = |text: String| Endpoints::parse(text.as_bytes(), "https://id.example");
    let endpoints = parse(told("https://id.example", "https://id.example/token")).unwrap();
    assert!(parse(told("https://evil.example", "https://id.example/token")).is_err());
    assert!(parse(told("https://id.example", "http://id.example/token")).is_err());
    assert_eq!(discovery_of("https://id.example/").url, "https://id.example/.well-known/openid-configuration");
    let asked = Asked { client_id: "re join", client_secret: Some("a+b"), redirect_uri: "https://sync.example/cb", verifier: "v" };
    let url = asked.authorization_url(&endpoints, "s", "n");
    let expected = "https://id.example/auth?tenant=1&response_type=code&client_id=re%20join&redirect_uri=https%3A%2F%2Fsync.example%2Fcb\
        &scope=openid%20email%20profile&state=s&nonce=n&code_challenge=TJQI7kRGwTHYd1r0S13IoLBDEVc7VtA9mP2tCJHaYrI&code_challenge_method=S256";
    assert_eq!(url.split("code_challenge=").next(), expected.split("code_challenge=").next());
    assert!(url.contains(&format!("code_challenge={}&code_challenge_method=S256", challenge_of("v"))));
    let request = asked.token_request(&endpoints, "c");
    assert_eq!(request.basic, Some(("re%20join".into(), "a%2Bb".into())));
    let public = Asked { client_secret: None, ..asked }.token_request(&endpoints, "c");
    assert!(public.basic.is_none() && public.form.unwrap().contains(&("client_id".into(), "re join".into())));
}

#[test]
fn the_challenge_is_that_of_rfc_7636() {
    // appendix B
    assert_eq!(challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert!(is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
    for text in ["", "E9Mel", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "plain text that is no hash at all, but long enough"] {
        assert!(!is_challenge(text), "{text}");
    }
}

#[test]
fn what_leaves_the_machine_is_encrypted() {
    for (url, expected) in [
        ("https://id.example/a", true),
        ("https://id.example:8443", true),
        ("http://127.0.0.1:9/a", true),
        ("http://localhost:9", true),
        ("http://[::1]:9/", true),
        ("http://id.example", false),
        ("http://127.0.0.1.evil.example", false),
        ("http://localhost@evil.example", false),
        ("https://", false),
        ("ftp://id.example", false),
        ("id.example", false),
    ] {
        assert_eq!(is_private(url), expected, "{url}");
    }
}
